"""Whose idling rules hold where an idle run began: outlines that come with the program, and areas of people's own."""

import json
from importlib.resources import files

import duckdb
import numpy as np
import pytest

from flows.importing import run_import
from flows.measuring.areas import lists_of_names, named_areas
from kernels.polygons import in_areas
from tests.builders import collected, golden_points, in_warehouse, positions, rebuilt, settings_in, yesterday_at
from warehouse.connection import sql
from warehouse.jurisdictions import jurisdictions

CITY, STATE = "us-ny-nyc", "us-ny"
EMPIRE_STATE = (40.748441, -73.985664)
ALBANY = (42.6526, -73.7562)


@pytest.fixture(scope="module")
def areas():
    with duckdb.connect() as connection:
        connection.execute(sql("schema.sql"))
        return named_areas(jurisdictions(connection))


@pytest.mark.parametrize(
    ("latitude", "longitude", "expected"),
    [
        (*EMPIRE_STATE, [STATE, CITY]),
        (40.7465, -74.0085, [STATE, CITY]),  # Chelsea Piers: the border is in the middle of the Hudson
        (40.7348, -74.0279, ["us-nj"]),  # Hoboken Terminal, 1.5 km across it
        (40.7163, -74.0330, ["us-nj"]),  # Exchange Place, Jersey City
        (40.7050, -73.9120, [STATE, CITY]),  # Ridgewood: no border is left between the boroughs
        (40.6437, -74.0736, [STATE, CITY]),  # St George, Staten Island
        (40.6687, -74.1143, ["us-nj"]),  # Bayonne, across the Kill Van Kull
        (41.0340, -73.7629, [STATE]),  # White Plains
        (40.9357, -73.9021, [STATE]),  # Yonkers
        (41.0008, -73.6647, [STATE]),  # Port Chester, 400 m from Connecticut
        (41.0035, -73.6585, []),  # on the Byram, which is the line: nobody's for sure
        (41.0534, -73.5387, ["us-ct"]),  # Stamford
        (39.7447, -75.5484, ["us-de"]),  # Wilmington
        (39.7296, -75.4680, ["us-nj"]),  # Penns Grove, across the Delaware
        (39.9446, -75.1200, ["us-nj"]),  # Camden
        (39.9526, -75.1652, []),  # Philadelphia: no rule of ours
        (38.8977, -77.0365, ["us-dc"]),  # the White House
        (38.8816, -77.0910, []),  # Arlington, Virginia
        (38.9957, -77.0285, ["us-md"]),  # Silver Spring
        (42.3601, -71.0589, ["us-ma"]),  # Boston
        (44.4759, -73.2121, ["us-vt"]),  # Burlington
        (38.3498, -81.6326, ["us-wv"]),  # Charleston
        (29.7604, -95.3698, ["us-tx"]),  # Houston
        (34.0522, -118.2437, ["us-ca"]),  # Los Angeles
        (51.5074, -0.1278, []),  # London
    ],
)
def test_known_places_are_in_their_outlines(areas, latitude, longitude, expected):
    place = (np.array([round(degrees * 1e7)], dtype=np.int32) for degrees in (latitude, longitude))
    found = lists_of_names("found", in_areas(*place, areas.areas), areas.names)
    assert found.to_list() == [expected]


@pytest.mark.parametrize(
    ("latitude", "longitude", "ids"),
    [
        (41.357273583, -74.694723111, (STATE, "us-nj")),  # Tri-States Monument, Port Jervis
        (42.04957, -73.48731, (STATE, "us-ma", "us-ct")),  # Mount Frissell
        (42.00806, -71.79917, ("us-ma", "us-ct")),  # Thompson, with Rhode Island
        (39.722197, -75.788611, ("us-de", "us-md")),  # Mason-Dixon line, with Pennsylvania
        (42.745697, -73.264851, (STATE, "us-ma", "us-vt")),  # Williamstown
        (38.892946, -76.909395, ("us-dc", "us-md")),  # the district's eastern corner stone
    ],
)
def test_outlines_pass_within_30_m_of_the_monuments_that_mark_the_borders(areas, latitude, longitude, ids):
    """30 m to the north, east, south and west some place is inside, and some outside."""
    around = [(latitude + north * 2.7e-4, longitude + east * 3.6e-4) for north in (-1, 0, 1) for east in (-1, 0, 1)]
    columns = (np.array([round(place[side] * 1e7) for place in around], dtype=np.int32) for side in (0, 1))
    found = in_areas(*columns, areas.areas._replace(margin_m=np.zeros(len(areas.names))))
    for name in ids:
        assert set(found[:, areas.names.index(name)].tolist()) == {True, False}, name


def test_the_outlines_are_small_and_come_with_the_package():
    folder = files("warehouse") / "outlines"
    assert len((folder / "outlines.parquet").read_bytes()) < 300_000
    assert "Census" in (folder / "README.md").read_text()


def at(place, start_s):
    return [point | {"lat": place[0], "lon": place[1]} for point in golden_points(start_s)]


def collect_two_vans(settings):
    """d1 is in Manhattan, d2 in Albany."""
    start = yesterday_at(15)
    collected(settings, [positions(at(EMPIRE_STATE, start)), positions(at(ALBANY, start), device="d2")])
    rebuilt(settings)


def with_depots(settings, folder):
    """Each of the two vans begins and ends its day at a depot: where it stood is nobody's home, so it is not hidden."""
    depots, assignments = folder / "depots.csv", folder / "assignments.csv"
    places = {"d1": EMPIRE_STATE, "d2": ALBANY}
    depots.write_text(
        "tenant_id,depot_id,timezone,latitude,longitude,radius_m\n"
        + "".join(f"t1,at-{van},America/New_York,{place[0]},{place[1]},300\n" for van, place in places.items())
    )
    assignments.write_text(
        "tenant_id,kind,id,vehicle_id,from_utc,to_utc\n"
        + "".join(f"t1,depot,at-{van},{van},2020-01-01T00:00:00Z,\n" for van in places)
    )
    assert run_import(settings, "depots", [depots])
    assert run_import(settings, "assignments", [assignments])


def idle_jurisdictions(settings, vehicle_id="d1"):
    found = in_warehouse(
        settings,
        f"select distinct jurisdictions from core.ledger where state = 'idle' and vehicle_id = '{vehicle_id}'",
    )
    return found["jurisdictions"].to_list()


def feature(jurisdiction_id, place, half_deg=0.001, **properties):
    south, north, west, east = place[0] - half_deg, place[0] + half_deg, place[1] - half_deg, place[1] + half_deg
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {
        "type": "Feature",
        "properties": {"jurisdiction_id": jurisdiction_id, **properties},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }


def geojson(folder, *features):
    path = folder / "areas.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": list(features)}))
    return path


def test_idle_runs_name_their_jurisdictions_and_other_runs_none(tmp_path):
    settings = settings_in(tmp_path)
    collect_two_vans(settings)
    assert idle_jurisdictions(settings) == [[STATE, CITY]]
    assert idle_jurisdictions(settings, "d2") == [[STATE]]
    others = in_warehouse(settings, "select distinct jurisdictions from core.ledger where state != 'idle'")
    assert others["jurisdictions"].to_list() == [[]]


def test_a_run_that_begins_without_a_good_place_is_nowhere(tmp_path):
    settings = settings_in(tmp_path)
    for number, first_of_a_run in enumerate([{"nofix": True}, {"hdop": 9}, {"lat": ALBANY[0], "lon": ALBANY[1]}]):
        points = at(EMPIRE_STATE, yesterday_at(15))
        points[6] |= first_of_a_run
        collected(settings, [positions(points, device=f"d{number}")])
    rebuilt(settings)
    found = in_warehouse(
        settings, "select jurisdictions from core.ledger where state = 'idle' order by vehicle_id, started_utc"
    )
    assert found["jurisdictions"].to_list() == [[STATE, CITY], [], [STATE, CITY]] * 3


def test_an_imported_area_is_added_and_reopens_the_vans_that_idled_there(tmp_path):
    settings = settings_in(tmp_path)
    with_depots(settings, tmp_path)
    collect_two_vans(settings)
    school = f"{CITY}-school"
    zones = [feature(school, EMPIRE_STATE, name="PS 1"), feature(school, (40.8, -73.95), name="PS 2", pupils=640)]
    assert run_import(settings, "jurisdictions", [geojson(tmp_path, *zones)])
    with duckdb.connect(str(settings.warehouse_path)) as warehouse:
        assert warehouse.execute("select distinct vehicle_id from core.reopened").fetchall() == [("d1",)]
        assert warehouse.execute(
            "select name, extra ->> 'pupils' from core.jurisdictions order by name"
        ).fetchall() == [
            ("PS 1", None),
            ("PS 2", "640"),
        ]
    rebuilt(settings)
    assert idle_jurisdictions(settings) == [[STATE, CITY, school]]


def test_an_imported_area_takes_the_place_of_the_outline_with_its_id(tmp_path):
    settings = settings_in(tmp_path)
    collect_two_vans(settings)
    assert run_import(settings, "jurisdictions", [geojson(tmp_path, feature(CITY, ALBANY))])
    rebuilt(settings)
    assert idle_jurisdictions(settings) == [[STATE]]
    assert idle_jurisdictions(settings, "d2") == [[STATE, CITY]]


def test_an_imported_area_may_have_a_margin(tmp_path):
    settings = settings_in(tmp_path)
    zone = feature("yard", EMPIRE_STATE, margin_m=150)  # the box reaches 84 m to the east
    assert run_import(settings, "jurisdictions", [geojson(tmp_path, zone, feature("lot", EMPIRE_STATE, margin_m=50))])
    collect_two_vans(settings)
    assert idle_jurisdictions(settings) == [["lot", STATE, CITY]]


def test_bad_features_are_listed_and_nothing_is_taken(tmp_path, capsys):
    settings = settings_in(tmp_path)
    good = feature("us-x", ALBANY)
    ring = good["geometry"]["coordinates"][0]
    shapes = [
        {"type": "Point", "coordinates": [1, 2]},
        {"type": "Polygon", "coordinates": [ring[:-1]]},
        {"type": "Polygon", "coordinates": [[[200, 0], *ring[1:-1], [200, 0]]]},
        {"type": "Polygon", "coordinates": [[[-170, 0], [170, 0], [0, 1], [-170, 0]]]},
        {"type": "Polygon", "coordinates": []},
        None,
    ]
    bad = [good | {"geometry": shape, "properties": {"jurisdiction_id": f"x{n}"}} for n, shape in enumerate(shapes)]
    path = geojson(tmp_path, good, good | {"properties": None}, *bad, good)
    assert not run_import(settings, "jurisdictions", [path])
    printed = capsys.readouterr().err
    for expected in (
        "row 2: jurisdiction_id: missing",
        'row 3: geometry=\'{"type": "Point", "coordinates": [1, 2]}\': expected a GeoJSON Polygon or MultiPolygon',
        "…': expected rings of four or more positions",
        "…': expected positions of longitude (-180 to 180)",
        "…': wider than half the earth",
        'row 7: geometry=\'{"type": "Polygon", "coordinates": []}\': expected a polygon with a ring',
        "row 8: geometry: missing",
        "row 9: same jurisdiction_id, name as row 1",
    ):
        assert expected in printed
    with duckdb.connect(str(settings.warehouse_path)) as warehouse:
        assert warehouse.sql("select count(*) from core.jurisdictions").fetchall() == [(0,)]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"type": "Feature"}', '{"type": "Topology", "features": []}'])
def test_another_json_file_is_refused_as_a_whole(tmp_path, capsys, text):
    path = tmp_path / "areas.geojson"
    path.write_text(text)
    assert not run_import(settings_in(tmp_path), "jurisdictions", [path])
    assert "not a GeoJSON FeatureCollection" in capsys.readouterr().err
