"""Which questions, and what is compared of their answers?

The thirteen of the truck benchmark. In `sql/ours` each asks the views and macros of marts, in `sql/raw` the points, by
rows and buckets of ten minutes as the benchmark does. Where both mean the same the answers must be equal; else one
figure of each is shown, as the difference is the point.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from importlib.resources import files
from random import Random
from typing import Any, NamedTuple

from flows.bench.queries.build import Built
from flows.bench.queries.fleet import FIRST_DAY, TENANTS

SAME_PLACE = 1e-9  # degrees


class Question(NamedTuple):
    """A question; `figure` says what is shown of an answer: its rows, or the mean of its last column in a unit."""

    name: str
    figure: str
    is_equal: bool = False


QUESTIONS = (
    Question("last_location", "degrees of latitude", is_equal=True),
    Question("last_locations", "rows", is_equal=True),
    Question("low_fuel", "rows"),
    Question("high_load", "rows"),
    Question("stationary_vehicles", "rows"),
    Question("long_driving_sessions", "rows"),
    Question("long_daily_sessions", "rows"),
    Question("fuel_against_projection", "l/100 km"),
    Question("daily_driving", "h a day"),
    Question("daily_driving_sessions", "min a session"),
    Question("average_load", "share"),
    Question("daily_activity", "h a day"),
    Question("breakdown_frequency", "a tenant"),
)
PROOF = "seconds_driven"  # per time on both sides: must be equal, and is not timed


def text_of(side: str, name: str) -> str:
    """The SQL of a question on one side, `ours` or `raw`."""
    return (files("flows.bench.queries") / "sql" / side / f"{name}.sql").read_text(encoding="utf-8")


def asked(text: str, run: int, built: Built) -> dict[str, object]:
    """What this text is asked with in this run: the same on both sides, another van, tenant and window each time."""
    random = Random(run)
    van = random.randrange(built.vans)
    day = FIRST_DAY + timedelta(days=random.randrange(built.days))
    begins = datetime(day.year, day.month, day.day, 14) + timedelta(minutes=random.randrange(240))
    per_tenant = -(-built.vans // TENANTS)
    given = {
        "tenant": f"fleet_{van // per_tenant}",
        "vehicle": f"V{van:06}",
        "from_utc": begins,
        "first_day": FIRST_DAY,
        "last_day": built.last_day,
    }
    return {name: value for name, value in given.items() if f"${name}" in text}


def figure_of(question: Question, rows: Sequence[tuple[Any, ...]]) -> float:
    """The one figure of an answer."""
    if question.figure == "rows" or not rows:
        return float(len(rows))
    column = 0 if question.name == "last_location" else -1
    values = [float(row[column]) for row in rows if row[column] is not None]
    return sum(values) / len(values) if values else 0.0


def is_same(one: Sequence[tuple[Any, ...]], other: Sequence[tuple[Any, ...]]) -> bool:
    """Whether two answers are the same rows; of numbers with a fraction, nearly."""
    return len(one) == len(other) and all(
        len(left) == len(right)
        and all(
            abs(a - b) <= SAME_PLACE if isinstance(a, float) and isinstance(b, float) else a == b
            for a, b in zip(left, right, strict=True)
        )
        for left, right in zip(one, other, strict=True)
    )
