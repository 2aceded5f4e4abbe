"""What did a measurement of speed find, beside which peers and limits, and is each goal reached?

A figure is a ratio inside one run wherever there is somebody to compare with; a time alone says more about the machine
and the hour than about us.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple


class Figure(NamedTuple):
    """One thing measured.

    what    who did what, at which size
    value   in `unit`
    beside  what the value is divided by to give `ratio`; empty where there is nobody to compare with
    goal    the ratio, or where there is none the value, that is aimed at; None where there is no goal
    most    the goal is a limit from above
    """

    what: str
    value: float
    unit: str
    beside: str = ""
    ratio: float | None = None
    goal: float | None = None
    most: bool = False

    @property
    def is_reached(self) -> bool | None:
        """Whether the goal is reached; None without one."""
        if self.goal is None:
            return None
        found = self.value if self.ratio is None else self.ratio
        return found <= self.goal if self.most else found >= self.goal


class Section(NamedTuple):
    """Some figures under a heading; `notes` are sentences below them, such as what was not installed."""

    title: str
    figures: Sequence[Figure]
    notes: Sequence[str] = ()


HEAD = ("| what | value | ratio | beside | goal | |", "| --- | ---: | ---: | --- | ---: | --- |")


def lines(sections: Iterable[Section]) -> list[str]:
    """A table for each section as Markdown."""
    shown: list[str] = []
    for section in sections:
        shown += [section.title, "", *HEAD, *(_row(figure) for figure in section.figures), ""]
        shown += [*section.notes, ""] if section.notes else []
    return shown


def write_csv(sections: Iterable[Section], path: Path) -> None:
    """Write every figure as a row."""
    import polars as pl

    rows = [{"section": section.title, **figure._asdict()} for section in sections for figure in section.figures]
    pl.DataFrame(rows, infer_schema_length=None).write_csv(path)


def number(value: float) -> str:
    """Three significant digits, thousands apart."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _row(figure: Figure) -> str:
    ratio = "" if figure.ratio is None else f"{number(figure.ratio)} x"
    goal = "" if figure.goal is None else f"{'≤' if figure.most else '≥'} {number(figure.goal)}"
    verdict = {None: "", True: "reached", False: "MISSED"}[figure.is_reached]
    return f"| {figure.what} | {number(figure.value)} {figure.unit} | {ratio} | {figure.beside} | {goal} | {verdict} |"
