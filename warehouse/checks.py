"""Which rows should not exist, whose are they, and what becomes of the date they were found on?

A check is a select in `sql/checks/`, named as the sentence it asserts; it passes by returning nothing, and each row
names its tenant and service date. The first lines say what it means and how severe it is: a failed `error` holds back
the date of that tenant, a failed `warn` is shown. Checks in `sql/checks_of_purchases/` are asked of all dates at once,
as purchases are replaced whole; those can only warn.
"""

from collections.abc import Collection, Sequence
from datetime import date
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import NamedTuple

import duckdb
import polars as pl

from warehouse.connection import sql

ERROR, WARN = "error", "warn"
OF_A_DATE, OF_PURCHASES = "checks", "checks_of_purchases"
SAMPLE_ROWS = 3
_SEVERITY = "severity: "
_ANSWER = {
    "tenant_id": pl.String, "service_date": pl.Date, "check_name": pl.String, "severity": pl.String,
    "row_count": pl.Int64, "sample": pl.String,
}  # fmt: skip


class Check(NamedTuple):
    """One check: its select, and the sentence in words."""

    name: str
    severity: str
    meaning: str
    text: str


class Failure(NamedTuple):
    """What one check found of one tenant and date; `sample` is JSON of some of the rows."""

    check: Check
    tenant_id: str
    service_date: date
    row_count: int
    sample: str | None


class CheckFailed(Exception):
    """Tenants whose rows of a date may not be shown. `found` is what their checks found, warnings included.

    `others_rebuilt`: the date was rebuilt for tenants beside them.
    """

    def __init__(self, day: date, found: Sequence[Failure], *, others_rebuilt: bool = False) -> None:
        self.day, self.found, self.others_rebuilt = day, found, others_rebuilt
        super().__init__("; ".join(self.lines()))

    @property
    def failures(self) -> dict[str, dict[str, int]]:
        """The row counts of failed checks of severity error, by tenant and check."""
        counts: dict[str, dict[str, int]] = {}
        for found in self.found:
            if found.check.severity == ERROR:
                counts.setdefault(found.tenant_id, {})[found.check.name] = found.row_count
        return counts

    def lines(self) -> list[str]:
        """One line for each tenant."""
        return [
            f"{self.day} of {tenant}: " + ", ".join(f"{name} ({count} rows)" for name, count in checks.items())
            for tenant, checks in self.failures.items()
        ]


@cache
def listed_checks(folder: str = OF_A_DATE) -> tuple[Check, ...]:
    """The checks there are, by name; ValueError names a file that does not say how severe it is."""
    found = (files("warehouse") / "sql" / folder).iterdir()
    names = sorted(path.name.removesuffix(".sql") for path in found if path.name.endswith(".sql"))
    return tuple(parsed(name, sql(f"{folder}/{name}.sql")) for name in names)


def parsed(name: str, text: str) -> Check:
    """A check with its meaning and severity, from the comment at its head."""
    said = [line.removeprefix("--").strip() for line in text.split("\n\n", 1)[0].splitlines()]
    severity = said[-1].removeprefix(_SEVERITY)
    if not said[-1].startswith(_SEVERITY) or severity not in (ERROR, WARN):
        raise ValueError(f"{name}: its comment ends with '{_SEVERITY}{ERROR}' or '{_SEVERITY}{WARN}', not {said[-1]!r}")
    return Check(name, severity, " ".join(said[:-1]), text)


def checks_digest() -> str:
    """Tells apart sets of checks."""
    return sha256("\n".join(check.text for check in listed_checks()).encode()).hexdigest()


def replace_checks(connection: duckdb.DuckDBPyConnection) -> None:
    """Put what the checks assert in the place of all that `core.checks` holds."""
    listed = [*listed_checks(), *listed_checks(OF_PURCHASES)]
    connection.execute("delete from core.checks")
    connection.executemany(
        "insert into core.checks values (?, ?, ?)", [(check.name, check.severity, check.meaning) for check in listed]
    )


def check_day(connection: duckdb.DuckDBPyConnection, day: date, tenants: Collection[str]) -> None:
    """Ask every check of one service date of these tenants and note the answers; raise CheckFailed for errors."""
    found = _asked(connection, listed_checks(), day, tenants)
    failing = {failure.tenant_id for failure in found if failure.check.severity == ERROR}
    if failing:
        raise CheckFailed(day, [failure for failure in found if failure.tenant_id in failing])
    _note(connection, listed_checks(), day, tenants, found)


def hold_back(
    connection: duckdb.DuckDBPyConnection, day: date, tenants: Collection[str], found: Sequence[Failure]
) -> None:
    """Note which of these tenants keep what they had of a service date, and why; no other is held back."""
    errors = [failure for failure in found if failure.check.severity == ERROR]
    connection.execute(
        "delete from core.held_back where service_date = $day and list_contains($tenants, tenant_id)"
        " and not list_contains($failing, tenant_id || '/' || check_name)",
        {
            "day": day,
            "tenants": [*tenants],
            "failing": [f"{failure.tenant_id}/{failure.check.name}" for failure in errors],
        },
    )
    for failure in errors:
        connection.execute(
            "insert into core.held_back values ($tenant, $day, $name, $row_count, now()::timestamp)"
            " on conflict do update set row_count = excluded.row_count",
            {"tenant": failure.tenant_id, "day": day, "name": failure.check.name, "row_count": failure.row_count},
        )
    if errors:
        _note(connection, listed_checks(), day, {failure.tenant_id for failure in errors}, found)


def recheck_ended(connection: duckdb.DuckDBPyConnection) -> None:
    """Ask the warnings again of dates that ended since they were asked: half a day says little of what is usual."""
    warnings = [check for check in listed_checks() if check.severity == WARN]
    for day, tenants in connection.execute(sql("work/ended_dates.sql")).fetchall():
        _note(connection, warnings, day, tenants, _asked(connection, warnings, day, tenants))


def check_purchases(connection: duckdb.DuckDBPyConnection) -> None:
    """Ask the checks of purchases; only what they find is noted."""
    for check in listed_checks(OF_PURCHASES):
        connection.execute("delete from core.check_results where check_name = $name", {"name": check.name})
        rows = connection.execute(
            f"select tenant_id, service_date, count(*), to_json(list(found)[1:{SAMPLE_ROWS}])::varchar"
            f" from ({check.text}) as found group by all order by all"
        ).fetchall()
        _insert(connection, [Failure(check, *row) for row in rows])


def _asked(
    connection: duckdb.DuckDBPyConnection, checks: Sequence[Check], day: date, tenants: Collection[str]
) -> list[Failure]:
    found: list[Failure] = []
    for check in checks:
        rows = connection.execute(
            f"select tenant_id, count(*), to_json(list(found)[1:{SAMPLE_ROWS}])::varchar from ({check.text}) as found"
            # Of a frozen vehicle-date only sums may be left.
            " where list_contains($tenants, tenant_id) and not exists (from core.frozen_dates as frozen"
            " where frozen.tenant_id = found.tenant_id and frozen.vehicle_id = to_json(found) ->> 'vehicle_id'"
            " and frozen.service_date = $day) group by tenant_id order by tenant_id",
            {"day": day, "tenants": list(tenants)},
        ).fetchall()
        found += [Failure(check, tenant, day, row_count, sample) for tenant, row_count, sample in rows]
    return found


def _note(
    connection: duckdb.DuckDBPyConnection,
    checks: Sequence[Check],
    day: date,
    tenants: Collection[str],
    found: Sequence[Failure],
) -> None:
    """Write down what these checks said of a service date of these tenants."""
    connection.execute(
        "delete from core.check_results where service_date = $day and list_contains($tenants, tenant_id)"
        " and list_contains($names, check_name)",
        {"day": day, "tenants": list(tenants), "names": [check.name for check in checks]},
    )
    failed = {(failure.tenant_id, failure.check.name) for failure in found}
    passed = [
        Failure(check, tenant, day, 0, None)
        for tenant in tenants
        for check in checks
        if (tenant, check.name) not in failed
    ]
    _insert(connection, [*passed, *found])


def _insert(connection: duckdb.DuckDBPyConnection, answers: Sequence[Failure]) -> None:
    rows = pl.DataFrame(
        [
            (found.tenant_id, found.service_date, found.check.name, found.check.severity, found.row_count, found.sample)
            for found in answers
        ],
        schema=_ANSWER,
        orient="row",
    )
    assert rows.height == len(answers)
    connection.execute(
        "insert into core.check_results by name select *, now()::timestamp as checked_utc from rows order by all"
    )
