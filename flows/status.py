"""How is the line doing? One screen, and whether something needs a person."""

import socket
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.copies_behind import REFRESHED, left_behind
from flows.findings import Finding, age_s, agreed, backup, disk, shown_age, spools
from flows.post.mailed import outbox_finding, recipients_finding
from flows.querying import NothingPublished, open_published
from flows.refusals import NOT_THEIRS, NOT_THEIRS_TO_HEAR, read_refusals
from flows.settings import Settings
from ingest.access import rules_of_broker
from ingest.register import read_register, register_path
from ingest.settings import DEFAULT_BROKER_URL

STALE_H = 26  # a published copy older than a day and the two hours a refresh may be late
SHOWN_NAMES = 5
RISING_REJECTS = 100  # in a day; below that a rise is not worth a person's time
RISING_TIMES = 3  # as many as on the worst of the seven days before


def print_status(settings: Settings) -> bool:
    """Print the screen; True when nothing needs a person."""
    findings = [
        *_broker(settings),
        *_refused(settings),
        *spools(settings),
        *_published(settings),
        outbox_finding(settings),
        recipients_finding(settings),
        backup(settings),
        *disk(settings),
    ]
    table = Table(show_header=False, box=None, pad_edge=False)
    for found in findings:
        mark = "[red]attention[/red]" if found.needs_person else "[green]ok[/green]"
        table.add_row(mark, found.topic, escape(found.text))
    Console().print(table)
    return not any(found.needs_person for found in findings)


def _broker(settings: Settings) -> list[Finding]:
    parts = urlsplit(settings.broker_url or DEFAULT_BROKER_URL)
    host, port = parts.hostname or "127.0.0.1", parts.port or (8883 if parts.scheme == "mqtts" else 1883)
    try:
        with socket.create_connection((host, port), timeout=2):
            return [Finding("broker", f"{parts.scheme}://{host}:{port} answers")]
    except OSError as error:
        text = f"{parts.scheme}://{host}:{port} does not answer ({error.strerror or error})"
        if settings.broker_url is None:
            return [Finding("broker", f"{text}; none is set, and `odograph demo` brings its own")]
        return [Finding("broker", f"{text}: start it, or correct ODOGRAPH_BROKER_URL", needs_person=True)]


def _refused(settings: Settings) -> list[Finding]:
    if settings.broker_log is None:
        return [Finding("refused", "not known: ODOGRAPH_BROKER_LOG names no log of the broker")]
    try:
        rules = None if settings.broker_conf is None else rules_of_broker(settings.broker_conf)
        found = read_refusals(settings.broker_log, rules=rules)
    except OSError as error:
        text = f"cannot read {error.filename or settings.broker_log} ({error.strerror}): let this user read it"
        return [Finding("refused", text, needs_person=True)]
    listed = []
    for kind, count in found.counts.most_common():
        who = ", ".join(f"{name} {times}" for name, times in found.names.get(kind, Counter()).most_common(SHOWN_NAMES))
        listed.append(f"{count} {kind}" + (f" ({who})" if who else ""))
    text = f"since {datetime.fromtimestamp(found.since_s, UTC):%m-%d %H:%M} UTC: {'; '.join(listed) or 'nobody'}"
    if not found.denied_are_logged:
        text += "; messages to topics of others are refused and not in this log (broker-config --log-denied)"
    if rules is None:
        text += "; subscriptions are not judged: ODOGRAPH_BROKER_CONF names no configuration by broker-config"
    # The world knocks at every open port. One of ours that writes or asks as another is broken, or no longer ours.
    wrong = [kind for kind in (NOT_THEIRS, NOT_THEIRS_TO_HEAR) if found.counts[kind]]
    if wrong:
        text += f"; look at {' and '.join(wrong)}: that user is set up wrongly, or its key is stolen and to be revoked"
    return [Finding("refused", text, bool(wrong))]


def _published(settings: Settings) -> list[Finding]:
    try:
        with open_published(settings.published_path) as published:
            return [
                *_freshness(published, settings.published_dir / REFRESHED),
                _copies(settings),
                *_vehicles(published),
                *_devices(published),
                *_unlisted(published),
                *_rates(published),
                *_rejects(published),
                *later_erasures(published, settings),
            ]
    except NothingPublished as nothing:
        return [Finding("published copy", str(nothing), needs_person=True)]
    except (duckdb.BinderException, duckdb.CatalogException):
        text = "made by an earlier version, with other columns: run `odograph refresh`"
        return [Finding("published copy", text, needs_person=True)]


def later_erasures(published: duckdb.DuckDBPyConnection, settings: Settings) -> list[Finding]:
    """Erasures that came after the published copy was made: after a backup was restored it shows what was erased."""
    entries = [found for found in read_register(register_path(settings.data_dir)) if found.kind == "erase"]
    if not entries:
        return []
    made_utc = published.execute("select published_utc from core.generation").fetchall()[0][0]
    later = [
        f"E{found.number} ({found.facts['reason']})"
        for found in entries
        if datetime.fromisoformat(found.at_utc).replace(tzinfo=None) > made_utc
    ]
    if not later:
        return []
    text = f"the published copy is older than {listed(later)}; `odograph refresh` erases again"
    return [Finding("erasures", text, needs_person=True)]


def _freshness(published: duckdb.DuckDBPyConnection, refreshed: Path) -> list[Finding]:
    published_utc, code = published.execute("select published_utc, code_version from core.generation").fetchall()[0]
    refreshed_s = age_s(refreshed) if refreshed.exists() else (STALE_H + 1) * 3600
    is_stale = refreshed_s > STALE_H * 3600
    text = f"{published_utc:%Y-%m-%d %H:%M} UTC, by version {code}; last refresh {shown_age(refreshed_s)} ago"
    if is_stale:
        text += ": run `odograph refresh`, or keep `odograph serve` running"
    return [Finding("published copy", text, is_stale), *_checks(published)]


def _copies(settings: Settings) -> Finding:
    """Whether the news of the copy for all reached the copies of tenants and of the network."""
    if behind := left_behind(settings):
        advice = "where no refresh is at work, run `odograph refresh`; docs/copies.md says what else helps"
        return Finding("other copies", f"older than they should be: {behind}; {advice}", needs_person=True)
    return Finding("other copies", "those of tenants and of the network are up to date")


def _checks(published: duckdb.DuckDBPyConnection) -> list[Finding]:
    """What failed checks hold back, and what others found on the newest date of each tenant."""
    held = published.execute(
        "select tenant_id || ' ' || service_date || ': '"
        " || string_agg(check_name || ' (' || row_count || ' rows)', ', ' order by check_name)"
        " from core.held_back group by tenant_id, service_date order by tenant_id, service_date"
    ).fetchall()
    findings = [Finding("checks", "all passed")]
    if held:
        named = listed([row[0] for row in held])
        text = f"{agreed(len(held), 'service date')} held back, readers see them as they were: {named}"
        findings = [Finding("checks", f"{text}; `odograph refresh` tries again", needs_person=True)]
    warned = published.execute(
        "select results.check_name, string_agg(tenant_id || ' ' || service_date, ', ' order by tenant_id, service_date)"
        " from core.check_results as results where severity = 'warn' and row_count > 0 and service_date >="
        " (select max(service_date) - 1 from marts.fleet_days as days where days.tenant_id = results.tenant_id)"
        " group by check_name order by check_name"
    ).fetchall()
    return findings + [
        Finding("warning", f"{name}: {who}; see core.check_results and core.checks") for name, who in warned
    ]


def _vehicles(published: duckdb.DuckDBPyConnection) -> list[Finding]:
    findings = []
    rows = published.execute(
        "with days as (select tenant_id, max(service_date) as day, arg_max(vehicles_heard, service_date) as heard,"
        " arg_max(coverage, service_date) as coverage from marts.fleet_days group by tenant_id)"
        " select tenant_id, day, heard, coverage, state, lag_min, newest_complete_date,"
        " state = 'silent' and newest_plan_date >= current_date from days"
        " join marts.freshness using (tenant_id) order by tenant_id"
    ).fetchall()
    for tenant, day, heard, coverage, state, lag_min, complete, is_missed in rows:
        share = "n/a" if coverage is None else f"{coverage:.1%}"
        text = f"{day}: {heard} vehicles heard, coverage {share}; {state}"
        text += "" if lag_min is None else f", last heard {shown_age(60.0 * lag_min)} ago"
        text += "" if complete is None else f"; complete up to {complete}"
        if is_missed:
            text += "; there are plans for today: are broker and collector up, and do the trackers send?"
        findings.append(Finding(f"tenant {tenant}", text, is_missed))
    silent = published.execute(
        "select planned.tenant_id, planned.vehicle_id, planned.service_date from core.planned_routes as planned"
        " anti join core.vehicle_dates using (tenant_id, vehicle_id, service_date)"
        " where planned.service_date = (select max(service_date) from core.vehicle_dates as heard"
        " where heard.tenant_id = planned.tenant_id) order by all"
    ).fetchall()
    if silent:
        named = listed([f"{tenant}/{vehicle}" for tenant, vehicle, _ in silent])
        ask = "did they go out, and have their trackers power?"
        text = f"{len(silent)} with a plan and without a position: {named}; {ask}"
        findings.append(Finding("silent vans", text, needs_person=True))
    return findings


def _devices(published: duckdb.DuckDBPyConnection) -> list[Finding]:
    """A device that fell silent while its van ran needs a look; one that nobody registered needs a name."""
    rows = published.execute(
        "select state, count(*), list(name) filter (state = 'non_communicating' and is_registered),"
        " list(name) filter (not is_registered) from"
        " (select state, is_registered, tenant_id || '/' || device_id as name from marts.device_status)"
        " group by state order by state"
    ).fetchall()
    lost, unregistered = (listed(sorted(name for row in rows for name in row[which] or ())) for which in (2, 3))
    findings = [Finding("devices", ", ".join(f"{count} {state}" for state, count, *_ in rows) or "none was heard")]
    if lost:
        text = (
            f"silent for more than a day with the engine on when last heard: {lost}; look at the tracker and its power"
        )
        findings.append(Finding("lost devices", text, needs_person=True))
    if unregistered:
        text = f"not registered: {unregistered}; name their vehicles with `odograph import assignments`"
        findings.append(Finding("unregistered", text))
    return findings


def _unlisted(published: duckdb.DuckDBPyConnection) -> list[Finding]:
    """What messages and files speak of and no list of the fleet has; it counts all the same."""
    rows = published.execute(
        "select kind, list(tenant_id || '/' || id order by tenant_id, id) from marts.unlisted"
        " group by kind order by kind"
    ).fetchall()
    return [
        Finding(f"{kind}s not listed", f"{listed(names)}; add them with `odograph import {kind}s`")
        for kind, names in rows
    ]


def listed(names: Sequence[str]) -> str:
    """Name the first ten, and say how many more there are."""
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(names[:10]) + more


def _rates(published: duckdb.DuckDBPyConnection) -> list[Finding]:
    """Report the busiest van; nothing is ever held back for its rate."""
    rows = published.execute(
        "select tenant_id || '/' || vehicle_id, service_date, peak_messages_per_min from marts.data_health"
        " where service_date = (select max(service_date) from marts.data_health) and peak_messages_per_min is not null"
        " order by 3 desc, 1 limit 1"
    ).fetchall()
    return [Finding("rates", f"{day}: at most {peak} messages a minute, from {who}") for who, day, peak in rows]


def _rejects(published: duckdb.DuckDBPyConnection) -> list[Finding]:
    rows = published.execute("select reason, count(*) from lake.rejects group by reason order by 2 desc, 1").fetchall()
    findings = [Finding("rejects", ", ".join(f"{reason} {count}" for reason, count in rows) or "none")]
    for reason, today, worst in rising_rejects(published, datetime.now(UTC)):
        look = f"odograph query \"from lake.rejects where reason = '{reason}' order by received_utc desc limit 9\""
        text = f"{reason}: {today} in a day, at most {worst} on each of the seven before; look at some: {look}"
        findings.append(Finding("rising rejects", text, needs_person=True))
    return findings


def rising_rejects(published: duckdb.DuckDBPyConnection, now_utc: datetime) -> list[tuple[str, int, int]]:
    """Reasons that came much more often in the last day than on any of the seven before: count, and worst day before.

    Nothing rises in the first two days of a line: there is nothing to compare with.
    """
    now = now_utc.replace(tzinfo=None)
    first = published.execute("select min(rebuilt_utc) from core.loads").fetchall()[0][0]
    if first is None or now - first < timedelta(days=2):
        return []
    rows = published.execute(
        "with daily as (select reason, floor(epoch($now - received_utc) / 86400)::int as days_ago, count(*) as count"
        " from lake.rejects where received_utc > $now - interval 8 day group by all)"
        " select reason, sum(count) filter (days_ago = 0), coalesce(max(count) filter (days_ago > 0), 0) as worst"
        " from daily group by reason having sum(count) filter (days_ago = 0) >= greatest($least, $times * worst)"
        " order by 2 desc, 1",
        {"now": now, "least": RISING_REJECTS, "times": RISING_TIMES},
    ).fetchall()
    return [(reason, int(today), int(worst)) for reason, today, worst in rows]
