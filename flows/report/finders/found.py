"""What is a suggestion, and what is asked for it?"""

from datetime import date
from typing import Literal, NamedTuple, TypeVar

import duckdb

from flows.report.queries import rows
from flows.report.rendered import Period

DAYS_A_WEEK = 7

Row = TypeVar("Row")


class Action(NamedTuple):
    """One thing that could be done, about places, vans and stations; never about a driver.

    saving       money a week; None where no price or cost is known
    saving_text  the same in words, else what is saved instead of money
    why          one sentence
    evidence     what was seen, line by line
    formula      where the saving comes from, with the numbers filled in
    n            observations behind it
    confidence   likely or possible, by n
    changes      what would make it another number
    """

    kind: Literal["hot_spot", "vans", "stations", "idle_peers"]
    title: str
    saving: float | None
    saving_text: str
    why: str
    evidence: list[str]
    formula: str = ""
    n: int = 0
    confidence: Literal["likely", "possible"] = "possible"
    changes: str = ""


class Weighed(NamedTuple):
    """Something that was looked at: the suggestion it would make, and why it is none (empty: it may be one)."""

    action: Action
    refusal: str = ""


class Question(NamedTuple):
    """Whose published rows of which days."""

    connection: duckdb.DuckDBPyConnection
    tenant_id: str
    period: Period

    def rows(self, query: str, kind: type[Row], **given: object) -> list[Row]:
        """Return the rows of a query in `sql/actions/` as `kind`."""
        days = {"first": self.period.first, "last": self.period.last}
        return rows(self.connection, f"actions/{query}", kind, tenant_id=self.tenant_id, **days, **given)

    def over(self, first: date, last: date) -> "Question":
        """Return the same question about other days."""
        return self._replace(period=self.period._replace(first=first, last=last))

    def a_week(self, amount: float) -> float:
        """Return what an amount of the period is in a week."""
        return amount * DAYS_A_WEEK / ((self.period.last - self.period.first).days + 1)
