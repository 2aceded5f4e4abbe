"""Every edge case of the ledger, from the spool to the published copy: one test each, with its exact seconds.

Each case is a van of its own, laid out by `heard` right above its test. All of them go through one refresh.
"""

import random
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from flows.importing import run_import
from flows.refresh import refresh
from ingest.spool import Message
from tests.builders import collected, message, published, settings_in

ZONE = ZoneInfo("America/New_York")
DAY = date(2025, 6, 12)
SPRING, AUTUMN = date(2025, 3, 9), date(2025, 11, 2)  # 23 and 25 hours long in New York
DEPOT = (40.7, -74.0)
METRE_DEG = 1 / 111_195.08  # of latitude

MESSAGES: list[Message] = []
ASSIGNMENTS: list[tuple[str, str, str, str, str]] = []  # kind, id, vehicle, from, to
ROUTES: dict[date, list[dict[str, Any]]] = {}

Point = dict[str, Any]


def at(hour: int, minute: int = 0, day: date = DAY) -> float:
    """Epoch seconds of a local time."""
    return datetime.combine(day, time(hour, minute), ZONE).timestamp()


def every(step_s: float, values: Iterable[Point], start_s: float | None = None, **more: Any) -> list[Point]:
    """A point every `step_s` seconds; `north` is metres from the depot."""
    start_s = at(9) if start_s is None else start_s
    points = []
    for number, value in enumerate(values):
        point = {"ts": start_s + number * step_s, "seq": number, "north": 0.0} | more | value
        point["lat"], point["lon"] = DEPOT[0] + point.pop("north") * METRE_DEG, DEPOT[1]
        points.append(point)
    return points


def speeds(*kmh: float) -> list[Point]:
    return [{"spd_kmh": value} for value in kmh]


def stand(count: int, **more: Any) -> list[Point]:
    return [{"spd_kmh": 0} | more for _ in range(count)]


def journey(*waypoints: tuple[int, float], start_s: float | None = None, **more: Any) -> list[Point]:
    """A point every ten seconds of a way through (minute, metres north of the depot)."""
    values: list[Point] = []
    for (a_min, a_m), (b_min, b_m) in pairwise(waypoints):
        count = (b_min - a_min) * 6
        values += [
            {"north": a_m + (b_m - a_m) * number / count, "spd_kmh": abs(b_m - a_m) / count / 10 * 3.6}
            for number in range(count)
        ]
    return every(10, [*values, {"north": waypoints[-1][1], "spd_kmh": 0}], start_s, **{"ign": True} | more)


def heard(device: str, points: list[Point], channel: str = "pos") -> None:
    """A device publishes points, up to 400 in a message, and they arrive half a minute later."""
    for first in range(0, len(points), 400):
        batch = points[first : first + 400]
        payload = {"v": 1, "dev": device, "boot": 1, "pts": batch}
        MESSAGES.append(message(f"tm/v1/t1/{device}/{channel}", payload, max(p["ts"] for p in batch) + 30))


def assigned(kind: str, subject: str, vehicle: str, from_s: float | None = None, to_s: float | None = None) -> None:
    def instant(epoch_s: float | None) -> str:
        return "" if epoch_s is None else datetime.fromtimestamp(epoch_s, ZONE).isoformat()

    ASSIGNMENTS.append((kind, subject, vehicle, instant(from_s), instant(to_s)))


def planned(route: str, vehicle: str, exit_s: float, return_s: float, day: date = DAY, **more: Any) -> None:
    ROUTES.setdefault(day, []).append(
        {"route_id": route, "vehicle_id": vehicle, "planned_exit_utc": exit_s, "planned_return_utc": return_s} | more
    )


class Line:
    """What the published copy says of a van."""

    def __init__(self, tables: dict[str, pl.DataFrame]) -> None:
        self.tables = tables

    def rows(self, table: str, vehicle: str) -> list[dict[str, Any]]:
        return self.tables[table].filter(pl.col("vehicle_id") == vehicle).to_dicts()

    def row(self, table: str, vehicle: str) -> dict[str, Any]:
        (found,) = self.rows(table, vehicle)
        return found

    def spent(self, vehicle: str, day: date | None = None) -> dict[str, float]:
        """Seconds of each state, those without any left out."""
        seconds: dict[str, float] = {}
        for run in self.rows("core.ledger", vehicle):
            if day is None or run["service_date"] == day:
                seconds[run["state"]] = seconds.get(run["state"], 0) + run["duration_us"] / 1e6
        return seconds

    def phases(self, vehicle: str) -> list[tuple[str, float]]:
        """The phases in their order, each with its seconds."""
        found: list[tuple[str, float]] = []
        for run in self.rows("core.ledger", vehicle):
            seconds = run["duration_us"] / 1e6
            if found and found[-1][0] == run["phase"]:
                found[-1] = (run["phase"], found[-1][1] + seconds)
            else:
                found.append((run["phase"], seconds))
        return found

    def measures(self, vehicle: str) -> list[tuple[Any, ...]]:
        """The ledger without the name of the van."""
        runs = self.rows("core.ledger", vehicle)
        return [tuple(value for name, value in run.items() if name != "vehicle_id") for run in runs]


def after_nine(minutes: float) -> datetime:
    """The instant, UTC without a zone, as tables have it."""
    return datetime.combine(DAY, time(13)) + timedelta(minutes=minutes)


@pytest.fixture(scope="module")
def line(tmp_path_factory) -> Line:
    folder: Path = tmp_path_factory.mktemp("edge_cases")
    settings = settings_in(folder / "data", timezone="America/New_York")
    files = {
        "depots": "tenant_id,depot_id,timezone,latitude,longitude,radius_m,window_start,window_end\n"
        f"t1,DEP,America/New_York,{DEPOT[0]},{DEPOT[1]},150,00:00,05:00\n",
        "vehicles": "tenant_id,vehicle_id,fuel_type,status\nt1,electric,electric,active\n",
        "assignments": "tenant_id,kind,id,vehicle_id,from_utc,to_utc\n"
        + "".join(f"t1,{','.join(row)}\n" for row in ASSIGNMENTS),
    }
    for kind, text in files.items():
        (folder / f"{kind}.csv").write_text(text)
        assert run_import(settings, kind, [folder / f"{kind}.csv"])
    plans = [
        message("rt/v1/t1/DEP/plan", {"v": 1, "service_date": str(day), "routes": routes}, at(1, day=day))
        for day, routes in ROUTES.items()
    ]
    collected(settings, [*MESSAGES, *plans])
    done = refresh(settings)
    assert done.failed == []
    names = ("core.ledger", "marts.vehicle_days", "marts.route_days", "marts.data_health", "marts.idle_events")
    order = {"core.ledger": "vehicle_id, started_utc"}
    assert published(settings, "select count(*) from lake.rejects").item() == 0
    return Line({name: published(settings, f"from {name} order by {order.get(name, 'all')}") for name in names})


# ------------------------------------------------------------------ motion

heard("hysteresis", every(10, speeds(0, 4, 5, 4, 3, 4.9, 0), ign=True))


def test_hysteresis_between_stop_and_move_the_motion_stays_what_it_was(line):
    assert line.spent("hysteresis") == {"idle": 40, "drive": 20}


heard("speed-missing", every(10, [{"north": north} for north in (0, 100, 200, 200, 200, 200)], ign=True))


def test_speed_missing_it_is_derived_from_the_fixes_around(line):
    assert line.spent("speed-missing") == {"drive": 20, "idle": 30}


heard("speed-unknown", every(10, [{}, {"hdop": 9}, {"hdop": 9}, {"hdop": 9}], ign=True, hdop=9))


def test_speed_missing_where_no_good_fix_tells_is_unknown(line):
    assert line.spent("speed-unknown") == {"unknown": 30}


STUCK = [*speeds(*[27] * 32), {"spd_kmh": 27, "north": 75}, *speeds(0)]
heard("speed-frozen", every(10, STUCK, ign=False))
heard("speed-frozen-blind", every(10, STUCK))
heard("speed-held", every(10, STUCK[1:], ign=False))


def test_speed_frozen_a_speed_repeated_on_one_spot_with_the_engine_off_is_no_driving(line):
    assert line.spent("speed-frozen") == {"off": 330}
    assert line.spent("speed-frozen-blind") == {"parked": 310, "drive": 20}
    # Up to five minutes it is taken for driving, and the ignition for wrongly wired.
    assert line.spent("speed-held") == {"drive": 320}
    flags = [line.row("marts.vehicle_days", vehicle)["quality_flags"] for vehicle in ("speed-frozen", "speed-held")]
    assert [("speed_frozen" in found, "ign_wiring" in found) for found in flags] == [(True, False), (False, True)]


MOVING_ON = [{"north": 100 * n} for n in range(61)]
heard("speed-stuck", every(10, [point | {"odo_m": 5_000 + point["north"]} for point in MOVING_ON], ign=True, spd_kmh=0))
heard("speed-stuck-blind", every(10, MOVING_ON, spd_kmh=0))
heard("speed-stuck-off", every(10, MOVING_ON, ign=False, spd_kmh=0))


def test_speed_stuck_at_zero_while_the_fixes_move_on_is_driving(line):
    for vehicle in ("speed-stuck", "speed-stuck-blind", "speed-stuck-off"):
        assert line.spent(vehicle) == {"drive": 600}
        assert "speed_frozen" in line.row("marts.vehicle_days", vehicle)["quality_flags"]
    day = line.row("marts.vehicle_days", "speed-stuck")
    assert (day["distance_source"], day["distance_m"]) == ("odometer", 6_000)
    assert "ign_wiring" in line.row("marts.vehicle_days", "speed-stuck-off")["quality_flags"]


heard(
    "position-frozen",
    every(10, [{"odo_m": 1_000 + 111 * n} for n in range(61)], spd_kmh=40, rpm=1500),
)


def test_position_frozen_the_distance_is_the_odometers(line):
    assert line.spent("position-frozen") == {"drive": 600}
    day = line.row("marts.vehicle_days", "position-frozen")
    assert (day["distance_source"], day["distance_m"]) == ("odometer", 6_660)
    assert "position_frozen" in day["quality_flags"]


NOISE = random.Random(20)
WANDERING = [{"north": NOISE.gauss(0, 5)} for _ in range(601)]
heard("jitter", every(1, WANDERING, ign=True))
heard("jitter-off", every(1, WANDERING, ign=False))
heard("jitter-can", every(1, WANDERING, rpm=700, spd_kmh=0))
heard("jitter-unknown", every(1, WANDERING))


def test_gps_jitter_while_parked_adds_no_drive_and_no_distance(line):
    for vehicle, state in (
        ("jitter", "idle"),
        ("jitter-off", "off"),
        ("jitter-can", "idle"),
        ("jitter-unknown", "parked"),
    ):
        assert line.spent(vehicle) == {state: 600}
        assert line.row("marts.vehicle_days", vehicle)["distance_m"] == 0


NORTH = [100 * number for number in range(11)]
heard("jump", every(10, [{"north": 60_000 if n == 500 else n} for n in NORTH], ign=True, spd_kmh=36))
heard("re-anchored", every(10, [{"north": n + (60_000 if n >= 500 else 0)} for n in NORTH], ign=True, spd_kmh=36))


def test_jump_a_fix_no_van_can_reach_loses_its_place(line):
    day = line.row("marts.vehicle_days", "jump")
    assert line.spent("jump") == {"drive": 100}
    assert day["distance_m"] == pytest.approx(1_000, rel=1e-4)
    assert "position_jumps" in day["quality_flags"]


def test_re_anchoring_two_fixes_that_agree_are_believed_and_the_leap_is_no_distance(line):
    assert line.spent("re-anchored") == {"drive": 100}
    assert line.row("marts.data_health", "re-anchored")["jump_count"] == 0
    assert line.row("marts.vehicle_days", "re-anchored")["distance_m"] == pytest.approx(900, rel=1e-4)


# ------------------------------------------------------------------ engine

heard("rpm", every(10, [*stand(3, rpm=800, ign=False), *stand(3, rpm=0, ign=True)]))


def test_rpm_before_ignition(line):
    assert line.spent("rpm") == {"idle": 30, "off": 20}


heard("ignition", every(10, [*stand(3, ign=True, batt_v=12.0), *stand(3, ign=False, batt_v=14.0)]))


def test_ignition_before_voltage(line):
    assert line.spent("ignition") == {"idle": 30, "off": 20}


heard("voltage", every(10, [*speeds(20, 20), *stand(3), *speeds(0)], batt_v=13.2))
heard("no-alternator", every(10, [*speeds(20, 20), *stand(3), *speeds(0)], batt_v=13.1))
heard("movement", every(10, [*speeds(20, 20), *stand(3), *speeds(0)]))


def test_voltage_before_movement(line):
    assert line.spent("voltage") == {"drive": 20, "idle": 30}
    assert line.spent("no-alternator") == {"off": 50}
    assert line.spent("movement") == {"drive": 20, "parked": 30}


heard("accessory", every(10, stand(7, ign=True, rpm=0)))


def test_accessory_mode_is_not_idling(line):
    assert line.spent("accessory") == {"off": 60}


heard("engine-unknown", every(10, stand(13)))


def test_engine_unknown_is_parked_and_never_idle(line):
    assert line.spent("engine-unknown") == {"parked": 120}
    day = line.row("marts.vehicle_days", "engine-unknown")
    assert (day["coverage"], day["engine_coverage"], day["idle_share"]) == (1, 0, None)


ROLLED = [{"north": 83 * number, "spd_kmh": 30} for number in range(8)]
heard("wiring", every(10, [*ROLLED, *stand(3, north=664)], ign=False))
heard("wiring-short", every(10, [*ROLLED[1:], *stand(3, north=664)], ign=False))


def test_ignition_wired_wrongly_is_driving_after_a_minute(line):
    assert line.spent("wiring") == {"drive": 80, "off": 20}
    assert "ign_wiring" in line.row("marts.vehicle_days", "wiring")["quality_flags"]
    assert line.spent("wiring-short") == {"off": 90}


assigned("device", "electric-box", "electric")
heard(
    "electric-box",
    every(
        10,
        [
            *stand(6, ign=True),
            *speeds(30, 30),
            *stand(6, ign=False, charging=True),
            *stand(6, charging=True, batt_v=14.2),
            *stand(6, ign=True, charging=True),
            *speeds(0),
        ],
    ),
)


def test_electric_van_ready_is_not_idle_and_charging_is_off(line):
    assert line.spent("electric") == {"ready": 120, "drive": 20, "off": 120}
    day = line.row("marts.vehicle_days", "electric")
    assert (day["idle_s"], day["ready_s"], day["idle_event_count"]) == (0, 120, 0)
    assert line.rows("marts.idle_events", "electric") == []


# ------------------------------------------------------------------ odometer

ROLLING = every(10, [{"north": north} for north in NORTH], ign=True, spd_kmh=36)


def with_odometer(*readings: float) -> list[Point]:
    return [point | {"odo_m": reading} for point, reading in zip(ROLLING, readings, strict=True)]


heard("odometer", with_odometer(*range(50_000, 51_111, 101)))
heard("odometer-reset", with_odometer(*[50_000 + n for n in NORTH[:5]], *NORTH[:6]))
heard("odometer-back", with_odometer(*[50_000 + n for n in NORTH[:5]], 50_390, *[50_000 + n for n in NORTH[6:]]))
heard("odometer-above", with_odometer(*[50_000 + 10 * n for n in NORTH]))


def test_odometer_comes_before_gps(line):
    day = line.row("marts.vehicle_days", "odometer")
    assert (day["distance_source"], day["distance_m"]) == ("odometer", 1_010)


@pytest.mark.parametrize("vehicle", ["odometer-reset", "odometer-back", "odometer-above"])
def test_odometer_reset_roll_back_and_far_above_gps_are_flagged_and_gps_counts(line, vehicle):
    day = line.row("marts.vehicle_days", vehicle)
    assert (day["distance_source"], day["distance_m"]) == ("gps", pytest.approx(1_000, rel=1e-4))
    assert "odometer_rejected" in day["quality_flags"]


# ------------------------------------------------------------------ silence and time

heard("tow", every(1_800, [{"north": 0}, {"north": 1_000}, {"north": 1_100}], ign=False, spd_kmh=0))


def test_tow_a_van_found_elsewhere_with_its_engine_off_is_unknown(line):
    assert line.spent("tow") == {"unknown": 1_800, "off": 1_800}
    assert line.row("marts.vehicle_days", "tow")["distance_m"] == 0


heard("silence", [*every(10, stand(4), ign=True), *every(10, stand(2), at(9) + 931, ign=True)])


def test_silence_with_the_engine_on_is_unknown_from_the_last_fix(line):
    assert line.spent("silence") == {"idle": 40, "unknown": 901}
    assert line.row("marts.vehicle_days", "silence")["coverage"] == pytest.approx(40 / 941)


heard("open-end", every(10, [*stand(3), *speeds(50)], ign=True))


def test_open_last_sample_has_no_time(line):
    assert line.spent("open-end") == {"idle": 30}
    assert line.row("marts.vehicle_days", "open-end")["last_fix_utc"] == after_nine(0.5)


heard("one-fix", every(10, stand(1), ign=True))


def test_zero_length_day_one_fix_is_a_row_without_time(line):
    day = line.row("marts.vehicle_days", "one-fix")
    assert line.spent("one-fix") == {}
    assert (day["first_fix_utc"], day["last_fix_utc"], day["coverage"]) == (after_nine(0), after_nine(0), None)


TIED = every(10, [*stand(1), *stand(2)], ign=True)
MOVING = TIED[1] | {"spd_kmh": 50, "seq": 0}
heard("tied", [TIED[0] | {"seq": -1}, MOVING, *TIED[1:]])
heard("tied-shuffled", [TIED[2], TIED[1], MOVING, TIED[0] | {"seq": -1}])


def test_two_fixes_at_one_instant_the_later_sequence_number_speaks(line):
    assert line.spent("tied") == line.spent("tied-shuffled") == {"idle": 20}


ROUND = journey((0, 0), (3, 0), (6, 1_800), (8, 1_800), (11, 0), (13, 0))
heard("tidy", ROUND)
for number, point in enumerate(reversed(ROUND)):
    if number % 3 == 0:
        heard("newest-first", [point, point])
heard("newest-first", [point for number, point in enumerate(reversed(ROUND)) if number % 3])
heard("backlog", ROUND[40:])
heard("backlog", ROUND[:40], "his")


def test_newest_first_and_twice_gives_the_same(line):
    assert line.spent("tidy") == {"idle": 420, "drive": 360}
    assert line.measures("newest-first") == line.measures("tidy")


def test_backlog_equals_live(line):
    assert line.measures("backlog") == line.measures("tidy")


# ------------------------------------------------------------------ devices

assigned("device", "moved", "van-a", None, at(9, 2))
assigned("device", "moved", "van-b", at(9, 2))
heard("moved", every(10, stand(25), ign=True))


def test_device_moves_between_vans_each_van_has_its_own_part(line):
    assert line.spent("van-a") == {"idle": 110}
    assert line.spent("van-b") == {"idle": 120}
    assert line.rows("marts.vehicle_days", "moved") == []


assigned("device", "pair-1", "pair")
assigned("device", "pair-2", "pair")
heard("pair-1", [*every(10, stand(30), ign=True), *every(10, stand(7), at(9, 15), ign=True)])
heard("pair-2", every(10, [{"north": 7, "spd_kmh": 6 * (n % 2)} for n in range(96)], at(9) + 5))


def test_two_devices_on_one_van_one_speaks_and_the_other_fills_its_silence(line):
    spent = line.spent("pair")
    assert spent == {"idle": 355, "parked": 300, "drive": 305}
    assert "two_devices" in line.row("marts.vehicle_days", "pair")["quality_flags"]
    assert line.row("marts.data_health", "pair")["accepted_count"] == 133


assigned("device", "lent-1", "lent")
assigned("device", "lent-2", "lent")
heard("lent-1", [*every(10, stand(30), ign=True), *every(10, stand(7), at(9, 15), ign=True)])
heard("lent-2", every(10, [{"north": 5_000, "spd_kmh": 30} for _ in range(96)], at(9) + 5))


def test_a_device_that_rides_in_another_van_than_its_own_counts_for_neither(line):
    assert line.spent("lent") == {"idle": 350, "unknown": 610}
    day = line.row("marts.vehicle_days", "lent")
    assert {"devices_apart", "two_devices"} <= set(day["quality_flags"])
    assert line.row("marts.data_health", "lent")["accepted_count"] == 133


# ------------------------------------------------------------------ service dates

planned("R-night", "night", at(20), at(2, day=DAY + timedelta(days=1)))
heard("night", every(60, stand(9 * 60 + 1), at(20, 30), ign=True))
heard("night-no-plan", every(60, stand(9 * 60 + 1), at(20, 30), ign=True))


def test_route_past_midnight_with_a_plan_stays_on_its_date(line):
    assert line.spent("night", DAY) == {"idle": 9 * 3_600}
    assert {run["service_date"] for run in line.rows("core.ledger", "night")} == {DAY}


def test_route_past_midnight_without_a_plan_is_cut_at_four(line):
    # The interval from 3:59 to 4:00 would cross the border: it belongs to neither date.
    assert line.spent("night-no-plan", DAY) == {"idle": 7.5 * 3_600 - 60}
    assert line.spent("night-no-plan", DAY + timedelta(days=1)) == {"idle": 1.5 * 3_600}


for van, day in (("spring", SPRING), ("autumn", AUTUMN)):
    assigned("depot", "DEP", van)
    # From the day before to this one: the border is four hours of time, not of the clock, after midnight.
    heard(van, every(10, stand(13), at(0, day=day) + 4 * 3_600 - 60, ign=True))


def test_spring_and_autumn_daylight_saving_days_are_23_and_25_hours_long(line):
    for van, day, utc_hour, window_h in (("spring", SPRING, 9, 4), ("autumn", AUTUMN, 8, 6)):
        before, on_day = line.rows("marts.vehicle_days", van)
        assert (before["service_date"], before["idle_s"]) == (day - timedelta(days=1), 50)
        assert (on_day["service_date"], on_day["idle_s"]) == (day, 60)
        assert on_day["first_fix_utc"] == datetime.combine(day, time(utc_hour))
        assert (before["available_window_s"], on_day["available_window_s"]) == (5 * 3_600, window_h * 3_600)


# ------------------------------------------------------------------ routes

for van in ("wave", "no-plan", "no-return", "rescue", "helped"):
    assigned("depot", "DEP", van)

OUT_AND_BACK = ((0, 0), (10, 0), (15, 3_000), (16, 3_000), (17, 3_600), (18, 3_600), (24, 0), (40, 0))
WAVES = journey(*OUT_AND_BACK, (45, 3_000), (46, 3_000), (51, 0), (55, 0), route_id="R-wave")
heard("wave", WAVES)


def test_mid_day_depot_return_makes_a_second_wave(line):
    assert line.phases("wave") == [
        *[("pre", 620), ("stem_out", 280), ("on_route", 180), ("stem_back", 350)],
        *[("pre", 990), ("stem_out", 280), ("on_route", 60), ("stem_back", 290), ("post", 250)],
    ]
    route = line.row("marts.route_days", "wave")
    assert (route["segment_count"], route["on_route_s"], route["stem_s"]) == (2, 240, 1_200)
    assert (route["depot_exit_utc"], route["depot_return_utc"]) == (after_nine(620 / 60), after_nine(3_050 / 60))
    assert route["route_time_s"] == 3_050 - 620
    assert "second_wave" in route["quality_flags"]


heard("no-plan", [*journey(*OUT_AND_BACK), *every(10, stand(1, route_id="R-said"), at(9, 41), ign=False)])


def test_no_plan_the_one_route_that_messages_name_has_phases(line):
    route = line.row("marts.route_days", "no-plan")
    assert (route["route_id"], route["segment_count"], route["stop_count"]) == ("R-said", 1, 2)
    assert (route["route_time_s"], route["on_route_s"], route["stem_s"]) == (1_430 - 620, 180, 630)
    assert route["quality_flags"] == ["no_plan"]


for half, name in enumerate(("R-first", "R-second")):
    heard("two-routes", every(10, stand(12), at(9) + 120 * half, ign=True, route_id=name))


def test_no_plan_of_several_routes_that_messages_name_only_the_times_are_known(line):
    first, second = line.rows("marts.route_days", "two-routes")
    assert [(route["idle_s"], route["segment_count"]) for route in (first, second)] == [(120, None), (110, None)]
    assert first["quality_flags"] == second["quality_flags"] == ["no_plan"]


heard("no-depot", journey(*OUT_AND_BACK[1:-1], route_id="R-alone"))


def test_no_depot_only_the_way_between_the_stops_is_known(line):
    assert line.phases("no-depot") == [("none", 300), ("on_route", 180), ("none", 360)]
    route = line.row("marts.route_days", "no-depot")
    assert (route["depot_exit_utc"], route["stem_s"], route["on_route_s"]) == (None, None, 180)
    assert {"no_exit", "no_return"} <= set(route["quality_flags"])
    assert "no_depot" in line.row("marts.vehicle_days", "no-depot")["quality_flags"]


planned("R-lost", "no-return", at(9), at(10))
heard("no-return", journey(*OUT_AND_BACK[:6], (20, 2_400)))


def test_no_return_leaves_the_way_back_open(line):
    assert line.phases("no-return") == [("pre", 620), ("stem_out", 280), ("on_route", 180), ("stem_back", 120)]
    route = line.row("marts.route_days", "no-return")
    assert (route["depot_return_utc"], route["route_time_s"], route["stem_s"]) == (None, None, None)
    assert route["quality_flags"] == ["no_return"]


planned("R-shared", "helped", at(9), at(10))
planned("R-shared", "rescue", at(9), at(10), role="rescue")
heard("helped", journey(*OUT_AND_BACK))
heard("rescue", journey(*OUT_AND_BACK[:4], (21, 0)))


def test_rescue_van_has_a_row_of_its_own(line):
    routes = line.tables["marts.route_days"].filter(pl.col("route_id") == "R-shared").to_dicts()
    found = {route["vehicle_id"]: (route["role"], route["on_route_s"], route["stem_s"]) for route in routes}
    assert found == {"helped": ("primary", 180, 630), "rescue": ("rescue", 60, 570)}
