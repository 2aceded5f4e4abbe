"""Was the van there? From purchases and positions in the spool to the published copy."""

import json
import random
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from flows.fuel.presence import evaluate_presence, read_evaluated
from flows.importing import run_import
from flows.opening import opened_line
from flows.refresh import refresh
from tests.builders import collected, message, positions, published, settings_in
from warehouse.connection import sql

pytestmark = pytest.mark.campaign

DAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=2)
SITE = (40.7357, -74.1724)
METRE = 1 / 111_195
KEYS = "provider_txn_id, match_state, round(match_distance_m) as metres, match_offset_s as offset_s"


def at(hour, minute=0):
    return DAY + timedelta(hours=hour, minutes=minute)


def van(name, *stands, every_s=120):
    """Fixes of a van: (from, to, metres north of the site); it stands at one place in each."""
    points = []
    for start, end, north_m in stands:
        for step in range(int((end - start).total_seconds()) // every_s + 1):
            ts = (start + timedelta(seconds=step * every_s)).timestamp()
            place = {"lat": SITE[0] + north_m * METRE, "lon": SITE[1]}
            points.append({"ts": ts, "seq": len(points), "spd_kmh": 0, "ign": False, **place})
    return positions(points, device=f"d-{name}")


def purchase(name, when=None, vehicle="V1", **given):
    body = {
        "v": 1,
        "event_type": "clear",
        "provider_txn_id": name,
        "vehicle_ref": vehicle,
        "ts_utc": None if when is None else when.isoformat(),
        "lat": SITE[0],
        "lon": SITE[1],
        "state": "NJ",
        "product": "gasoline_regular",
        "quantity": 10,
        "unit": "gal",
        "unit_price": 3.5,
        "gross": 35,
        "currency": "USD",
    }
    return message("fc/v1/t1/card/txn", {name: value for name, value in (body | given).items() if value is not None})


def with_vans(tmp_path, *names, **given):
    """Settings of a warehouse that knows these vans, each with a device."""
    settings = settings_in(tmp_path / "data", **given)
    path = tmp_path / "vehicles.csv"
    path.write_text("\n".join(["tenant_id,vehicle_id", *(f"t1,{name}" for name in names)]))
    run_import(settings, "vehicles", [path])
    devices = tmp_path / "devices.csv"
    devices.write_text("\n".join(["tenant_id,kind,id,vehicle_id", *(f"t1,device,d-{name},{name}" for name in names)]))
    run_import(settings, "assignments", [devices])
    return settings


def found(settings, columns=KEYS):
    rows = published(settings, f"select {columns} from marts.fuel_purchases order by provider_txn_id").to_dicts()
    return {row.pop("provider_txn_id"): row for row in rows}


def states(settings):
    return {name: row["match_state"] for name, row in found(settings).items() if len(name) > 1}


def other_day(settings):
    return {name: json.loads(row["other_vehicles"]) for name, row in found(settings, "*").items()}


@pytest.fixture(scope="module")
def one_day(tmp_path_factory):
    """V1 stands 40 m from the pump from 10:00 to 10:10, 600 m from it at 14:00, and 9 km from it else; V2 at 18:00.

    V4 stands there at 4:00 and has a purchase of that time; V5 is not heard from 9:55 to 10:15, V6 is.
    """
    settings = with_vans(tmp_path_factory.mktemp("one_day"), *(f"V{number}" for number in range(1, 8)))
    collected(
        settings,
        [
            van("V1", (at(8), at(9, 55), 9_000), (at(10), at(10, 10), 40), (at(10, 20), at(13, 50), 9_000),
                (at(14), at(14, 10), 600), (at(14, 20), at(20), 9_000)),
            van("V2", (at(8), at(17, 50), 7_000), (at(18), at(18, 8), 30), (at(18, 20), at(20), 7_000)),
            van("V4", (at(2), at(3, 55), 9_000), (at(4), at(4, 10), 40), (at(4, 20), at(14), 9_000)),
            van("V5", (at(8), at(9, 55), 4_000), (at(10, 15), at(12), 4_000)),
            van("V6", (at(8), at(12), 4_000)),
            purchase("match", at(10, 4)),
            purchase("probable", at(14, 40)),
            purchase("mismatch", at(18, 4)),
            purchase("no fixes", at(23)),
            purchase("no van", at(10, 4), vehicle="V9"),
            purchase("silent van", at(10, 4), vehicle="V3"),
            purchase("no place", at(18, 4), lat=None, lon=None),
            purchase("a city", at(18, 4), geo_quality="city"),
            purchase("no time", posted_date=DAY.date().isoformat()),
            purchase("a date", ts_local=DAY.date().isoformat()),
            purchase("far that day", ts_local=DAY.date().isoformat(), vehicle="V2", lat=SITE[0] + 0.5),
            purchase("auth", at(18, 4), event_type="auth"),
            purchase("reversed", at(10, 4), event_type="auth_reversal"),
            purchase("utc taken for local", at(16, 2), vehicle="V2"),
            purchase("was here", at(4, 4), vehicle="V4"),
            purchase("not again", at(9, 4), vehicle="V4"),
            purchase("in a dead zone", at(10, 5), vehicle="V5"),
            purchase("heard all the time", at(10, 5), vehicle="V6"),
            *typed_odometers(),
        ],
    )  # fmt: skip
    refresh(settings)
    return settings


def typed_odometers():
    """V7 shows 100,000 mi at the pump from 8:00 to 9:00, then nothing; what its drivers typed is named a to j."""
    points = [
        {"ts": at(8, minute).timestamp(), "seq": minute, "lat": SITE[0] + 1, "lon": SITE[1], "odo_m": 160_900_000}
        for minute in range(60)
    ]
    typed = {"a": 100_003, "b": 0, "c": 111_111, "d": 10_000, "e": 1_000_000, "f": 90_000, "g": 99_700}
    times = [at(8, 5 * number) for number in range(len(typed))]
    typed |= {"h": 100_040, "i": 100_020, "j": 100_060}
    times += [at(20, minute) for minute in (1, 2, 3)]
    reads = [
        purchase(name, when, "V7", odometer_typed=miles, odometer_unit="mi", lat=SITE[0] + 1)
        for (name, miles), when in zip(typed.items(), times, strict=True)
    ]
    return [positions(points, device="d-V7"), *reads]


def test_each_purchase_gets_one_of_four_states(one_day):
    assert states(one_day) == {
        "match": "match",
        "probable": "probable",
        "mismatch": "mismatch",
        "no fixes": "unverifiable",
        "no van": "unverifiable",
        "silent van": "unverifiable",
        "no place": "unverifiable",
        "a city": "unverifiable",
        "no time": "unverifiable",
        "a date": "match",
        "far that day": "unverifiable",
        "auth": "mismatch",
        "reversed": "unverifiable",
        "utc taken for local": "unverifiable",
        "was here": "match",
        "not again": "mismatch",  # five hours earlier the van was here, for the purchase before
        "in a dead zone": "unverifiable",  # long enough to come and fuel
        "heard all the time": "mismatch",
    }


def test_distance_and_offset_are_those_of_the_nearest_fix(one_day):
    by_name = found(one_day)
    assert (by_name["match"]["metres"], by_name["match"]["offset_s"]) == (40, 0)
    assert (by_name["probable"]["metres"], by_name["probable"]["offset_s"]) == (600, -30 * 60)
    assert (by_name["mismatch"]["metres"], by_name["a city"]["metres"]) == (9_000, None)


def test_vans_that_were_there_instead_are_named(one_day):
    others = other_day(one_day)
    assert others["mismatch"] == [{"vehicle_id": "V2", "distance_m": 30.0, "offset_s": 0.0}]
    assert others["no van"] == [{"vehicle_id": "V1", "distance_m": 40.0, "offset_s": 0.0}]
    assert others["match"] == []


def test_a_time_wrong_by_whole_hours_is_diagnosed_and_accuses_nobody(one_day):
    row = found(one_day, "*")["utc taken for local"]
    assert (row["match_state"], row["time_shift_h"], row["quality_flags"]) == ("unverifiable", 2, ["time_shifted"])


def test_a_doubled_hour_is_matched_at_the_instant_at_which_the_van_was_there(tmp_path):
    settings = with_vans(tmp_path, "V1", "V2", "V3", max_age_days=0)
    first, second = datetime(2025, 11, 2, 5, 30, tzinfo=UTC), datetime(2025, 11, 2, 6, 30, tzinfo=UTC)
    hour = timedelta(hours=1)
    at_second = [
        van("V1", (first - 2 * hour, second - hour / 6, 9_000), (second, second + hour / 6, 50)),
        van("V2", (first - 2 * hour, second - hour / 6, 9_000)),
        van("V3", (first - 2 * hour, second + hour, 9_000)),
    ]
    clock = {"ts_local": "2025-11-02T01:30:00"}
    collected(settings, [*at_second, *(purchase(name, vehicle=name, **clock) for name in ("V1", "V2", "V3"))])
    refresh(settings)
    rows = found(settings, "*")
    assert {name: row["match_state"] for name, row in rows.items()} == {
        "V1": "match",
        "V2": "unverifiable",  # heard at one of the two only
        "V3": "mismatch",
    }
    assert (rows["V1"]["match_candidate"], rows["V1"]["ts_utc"]) == (2, second.replace(tzinfo=None))
    assert "time_doubled" in rows["V1"]["quality_flags"]


def test_news_is_compared_and_nothing_else_is(tmp_path, monkeypatch):
    compared = []

    def noting(warehouse, chunk, timezone):
        compared.append(len(chunk))
        return read_evaluated(warehouse, chunk, timezone)

    monkeypatch.setattr("flows.fuel.presence.read_evaluated", noting)
    settings = with_vans(tmp_path, "V1")
    unplaced = {"lat": None, "lon": None, "site_id": "S1", "vehicle": None, "card_id": "c1"}
    purchases = [purchase("late", at(10, 4)), purchase("by card", at(10, 5), **unplaced)]
    collected(settings, [*purchases, purchase("long ago", at(12) - timedelta(days=20))])
    refresh(settings)
    assert states(settings) == dict.fromkeys(("late", "by card", "long ago"), "unverifiable")
    assert compared == [1, 2]  # by date

    compared.clear()
    collected(settings, [van("V1", (at(8), at(9, 55), 9_000), (at(10), at(10, 10), 40))])
    refresh(settings)  # late positions
    assert states(settings) == {"late": "match", "by card": "unverifiable", "long ago": "unverifiable"}
    assert compared == [2]

    compared.clear()
    stations, cards = tmp_path / "stations.csv", tmp_path / "cards.csv"
    stations.write_text(f"station_id,latitude,longitude\nS1,{SITE[0]},{SITE[1]}\n")
    run_import(settings, "stations", [stations])
    cards.write_text("tenant_id,kind,id,vehicle_id\nt1,card,c1,V1\n")
    run_import(settings, "assignments", [cards])
    refresh(settings)  # where the station is, and whose card it was
    assert states(settings) == {"late": "match", "by card": "match", "long ago": "unverifiable"}
    assert compared == [1, 1]  # one line is another; of the other one the station says what the stand there was for

    compared.clear()
    assert refresh(settings).published is False
    posted = [purchase("late", at(10, 4), event_type="post", gross=34)]  # other money at the same pump
    posted += [purchase("by card", at(10, 5), event_type="post", **unplaced | {"site_id": "S2"})]  # at another one
    collected(settings, posted)
    refresh(settings)
    assert states(settings) == {"late": "match", "by card": "unverifiable", "long ago": "unverifiable"}
    assert compared == [1]


def test_a_full_refresh_and_a_shuffled_one_give_the_same_rows(one_day, tmp_path):
    with duckdb.connect(str(one_day.published_path.resolve()), read_only=True) as connection:
        mart, presence = (
            connection.sql(f"select {columns} from {name} order by all").pl()
            for name, columns in (("marts.fuel_purchases", "*"), ("core.fuel_presence", "*"))
        )
    refresh(one_day, full=True)
    assert published(one_day, "from marts.fuel_purchases order by all").equals(mart)
    assert published(one_day, "from core.fuel_presence order by all").equals(presence)
    assert presence.height > 10
    other = with_vans(tmp_path, *(f"V{number}" for number in range(1, 8)))
    rows = published(
        one_day, "from staging.read_positions order by fix_ms, device_id"
    ).to_dicts()  # places as they came
    random.Random(4).shuffle(rows)
    fixes = [
        positions(
            [
                {
                    "ts": row["fix_ms"] / 1000,
                    "seq": row["seq"],
                    "spd_kmh": 0,
                    "ign": False,
                    "lat": row["latitude_e7"] / 1e7,
                    "lon": row["longitude_e7"] / 1e7,
                }
            ],
            device=row["device_id"],
        )
        for row in rows
    ]
    collected(other, [purchase("match", at(10, 4)), purchase("mismatch", at(18, 4)), *fixes[: len(fixes) // 2]])
    refresh(other)
    collected(other, fixes[len(fixes) // 2 :])
    refresh(other)
    columns = "provider_txn_id, vehicle_id, * exclude (provider_txn_id, vehicle_id)"
    query = f"select {columns} from core.fuel_presence where provider_txn_id in ('match', 'mismatch') order by all"
    assert published(other, query).equals(published(one_day, query))


def test_comparing_only_vans_that_changed_is_comparing_all(tmp_path, monkeypatch):
    chosen = random.Random(11)
    read = []
    monkeypatch.setattr(
        "flows.fuel.presence.read_evaluated",
        lambda *given: read.append(read_evaluated(*given)) or read[-1],
    )
    settings = with_vans(tmp_path, "V1", "V2", "V3")
    bought = [
        purchase(f"{name} on {day}", at(24 * day + 10, 4), name, quantity=5 + day)
        for name in ("V1", "V2", "V3")
        for day in (-1, 0, 1)
    ]
    collected(settings, [*bought, *(van(name, (at(9), at(11), 3_000)) for name in ("V1", "V2", "V3"))])
    refresh(settings)
    assert {vans for evaluated in read for vans in evaluated.lines["changed_vans"].to_list()} == {None}
    rows = "from core.fuel_presence order by all"
    before = published(settings, rows)
    for names in (["V2"], ["V1", "V3"], ["V3"]):
        read.clear()
        for name in names:
            start = at(24 * chosen.choice((-1, 0, 1)) + 10, chosen.randrange(10)) + timedelta(seconds=1)
            stand = (start, start + timedelta(minutes=8), chosen.randrange(20, 780))
            collected(settings, [van(name, stand, every_s=60)])
        refresh(settings)
        assert {tuple(vans) for evaluated in read for vans in evaluated.lines["changed_vans"].to_list()} == {(*names,)}
        assert {*names} == {name for evaluated in read for name in evaluated.positions["vehicle_id"].to_list()}
        with opened_line(settings) as opened:
            found = opened.warehouse.sql(rows).pl()
            opened.warehouse.execute(sql("fuel/macros.sql"))
            opened.warehouse.execute("delete from core.fuel_evaluations; delete from core.fuel_presence")
            assert evaluate_presence(opened.warehouse, settings) == len(bought)
            assert opened.warehouse.sql(rows).pl().equals(found)
        assert not found.equals(before)
        before = found


def test_typed_odometers_are_held_against_the_vehicles_own(one_day):
    rows = found(one_day, "provider_txn_id, odometer_valid, odometer_reason")
    assert {name: (row["odometer_valid"], row["odometer_reason"]) for name, row in rows.items() if len(name) == 1} == {
        "a": (True, None),
        "b": (False, "zero"),
        "c": (False, "repeated_digits"),
        "d": (False, "digit_extra_or_missing"),
        "e": (False, "digit_extra_or_missing"),
        "f": (False, "lower_than_previous"),
        "g": (True, None),  # within half a percent
        "h": (None, None),
        "i": (False, "lower_than_previous"),
        "j": (None, None),
    }
