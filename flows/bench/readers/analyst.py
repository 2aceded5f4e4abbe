"""What does somebody see who opens a link as any client would, asks, stays a while and asks again?

Run as a process of its own: `python -m flows.bench.readers.analyst PUBLISHED SECONDS SEED`. It knows nothing of the
line but the links, opens them with plain DuckDB, and prints what it saw as one line of JSON.
"""

import json
import random
import sys
from pathlib import Path
from time import monotonic, sleep

import duckdb

GENERATION = "select generation_id from core.generation"
# Each has to be true, also of a copy from before the first position: it compares what was built of one generation at
# different ends of the line.
TRUTHS = {
    "time of vehicle days is that of the ledger": (
        "select (select coalesce(sum(drive_s + idle_s + ready_s + off_s + parked_s + unknown_s), 0)"
        " from marts.vehicle_days)"
        " = (select coalesce(sum(duration_us), 0) / 1e6 from core.ledger)"
    ),
    "fleet days sum over vehicle days": (
        "select (select coalesce(sum(idle_s), 0) from marts.fleet_days)"
        " = (select coalesce(sum(idle_s), 0) from marts.vehicle_days)"
    ),
    "every van-date that was measured has a row": (
        "select (select count(*) from core.vehicle_dates) = (select count(*) from marts.vehicle_days)"
    ),
    "accepted positions are those of the lake": (
        "select (select count(*) from lake.positions)"
        " = (select coalesce(sum(accepted_count), 0) from marts.data_health)"
    ),
}
NETWORK_TRUTHS = {
    "fleets whose positions were accepted have a row": (
        "select (select count(*) from marts.data_health_days where accepted_count > 0)"
        " = (select count(*) from marts.fleet_days)"
    )
}
STAYS_S = (0.0, 0.3)
STAYS_LONG_S = 6.0  # over several generations, one time in ten


class Analyst:
    """What one analyst did and saw."""

    def __init__(self) -> None:
        self.open_s: list[float] = []
        self.query_count = 0
        self.errors: list[str] = []
        self.generations: dict[str, list[str]] = {}

    def look(self, link: Path, stay_s: float) -> None:
        """Open a link, ask everything, stay, and ask again."""
        try:
            began_s = monotonic()
            with duckdb.connect(str(link), read_only=True) as copy:
                copy.execute(GENERATION).fetchall()
                self.open_s.append(monotonic() - began_s)
                before = self._asked(link, copy)
                sleep(stay_s)
                if self._asked(link, copy) != before:
                    self.errors.append(f"{link.name}: what was read changed within one connection")
            self._note(link, before["generation"])
        except Exception as error:  # whatever goes wrong is what is looked for here
            self.errors.append(f"{link.name}: {type(error).__name__}: {error}")

    def _asked(self, link: Path, copy: duckdb.DuckDBPyConnection) -> dict[str, str]:
        rows = copy.execute(GENERATION).fetchall()
        if len(rows) != 1:
            self.errors.append(f"{link.name}: {len(rows)} generations in one copy")
        answers = {"generation": str(rows[0][0])}
        has_lake = copy.execute("select count(*) from duckdb_views() where schema_name = 'lake'").fetchall() != [(0,)]
        for name, query in (NETWORK_TRUTHS if link.stem == "network" else TRUTHS).items():
            if "lake." in query and not has_lake:
                continue
            holds = copy.execute(query).fetchall()
            self.query_count += 1
            answers[name] = str(holds)
            if holds != [(True,)]:
                self.errors.append(f"{link.name}, generation {answers['generation']}: not so: {name}: {holds}")
        return answers

    def _note(self, link: Path, generation: str) -> None:
        seen = self.generations.setdefault(link.name, [])
        if seen and generation < seen[-1]:
            self.errors.append(f"{link.name}: generation {generation} after {seen[-1]}")
        if not seen or generation != seen[-1]:
            seen.append(generation)

    def said(self) -> str:
        return json.dumps(self.__dict__)


def links(published: Path) -> list[Path]:
    """What there is to open."""
    return sorted(
        [*published.glob("odograph.duckdb"), *published.glob("network.duckdb"), *published.glob("tenants/*.duckdb")]
    )


def main(published: Path, seconds: float, seed: int) -> None:
    """Look at links until the time is over; print what was seen."""
    chance, analyst, until_s = random.Random(seed), Analyst(), monotonic() + seconds
    while monotonic() < until_s:
        stays_long = chance.random() < 0.1
        analyst.look(chance.choice(links(published)), STAYS_LONG_S if stays_long else chance.uniform(*STAYS_S))
    print(analyst.said())


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))
