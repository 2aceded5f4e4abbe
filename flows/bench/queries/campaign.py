"""Each question on the published copy and on the points, in turn, at growing sizes: how long does it take?

Both sides are DuckDB in one process with the same threads; files are warm after one run that does not count. A question
is asked `runs` times, fewer where a side takes long, each time about another van, tenant or window.
"""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import quantiles
from time import perf_counter
from typing import Any, NamedTuple

import duckdb

from flows.bench.queries.build import Built, build
from flows.bench.queries.questions import PROOF, QUESTIONS, Question, asked, figure_of, is_same, text_of
from flows.querying import open_published
from warehouse.connection import open_database

BUDGET_S = 8.0  # for one question on one side at one size
LEAST_RUNS = 3

Tell = Callable[[str, int, int], None]
Rows = Sequence[tuple[Any, ...]]


class Size(NamedTuple):
    """How much is asked about; a van makes some 2,900 points a day."""

    vans: int
    days: int


SIZES: tuple[Size, ...] = (Size(40, 9), Size(400, 9))
BIG_SIZES = (*SIZES, Size(4000, 5))


class Side(NamedTuple):
    """How long one side took, and the figure of its answers, the mean over the runs."""

    p50_ms: float
    p95_ms: float
    figure: float


class Row(NamedTuple):
    """One question at one size; `is_same` is None where the two sides mean different things."""

    question: Question
    runs: int
    ours: Side
    raw: Side
    is_same: bool | None

    @property
    def ratio(self) -> float:
        """How many times longer the points took."""
        return self.raw.p50_ms / self.ours.p50_ms


class Outcome(NamedTuple):
    """One size; `proof_holds`: driving seconds from the points, per time, are those of the copy."""

    built: Built
    built_s: float
    rows: list[Row]
    proof_holds: bool

    @property
    def holds(self) -> bool:
        """Whether everything that must be equal is."""
        return self.proof_holds and all(row.is_same is not False for row in self.rows)


def run_campaign(folder: Path, sizes: Sequence[Size], runs: int, tell: Tell) -> list[Outcome]:
    """Build each size in `folder`, ask, and remove it again."""
    return [_outcome(folder / f"{size.vans}x{size.days}", size, runs, tell) for size in sizes]


def _outcome(folder: Path, size: Size, runs: int, tell: Tell) -> Outcome:
    name = f"{size.vans} vans, {size.days} days"
    began_s = perf_counter()
    built = build(folder, size.vans, size.days, lambda done, total: tell(f"build {name}", done, total))
    built_s = perf_counter() - began_s
    outcome = _measured(built, built_s, runs, lambda done: tell(f"ask {name}", done, len(QUESTIONS)))
    shutil.rmtree(folder)
    return outcome


def _measured(built: Built, built_s: float, runs: int, tell: Callable[[int], None]) -> Outcome:
    rows = []
    with open_published(built.published) as ours, _over_points(built) as raw:
        for done, question in enumerate(QUESTIONS, 1):
            rows.append(_row(question, ours, raw, built, runs))
            tell(done)
        proof_holds = is_same(*(side.execute(text_of(name, PROOF)).fetchall() for name, side in _named(ours, raw)))
    return Outcome(built, built_s, rows, proof_holds)


def _row(
    question: Question, ours: duckdb.DuckDBPyConnection, raw: duckdb.DuckDBPyConnection, built: Built, runs: int
) -> Row:
    times: dict[str, list[float]] = {}
    answers: dict[str, list[Rows]] = {}
    for name, side in _named(ours, raw):
        times[name], answers[name] = _asked(side, text_of(name, question.name), built, runs)
    both = list(zip(answers["ours"], answers["raw"], strict=False))
    return Row(
        question=question,
        runs=len(both),
        ours=_side(question, times["ours"], answers["ours"]),
        raw=_side(question, times["raw"], answers["raw"]),
        is_same=all(is_same(*pair) for pair in both) if question.is_equal else None,
    )


def _asked(side: duckdb.DuckDBPyConnection, text: str, built: Built, runs: int) -> tuple[list[float], list[Rows]]:
    """Milliseconds and answer of every run but the first, which warms up."""
    times: list[float] = []
    answers: list[Rows] = []
    for run in range(-1, runs):
        began_s = perf_counter()
        answer = side.execute(text, asked(text, run, built) or None).fetchall()
        if run >= 0:
            times.append((perf_counter() - began_s) * 1e3)
            answers.append(answer)
        if len(times) >= LEAST_RUNS and sum(times) > BUDGET_S * 1e3:
            break
    return times, answers


def _side(question: Question, times: list[float], answers: list[Rows]) -> Side:
    figures = [figure_of(question, rows) for rows in answers]
    cuts = quantiles(times, n=20, method="inclusive") if len(times) > 1 else [times[0]] * 19
    return Side(cuts[9], cuts[18], sum(figures) / len(figures))


def _named(
    ours: duckdb.DuckDBPyConnection, raw: duckdb.DuckDBPyConnection
) -> tuple[tuple[str, duckdb.DuckDBPyConnection], ...]:
    return ("ours", ours), ("raw", raw)


def _over_points(built: Built) -> duckdb.DuckDBPyConnection:
    connection = open_database()
    for name, path in (("points", built.points / "*.parquet"), ("vehicles", built.vehicles)):
        connection.execute(f"create view {name} as from read_parquet('{str(path).replace(chr(39), chr(39) * 2)}')")
    return connection
