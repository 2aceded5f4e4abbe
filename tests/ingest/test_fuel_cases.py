"""Is every injected fuel fault what it says, and is everything else in order?"""

from collections import defaultdict
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pytest

from ingest.simulation import Simulation, simulate
from ingest.simulation.city import degrees
from ingest.simulation.paperwork import Fault
from ingest.simulation.truth import DayTruth
from tests.ingest.test_simulation import as_decoded

LAST_DATE = date(2026, 3, 6)  # none of the days before it changes the clock
VANS, DAYS = 12, 14
GALLON_L, MILE_M = 3.785411784, 1609.344


class Fleet(NamedTuple):
    """A simulation and ways to look things up in it."""

    simulation: Simulation
    final: dict[tuple[str, int], dict[str, Any]]  # last version by transaction and item
    days: dict[tuple[str, date], DayTruth]
    faults: dict[str, dict[int, list[Fault]]]  # by rule and number

    def lines(self, rule_id: str) -> list[list[dict[str, Any]]]:
        """The records of each fault of a rule."""
        return [[self.final[_key(fault)] for fault in found] for found in self.faults[rule_id].values()]

    def day(self, vehicle_id: str, instant: datetime) -> DayTruth:
        return self.days[vehicle_id, local(instant).date()]

    def metres(self, vehicle_id: str, record: dict[str, Any], minutes: float) -> float:
        """The shortest way from the van to the site, so many minutes around the purchase."""
        return float(self.sight(vehicle_id, record, minutes)[0].min())

    def sight(self, vehicle_id: str, record: dict[str, Any], minutes: float) -> tuple[Any, Any]:
        """Distances to the site and speeds in km/h, second by second around the purchase."""
        instant = datetime.fromisoformat(record["ts_utc"])
        truth = self.day(vehicle_id, instant)
        at_s = instant.timestamp() - truth.clock_s
        times_ms = np.arange(at_s - 60 * minutes, at_s + 60 * minutes, 1.0) * 1000
        journey = truth.day.journey
        sight = journey.at(np.clip(times_ms, journey.start_ms[0], journey.end_ms).astype(np.int64))
        north, east = degrees(truth.van.depot, sight.x_m, sight.y_m)
        metres = 111_195 * np.hypot(north - record["lat"], (east - record["lon"]) * np.cos(np.radians(record["lat"])))
        return metres, sight.speed_mps * 3.6


def local(instant: datetime) -> datetime:
    return instant - timedelta(hours=5)


def _key(fault: Fault) -> tuple[str, int]:
    assert fault.provider_txn_id is not None
    return fault.provider_txn_id, fault.item_no


def gallons(record: dict[str, Any]) -> float:
    return float(record["quantity"])


def instant(record: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(record["ts_utc"])


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    simulation = simulate(vans=VANS, days=DAYS, seed=3, last_date=LAST_DATE, sample_s=60, fuel_cases=True)
    final: dict[tuple[str, int], dict[str, Any]] = {}
    for message in simulation.messages:
        if message.topic.endswith("/txn"):
            body = msgspec.json.decode(message.payload)
            final[body["provider_txn_id"], body["item_no"]] = body
    days = {
        (truth.van.vehicle_id, datetime.fromtimestamp(truth.clock_s - 5 * 3600).date()): truth
        for truth in simulation.days
    }
    faults: dict[str, dict[int, list[Fault]]] = defaultdict(lambda: defaultdict(list))
    for fault in simulation.faults:
        assert fault.rule_id is not None
        faults[fault.rule_id][fault.fault_no].append(fault)
    return Fleet(simulation, final, days, faults)


@pytest.mark.campaign
def test_every_rule_has_a_fault_but_the_one_that_needs_more_days(fleet: Fleet):
    found = set(fleet.faults)
    assert found == {f"F{number}" for number in range(1, 22)} - {"F13"}
    assert len(fleet.simulation.decoys) > 30


def test_the_same_seed_gives_the_same_cases():
    first, again = (
        simulate(vans=3, days=4, seed=3, last_date=LAST_DATE, sample_s=60, fuel_cases=True) for _ in range(2)
    )
    assert (first.messages, first.faults, first.decoys) == (again.messages, again.faults, again.decoys)


def test_every_message_of_the_cases_becomes_rows(fleet: Fleet):
    cards = [message for message in fleet.simulation.messages if message.topic.endswith("/txn")]
    decoded = as_decoded(fleet.simulation._replace(messages=cards))
    assert decoded.rejects.num_rows == 0
    assert decoded.purchases.num_rows > 150


def test_faults_of_volume_are_what_they_say(fleet: Fleet):
    tank_gal = {truth.van.vehicle_id: truth.van.tank_l / GALLON_L for truth in fleet.simulation.days}
    for (record,) in fleet.lines("F1"):
        assert gallons(record) > 1.05 * tank_gal[record["vehicle_ref"]]
    for (record,) in [*fleet.lines("F2"), *fleet.lines("F3")]:
        before, after = levels(fleet, record)
        share = gallons(record) / tank_gal[record["vehicle_ref"]]
        assert share < 1.05
        assert (share > 1 - before + 0.10) == ([record] in fleet.lines("F2"))
        assert (after - before < 0.5 * share) == ([record] in fleet.lines("F3"))
    for records in fleet.lines("F8"):
        assert len(records) == 2
        assert abs(instant(records[0]) - instant(records[1])) < timedelta(minutes=60)
        assert min(map(gallons, records)) > 5
    for records in fleet.lines("F9"):
        assert len({record["site_id"] for record in records}) == 1
        assert abs(instant(records[0]) - instant(records[1])) < timedelta(minutes=15)
        van = records[0]["vehicle_ref"]
        assert sum(map(gallons, records)) > 1.05 * tank_gal[van] or all(6 < gallons(one) < 6.5 for one in records)


def levels(fleet: Fleet, record: dict[str, Any]) -> tuple[float, float]:
    """The shares of the tank half an hour before and after a purchase, as the van's sensor tells them."""
    at_s = instant(record).timestamp()
    device_id = f"8600000000{int(record['vehicle_ref'][1:]):05d}"
    around = sorted(
        (point["ts"], point["fuel_pct"] / 100)
        for message in fleet.simulation.messages
        if f"/{device_id}/" in message.topic and abs(message.due_us / 1e6 - at_s) < 7_200
        for point in msgspec.json.decode(message.payload).get("pts", [])
        if abs(point["ts"] - at_s) < 1_800
    )
    before = [level for ts, level in around if ts < at_s]
    after = [level for ts, level in around if ts > at_s + 480]
    return float(np.median(before[-5:])), float(np.median(after[:5]))


def test_faults_of_place_are_what_they_say(fleet: Fleet):
    for (record,) in [*fleet.lines("F4"), *fleet.lines("F5")]:
        assert fleet.metres(record["vehicle_ref"], record, 60) > 805
    for (record,) in fleet.lines("F5"):
        others = [van for van, day in fleet.days if day == local(instant(record)).date()]
        assert min(fleet.metres(van, record, 10) for van in others if van != record["vehicle_ref"]) < 100
    for (record,) in fleet.lines("F17"):
        when = datetime.fromisoformat(f"{record['ts_local'][:10]}T12:00:00-05:00")
        at_noon = record | {"ts_utc": when.isoformat()}
        assert fleet.metres(record["vehicle_ref"], at_noon, 600) > 5 * MILE_M


def test_faults_of_behaviour_are_what_they_say(fleet: Fleet):
    for (record,) in fleet.lines("F6"):
        metres, speeds_kmh = fleet.sight(record["vehicle_ref"], record, 3)
        assert speeds_kmh.min() > 10
        assert metres.min() < 100
    for (record,) in fleet.lines("F7"):
        truth = fleet.day(record["vehicle_ref"], instant(record))
        assert truth.day.fuelling is not None
        assert truth.day.fuelling.engine_on
        assert truth.day.fuelling.departed_s - truth.day.fuelling.arrived_s > 120
    planned = defaultdict(set)
    for message in fleet.simulation.messages:
        if message.topic.endswith("/plan"):
            body = msgspec.json.decode(message.payload)
            planned[body["service_date"]] |= {route["vehicle_id"] for route in body["routes"]}
    for (record,) in fleet.lines("F10"):
        at_night = local(instant(record)).hour < 5
        assert at_night or record["vehicle_ref"] not in planned[record["ts_local"][:10]]


def test_faults_of_papers_are_what_they_say(fleet: Fleet):
    assert {record["product"] for (record,) in fleet.lines("F11")} >= {"diesel_2", "gasoline_premium"}
    assert {record["product_code"] for (record,) in fleet.lines("F12")} == {"401"}
    for (record,) in fleet.lines("F14"):
        base = 3.459 * (1.27 if record["state"] == "NY" else 1.0)
        assert record["product"].startswith("diesel") or float(record["unit_price"]) > 1.25 * base
    for (record,) in fleet.lines("F15"):
        off = abs(float(record["quantity"]) * float(record["unit_price"]) - float(record["gross"]))
        assert off > 0.5
        assert off > 0.02 * float(record["gross"])
    for (record,) in fleet.lines("F16"):
        truth = fleet.day(record["vehicle_ref"], instant(record))
        assert abs(record["odometer_typed"] * MILE_M - truth.odometer_m) > 0.005 * truth.odometer_m + 200 * MILE_M
    assignments = fleet.simulation.dimensions["assignments"]["id"].to_list()
    vehicles = fleet.simulation.dimensions["vehicles"]["vehicle_id"].to_list()
    for (record,) in fleet.lines("F18"):
        known = (
            record["card_id"] in assignments,
            record["driver_ref"] in assignments,
            record["vehicle_ref"] in vehicles,
        )
        assert known.count(False) == 1
    for records in fleet.lines("F19"):
        one, other = ({key: value for key, value in record.items() if key != "provider_txn_id"} for record in records)
        assert one == other
    for records in fleet.lines("F21"):
        assert [record["event_type"] for record in records] == ["decline"] * 3
        assert max(map(instant, records)) - min(map(instant, records)) < timedelta(hours=24)


def test_a_skimmed_van_buys_more_than_it_burns(fleet: Fleet):
    (records,) = [found for found in fleet.lines("F20") if found[0]["vehicle_ref"] == "V006"]
    bought_gal = sum(gallons(record) for record in fleet.final.values() if record["vehicle_ref"] == "V006")
    used = [
        point["fuel_used_l"]
        for message in fleet.simulation.messages
        if "/860000000000006/" in message.topic
        for point in msgspec.json.decode(message.payload).get("pts", [])
    ]
    burned_gal = (max(used) - min(used)) / GALLON_L
    assert records
    assert bought_gal - burned_gal > max(10, 0.15 * burned_gal)


def test_nothing_else_is_wrong_with_the_papers(fleet: Fleet):
    at_fault = {(_key(fault), fault.rule_id) for fault in fleet.simulation.faults}
    vans = {truth.van.vehicle_id: truth.van for truth in fleet.simulation.days}
    second_tanks = {_key(decoy) for decoy in fleet.simulation.decoys if decoy.rule_id == "F1"}
    for key, record in fleet.final.items():
        if "quantity" not in record or record["unit"] != "gal":
            continue
        van = vans.get(record["vehicle_ref"])
        too_much = van is not None and gallons(record) > 1.05 * van.tank_l / GALLON_L
        assert too_much == ((key, "F1") in at_fault or key in second_tanks)
        off = abs(float(record["quantity"]) * float(record["unit_price"]) - float(record["gross"]))
        assert (off > 0.5) == ((key, "F15") in at_fault)


def test_look_alikes_look_guilty(fleet: Fleet):
    decoys = {decoy.case_name: decoy for decoy in fleet.simulation.decoys}
    assert {"zone_off", "without_time", "city_coordinates", "tracker_dies", "unheard", "voided"} <= decoys.keys()
    shifted = fleet.final[_key(decoys["zone_off"])]
    assert fleet.metres(shifted["vehicle_ref"], shifted, 15) > 805
    right = shifted | {"ts_utc": (instant(shifted) + timedelta(hours=3)).isoformat()}
    assert fleet.metres(shifted["vehicle_ref"], right, 10) < 100
    city = fleet.final[_key(decoys["city_coordinates"])]
    assert city["geo_quality"] == "city"
    assert fleet.metres(city["vehicle_ref"], city, 15) > 805
    assert "ts_utc" not in fleet.final[_key(decoys["without_time"])]
    for name in ("tracker_dies", "unheard"):
        record = fleet.final[_key(decoys[name])]
        assert not heard(fleet, record)


def heard(fleet: Fleet, record: dict[str, Any]) -> bool:
    """Is there a fix of the van within half an hour of a purchase?"""
    device_id = f"8600000000{int(record['vehicle_ref'][1:]):05d}"
    return any(
        abs(point["ts"] - instant(record).timestamp()) < 1_800
        for message in fleet.simulation.messages
        if f"/{device_id}/" in message.topic
        for point in msgspec.json.decode(message.payload).get("pts", [])
    )


def test_dimension_files_carry_what_vans_may(fleet: Fleet):
    vehicles = fleet.simulation.dimensions["vehicles"]
    assert {"tank2_l", "canisters_allowed", "premium_allowed", "allowed_products"} <= set(vehicles.columns)
    assert set(fleet.simulation.dimensions["prices"]["region"]) == {"NJ", "NY"}
    assert set(fleet.simulation.dimensions["stations"]["state"]) == {"NJ", "NY"}
