"""How do days become weeks, months and any other period?

Each text in `sql/rollups/` sums one dated mart. It is used several times: as a macro over any period, as a view by week
and one by month, by van or route, and by depot; so what a measure is over several days is written down once. Views are
never stale.
"""

from typing import NamedTuple

from warehouse.connection import sql


class Rollup(NamedTuple):
    """One text in `sql/rollups/`: the mart it sums, by what, and how its macro and its views are called."""

    name: str
    mart: str
    subject: str
    order: str  # of the days within a sum: it makes a sum of doubles the same every time
    macro: str
    views: str


ROLLUPS = (
    Rollup("vehicles", "vehicle_days", "vehicle_id", "service_date", "vehicle_totals", "vehicle"),
    Rollup("routes", "route_days", "route_id", "service_date, vehicle_id", "route_totals", "route"),
    Rollup("fleet", "fleet_days", "", "service_date", "fleet_totals", "fleet"),
    Rollup("use", "status_days", "vehicle_id", "service_date", "day_utilization", ""),
)
PERIODS = {
    "weeks": "core.week_begin(service_date, week_start) as date_from, date_from + 6 as date_to",
    "months": "date_trunc('month', service_date)::date as date_from, last_day(service_date) as date_to",
}


def rollup_sql() -> str:
    """The macros over any period, and the views by week and month."""
    parts = [sql("rollups/weeks.sql")]
    for rollup in ROLLUPS:
        parts.append(_macro(rollup))
        if rollup.views:
            parts += [_view(rollup, period) for period in PERIODS]
    parts += [_depots(period) for period in ("days", *PERIODS)]
    network = sql("rollups/network.sql")
    parts += [network.replace("{period}", period).replace("{dates}", dates) for period, dates in PERIODS.items()]
    return "\n".join(parts)


def _macro(rollup: Rollup) -> str:
    days = f"(from marts.{rollup.mart} where service_date between from_day and to_day)"
    text = _summed(rollup.name, _listed("tenant_id", rollup.subject), rollup.order, days)
    return f"create or replace macro core.{rollup.macro}(from_day, to_day) as table\n{text};\n"


def _view(rollup: Rollup, period: str) -> str:
    group = _listed("tenant_id", rollup.subject, "date_from", "date_to")
    text = _summed(rollup.name, group, rollup.order, _days(rollup.mart, period))
    if rollup.name == "vehicles":
        # A van that was available and never heard has a row as well.
        use = _summed("use", group, "service_date", _days("status_days", period))
        text = (
            f"select * replace (coalesce(days_with_data, 0) as days_with_data)\nfrom (\n{text}\n)\n"
            f"full join (\n{use}\n) using ({group})"
        )
    return f"create or replace view marts.{rollup.views}_{period} as\n{text};\n"


def _depots(period: str) -> str:
    by_day = period == "days"
    group = _listed("tenant_id", "depot_id", *(["service_date"] if by_day else ["date_from", "date_to"]))
    parts = {}
    for rollup in ROLLUPS:
        days = f"marts.{rollup.mart}" if by_day else _days(rollup.mart, period)
        parts[rollup.name] = _summed(rollup.name, group, "service_date, vehicle_id", days)
    text = sql("rollups/depots.sql")
    for alias, part in (("books", "use"), ("van", "vehicles"), ("route", "routes")):
        same = " and ".join(f"{alias}.{name} is not distinct from keys.{name}" for name in group.split(", "))
        text = text.replace(f"{{same_{alias}}}", same).replace(f"{{{part}}}", parts[part])
    return f"create or replace view marts.depot_{period} as\n{text.replace('{group}', group)};\n"


def _days(mart: str, period: str) -> str:
    """The rows of a mart with the first and last date of the period they are in."""
    return f"(select *, {PERIODS[period]} from marts.{mart} left join staging.week_starts using (tenant_id))"


def _summed(name: str, group: str, order: str, days: str) -> str:
    text = sql(f"rollups/{name}.sql").rstrip()
    return text.replace("{group}", group).replace("{order}", order).replace("{days}", days)


def _listed(*names: str) -> str:
    return ", ".join(name for name in names if name)
