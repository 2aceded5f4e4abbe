"""What happened to one tenant in one month, as far as the published copy knows?"""

from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

from flows.report.actions import vans_needed
from flows.report.data import LAST_RESORT_TIMEZONE, MIN_COVERAGE, NothingToReport
from flows.report.monthly.rows import Flags, Health, Limit, Month, MonthlyData, Route, Station, Vehicle, Week
from flows.report.queries import rows
from flows.report.rendered import Period, month_period
from warehouse.connection import open_database

WEEKS = 9  # as many as fit a small picture: the month's and four before it


class NothingThatMonth(NothingToReport):
    """The published copy holds nothing for this tenant and month."""

    def __init__(self, tenant_id: str, period: Period, last_date: date | None) -> None:
        super().__init__(tenant_id, period.first, last_date)
        hint = f"the newest month before it is {last_date:%Y-%m}" if last_date else "nor for any month before it"
        self.args = (f"nothing is published for {tenant_id} in {period.key}, {hint}",)


class _Newest(NamedTuple):
    date_from: date | None


def read_month(published: Path, tenant_id: str, period: Period, *, min_coverage: float = MIN_COVERAGE) -> MonthlyData:
    """Read one month of one tenant; raises `NothingThatMonth` for one that is not there."""
    asked = {
        "tenant_id": tenant_id,
        "first": period.first,
        "last": period.last,
        "min_coverage": min_coverage,
        "most": WEEKS,
    }
    with open_database(published, read_only=True) as connection:
        months = {month.date_from: month for month in rows(connection, "monthly/months", Month, **asked)}
        if period.first not in months:
            raise NothingThatMonth(tenant_id, period, rows(connection, "monthly/last_month", _Newest, **asked)[0][0])
        health = rows(connection, "monthly/health", Health, **asked)[0]
        return MonthlyData(
            tenant_id=tenant_id,
            period=period,
            timezone=health.timezone or LAST_RESORT_TIMEZONE,
            min_coverage=min_coverage,
            month=months[period.first],
            before=months.get(month_period(period.first - timedelta(days=1)).first),
            year_ago=months.get(period.first.replace(year=period.first.year - 1)),
            weeks=rows(connection, "monthly/weeks", Week, **asked),
            routes=rows(connection, "monthly/routes", Route, **asked),
            vehicles=rows(connection, "monthly/vehicles", Vehicle, **asked),
            stations=rows(connection, "monthly/stations", Station, **asked),
            flags=rows(connection, "monthly/flags", Flags, **asked),
            limits=rows(connection, "monthly/limits", Limit, **asked),
            needed=vans_needed(connection, tenant_id, period),
            health=health,
        )
