"""When is a report due? A schedule is a time of day or five cron fields, kept in the recipient's own zone.

Daylight saving is as in Debian's cron: a time that a short night skips comes right after the gap, and one that a long
night has twice comes once.
"""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

_TIME_OF_DAY = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


def cron_of(schedule: str, usual: str) -> str:
    """Return a schedule as five cron fields; a time of day, `06:30`, keeps the days of the `usual` cron.

    Raises ValueError where it is neither, or never comes.
    """
    if at := _TIME_OF_DAY.fullmatch(schedule.strip()):
        return " ".join([str(int(at[2])), str(int(at[1])), *usual.split()[2:]])
    cron = " ".join(schedule.split())
    try:
        if len(cron.split()) != 5:
            raise ValueError(f"expected a time of day such as 06:30, or five cron fields, got {schedule!r}")
        next(CronSim(cron, datetime(2026, 1, 1, tzinfo=UTC)))
    except (CronSimError, StopIteration) as error:
        raise ValueError(f"{schedule!r} is no schedule of cron: {str(error) or 'it never comes'}") from error
    return cron


def next_utc(cron: str, timezone: str, after_utc: datetime) -> datetime:
    """Return the first instant after another at which a cron is due in a zone."""
    return next(CronSim(cron, after_utc.astimezone(ZoneInfo(timezone)))).astimezone(UTC)
