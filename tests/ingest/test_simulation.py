"""Does the simulated fleet send what real vans would, and is its truth true?"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.decode import decode
from ingest.outbox import Outgoing
from ingest.received import received_messages
from ingest.simulation import Simulation, simulate
from ingest.simulation.gateway import packed_messages
from ingest.simulation.journey import JourneyBuilder, Waypoint
from ingest.simulation.truth import hand_offs_frame, states_frame

LAST_DATE = date(2026, 3, 12)
NEXT_NOON_US = 1_773_417_600_000_000  # 2026-03-13 16:00 UTC
VANS = 24  # two depots


@pytest.fixture(scope="module")
def fleet() -> Simulation:
    return simulate(vans=VANS, last_date=LAST_DATE)


@pytest.fixture(scope="module")
def positions(fleet: Simulation) -> dict[str, dict[int, dict[str, Any]]]:
    """Every distinct point by device and fix time in milliseconds."""
    points: dict[str, dict[int, dict[str, Any]]] = defaultdict(dict)
    for _, body in bodies(fleet, "pos", "his"):
        for point in body["pts"]:
            points[body["dev"]][round(point["ts"] * 1000)] = point | {"boot": body["boot"]}
    return points


def bodies(simulation: Simulation, *kinds: str) -> Iterator[tuple[Outgoing, dict[str, Any]]]:
    for message in simulation.messages:
        if message.topic.rsplit("/", 1)[1] in kinds:
            yield message, msgspec.json.decode(message.payload)


def as_decoded(simulation: Simulation) -> Any:
    messages = simulation.messages
    segment = pa.table(
        {
            "topic": [message.topic for message in messages],
            "payload": [message.payload for message in messages],
            "received_us": pa.array([NEXT_NOON_US] * len(messages), pa.int64()),
            "retain": [False] * len(messages),
        }
    )
    return decode(received_messages(segment, "test", 1), max_age_days=30)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not():
    first, again, other = (simulate(vans=2, seed=seed, last_date=LAST_DATE) for seed in (7, 7, 8))
    assert first.messages == again.messages
    assert first.messages != other.messages


def test_a_van_lives_the_same_day_in_a_fleet_of_any_size():
    small, large = (simulate(vans=vans, last_date=LAST_DATE) for vans in (2, 5))
    of_two = {f"tm/v1/northwind/86000000000000{number}/" for number in (1, 2)}

    def sent(simulation: Simulation) -> list[Outgoing]:
        return [message for message in simulation.messages if message.topic[:-3] in of_two]

    assert sent(small) == sent(large)
    assert sent(small)


def test_every_message_becomes_rows_and_nothing_is_rejected(fleet: Simulation):
    decoded = as_decoded(fleet)
    assert decoded.rejects.num_rows == 0
    assert decoded.plans.num_rows == VANS
    rows = pl.from_arrow(decoded.positions)
    assert isinstance(rows, pl.DataFrame)
    assert rows["device_id"].n_unique() == VANS
    assert set(rows["quality"]) == {"good", "low"}
    assert rows.filter(pl.col("flags") != "").is_empty()
    assert rows.filter(pl.col("rpm").is_not_null())["device_id"].n_unique() == VANS // 2


def test_a_gateway_says_the_same_of_every_position_in_fewer_bytes(fleet: Simulation):
    few = fleet._replace(messages=[one for one in fleet.messages if "/860000000000001/" in one.topic])
    packed = few._replace(messages=list(packed_messages(few.messages)))
    of_the_way = ["payload_hash", "source_format", "point_index", "received_us", "segment_no", "spool_id"]
    said, again = (
        pl.DataFrame(pl.from_arrow(as_decoded(one).positions)).drop(of_the_way).unique() for one in (few, packed)
    )
    keys = ["device_id", "boot", "seq", "backlog"]
    assert said.height > 1_000
    assert said.sort(keys).equals(again.sort(keys))
    assert sum(len(one.payload) for one in packed.messages) < sum(len(one.payload) for one in few.messages) / 3


def test_messages_are_small_native_and_in_the_order_they_are_sent(fleet: Simulation):
    assert max(len(message.payload) for message in fleet.messages) < 60 * 1024
    assert all(len(body["pts"]) <= 500 for _, body in bodies(fleet, "pos", "his"))
    due = [message.due_us for message in fleet.messages]
    assert due == sorted(due)
    for message, body in bodies(fleet, "pos", "his", "evt"):
        assert body["v"] == 1
        assert body["dev"] == message.topic.split("/")[3]
        assert not message.retain
    assert all(message.retain for message, _ in bodies(fleet, "sta", "plan"))


def test_nothing_is_sent_before_it_is_measured(fleet: Simulation):
    for message, body in bodies(fleet, "pos", "his"):
        assert message.due_us >= max(point["ts"] for point in body["pts"]) * 1e6


def test_numbers_rise_within_a_boot_and_no_number_is_used_twice(fleet: Simulation):
    taken: dict[tuple[str, int], dict[int, float]] = defaultdict(dict)
    for _, body in bodies(fleet, "pos", "his", "evt"):
        for item in body.get("pts", [body]):
            times = taken[body["dev"], body["boot"]]
            assert times.setdefault(item["seq"], item["ts"]) == item["ts"]
    for times in taken.values():
        in_order = [times[seq] for seq in sorted(times)]
        assert in_order == sorted(in_order)
        assert len(times) == max(times) - min(times) + 1
    boots = defaultdict(set)
    for device, boot in taken:
        boots[device].add(boot)
    assert sorted(len(seen) for seen in boots.values()) == [1] * (VANS // 2) + [2] * (VANS // 2)


def test_about_one_message_in_a_hundred_is_sent_twice(fleet: Simulation):
    sent = [(message.topic, message.payload) for message in fleet.messages if not message.retain]
    assert 0.006 < 1 - len(set(sent)) / len(sent) < 0.014


def test_a_dead_zone_arrives_late_as_backlog_after_a_live_message(fleet: Simulation):
    late = list(bodies(fleet, "his"))
    assert {body["dev"] for _, body in late} == {van.van.device_id for van in fleet.days}
    live_due = defaultdict(list)
    for message, body in bodies(fleet, "pos"):
        live_due[body["dev"]].append((message.due_us, body["pts"][0]["ts"]))
    waits = []
    for message, body in late:
        assert all(point["his"] is True for point in body["pts"])
        last_ts = body["pts"][-1]["ts"]
        assert any(last_ts < first_ts and due_us <= message.due_us for due_us, first_ts in live_due[body["dev"]])
        waits.append(message.due_us / 1e6 - body["pts"][0]["ts"])
    assert max(waits) > 600
    assert all("his" not in point for _, body in bodies(fleet, "pos") for point in body["pts"])


def test_a_backlog_drains_at_no_more_than_five_messages_a_second(fleet: Simulation):
    first_sent_us: dict[str, dict[bytes, int]] = defaultdict(dict)
    for message, body in bodies(fleet, "his"):
        first_sent_us[body["dev"]].setdefault(message.payload, message.due_us)
    pauses_us = [
        later - earlier for sent in first_sent_us.values() for earlier, later in pairwise(sorted(sent.values()))
    ]
    assert 200_000 <= min(pauses_us) < 300_000


def test_a_day_looks_like_the_reference_day(fleet: Simulation):
    hand_offs = hand_offs_frame(fleet.days, "northwind").with_columns(
        dwell_s=(pl.col("departed_utc") - pl.col("arrived_utc")).dt.total_microseconds() / 1e6
    )
    counts = hand_offs.group_by("vehicle_id").len()["len"]
    assert 145 < counts.min() <= counts.max() < 195
    assert 160 < counts.mean() < 176
    assert 50 < hand_offs["dwell_s"].median() < 70
    assert 0.35 < hand_offs["engine_on"].mean() < 0.5
    spent = states_frame(fleet.days, "northwind").with_columns(
        hours=(pl.col("ended_utc") - pl.col("started_utc")).dt.total_microseconds() / 3.6e9
    )
    hours = {state: spent.filter(pl.col("state") == state)["hours"].sum() / VANS for state in ("drive", "idle")}
    assert 3.3 < hours["drive"] < 4.3
    assert 1.5 < hours["idle"] < 2.1
    route_h = [(truth.day.return_s - truth.day.exit_s) / 3600 for truth in fleet.days]
    assert 7.5 < np.mean(route_h) < 9.3


def test_truth_covers_each_van_without_holes_from_its_first_to_its_last_fix(
    fleet: Simulation, positions: dict[str, dict[int, dict[str, Any]]]
):
    states = states_frame(fleet.days, "northwind")
    for truth in fleet.days:
        own = states.filter(pl.col("vehicle_id") == truth.van.vehicle_id)
        fixes = positions[truth.van.device_id]
        assert own["started_utc"].dt.epoch("ms")[0] == min(fixes)
        assert own["ended_utc"].dt.epoch("ms")[-1] == max(fixes)
        assert (own["ended_utc"][:-1] == own["started_utc"][1:]).all()
        assert (own["started_utc"] < own["ended_utc"]).all()
        assert (own["state"][:-1] != own["state"][1:]).all()


def test_reading_the_samples_the_plain_way_comes_close_to_the_truth(
    fleet: Simulation, positions: dict[str, dict[int, dict[str, Any]]]
):
    true_s: dict[str, dict[str, float]] = defaultdict(dict)
    totals = (
        states_frame(fleet.days, "northwind")
        .with_columns(us=(pl.col("ended_utc") - pl.col("started_utc")).dt.total_microseconds())
        .group_by("vehicle_id", "state")
        .agg(pl.col("us").sum())
    )
    for vehicle_id, state, us in totals.iter_rows():
        true_s[vehicle_id][state] = us / 1e6
    read_s = {truth.van.vehicle_id: sampled_and_held(positions[truth.van.device_id]) for truth in fleet.days}
    for state in ("drive", "idle", "off"):
        for vehicle_id, read in read_s.items():
            assert read[state] == pytest.approx(true_s[vehicle_id][state], rel=0.04)
        whole = sum(true[state] for true in true_s.values())
        assert sum(read[state] for read in read_s.values()) == pytest.approx(whole, rel=0.01)


def sampled_and_held(points: dict[int, dict[str, Any]]) -> dict[str, float]:
    """A naive reader: each sample holds until the next; moving from 5 km/h, standing from 3."""
    spent = {"off": 0.0, "idle": 0.0, "drive": 0.0}
    state = "off"
    for time_ms, next_ms in pairwise(sorted(points)):
        point = points[time_ms]
        if not point["ign"]:
            state = "off"
        elif point["spd_kmh"] <= 3 or (point["spd_kmh"] < 5 and state != "drive"):
            state = "idle"
        else:
            state = "drive"
        spent[state] += (next_ms - time_ms) / 1000
    return spent


def test_a_van_stands_still_where_and_when_it_hands_over(
    fleet: Simulation, positions: dict[str, dict[int, dict[str, Any]]]
):
    device_of = {truth.van.vehicle_id: truth.van.device_id for truth in fleet.days}
    hand_offs = hand_offs_frame(fleet.days, "northwind")
    for row in hand_offs.sample(200, seed=1).iter_rows(named=True):
        points = positions[device_of[row["vehicle_id"]]]
        arrived_ms, departed_ms = (row[name].timestamp() * 1000 for name in ("arrived_utc", "departed_utc"))
        within = [points[time_ms] for time_ms in points if arrived_ms + 100 < time_ms < departed_ms - 100]
        assert all(point["spd_kmh"] < 3 for point in within)
        good = [point for point in within if point["hdop"] < 5]
        metres = [
            np.hypot(
                (point["lat"] - row["latitude"]) * 111_195,
                (point["lon"] - row["longitude"]) * 111_195 * np.cos(np.radians(row["latitude"])),
            )
            for point in good
        ]
        assert not metres or np.median(metres) < 12
        assert not row["engine_on"] or all(point["ign"] for point in within)


def test_planned_doors_lie_5_to_35_m_from_where_the_van_parks(fleet: Simulation):
    for truth in fleet.days:
        kerbs = np.array([(stand.x_m, stand.y_m) for stand in truth.day.hand_offs])
        doors = np.array([(door.x_m, door.y_m) for door in truth.day.doors])
        metres = np.hypot(*(doors[:, None] - kerbs[None, :]).transpose(2, 0, 1)).min(axis=1)
        visited = metres[: -int((metres > 200).sum())]
        assert visited.max() <= 35
        assert 1 <= (metres > 200).sum() <= 4  # never reached


def test_plans_name_each_route_once_and_say_when_they_were_issued(fleet: Simulation):
    routes = []
    for message, body in bodies(fleet, "plan"):
        assert message.topic.split("/")[3] in ("nj1", "nj2")
        assert body["service_date"] == "2026-03-12"
        assert body["issued_utc"] < "2026-03-12T10:00:00Z"
        for route in body["routes"]:
            assert route["planned_stops"] == len(route["stops"])
            routes.append((route["route_id"], route["vehicle_id"]))
    assert len(set(routes)) == len(routes) == VANS
    assert not list(bodies(simulate(vans=1, last_date=LAST_DATE, with_plans=False), "plan"))


def test_purchases_add_up_and_only_the_faults_are_wrong(fleet: Simulation):
    vans = {truth.van.vehicle_id: truth for truth in fleet.days}
    faults = {fault.provider_txn_id: fault.rule_id for fault in fleet.faults}
    assert sorted(faults.values()) == ["F1", "F11", "F4"]
    cleared = [body for _, body in bodies(fleet, "txn") if body["event_type"] == "clear"]
    assert VANS / 6 < len(cleared) < VANS / 1.5
    for body in cleared:
        truth = vans[body["vehicle_ref"]]
        assert body["quantity"] * body["unit_price"] == pytest.approx(body["gross"], abs=0.011)
        assert body["gross"] + body["discount"] == pytest.approx(body["net"], abs=0.001)
        rule = faults.get(body["provider_txn_id"])
        assert (body["quantity"] * 3.785411784 > 1.05 * truth.van.tank_l) == (rule == "F1")
        assert body["product"].startswith(truth.van.fuel_type) == (rule != "F11")
        if rule != "F4":
            assert truth.day.fuelling is not None
            assert body["site_id"].startswith("S-NJ")


def test_the_tank_rises_after_a_fuel_stop_and_the_meters_never_go_back(
    fleet: Simulation, positions: dict[str, dict[int, dict[str, Any]]]
):
    fuelled = 0
    for truth in fleet.days:
        if not truth.van.has_can:
            continue
        points = positions[truth.van.device_id]
        times = sorted(points)
        for meter in ("odo_m", "fuel_used_l"):
            readings = [points[time_ms][meter] for time_ms in times]
            assert readings == sorted(readings)
        if truth.day.fuelling is not None:
            fuelled += 1
            end_ms = (truth.clock_s + truth.day.fuelling.departed_s) * 1000
            after = [points[time_ms]["fuel_pct"] for time_ms in times if time_ms > end_ms]
            before = [points[time_ms]["fuel_pct"] for time_ms in times if time_ms < end_ms - 480_000]
            assert after[0] - before[-1] > 40
    assert fuelled


def test_days_follow_one_another_on_one_device():
    two = simulate(vans=2, days=2, last_date=LAST_DATE)
    seqs: dict[str, list[tuple[float, int, int]]] = defaultdict(list)
    for _, body in bodies(two, "pos"):
        seqs[body["dev"]].extend((point["ts"], body["boot"], point["seq"]) for point in body["pts"])
    for items in seqs.values():
        numbers = [number for _, *number in sorted(items)]
        assert numbers == sorted(numbers)
    dates = states_frame(two.days, "northwind")["started_utc"].dt.convert_time_zone("America/New_York").dt.date()
    assert set(dates) == {date(2026, 3, 11), LAST_DATE}


def test_files_have_the_columns_of_the_contract(fleet: Simulation, tmp_path: Path):
    fleet.write_truth(tmp_path)
    fleet.write_dimensions(tmp_path)
    expected = {
        "vehicles": "tenant_id vehicle_id fuel_type tank_l gvwr_lb idle_l_per_h fixed_cost_per_day"
        " package_capacity status valid_from valid_to",
        "depots": "tenant_id depot_id timezone latitude longitude radius_m window_start window_end wage_per_h",
        "drivers": "tenant_id driver_id name",
        "assignments": "tenant_id kind id vehicle_id from_utc to_utc",
        "tenants": "tenant_id name timezone currency units locale week_start",
        "cards": "tenant_id card_id provider last4 status",
        "devices": "tenant_id device_id adapter reporting_interval_s",
        "stations": "station_id name latitude longitude state timezone",
        "prices": "region product from_date price unit currency",
    }
    for name, columns in expected.items():
        assert pl.read_csv(tmp_path / f"{name}.csv").columns == columns.split()
    assignments = pl.read_csv(tmp_path / "assignments.csv", infer_schema=False)
    assert set(assignments["kind"]) == {"device", "card", "driver", "depot"}
    instant = pl.Datetime("us", "UTC")
    states = pl.read_parquet(tmp_path / "states.parquet")
    assert states.columns == ["tenant_id", "vehicle_id", "started_utc", "ended_utc", "state"]
    assert states.schema["started_utc"] == states.schema["ended_utc"] == instant
    assert set(states["state"]) == {"off", "idle", "drive"}
    assert pl.read_parquet(tmp_path / "handoffs.parquet").columns == (
        ["tenant_id", "vehicle_id", "arrived_utc", "departed_utc", "latitude", "longitude", "engine_on"]
    )
    assert pl.read_parquet(tmp_path / "faults.parquet").height == len(fleet.faults) == 3


def test_a_number_that_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        simulate(vans=0)


@settings(max_examples=40, deadline=None)
@given(
    hops=st.lists(
        st.tuples(st.floats(1, 900), st.sampled_from([0.0, 2.0, 4.5, 30.0]), st.sampled_from([0.0, 12.0])),
        min_size=1,
        max_size=12,
    ),
    cruise_mps=st.floats(3, 17),
)
def test_a_journey_arrives_where_it_should_and_never_jumps(hops: list[tuple[float, float, float]], cruise_mps: float):
    builder = JourneyBuilder(start_s=100.0, x_m=0.0, y_m=0.0)
    builder.stand(10.0, engine_on=True)
    way, x_m = [], 0.0
    for hop_m, speed_mps, wait_s in hops:
        x_m += hop_m
        way.append(Waypoint(x_m, 0.0, 0.0 if wait_s else speed_mps, wait_s))
    builder.drive(way, cruise_mps=cruise_mps)
    builder.stand(10.0, engine_on=False)
    journey = builder.finished()
    sight = journey.at(np.arange(100_000, journey.end_ms, 50))
    assert sight.x_m[-1] == pytest.approx(x_m, abs=0.01)
    assert sight.speed_mps.max() <= cruise_mps + 0.01
    assert np.abs(np.diff(sight.speed_mps)).max() <= 1.9 * 0.05 + 0.01
    assert np.abs(np.diff(sight.x_m)).max() <= cruise_mps * 0.05 + 0.03
    states = journey.states()
    assert states[0] == (100_000, "idle")
    assert states[-1][1] == "off"
