"""A mapping file adds a source without code, and says everything that is wrong with it at once."""

import json
from pathlib import Path

import pytest

from ingest.adapters.mapping import FIELDS, SWITCHES, TEXTS, WHOLE, MappingError, read_mappings, topic_problems
from ingest.adapters.sources import Sources, built_in, built_in_only, read_sources
from ingest.adapters.units import UNITS
from ingest.decode import decode
from ingest.native import Point
from ingest.settings import IngestSettings
from ingest.topics import FOREIGN_SUBSCRIPTIONS, OUR_TREES, covers, overlaps
from tests.ingest.adapters.foreign import NOW_S, fixes, foreign, sources_of

SOURCE = """
[[source]]
name = "{name}"
topics = ["{topic}"]
{more}
[source.time]
path = "t"
format = "epoch_s"
[source.fields]
lat = "lat"
lon = "lon"
{fields}
"""
BODY = {"t": NOW_S - 2, "lat": 1.5, "lon": 2.5}


def source(topic: str = "acme/{device}/gps", *, name: str = "acme", more: str = "", fields: str = "") -> str:
    return SOURCE.format(name=name, topic=topic, more=more, fields=fields)


@pytest.fixture
def reading(tmp_path: Path):
    """Read one message by a mapping."""

    def read(text: str, body: object, topic: str = "acme/v1/gps"):
        path = tmp_path / "source.toml"
        path.write_text(text)
        return decode([foreign(topic, body)], max_age_days=30, sources=sources_of(path))

    return read


def problems_of(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "acme.toml"
    path.write_text(text)
    with pytest.raises(MappingError) as raised:
        read_mappings(path)
    assert all(problem.startswith("acme.toml: ") for problem in raised.value.problems)
    return raised.value.problems


def test_what_we_subscribe_to_from_the_start_is_what_the_sources_read():
    assert set(built_in_only().subscriptions) == set(FOREIGN_SUBSCRIPTIONS)
    assert len({source.name for source in built_in()}) == 11


def test_the_kinds_of_fields_are_those_of_a_native_point():
    assert set(Point.__struct_fields__) - {"ts"} == FIELDS
    assert {"ign", "his", "nofix"} <= SWITCHES < FIELDS
    assert UNITS.keys() | WHOLE | TEXTS < FIELDS


def test_a_unit_belongs_to_the_source_and_not_to_the_name_of_the_field(tmp_path):
    both = source("a/{device}", name="a", fields='spd_kmh = { path = "spd", unit = "m/s" }')
    both += source("b/{device}", name="b", fields='spd_kmh = { path = "spd", unit = "mph" }')
    path = tmp_path / "both.toml"
    path.write_text(both)
    sources = sources_of(path)
    speeds = [
        fix.point.spd_kmh
        for topic in ("a/1", "b/1")
        for fix in fixes(sources, topic, json.dumps(BODY | {"spd": 10}).encode())
    ]
    assert speeds == pytest.approx([36.0, 16.09344])


@pytest.mark.parametrize(
    ("name", "unit", "sent", "value"),
    [
        ("spd_kmh", "cm/s", 2482, 89.352),
        ("spd_kmh", "knots", 13.5, 25.002),
        ("odo_m", "mi", 1, 1609.344),
        ("odo_m", "100 m", 266226, 26622600),
        ("alt_m", "ft", 100, 30.48),
        ("fuel_l", "us_gal", 10, 37.85411784),
        ("fuel_used_l", "imp_gal", 1, 4.54609),
        ("fuel_pct", "fraction", 0.624, 62.4),
        ("batt_v", "mV", "14100", 14.1),
        ("energy_out_kwh", "Wh", 1500, 1.5),
    ],
)
def test_units_are_exact(tmp_path, name, unit, sent, value):
    path = tmp_path / "source.toml"
    path.write_text(source(fields=f'{name} = {{ path = "x", unit = "{unit}" }}'))
    (fix,) = fixes(sources_of(path), "acme/v1/gps", json.dumps(BODY | {"x": sent}).encode())
    assert getattr(fix.point, name) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("sent", [-1, -1.0, "-1", "NA", None, ""])
def test_a_value_that_means_not_known_is_null(reading, sent):
    text = source(fields='spd_kmh = { path = "spd", unit = "m/s", unknown = [-1, "na"] }')
    (row,) = reading(text, BODY | {"spd": sent}).positions.to_pylist()
    assert row["speed_ckmh"] is None


def test_true_is_not_the_number_one(reading):
    text = source(fields='spd_kmh = { path = "spd", unit = "m/s", unknown = [1] }')
    assert reading(text, BODY | {"spd": True}).rejects["reason"].to_pylist() == ["wrong_type"]


@pytest.mark.parametrize(
    ("form", "zone", "sent"),
    [
        ("epoch_s", None, 1772208123),
        ("epoch_ms", None, "1772208123000"),
        ("epoch_us", None, 1772208123000000),
        ("iso", None, "2026-02-27T11:02:03-05:00"),
        ("iso", "America/New_York", "2026-02-27T11:02:03"),
        ("%d.%m.%Y %H:%M:%S", "Europe/Berlin", "27.02.2026 17:02:03"),
        ("%Y%m%d%H%M%S%z", None, "20260227160203+0000"),
    ],
)
def test_a_time_may_be_written_in_many_ways(reading, form, zone, sent):
    zone_line = f'zone = "{zone}"' if zone else ""
    text = source().replace('format = "epoch_s"', f'format = "{form}"\n{zone_line}')
    assert reading(text, BODY | {"t": sent}).positions["fix_ms"].to_pylist() == [1772208123000]


@pytest.mark.parametrize("sent", ["2026-02-27T11:02:03", "noon", True, [1], 1e300, "0001-13-01T00:00:00Z"])
def test_a_time_nobody_can_read_is_a_reject(reading, sent):
    form = "epoch_s" if isinstance(sent, float) else "iso"
    result = reading(source().replace('"epoch_s"', f'"{form}"'), BODY | {"t": sent})
    assert result.rejects["reason"].to_pylist() == ["clock_ahead" if isinstance(sent, float) else "wrong_type"]


def test_the_tenant_is_named_by_the_mapping_or_by_a_level_and_never_by_the_message(reading):
    fixed = reading(source(more='tenant = "north"'), BODY | {"tenant": "thief"})
    assert fixed.positions["tenant_id"].to_pylist() == ["north"]
    text = source("acme/{customer}/{device}", more='tenant = "{customer}"')
    assert reading(text, BODY, "acme/south/v9").positions["tenant_id"].to_pylist() == ["south"]
    assert reading(text, BODY, "acme//v9").rejects["reason"].to_pylist() == ["unknown_topic"]


def test_a_device_that_contradicts_its_topic_is_a_reject(reading):
    text = source(more='device_is = "id"')
    assert reading(text, BODY | {"id": "v1"}).positions.num_rows == 1
    assert reading(text, BODY).positions.num_rows == 1
    assert reading(text, BODY | {"id": "v2"}).rejects["reason"].to_pylist() == ["device_mismatch"]


def test_two_clocks_that_disagree_and_a_place_outside_the_area_are_quarantined(reading):
    text = source(more="area = { south = 1, north = 2, west = 2, east = 3 }").replace(
        'format = "epoch_s"', 'format = "epoch_s"\nagrees_with = { path = "u", format = "epoch_s" }'
    )
    assert reading(text, BODY | {"u": NOW_S + 118}).positions.num_rows == 1
    assert reading(text, BODY | {"u": NOW_S + 119}).rejects["reason"].to_pylist() == ["clocks_disagree"]
    swapped = reading(text, BODY | {"lat": 2.5, "lon": 1.5}).rejects.to_pylist()
    assert [(row["kind"], row["reason"]) for row in swapped] == [("quarantine", "outside_area")]
    assert reading(text, BODY | {"lat": 0, "lon": 0}).rejects["reason"].to_pylist() == ["position_zero"]


def test_constants_switches_and_parts_of_a_text(reading):
    fields = """
ign = { path = "key", true = ["acc"], false = ["-"] }
hdg_deg = { path = "course", split = ";", part = 1 }
hdop = { path = "h", factor = 0.1 }
"""
    text = source(more='constants = { route_id = "R1" }', fields=fields)
    (row,) = reading(text, BODY | {"key": "ACC", "course": "n;271", "h": 8}).positions.to_pylist()
    assert (row["ignition"], row["heading_ddeg"], row["hdop_c"], row["route_id"]) == (True, 2710, 80, "R1")
    (row,) = reading(text, BODY | {"key": "?", "course": "n;271", "h": 8}).positions.to_pylist()
    assert (row["ignition"], row["flags"], json.loads(row["extra"])) == (None, "switch_refused", {"key": "?"})
    text = text.replace('false = ["-"]', "otherwise = false")
    (row,) = reading(text, BODY | {"key": "?"}).positions.to_pylist()
    assert (row["ignition"], row["flags"], row["extra"]) == (False, "", None)


def test_a_source_that_never_has_a_place_has_its_speed_from_elsewhere(reading):
    text = source(more="constants = { nofix = true }", fields='spd_kmh = { path = "spd", unit = "m/s" }')
    text = text.replace('lat = "lat"', "").replace('lon = "lon"', "")
    (row,) = reading(text, {"t": NOW_S - 2, "spd": 10}).positions.to_pylist()
    assert (row["speed_ckmh"], row["quality"]) == (3600, "no_fix")


def test_a_mapping_goes_before_what_comes_with_us_and_a_literal_level_before_a_placeholder(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(source("probe/{device}", name="mine") + source("probe/7", name="seven", more='device = "id"'))
    sources = sources_of(path)
    names = [
        found.source.name for topic in ("probe/7", "probe/8", "traccar/positions") if (found := sources.find(topic))
    ]
    assert names == ["seven", "mine", "traccar"]
    assert "probe/7" not in sources.subscriptions  # probe/+ brings it already


WRONG_FIELDS = """
spd_kmh = "spd"
speed = "s"
hdop = { path = "h", unit = "m" }
sat = { path = "s", true = [1] }
batt_v = { path = "b", unit = "V", of_fix = false }
"""


def test_everything_wrong_with_a_file_is_said_at_once_with_its_key(tmp_path):
    text = source(name="Acme!", more="colour = 3") + source("a/{device}/#/b", name="b")
    text += source(name="c").replace('"epoch_s"', '"%H:%M"')
    found = "\n".join(problems_of(tmp_path, text))
    for wanted in (
        "acme.toml: source \"Acme!\": name: 'Acme!' does not fit; expected at most 40 lower-case letters",
        'acme.toml: source "Acme!": colour: is no key here; expected one of name, topics, tenant',
        'acme.toml: source "b": topics: a/{device}/#/b has a #',
        "acme.toml: source \"c\": time.format: '%H:%M' reads no year",
    ):
        assert wanted in found, wanted


def test_everything_wrong_with_a_source_is_said_at_once(tmp_path):
    text = source("acme/{unit}/x", more="constants = { ign = 1, lat = 3 }", fields=WRONG_FIELDS)
    found = "\n".join(problems_of(tmp_path, text))
    for wanted in (
        "topics: acme/{unit}/x has no level {device}",
        "fields.spd_kmh: unit is needed, one of km/h, m/s, cm/s, mph, knots",
        "fields.speed: is not a field; expected one of acc_m",
        "fields.hdop: has no choice of units",
        "fields.sat: true, false and otherwise are for switches",
        "fields.batt_v: of_fix is for alt_m, hdg_deg, spd_kmh",
        "constants.ign: 1 does not fit; expected true or false",
        "constants.lat: is a field as well",
    ):
        assert wanted in found, wanted


def test_what_is_wrong_with_a_part_hides_nothing_of_the_rest(tmp_path):
    more = "colour = 3\nconstants = { ign = 1, lat = 3, seq = [] }"
    fields = WRONG_FIELDS + "hdg_deg = { factor = 2 }\n"
    text = source("acme/{unit}/x/{unit}", name="Acme!", more=more, fields=fields)
    text = text.replace('"epoch_s"', '"%H:%M"\nzone = "Mars/Olympus"')
    found = "\n".join(problems_of(tmp_path, text))
    for wanted in (
        "name: 'Acme!' does not fit", "colour: is no key here", "constants.seq: [] does not fit",
        "fields.hdg_deg.path: is missing", "time.format: '%H:%M' reads no year",
        "time.zone: 'Mars/Olympus' is not known",
        "topics: acme/{unit}/x/{unit} has no level {device}", "topics: acme/{unit}/x/{unit} names {unit} twice",
        "fields.spd_kmh: unit is needed", "fields.speed: is not a field", "constants.ign: 1 does not fit",
        "constants.lat: is a field as well",
    ):  # fmt: skip
        assert wanted in found, (wanted, found)
    assert "lat and lon are needed" not in found


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path):
    (tmp_path / "acme.toml").write_bytes(source().encode("utf-8-sig"))
    (mapping,) = read_mappings(tmp_path / "acme.toml")
    assert mapping.name == "acme"


NEEDS_SOURCES = "acme.toml: source: {} expected [[source]] tables, at least one"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", [NEEDS_SOURCES.format("is missing;")]),
        ("source = []", [NEEDS_SOURCES.format("[] does not fit;")]),
        ('source = "x"', [NEEDS_SOURCES.format("'x' does not fit;")]),
        ("source = [3]", ["acme.toml: source 1: source: 3 does not fit; expected [[source]] tables, at least one"]),
        (
            "[[source]]\nname='a'",
            [
                'acme.toml: source "a": topics: is missing; expected a list of topics, such as ["acme/{device}/gps"]',
                'acme.toml: source "a": time: is missing; expected a table with path and format',
                'acme.toml: source "a": fields: lat and lon are needed, or nofix',
            ],
        ),
    ],
)
def test_a_file_that_is_no_mapping_is_refused_in_one_line_for_each_thing(tmp_path, text, lines):
    assert problems_of(tmp_path, text) == lines


def test_a_file_that_is_no_toml_or_not_there_is_refused_with_its_name(tmp_path):
    (line,) = problems_of(tmp_path, "[[source]")
    assert line.startswith("acme.toml: is not TOML: ")
    with pytest.raises(MappingError, match=r"^nowhere.toml: No such file or directory$"):
        read_mappings(tmp_path / "nowhere.toml")


@pytest.mark.parametrize(
    ("more", "fields", "line"),
    [
        ("constants = { seq = 9223372036854775808 }", "", "constants.seq: 9223372036854775808 does not fit"),
        ("constants = { sat = 1.5 }", "", "constants.sat: 1.5 does not fit; expected a whole number of 64 bits"),
        ("constants = { seq = true }", "", "constants.seq: True does not fit; expected a whole number of 64 bits"),
        ("constants = { fuel_l = nan }", "", "constants.fuel_l: nan does not fit; expected a finite number"),
        ("constants = { fuel_l = inf }", "", "constants.fuel_l: inf does not fit; expected a finite number"),
        ("constants = { fuel_l = '3' }", "", "constants.fuel_l: '3' does not fit; expected a finite number"),
        ("constants = { route_id = 3 }", "", "constants.route_id: 3 does not fit; expected text"),
        ("constants = { sat = [3] }", "", "constants.sat: [3] does not fit; expected a number, text, true or false"),
        ("records = []", "", "records: [] does not fit; expected a path or a list of paths"),
        ("device = [5]", "", "device: 5 does not fit; expected a path, a level such as {device}, or a list of them"),
        ("area = { south = 100, north = 2, west = 3, east = 4 }", "", "area.south: 100 does not fit; expected degrees"),
        ("", "sat = []", "fields.sat: [] does not fit; expected a path, a table with path, or a list of them"),
        ("", "sat = 3", "fields.sat: 3 does not fit; expected a path, a table with path, or a list of them"),
        ("", "sat = { path = 's', factor = nan }", "fields.sat.factor: nan does not fit; expected a finite number"),
        ("", "sat = { path = 's', unknown = [[1]] }", "fields.sat.unknown: [1] does not fit; expected a list"),
        ("", "sat = ['a', { path = 's', when = 3 }]", "fields.sat.when: is no key here; expected one of path, unit"),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_is_one_line(tmp_path, more, fields, line):
    (found,) = problems_of(tmp_path, source(more=more, fields=fields))
    assert found.startswith(f'acme.toml: source "acme": {line}')


@pytest.mark.parametrize("form", ["%Y%Y", "%Y-%m-%d %Q", "%", "%H:%M", "%Y %H", "%s", "%d.%m. %H:%M"])
def test_a_pattern_that_reads_no_date_is_refused(tmp_path, form):
    text = source().replace('format = "epoch_s"', f'format = "{form}"\nzone = "Europe/Berlin"')
    (found,) = problems_of(tmp_path, text)
    assert found.startswith(
        f"acme.toml: source \"acme\": time.format: '{form}' reads no year, month and day; expected a "
    )


def test_a_clock_that_does_not_fit_names_its_key(tmp_path):
    text = source().replace('format = "epoch_s"', 'format = "%Y%m%d"')
    text += source(name="b").replace('format = "epoch_s"', 'sent = { path = "s", zone = "Mars/Olympus" }')
    assert problems_of(tmp_path, text) == [
        'acme.toml: source "acme": time.zone: is missing; expected one for a pattern without %z, such as '
        "America/New_York",
        "acme.toml: source \"b\": time.sent.zone: 'Mars/Olympus' is not known; expected an IANA time zone such as "
        "America/New_York",
    ]


@pytest.mark.parametrize(
    "pattern",
    ["#", "+/#", "+/+/#", "tm/v1/{tenant}/{device}/pos", "tm/#", "+/v1/acme/#", "fc/v1/x/y/txn", "$SYS/#", "$share/a/b",
     "a/#/b", "a/b#", "a+/b", "a/x{device}", "", "a\n/b",
     "dup/{a}/{a}"],
)  # fmt: skip
def test_a_pattern_that_would_bring_our_own_messages_or_is_none_is_refused(pattern):
    assert topic_problems(pattern)


@pytest.mark.parametrize(
    "pattern", ["{imei}/data", "/hfp/v2/+/{a}/{b}/#", "a", "tmx/v1/{device}/pos", "tm/v2/{device}"]
)
def test_other_patterns_are_fine(pattern):
    assert topic_problems(pattern) == []


def test_mappings_are_found_in_the_data_directory_or_where_the_setting_says(tmp_path):
    folder = tmp_path / "mappings"
    folder.mkdir()
    (folder / "acme.toml").write_text(source())
    settings = {"data_dir": tmp_path, "foreign_tenant": "west"}
    found = read_sources(IngestSettings.read(**settings)).find("acme/v1/gps")
    assert found is not None
    assert (found.source.name, found.tenant_id) == ("acme", "west")
    other = tmp_path / "one.toml"
    other.write_text(source("other/{device}"))
    assert read_sources(IngestSettings.read(**settings, mappings=other)).find("acme/v1/gps") is None
    with pytest.raises(MappingError, match="no such file"):
        read_sources(IngestSettings.read(**settings, mappings=tmp_path / "nowhere"))


def test_two_sources_may_not_claim_one_topic(tmp_path):
    folder = tmp_path / "mappings"
    folder.mkdir()
    (folder / "a.toml").write_text(source(name="a"))
    (folder / "b.toml").write_text(source("acme/{x}/gps", name="b", more='device = "id"'))
    (folder / "c.toml").write_text("broken")
    with pytest.raises(MappingError) as raised:
        read_sources(IngestSettings.read(data_dir=tmp_path))
    assert raised.value.problems[0] == "b.toml: b: topics: acme/{x}/gps belongs to a already"
    assert raised.value.problems[1].startswith("c.toml: ")


def test_no_source_is_subscribed_to_our_own_topics():
    assert not any(overlaps(one, tree) for one in Sources().subscriptions for tree in OUR_TREES)
    assert not any(covers(one, "tm/v1/acme/van-1/ack") for one in Sources().subscriptions)
