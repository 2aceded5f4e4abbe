"""Which dates must be thought over because a van's idle rate was learned anew?

A date without a fuel counter takes the rate that the van's counter showed in the weeks before
(`core.learned_idle_on`). Where the idle time or fuel that was counted on a date changes, the later dates that may have
learned from it are re-opened with the reason `idle_rate`: their marts are built again, nothing is measured again.
Dates are rebuilt oldest first, so one look ahead is enough.
"""

from datetime import date

import duckdb

REASON = "idle_rate"
_COUNTED = (
    "select tenant_id, vehicle_id, counted_idle_us, counted_idle_l from core.vehicle_dates"
    " where service_date = $day and counted_idle_us is not null"
)


def remember_idle(connection: duckdb.DuckDBPyConnection, day: date) -> None:
    """Put aside what was counted on this date, before it is measured again."""
    connection.execute(f"create or replace temp table idle_before as {_COUNTED}", {"day": day})


def reopen_learners(connection: duckdb.DuckDBPyConnection, day: date) -> None:
    """Note the later vehicle-dates whose rate may have been learned from what is now counted otherwise."""
    connection.execute(
        "insert into core.reopened by name"
        f" with changed as ((({_COUNTED}) except from idle_before) union (from idle_before except ({_COUNTED})))"
        " select tenant_id, vehicle_id, service_date, $reason as reason, now()::timestamp as noted_utc"
        " from core.vehicle_dates semi join changed using (tenant_id, vehicle_id)"
        " where service_date > $day and service_date <= $day + core.learning_days() and counted_idle_us is null",
        {"day": day, "reason": REASON},
    )


def relearned_dates(connection: duckdb.DuckDBPyConnection) -> list[date]:
    """The service dates re-opened for their rates, oldest first."""
    rows = connection.execute(
        "select distinct service_date from core.reopened where reason = $reason order by 1", {"reason": REASON}
    ).fetchall()
    return [row[0] for row in rows]
