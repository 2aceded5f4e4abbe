"""Does the line see the hand-offs of a parcel round, tell them from traffic, and say so where it cannot?"""

from datetime import date
from pathlib import Path
from typing import NamedTuple

import duckdb
import polars as pl
import pytest

from flows.refresh import refresh
from flows.report.daily import daily_report
from flows.settings import Settings
from flows.truth import compare
from ingest.simulation import Simulation, simulate
from tests.builders import published, settings_in, simulated

pytestmark = pytest.mark.campaign

DAY = date(2026, 11, 18)
HAND_OFF_CHECKS = ("hand-offs ≥ 30 s found", "hand-offs 15-30 s found", "stops that are hand-offs")


FLEETS = {
    "planned": {},
    "unplanned": {"with_plans": False},
    "never_off": {"with_plans": False, "off_share": 0.0},
    "always_off": {"with_plans": False, "off_share": 1.0},
    "coarse": {},
}
VANS = 2


class Line(NamedTuple):
    """A line that has measured the fleets, one tenant each; their truth is in a folder each."""

    settings: Settings
    folder: Path
    fleets: dict[str, Simulation]

    def ask(self, sql: str) -> pl.DataFrame:
        return published(self.settings, sql)


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    folder = tmp_path_factory.mktemp("line")
    settings = settings_in(folder / "data", max_age_days=0)
    fleets = {
        tenant: simulate(vans=VANS, seed=5, last_date=DAY, tenant=tenant, **how) for tenant, how in FLEETS.items()
    }
    for tenant, fleet in fleets.items():
        simulated(settings, fleet, folder / tenant, keep_every=3 if tenant == "coarse" else 1)
    refresh(settings)
    return Line(settings, folder, fleets)


@pytest.mark.parametrize("tenant", ["planned", "unplanned", "never_off", "always_off"])
def test_hand_offs_are_found_and_told_from_traffic(line, tenant):
    with duckdb.connect(str(line.settings.published_path.resolve()), read_only=True) as copy:
        checks = {check.name: check for check in compare(copy, line.folder / tenant) if check.name in HAND_OFF_CHECKS}
    limits = [0.97, None, 0.95 if tenant == "planned" else 0.85]
    assert [checks[name].limit for name in HAND_OFF_CHECKS] == limits
    assert {name: check.found for name, check in checks.items() if not check.holds} == {}


def test_planned_stops_say_when_and_from_how_far_they_were_served(line):
    planned = line.ask("from marts.planned_stops where tenant_id = 'planned' order by vehicle_id, planned_seq")
    assert planned.height == sum(len(truth.day.doors) for truth in line.fleets["planned"].days)
    served = planned.filter(pl.col("arrived_utc").is_not_null())
    assert (served["duration_s"] >= 20).all()
    assert (served["match_distance_m"] <= 60).all()
    missed = planned.filter(pl.col("arrived_utc").is_null())
    assert missed["match_distance_m"].null_count() == missed.height > 0
    assert not missed["is_group"].any()
    # One to one: an episode with several planned stops is a group, and each of them says so.
    shares = served.group_by("vehicle_id", "arrived_utc").agg(pl.len(), pl.col("is_group").unique())
    assert {(count > 1, *flags) for _, _, count, flags in shares.iter_rows()} == {(True, True), (False, False)}
    # Its own planned stop is the one that a stop names, at the same distance.
    both = line.ask(
        "select stops.match_distance_m as of_stop, planned.match_distance_m as of_planned, planned_stop_count"
        " from marts.stops as stops join marts.planned_stops as planned"
        " using (tenant_id, service_date, vehicle_id, route_id, planned_seq, arrived_utc) where tenant_id = 'planned'"
    )
    assert both.height == shares.height
    assert both["of_stop"].to_list() == both["of_planned"].to_list()
    completed = line.ask("select sum(completed_stop_count) from marts.route_days where tenant_id = 'planned'").item()
    assert completed == served.height == both["planned_stop_count"].sum()


@pytest.mark.parametrize("tenant", ["planned", "unplanned"])
def test_waits_in_traffic_are_in_the_ledger_and_no_stops(line, tenant):
    waits = line.ask(
        "select * from (select vehicle_id, started_utc, duration_us, state from core.ledger"
        f" where tenant_id = '{tenant}' and context = 'traffic') where duration_us >= 20e6"
    )
    assert waits.height >= 10 * VANS
    assert set(waits["state"]) == {"idle"}
    listed = line.ask(f"select vehicle_id, arrived_utc as started_utc from marts.stops where tenant_id = '{tenant}'")
    assert waits.join(listed, on=["vehicle_id", "started_utc"]).is_empty()


def test_with_every_third_fix_only_the_day_is_flagged_and_does_not_guess(line):
    for table in ("vehicle_days", "route_days", "data_health"):
        flags = line.ask(f"select tenant_id, list_contains(quality_flags, 'sampling_too_coarse') from marts.{table}")
        assert {row for row in flags.iter_rows() if row[1]} == {("coarse", True)}
        assert flags.filter(tenant_id="coarse").height == VANS
    unknown = line.ask(
        "select completed_stop_count, mean_dwell_s, stops_per_hour, stop_count from marts.route_days"
        " where tenant_id = 'coarse'"
    )
    assert all(row[:3] == (None, None, None) and row[3] > 50 for row in unknown.iter_rows())
    assert line.ask("select tenant_id, cost_per_stop is null from marts.fleet_days where tenant_id in"
                    " ('coarse', 'planned') order by all").rows() == [("coarse", True), ("planned", False)]  # fmt: skip
    # A stand that one fix saw with the engine on may have been anything: it is no stop.
    shortest = "select min(duration_s) from marts.stops where tenant_id = 'coarse' and engine_on_s = duration_s"
    assert line.ask(shortest).item() >= 50
    report = daily_report(line.settings.published_path.resolve(), "coarse", DAY)
    assert "R201" in report.text
