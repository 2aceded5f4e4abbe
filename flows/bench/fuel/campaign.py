"""A simulated fleet meets every fault of the fuel rules and much that only looks like one: who is flagged?

    simulate -> spool -> refresh -> published copy -> flags against the truth

No broker: the messages go straight into the spool of a folder of its own, as a collector would have put them.
"""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from time import monotonic
from typing import NamedTuple

import polars as pl

from flows.bench.fuel.scoring import Accused, RuleScore, accused_decoys, score_rules
from flows.fuel.speed import LineSpeed, line_speed
from flows.querying import open_published
from flows.refresh import refresh
from flows.settings import Settings
from ingest.simulation import Simulation, simulate
from ingest.spool import Message, Spool
from warehouse.connection import open_warehouse, writer_lock
from warehouse.dimension_columns import DIMENSIONS
from warehouse.dimensions import import_dimension
from warehouse.models import prepare_models

LAST_DATE = date(2026, 11, 18)  # always the same: the same seed gives the same figures on any day
SAMPLE_S = 30
BATCH = 1000
IMPORTED = ("vehicles", "depots", "drivers", "assignments", "stations", "prices")
TRUTH = ("faults", "consequences", "decoys")
FLAGS = """
select tenant_id, provider, provider_txn_id, item_no, vehicle_id, rule_id, explanation
from marts.fuel_exceptions
"""
# Flags that say where a van was (or what it did there), raised although nobody heard the van.
UNHEARD = """
with accused as (
    select
        flags.rule_id, flags.provider_txn_id, flags.item_no, flags.vehicle_id, bought.ts_utc, bought.service_date
    from marts.fuel_exceptions as flags
    join marts.fuel_purchases as bought using (tenant_id, provider, provider_txn_id, item_no)
    where flags.rule_id in ('F4', 'F5', 'F6', 'F7', 'F17')
)
select rule_id, provider_txn_id, item_no
from accused
where not exists (
    from lake.positions
    where positions.vehicle_id = accused.vehicle_id and quality = 'good'
        and case
            when accused.ts_utc is null or accused.rule_id = 'F17' then positions.service_date = accused.service_date
            else positions.fix_utc between accused.ts_utc - interval 15 minutes and accused.ts_utc + interval 15 minutes
        end
)
"""


class Outcome(NamedTuple):
    """What became of the cases of a fleet."""

    vans: int
    days: int
    purchases: int
    positions: int
    rules: list[RuleScore]
    decoys: list[Accused]
    unheard: list[str]  # accusations of where a van was, without a fix of it
    match_states: dict[str, int]
    simulated_s: float
    refreshed_s: float
    matching: LineSpeed

    @property
    def holds(self) -> bool:
        """Every rule that can be judged is good enough, and nobody is accused without GPS."""
        return not self.unheard and all(rule.holds for rule in self.rules)


def run_campaign(folder: Path, vans: int, days: int, seed: int, tell: Callable[[str, int, int], None]) -> Outcome:
    """Simulate into `folder`, refresh there and score. `tell` hears the stage and how far it is."""
    settings = Settings(_env_file=None, data_dir=folder / "data", lake_url=None, max_age_days=0)  # type: ignore[call-arg]
    began_s = monotonic()
    tell("simulate", 0, 1)
    fleet = simulate(vans=vans, days=days, seed=seed, last_date=LAST_DATE, sample_s=SAMPLE_S, fuel_cases=True)
    tell("simulate", 1, 1)
    _import_and_spool(settings, fleet, folder / "truth")
    simulated_s = monotonic() - began_s
    refresh(settings, progress=tell)
    refreshed_s = monotonic() - began_s - simulated_s
    with open_published(settings.published_path) as published:
        flags = published.sql(FLAGS).pl()
        unheard = published.sql(UNHEARD).fetchall()
        states = published.sql("select match_state, count(*) from marts.fuel_purchases group by all order by all")
        match_states: dict[str, int] = dict(states.fetchall())
        positions = int(published.sql("select count(*) from lake.positions").fetchall()[0][0])
    truth = {
        name: pl.read_parquet(folder / "truth" / f"{name}.parquet") for name in ("faults", "consequences", "decoys")
    }
    return Outcome(
        vans,
        days,
        sum(match_states.values()),
        positions,
        score_rules(flags, truth["faults"], truth["consequences"]),
        accused_decoys(flags, truth["decoys"], truth["consequences"]),
        [f"{rule_id} {txn}/{item_no}" for rule_id, txn, item_no in unheard],
        match_states,
        simulated_s,
        refreshed_s,
        line_speed(settings),
    )


def _import_and_spool(settings: Settings, fleet: Simulation, truth: Path) -> None:
    fleet.write_truth(truth)
    fleet.write_dimensions(truth)
    with writer_lock(settings.lock_path, wait_s=0), open_warehouse(settings.warehouse_path) as warehouse:
        prepare_models(warehouse)
        for name in IMPORTED:
            import_dimension(warehouse, DIMENSIONS[name], truth / f"{name}.csv", settings.timezone)
    messages = [Message(sent.topic, sent.payload, sent.due_us, 1, sent.retain, None) for sent in fleet.messages]
    with Spool.open(settings.spool_dir / "main") as spool:
        for first in range(0, len(messages), BATCH):
            spool.append(messages[first : first + BATCH])
