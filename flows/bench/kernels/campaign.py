"""How fast are the kernels beside the machine's limit and beside others, on the same arrays, at growing sizes?

Everything about one number of threads happens in one process, which a process of its own is for each number: polars
decides how many threads it has when it is imported. Times are the least of some runs in turn.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numba
import numpy as np

from flows.bench.figures import Figure, Section, number
from flows.bench.kernels.arriving import arrival_section
from flows.bench.kernels.first_call import first_call_section
from flows.bench.kernels.fleet import made_up_fleet
from flows.bench.kernels.geography import geography_section
from flows.bench.kernels.ledger_pass import full_ledger
from flows.bench.kernels.reading import read_all
from flows.bench.kernels.rivals import GAP_US, IDLE_US, MOVE_KMH, STOP_KMH, rivals
from flows.bench.kernels.timing import best_seconds
from flows.progress import Tell
from kernels.totals import Positions, Totals, state_totals
from kernels.track import Limits

POINTS_OF_A_VAN = 36_000
SHARE_OF_READING = {1: 0.35, 2: 0.5}
RUNS, RIVAL_RUNS = 8, 3
EXACT_TO = 2e-5  # of metres; everything else is exact
ARRIVED_ROWS = 5_000_000
LEDGER_VANS = 200  # at the most: it is about many runs, not about many points
OURS, READING = "state and totals", "reading the columns"


class Outcome(NamedTuple):
    """What was measured; `holds` is whether all answers were equal."""

    sections: list[Section]
    holds: bool


def run_campaign(sizes: Sequence[int], tell: Tell) -> Outcome:
    """Measure with one thread and with two, each in a process of its own; then the ledger, first calls and peers."""
    sections, holds = [], True
    for done, threads in enumerate((1, 2)):
        tell("kernels", done, 5)
        measured = _in_a_process(sizes, threads)
        sections += measured.sections
        holds = holds and measured.holds
    tell("full ledger", 2, 5)
    sections.append(full_ledger(min(max(max(sizes) // POINTS_OF_A_VAN, 1), LEDGER_VANS)))
    tell("first calls", 3, 5)
    sections.append(first_call_section())
    tell("peers", 4, 5)
    sections.append(geography_section())
    return Outcome(sections, holds)


def measured_here(sizes: Sequence[int], threads: int) -> Outcome:
    """Measure in this process, which has that many threads."""
    outcomes = [_totals_section(size, threads, is_largest=size == max(sizes)) for size in sizes]
    outcomes.append(arrival_section(min(ARRIVED_ROWS, max(sizes)), threads))
    return Outcome([section for section, _ in outcomes], all(same for _, same in outcomes))


def _in_a_process(sizes: Sequence[int], threads: int) -> Outcome:
    command = [sys.executable, "-m", "flows.bench.kernels", str(threads), *map(str, sizes)]
    environment = {**os.environ, "POLARS_MAX_THREADS": str(threads)}
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    told = json.loads(done.stdout)
    sections = [
        Section(title, [Figure(*figure) for figure in figures], notes) for title, figures, notes in told["sections"]
    ]
    return Outcome(sections, told["holds"])


def _totals_section(points: int, threads: int, *, is_largest: bool) -> tuple[Section, bool]:
    fleet = made_up_fleet(max(points // POINTS_OF_A_VAN, 1))
    positions = Positions(*fleet[:6])
    numba.set_num_threads(threads)
    answer = _asked(positions)
    ours_s = best_seconds({OURS: lambda: _asked(positions), READING: lambda: read_all(positions)}, RUNS)
    figures = [*_figures_of_ours(positions, threads, ours_s, has_goal=is_largest)]
    same, notes = True, []
    for rival in rivals():
        if positions.time_us.size > 1.1 * rival.most_points:
            continue
        ask = rival.ready(positions, threads)
        is_same = _alike(answer, ask())
        seconds = best_seconds({rival.name: ask, OURS: lambda: _asked(positions)}, RIVAL_RUNS)
        rates = {name: positions.time_us.size / spent_s / 1e6 for name, spent_s in seconds.items()}
        goal = rival.goal if is_largest or points >= rival.most_points else None
        beside = f"{rival.name}, {number(rates[rival.name])} M points/s"
        ratio = rates[OURS] / rates[rival.name]
        figures.append(Figure(OURS, rates[OURS], "M points/s", beside, ratio, goal))
        if not is_same:
            notes.append(f"{rival.name} gave ANOTHER ANSWER.")
        same = same and is_same
    numba.set_num_threads(1)
    on_one = _asked(positions)
    numba.set_num_threads(threads)
    same = same and all(np.array_equal(one, other) for one, other in zip(answer, on_one, strict=True))
    notes.append(
        "All answers are equal, on 1 thread and on 2: times and counts exactly, metres to 2e-5."
        if same
        else "Answers DIFFER."
    )
    title = f"State and totals: {positions.time_us.size / 1e6:.1f} M points, {threads} thread{'s' * (threads > 1)}"
    return Section(title, figures, notes), same


def _figures_of_ours(
    positions: Positions, threads: int, seconds: dict[str, float], *, has_goal: bool
) -> Iterator[Figure]:
    rates = {name: positions.time_us.size / spent_s / 1e6 for name, spent_s in seconds.items()}
    goal = SHARE_OF_READING.get(threads) if has_goal else None
    yield Figure(OURS, rates[OURS], "M points/s", READING, rates[OURS] / rates[READING], goal)
    yield Figure(f"{READING}, 21 bytes a point", rates[READING], "M points/s")


def _asked(positions: Positions) -> Totals:
    van_count = positions.starts.size - 1
    limits = Limits(
        np.full(van_count, GAP_US, np.int64),
        np.full(van_count, STOP_KMH, np.float32),
        np.zeros(van_count, np.bool_),
    )
    return state_totals(positions, limits, move_kmh=MOVE_KMH, idle_us=IDLE_US)


def _alike(ours: Totals, theirs: Totals) -> bool:
    exact = (
        np.array_equal(ours.spent_us, theirs.spent_us)
        and np.array_equal(ours.idle_event_count, theirs.idle_event_count)
        and np.array_equal(ours.idle_event_us, theirs.idle_event_us)
    )
    return exact and np.allclose(ours.drive_m, theirs.drive_m, rtol=EXACT_TO, atol=1e-3)
