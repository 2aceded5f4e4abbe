"""What was bought when, where and for which van, out of versions of card transactions?"""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.columns import PURCHASES
from tests.builders import empty_warehouse
from tests.warehouse.core_rows import rows_taken_back
from warehouse.connection import prepare, sql
from warehouse.fuel_lines import replace_lines
from warehouse.fuel_sites import name_sites, site_name

EASTERN = "America/New_York"
NEWARK = {"site_latitude": 40.7357, "site_longitude": -74.1724}


def zones_of(places):
    """Everything west of 100 degrees west is Californian here."""
    return ["America/Los_Angeles" if longitude < -100 else EASTERN for _, longitude in places]


@pytest.fixture(scope="module")
def prepared():
    with empty_warehouse() as connection:
        yield connection


@pytest.fixture
def warehouse(prepared):
    """An empty warehouse; what a test writes is gone after it."""
    with rows_taken_back(prepared):
        yield prepared


def version(event_type="clear", **given_values):
    """A version of one line: 10 gallons of regular for 35.00 at a local time in New Jersey."""
    values = {
        "tenant_id": "t1",
        "provider": "p1",
        "provider_txn_id": "x1",
        "item_no": 1,
        "event_type": event_type,
        "ts_local": "2026-03-03T10:00:00",
        "state": "NJ",
        "product": "gasoline_regular",
        "quantity": Decimal(10),
        "unit": "gal",
        "unit_price": Decimal("3.5"),
        "gross": Decimal(35),
        "net": Decimal(35),
        "currency": "USD",
        "payload_hash": hash((event_type, str(given_values))) & 0xFFFFFFFF,
    }
    return values | given_values


def lines(connection, *versions):
    """core.fuel_lines of these versions, as dicts."""
    names = [name for name in PURCHASES.schema.names if name not in ("purchased_us", "received_us", "received_date")]
    empty = pl.DataFrame(PURCHASES.schema.empty_table()).select(names)
    empty = empty.with_columns(ts_utc=pl.lit(None, pl.Datetime("us")), received_utc=pl.lit(None, pl.Datetime("us")))
    rows = pl.DataFrame(
        [{name: row.get(name) for name in empty.columns} for row in versions], schema=empty.schema, orient="row"
    ).drop("spool_id", "segment_no")
    assert rows.height
    connection.execute("create or replace table lake.purchases as select *, 's/1' as segment from rows")
    replace_lines(connection, EASTERN, zones_of)
    found = connection.sql("from core.fuel_lines order by provider_txn_id, item_no").pl()
    return found.to_dicts()


def line(connection, *versions):
    (found,) = lines(connection, *versions)
    return found


# ---------------------------------------------------------------- versions


KINDS = [
    ([version("auth")], "pending", False),
    ([version("auth"), version()], "fill", True),
    ([version("auth"), version("auth_reversal")], "void", False),
    ([version("auth_reversal"), version()], "fill", True),  # what was dispensed after all
    ([version(seq="1"), version("auth_reversal", seq="2")], "void", False),
    ([version("decline", quantity=None, gross=None, net=None)], "decline", False),
    ([version(product="car_wash", unit="ea", quantity=Decimal(1))], "non_fuel", True),
    ([version(product="def")], "non_fuel", True),
    ([version(product="electricity", unit="kwh")], "charge", True),
    ([version(product=None, unit="kilowatt_hour")], "charge", True),
    ([version(product="discount", unit=None, quantity=None, gross=Decimal(-1), net=Decimal(-1))], "credit", True),
    ([version(quantity=Decimal(-10), gross=Decimal(-35), net=Decimal(-35))], "credit", True),
    ([version(product=None)], "fill", True),  # sold by the gallon
    ([version(product=None, unit=None, quantity=None)], None, True),  # an amount and nothing else
    ([version("adjust")], "credit", True),  # amends something that was never heard
    ([version("adjust", quantity=None, gross=Decimal(-5), net=Decimal(-5))], "credit", True),
    ([version("auth"), version("adjust", quantity=None, gross=Decimal(-5), net=Decimal(-5))], "credit", True),
    ([version("auth"), version("adjust")], "fill", True),
]


@pytest.fixture(scope="module")
def told(prepared):
    """The line of each of the cases of KINDS, TIMES and DATES, by table and place in it: asked for at once."""
    cases = {("kinds", place): versions for place, (versions, *_) in enumerate(KINDS)}
    cases |= {("times", place): [untimed(**values)] for place, (values, *_) in enumerate(TIMES)}
    cases |= {("dates", place): [untimed(**values)] for place, values in enumerate(DATES)}
    asked = [row | {"provider_txn_id": f"{case}"} for case, versions in cases.items() for row in versions]
    with rows_taken_back(prepared) as warehouse:
        found = {row["provider_txn_id"]: row for row in lines(warehouse, *asked)}
    assert len(found) == len(cases)
    return {case: found[f"{case}"] for case in cases}


@pytest.mark.parametrize("place", range(len(KINDS)))
def test_a_line_is_of_the_kind_that_its_versions_make_it(told, place):
    versions, kind, is_final = KINDS[place]
    found = told["kinds", place]
    assert (found["line_kind"], found["is_final"], found["version_count"]) == (kind, is_final, len(versions))


def test_an_adjustment_without_a_quantity_is_money_and_leaves_one_fill_as_it_was(warehouse):
    credit = version("adjust", quantity=None, unit_price=None, gross=Decimal(-5), net=Decimal(-5), site_id=None)
    found = line(warehouse, version(site_id="S1"), credit)
    assert (found["line_kind"], found["quantity"], found["site_id"]) == ("fill", 10, "S1")
    assert (found["gross"], found["net"], found["event_type"], found["version_count"]) == (30, 30, "adjust", 2)


@pytest.mark.parametrize("quantity", [Decimal(0), Decimal(-2)])
def test_an_adjustment_with_no_or_a_negative_quantity_never_changes_what_was_pumped(warehouse, quantity):
    found = line(warehouse, version(), version("adjust", quantity=quantity, gross=Decimal(-7), net=Decimal(-7)))
    assert (found["line_kind"], found["quantity"], found["net"], found["is_reversed"]) == ("fill", 10, 28, False)


def test_an_adjustment_that_refers_to_another_record_never_changes_what_was_pumped(warehouse):
    rebilled = version("adjust", quantity=Decimal(12), gross=Decimal(33), net=Decimal(33), extra='{"refers_to":"x0"}')
    found = line(warehouse, version(), rebilled)
    assert (found["line_kind"], found["quantity"], found["net"]) == ("fill", 10, 33)


def test_an_adjustment_with_a_quantity_corrects_the_purchase_and_keeps_what_it_does_not_say(warehouse):
    corrected = version(
        "adjust", quantity=Decimal(9), gross=Decimal("31.5"), net=None, product="diesel_2", card_id=None
    )
    found = line(warehouse, version(card_id="c1"), corrected)
    assert (found["line_kind"], found["quantity"], found["gross"], found["net"]) == ("fill", 9, Decimal("31.5"), 35)
    assert (found["product"], found["fuel_family"], found["card_id"]) == ("diesel_2", "diesel", "c1")


def test_credits_after_a_correction_are_added_and_those_before_it_are_not(warehouse):
    steps = [
        version(seq="1"),
        version("adjust", seq="2", quantity=None, gross=Decimal(-1), net=Decimal(-1)),
        version("adjust", seq="3", quantity=Decimal(9), gross=Decimal(31), net=Decimal(31)),
        version("adjust", seq="4", quantity=None, gross=Decimal(-2), net=Decimal(-2)),
        version("adjust", seq="5", quantity=None, gross=Decimal(-3), net=Decimal(-3)),
    ]
    assert (line(warehouse, *steps)["net"], line(warehouse, *steps)["quantity"]) == (26, 9)


def test_taking_back_the_whole_quantity_reverses_the_purchase(warehouse):
    found = line(warehouse, version(), version("adjust", quantity=Decimal(-10), gross=Decimal(-35), net=Decimal(-35)))
    assert (found["line_kind"], found["is_reversed"], found["net"]) == ("void", True, 0)


def test_items_of_a_ticket_stay_lines_of_their_own(warehouse):
    wash = version(item_no=2, product="car_wash", unit="ea", quantity=Decimal(1), gross=Decimal(8), net=Decimal(8))
    found = lines(warehouse, version(), wash)
    assert [(row["line_kind"], row["net"]) for row in found] == [("fill", 35), ("non_fuel", 8)]


@given(st.permutations(range(4)))
@settings(deadline=None, max_examples=5)
def test_the_order_of_arrival_makes_no_difference(prepared, order):
    versions = [
        version("auth", quantity=None),
        version(),
        version("post", posted_date=date(2026, 3, 5)),
        version("adjust", quantity=None, gross=Decimal(-5), net=Decimal(-5)),
    ]
    with rows_taken_back(prepared) as connection:
        tidy = lines(connection, *versions)
        assert lines(connection, *(versions[place] for place in order)) == tidy
    assert (tidy[0]["net"], tidy[0]["line_kind"], tidy[0]["first_event_type"]) == (30, "fill", "auth")


# ---------------------------------------------------------------- times


def untimed(**values):
    """A version that tells no time and no place but those given."""
    return version(**{"ts_local": None, "state": None} | values)


MORNING = "2026-03-03T10:00:00"
TIMES = [
    ({"ts_utc": datetime(2026, 3, 3, 15), "ts_local": MORNING, "state": "CA"}, 15, "exact", "offset"),
    ({"ts_local": MORNING + "-04:00", "state": "CA"}, 14, "offset", "offset"),
    ({"ts_local": MORNING + "Z", "state": "CA"}, 10, "offset", "offset"),
    ({"ts_local": MORNING, "tz": "Europe/Berlin", "state": "CA"}, 9, "site_local", "offset"),
    ({"ts_local": MORNING, **NEWARK, "state": "CA", "provider_tz": "Europe/Berlin"}, 15, "site_local", "site"),
    ({"ts_local": MORNING, "state": "CA", "provider_tz": "Europe/Berlin"}, 18, "site_local", "state"),
    ({"ts_local": MORNING, "state": "FL", "postcode": "32501"}, 16, "site_local", "state"),  # Pensacola
    ({"ts_local": MORNING, "state": "FL", "postcode": "33101-0001"}, 15, "site_local", "state"),  # Miami
    ({"ts_local": MORNING, "state": "FL", "provider_tz": "Europe/Berlin"}, 9, "site_local", "provider"),
    ({"ts_local": MORNING, "state": "FL"}, None, None, "none"),
    ({"ts_local": MORNING}, None, None, "none"),
    # An instant that the provider made of the local time counts less than the place of the site.
    ({"ts_utc": datetime(2026, 3, 3, 18), "ts_local": MORNING, "ts_quality": "site_local", **NEWARK}, 15,
     "site_local", "site"),
    ({"ts_utc": datetime(2026, 3, 3, 18), "ts_local": MORNING, "ts_quality": "site_local"}, 18, "site_local",
     "provider"),
    ({}, None, None, "none"),
]  # fmt: skip


@pytest.mark.parametrize("place", range(len(TIMES)))
def test_the_zone_is_that_of_offset_site_state_and_provider_in_this_order(told, place):
    _, hour_utc, quality, source = TIMES[place]
    at_utc = None if hour_utc is None else datetime(2026, 3, 3, hour_utc)
    found = told["times", place]
    assert (found["at_utc"], found["ts_quality"], found["time_source"]) == (at_utc, quality, source)


def test_a_doubled_hour_keeps_both_instants(warehouse):
    found = line(warehouse, version(ts_local="2026-11-01T01:30:00"))
    assert (found["at_utc"], found["at_utc_alternative"]) == (
        datetime(2026, 11, 1, 5, 30),
        datetime(2026, 11, 1, 6, 30),
    )


def test_a_missing_hour_is_moved_forward_and_is_worth_a_date(warehouse):
    found = line(warehouse, version(ts_local="2026-03-08T02:30:00"))
    assert (found["at_utc"], found["ts_quality"], found["is_time_moved"]) == (
        datetime(2026, 3, 8, 7, 30), "date_only", True,
    )  # fmt: skip
    assert (found["from_utc"], found["to_utc"]) == (datetime(2026, 3, 8, 5), datetime(2026, 3, 9, 4))  # of 23 hours


DATES = [
    {"ts_local": "2026-03-03", "state": "NJ"},
    {"ts_local": "2026-03-03T00:00:00", "ts_quality": "date_only", "state": "NJ"},
    {"ts_utc": datetime(2026, 3, 3), "ts_quality": "date_only", "state": "NJ"},
]


@pytest.mark.parametrize("place", range(len(DATES)))
def test_a_date_alone_is_a_local_day_and_no_instant(told, place):
    found = told["dates", place]
    assert (found["at_utc"], found["ts_quality"], found["service_date"]) == (None, "date_only", date(2026, 3, 3))
    assert (found["from_utc"], found["to_utc"]) == (datetime(2026, 3, 3, 5), datetime(2026, 3, 4, 5))


ZONES = ("America/New_York", "America/Los_Angeles", "Europe/Berlin", "America/Phoenix")
CHANGES = (datetime(2026, 3, 8, 2), datetime(2026, 11, 1, 1), datetime(2026, 3, 29, 2), datetime(2026, 10, 25, 2))


@given(st.sampled_from(ZONES), st.sampled_from(CHANGES), st.lists(st.integers(-200, 200), min_size=20, max_size=20))
@settings(deadline=None, max_examples=12)
def test_local_times_around_changes_of_the_clock_agree_with_zoneinfo(zone, change, minutes):
    local_times = [change + timedelta(minutes=number) for number in minutes]
    with duckdb.connect() as connection:
        prepare(connection)
        connection.execute(sql("fuel/macros.sql"))
        for local_time in local_times:
            instants, moved = connection.execute(
                "select fuel_instants($at::timestamp, $zone), fuel_moved_forward($at::timestamp, $zone)",
                {"at": local_time, "zone": zone},
            ).fetchall()[0]
            folds = [local_time.replace(tzinfo=ZoneInfo(zone), fold=fold) for fold in (0, 1)]
            in_utc = [found.astimezone(UTC).replace(tzinfo=None) for found in folds]
            shown = [found.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) for found in in_utc]
            assert instants == sorted({at for at, clock in zip(in_utc, shown, strict=True) if clock == local_time})
            if not instants:
                assert moved == in_utc[0]


# ---------------------------------------------------------------- sites


def stations(connection, *rows):
    for row in rows:
        values = {"name": None, "state": None, "timezone": None, "extra": None} | row
        connection.execute(
            "insert into core.stations by name select $station_id as station_id, $name as name,"
            " $latitude as latitude, $longitude as longitude, $state as state, $timezone as timezone, $extra as extra",
            values,
        )


def place_of(warehouse, **values):
    found = line(warehouse, version(**values))
    return found["site_source"], found["geo_quality"], found["station_id"], found["site_latitude"]


SHELL = {"station_id": "A", "name": "Shell #1401", "latitude": 40.7400, "longitude": -74.1724, "state": "NJ"}
MOBIL = {"station_id": "B", "name": "Exxonmobil", "latitude": 40.7360, "longitude": -74.1724, "state": "NJ"}
GEOCODED = NEWARK | {"geo_quality": "geocoded"}


def test_a_place_from_the_provider_beats_a_station_and_a_station_beats_a_geocoded_place(warehouse):
    stations(warehouse, SHELL, MOBIL)
    assert place_of(warehouse, **NEWARK, site_id="A") == ("record", "provider", "A", NEWARK["site_latitude"])
    assert place_of(warehouse, **GEOCODED, site_id="A") == ("station", "station", "A", 40.74)
    assert place_of(warehouse, **GEOCODED) == ("record", "geocoded", None, NEWARK["site_latitude"])
    assert place_of(warehouse) == ("none", None, None, None)


def test_a_geocoded_place_finds_the_nearest_station_of_its_chain(warehouse):
    stations(warehouse, SHELL, MOBIL, SHELL | {"station_id": "C", "latitude": 40.7430})
    assert place_of(warehouse, **GEOCODED, site_name="SHELL / EQUIVA")[:3] == ("station", "station", "A")
    assert place_of(warehouse, **GEOCODED, site_name="Mobil")[:3] == ("station", "station", "B")
    assert place_of(warehouse, **GEOCODED, site_name="BP")[:3] == ("record", "geocoded", None)


def test_the_place_of_a_city_stays_one_unless_number_or_address_name_one_station(warehouse):
    stations(warehouse, SHELL, MOBIL | {"extra": '{"address": "12 Main St.", "postcode": "07102"}'})
    city = NEWARK | {"geo_quality": "city"}
    assert place_of(warehouse, **city, site_name="Shell")[:3] == ("record", "city", None)
    assert place_of(warehouse, **city, site_name="SHELL 01401")[:3] == ("station", "station", "A")
    assert place_of(warehouse, site_name="Exxon", address="12 main st")[:3] == ("station", "station", "B")
    assert place_of(warehouse, site_name="Shell 1401", state="CA")[:3] == ("none", None, None)
    stations(warehouse, SHELL | {"station_id": "C"})
    assert place_of(warehouse, site_name="Shell 1401")[:3] == ("none", None, None)  # two of that number


def test_zeros_are_no_place(warehouse):
    assert place_of(warehouse, site_latitude=0.0, site_longitude=0.0) == ("none", None, None, None)


@pytest.mark.parametrize(
    ("name", "chain", "number"),
    [
        ("Arco", "arco", None),
        ("ARCO AM/PM #42123", "arco", "42123"),
        ("SHELL / EQUIVA", "shell", None),
        ("Exxonmobil 0077", "exxonmobil", "77"),
        ("Mobil", "exxonmobil", None),
        ("Circle K #1401", "circle k", "1401"),
        ("76", "76", None),
        ("Love's Travel Stop 321", "love's", "321"),
        ("Valley Oil", "valley", None),
        ("GAS STATION", None, None),
        ("7-Eleven", "7-eleven", None),
    ],
)
def test_a_name_becomes_its_chain_and_the_number_of_the_site(name, chain, number):
    assert site_name(name) == (chain, number)


# ---------------------------------------------------------------- vans and drivers


def assign(connection, kind, subject, vehicle, from_utc, to_utc, extra=None):
    connection.execute(
        "insert into core.assignments values ('t1', $kind, $id, $vehicle, $id, $from_utc, $to_utc, $extra)",
        {"kind": kind, "id": subject, "vehicle": vehicle, "from_utc": from_utc, "to_utc": to_utc, "extra": extra},
    )


def test_the_van_is_the_one_that_had_the_card_at_that_time(warehouse):
    assign(warehouse, "card", "c1", "V1", "2026-01-01", "2026-03-03 15:00:00", '{"limit_gal": "20"}')
    assign(warehouse, "card", "c1", "V2", "2026-03-03 15:00:00", "9999-12-31")
    warehouse.execute("insert into core.vehicles (tenant_id, vehicle_id, tank_l) values ('t1', '0007', 94.6)")
    before = line(warehouse, version(card_id="c1", ts_local="2026-03-03T09:59:59"))
    at = line(warehouse, version(card_id="c1"))
    assert [row["vehicle_id"] for row in (before, at)] == ["V1", "V2"]
    assert (before["card_options"], before["match_method"], before["is_card_known"]) == (
        '{"limit_gal": "20"}', "card", True,
    )  # fmt: skip
    typed = line(warehouse, version(card_id="c9", vehicle_ref="7", driver_ref="D1"))
    assert (typed["vehicle_id"], typed["match_method"], typed["tank_l"]) == ("0007", "vehicle_ref", 94.6)
    assert (typed["is_card_known"], typed["is_vehicle_known"], typed["is_driver_known"]) == (False, True, None)
    never = line(warehouse, version(card_id="c1", ts_local=None))
    assert (never["vehicle_id"], never["is_card_known"]) == (None, None)  # not unknown: nobody knows whose it was
    nobody = line(warehouse, version(vehicle_ref="V8"))
    assert (nobody["vehicle_id"], nobody["is_card_known"], nobody["is_vehicle_known"]) == (None, None, False)


def test_litres_and_prices_come_from_the_unit(warehouse):
    found = line(warehouse, version())
    assert (round(found["quantity_l"], 6), found["price_per_l"]) == (37.854118, Decimal("0.924602"))
    assert line(warehouse, version(unit="kwh", product="electricity"))["quantity_l"] is None


def test_a_station_is_where_it_was_on_the_day_of_the_purchase(warehouse):
    stations(warehouse, SHELL, SHELL | {"latitude": 40.75})
    warehouse.execute("update core.stations set valid_to = date '2026-03-03' where latitude < 40.745")
    warehouse.execute("update core.stations set valid_from = date '2026-03-03' where latitude > 40.745")
    asked = [version(provider_txn_id=f"x{day}", ts_local=f"2026-03-0{day}T10:00:00", site_id="A") for day in (2, 3)]
    assert [found["site_latitude"] for found in lines(warehouse, *asked)] == [40.74, 40.75]


def test_a_card_or_driver_is_known_while_its_row_holds(warehouse):
    for table, name in (("cards", "card_id"), ("drivers", "driver_id")):
        warehouse.execute(f"insert into core.{table} (tenant_id, {name}, valid_to) values ('t1', 'x', '2026-03-03')")
    asked = [
        version(provider_txn_id=f"x{day}", ts_local=f"2026-03-0{day}T10:00:00", card_id="x", driver_ref="x")
        for day in (2, 3)
    ]
    found = [(line["is_card_known"], line["is_driver_known"]) for line in lines(warehouse, *asked)]
    assert found == [(True, True), (False, False)]


# ---------------------------------------------------------------- what they are made of


CHANGED = {
    "a version": "insert into lake.purchases by name select * replace ('x2' as provider_txn_id) from lake.purchases",
    "a station": "insert into core.stations by name select 'S1' as station_id, 40.7 as latitude, -74.2 as longitude",
    "a van": "insert into core.vehicles by name select 't1' as tenant_id, 'V7' as vehicle_id, 70 as tank_l",
    "a card": "insert into core.cards by name select 't1' as tenant_id, 'c1' as card_id",
    "a driver": "insert into core.drivers by name select 't1' as tenant_id, 'D1' as driver_id",
    "models": "update core.models_stamp set digest = 'of other models'",
    "lines": "delete from core.fuel_lines",
}


@pytest.fixture
def made(warehouse, monkeypatch):
    """A line of a van, and a list that grows each time when lines are made."""
    lines(warehouse, version(vehicle_ref="V7", card_id="c1", driver_ref="D1", site_id="S1"))
    count = []
    monkeypatch.setattr("warehouse.fuel_lines.name_sites", lambda connection: count.append(1) or name_sites(connection))
    return count


def test_lines_are_left_alone_where_nothing_they_are_made_of_changed(warehouse, made):
    before = warehouse.sql("from core.fuel_lines").fetchall()
    replace_lines(warehouse, EASTERN, zones_of)
    assert (made, warehouse.sql("from core.fuel_lines").fetchall()) == ([], before)
    replace_lines(warehouse, "Europe/Berlin", zones_of)
    assert made == [1]


@pytest.mark.parametrize("changed", CHANGED)
def test_lines_are_made_anew_where_something_changed(warehouse, made, changed):
    warehouse.execute(CHANGED[changed])
    replace_lines(warehouse, EASTERN, zones_of)
    found = warehouse.sql("from core.fuel_lines order by all").fetchall()
    assert made == [1]
    warehouse.execute("delete from core.lines_stamp")
    replace_lines(warehouse, EASTERN, zones_of)
    assert warehouse.sql("from core.fuel_lines order by all").fetchall() == found != []
