"""Who sends reports in a campaign? A process that asks for the report of one date after the other, again and again.

    python -m flows.chaos.poster

Each report leaves once however often it is asked for. What becomes due by itself is sent as well: what waited, and
corrections. It goes by the settings, and may be killed at any moment.
"""

import logging
import sys
from datetime import UTC, date, datetime
from time import sleep

from flows.post.due import post_due, send_now
from flows.querying import open_published
from flows.report.rendered import day_period
from flows.reporting import NOBODY
from flows.settings import Settings

PAUSE_S = 1.0
DAYS = "select distinct tenant_id, service_date from marts.fleet_days order by all"
ReportDay = tuple[str, date]  # of a tenant


def report_days(settings: Settings) -> list[ReportDay]:
    """Every tenant and service date of which there is a report."""
    with open_published(settings.published_path) as published:
        return published.execute(DAYS).fetchall()


def post(settings: Settings, tenant: str, day: date) -> str:
    """Send the report of a date to all who have not had it; what went wrong, empty for nothing."""
    try:
        send_now(settings, "daily", tenant, day_period(day), nobody=NOBODY)
    except Exception as error:  # whatever befell it; the next round tries again
        return f"{tenant} {day}: {error}"
    return ""


def main() -> None:
    """Post until somebody ends us."""
    logging.disable(logging.CRITICAL)
    settings = Settings.read()
    while True:
        for tenant, day in report_days(settings):
            if problem := post(settings, tenant, day):
                print(problem, file=sys.stderr, flush=True)
            sleep(PAUSE_S)
        for problem in post_due(settings, datetime.now(UTC)).problems:
            print(f"due: {problem}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
