"""How did the week go beside the last one and the usual one, measure by measure?

The usual one is the median of the four weeks before that were heard well; totals are brought to the days of this
week. Bars show eight weeks, the last one this week; each row has a scale of its own, on which a
change of a fifth is plain to see and one of a hundredth is not.
"""

from typing import NamedTuple

from flows.report.style import Style
from flows.report.units import NOT_KNOWN
from flows.report.weekly.measures import Measure, measures, usual
from flows.report.weekly.rows import Week, WeeklyData

BAR_WEEKS = 8
LEAST_SPAN = 0.25  # of the highest bar: what lies between low and high is never drawn wider than this times its size
BAR_PX, LEAST_PX = 16, 2
MARKS = "▁▂▃▄▅▆▇█"  # the same in plain text


class Bar(NamedTuple):
    """One week: how high it is drawn, 0 where the week has no value; `is_now`: this week."""

    height_px: int
    is_now: bool


class Score(NamedTuple):
    """One measure as it is printed; `tone` is good, fair, poor or none and only picks a colour."""

    name: str
    bars: list[Bar]
    marks: str
    now: str
    reason: str  # why there is no value; empty where there is one
    last: str
    usual: str
    difference: str
    word: str
    tone: str


def scorecard(data: WeeklyData, style: Style) -> list[Score]:
    """Return the rows in the order of reading."""
    return [_score(measure, data, style) for measure in measures(style)]


def _score(measure: Measure, data: WeeklyData, style: Style) -> Score:
    figure = measure.of(data.week, data.min_coverage, style)
    before = usual(measure, data, style)
    last = next((week for week in data.before if week.date_from == data.before_by(7)), None)
    bars = _bars([_value(measure, data, week, style) for week in _weeks(data)])
    rating = None if figure.value is None else measure.rate(figure.value, before, style)
    word = "to look at" if measure.name == "Fuel flags" and rating == "fair" else rating or ""
    difference = ""
    if figure.value is not None and before is not None:
        difference = measure.difference(figure.value - before, data.week, style)
        # What is nothing as it is printed, `±0` or `+$0.00`.
        difference = difference if any(digit in difference for digit in "123456789") else "as usual"
    return Score(
        name=measure.name,
        bars=bars,
        marks="".join("·" if not bar.height_px else MARKS[(bar.height_px - 1) * len(MARKS) // BAR_PX] for bar in bars),
        now="n/a" if figure.value is None else measure.write(figure.value, data.week, style),
        reason=figure.reason.removeprefix("n/a").strip(" ()"),
        last=_written(measure, data, last, style),
        usual=NOT_KNOWN if before is None else _write_alone(measure, before, data.week, style),
        difference=difference,
        word=word,
        tone=rating or "none",
    )


def _weeks(data: WeeklyData) -> list[Week | None]:
    """Return the eight weeks, oldest first, None where there was none."""
    found = {week.date_from: week for week in [data.week, *data.before]}
    return [found.get(data.before_by(7 * ago)) for ago in reversed(range(BAR_WEEKS))]


def _value(measure: Measure, data: WeeklyData, week: Week | None, style: Style) -> float | None:
    return None if week is None else measure.of(week, data.min_coverage, style).value


def _written(measure: Measure, data: WeeklyData, week: Week | None, style: Style) -> str:
    value = _value(measure, data, week, style)
    if week is None or value is None:
        return NOT_KNOWN
    return _write_alone(measure, value, week, style)


def _write_alone(measure: Measure, value: float, week: Week, style: Style) -> str:
    """Write a value without what it is out of, which belongs to this week."""
    return measure.write(value, week._replace(routes_planned=0), style)


def _bars(values: list[float | None]) -> list[Bar]:
    known = [value for value in values if value is not None]
    highest, lowest = (max(known), min(known)) if known else (0.0, 0.0)
    span = max(1.5 * (highest - lowest), LEAST_SPAN * highest)
    floor = max(0.0, highest - span)
    bars = []
    for place, value in enumerate(values):
        height = 0
        if value is not None:
            height = LEAST_PX + round((BAR_PX - LEAST_PX) * (value - floor) / (highest - floor or 1.0))
        bars.append(Bar(height, place == len(values) - 1))
    return bars
