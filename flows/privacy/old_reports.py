"""Which rendered reports and mails are over their time?

They show a day of each van with the initials of who drove it, so they go by the date in their name. One that a hold of
its tenant covers stays; whose it is is told by its name, of a mail by its List-Id.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from email import message_from_bytes, policy
from pathlib import Path

import duckdb

from flows.post.mail import list_label
from flows.report.rendered import Period, period_in
from flows.report.save import file_name
from flows.settings import Settings
from warehouse.retention import Due, cutoff_dates, kinds

LONGEST_DAYS = 31  # that a report other than a daily one shows, before or after the date in its name


def expire_reports(
    warehouse: duckdb.DuckDBPyConnection, settings: Settings, today: date, *, dry_run: bool
) -> list[Due]:
    """Delete the files in the folders of reports and mails that are over their time.

    Reads the temporary `cutoffs` and `held`.
    """
    before = cutoff_dates(warehouse, "reports")
    usual = today - timedelta(days=kinds()["reports"].keep_days)
    holds = warehouse.execute("select tenant_id, from_date, to_date from held").fetchall()
    known = {*before, *(tenant for tenant, _, _ in holds)}
    listed: dict[str, list[int]] = {}
    for path, period, tenants in _dated(settings, known):
        # Two tenants may have one name as a file: then the longer period counts, and holds of both.
        if period.last >= min((before.get(tenant, usual) for tenant in tenants), default=usual):
            continue
        count = listed.setdefault(min(tenants, default=""), [0, 0, 0])
        span = timedelta(days=0 if path.name.startswith("daily") else LONGEST_DAYS)
        if any(
            tenant in tenants and first - span <= period.last and period.first <= _later(last, span)
            for tenant, first, last in holds
        ):
            count[2] += 1
            continue
        count[0] += 1
        count[1] += path.stat().st_size
        if not dry_run:
            path.unlink()
    return [Due("reports", tenant, before.get(tenant, usual), *counts) for tenant, counts in sorted(listed.items())]


def _later(day: date, span: timedelta) -> date:
    return day if date.max - day < span else day + span


def _dated(settings: Settings, known: set[str]) -> Iterator[tuple[Path, Period, set[str]]]:
    """Files of reports and mails with the period in their name and the tenants whose they may be."""
    for path in sorted(settings.reports_dir.rglob("*")):
        if path.is_file() and (found := period_in(path.name)):
            stem = path.name[: found[1]]
            yield path, found[0], {name for name in known if stem.endswith(f"-{file_name(name)}-")}
    for path in sorted(settings.mail_dir.rglob("*.eml")):
        if found := period_in(path.name):
            list_id = str(message_from_bytes(path.read_bytes(), policy=policy.default)["List-Id"])
            yield path, found[0], {name for name in known if f".{list_label(name)}." in list_id}
