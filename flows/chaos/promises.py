"""Is a promise of the design kept, in what a campaign left behind? One check for each, of frames and counts.

A check says what it compared, with counts, and lists what is wrong; nothing wrong means held. What a campaign cannot
show stands in `BESIDE`, with the command that does.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import polars as pl

from flows.chaos.mails import Mails, first_of

TITLES = {
    "P1": "nothing acknowledged is lost",
    "P2": "nothing is counted twice",
    "P3": "order does not matter",
    "P4": "every second is counted once",
    "P5": "unknown is a state",
    "P6": "readers never wait and never block",
    "P7": "every number has a lineage",
    "P8": "a report is sent once",
    "P9": "nobody writes or sees another's",
    "P10": "memory is bounded",
}
BESIDE = {
    "P3": "more kinds of tables and dimensions: pytest tests/flows/test_order.py",
    "P4": "every input there may be: pytest tests/kernels",
    "P7": "every column of every mart: pytest tests/flows/test_explain_numbers.py",
    "P9": "certificates, passwords and who may read: pytest tests/flows/test_broker_security.py",
    "P10": "ten times the data: odograph bench line --points 20 --points 200",
}
SHOWN = 5
LONGEST_OPEN_S = 30.0  # of an analyst who waits for somebody; a machine that is busy takes seconds
# Of a collector: an inbox of 64 MiB twice over, the segment it writes and Python itself. Of a refresh: what its setting
# says of the database (512 MiB) and of positions beside it (600 MiB), and what it loads of libraries.
MOST_MIB = {"collector": 400, "refresh": 1600}


class Finding(NamedTuple):
    """What was found of one promise: what was compared, and what is wrong; `counted` None: not in this campaign."""

    promise: str
    counted: str | None
    broken: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """In one word."""
        return "not asked" if self.counted is None else "BROKEN" if self.broken else "held"


class Stored(NamedTuple):
    """What the published copy has of what was sent: keys with how often each stands there, and what was judged away.

    points     tenant_id, device_id, seq, rows
    purchases  tenant_id, provider_txn_id, rows
    kept       messages in the spool, repeats and all
    """

    points: pl.DataFrame
    purchases: pl.DataFrame
    kept: int


class Sent(NamedTuple):
    """What publishers wrote down: keys, and how many messages; `confirmed` of them had a receipt.

    points     tenant_id, device_id, seq, fix_us, state
    purchases  tenant_id, provider_txn_id
    """

    points: pl.DataFrame
    purchases: pl.DataFrame
    messages: int
    confirmed: int
    trespasses: int


class Seen(NamedTuple):
    """What analysts saw."""

    opens: int
    queries: int
    longest_open_s: float
    generations: int
    refreshes: int  # that ended well meanwhile
    errors: Sequence[str]


class Traced(NamedTuple):
    """Numbers that were explained.

    differing      those that would be another when made anew, or could not be explained
    without_load   vehicle-dates that no load is named for
    segments       segments that positions name; `missing` of them are not in the spool
    """

    numbers: int
    differing: Sequence[str]
    vehicle_dates: int
    without_load: Sequence[str]
    segments: int
    missing: Sequence[str]


def nothing_lost(sent: Sent, stored: Stored) -> Finding:
    """P1: all that was confirmed, and in the end all that was sent, is in the published copy."""
    points = sent.points.join(stored.points, on=["tenant_id", "device_id", "seq"], how="anti")
    purchases = sent.purchases.join(stored.purchases, on=["tenant_id", "provider_txn_id"], how="anti")
    broken = [*_listed("points lost", points.select("tenant_id", "device_id", "seq"))]
    broken += _listed("purchases lost", purchases)
    if sent.confirmed < sent.messages:
        broken.append(f"{sent.messages - sent.confirmed:,} messages without a receipt in the end")
    counted = (
        f"{sent.messages:,} messages sent, {sent.confirmed:,} confirmed; {sent.points.height:,} points and"
        f" {sent.purchases.height:,} purchases looked for in the published copy, {points.height + purchases.height}"
        " missing"
    )
    return Finding("P1", counted, tuple(broken))


def nothing_twice(sent: Sent, stored: Stored, differing: Mapping[str, Sequence[str]]) -> Finding:
    """P2: each key stands in the copy once, and another replay of the spool or rebuild of it changes nothing."""
    broken = [*_listed("points more than once", stored.points.filter(pl.col("rows") > 1))]
    broken += _listed("purchases more than once", stored.purchases.filter(pl.col("rows") > 1))
    broken += [f"{name}: other rows in {table}" for name, tables in differing.items() for table in tables]
    rows = int(stored.points["rows"].sum()) + int(stored.purchases["rows"].sum())
    counted = (
        f"{stored.kept:,} messages in the spool of {sent.messages:,} sent, {rows:,} rows with as many keys;"
        f" {', '.join(differing)}: equal tables"
    )
    return Finding("P2", counted, tuple(broken))


def order_free(messages: int, tables: int, differing: Mapping[str, Sequence[str]]) -> Finding:
    """P3: lines that got the same messages in another order have the same tables."""
    broken = [f"{name}: other rows in {table}" for name, found in differing.items() for table in found]
    return Finding("P3", f"{messages:,} messages {', and '.join(differing)}: {tables} tables compared", tuple(broken))


def seconds_once(days: pl.DataFrame, check_rows: Sequence[str]) -> Finding:
    """P4: the ledger of each vehicle-date covers its positions without a gap or an overlap, to the microsecond.

    `days`: tenant_id, vehicle_id, service_date, span_us, ledger_us, overlap_count; `check_rows`: of our own checks.
    """
    wrong = days.filter((pl.col("span_us") != pl.col("ledger_us")) | (pl.col("overlap_count") > 0))
    broken = [*_listed("vehicle-dates that do not add up", wrong), *(f"check found rows: {row}" for row in check_rows)]
    hours = int(days["span_us"].sum()) / 3.6e9
    if not days.height:
        broken.append("no vehicle-date was measured")
    return Finding("P4", f"{days.height} vehicle-dates, {hours:,.1f} h of vans, to the microsecond", tuple(broken))


def silence_unknown(truth: pl.DataFrame, ledger: pl.DataFrame, silences: int) -> Finding:
    """P5: each state has as many microseconds as the vans that were sent had, and silence is in none but unknown.

    Both frames: tenant_id, vehicle_id, service_date, state, spent_us.
    """
    keys = ["tenant_id", "vehicle_id", "service_date", "state"]
    both = truth.join(ledger, on=keys, how="full", coalesce=True, suffix="_found")
    wrong = both.filter(pl.col("spent_us").fill_null(0) != pl.col("spent_us_found").fill_null(0)).sort(keys)
    unknown_h = int(truth.filter(pl.col("state") == "unknown")["spent_us"].sum()) / 3.6e9
    broken = [*_listed("states with another time than was driven", wrong)]
    if not silences:
        broken.append("no van was ever silent: the campaign was too short to show anything")
    counted = f"{silences} silences of vans, {unknown_h:,.1f} h: in no state but unknown; all states as driven"
    return Finding("P5", counted, tuple(broken))


def readers_served(seen: Seen | None) -> Finding:
    """P6: every open worked at once and showed one whole generation, none an older one; and refreshes went on."""
    if seen is None:
        return Finding("P6", None)
    broken = list(seen.errors[:SHOWN])
    if len(seen.errors) > SHOWN:
        broken.append(f"and {len(seen.errors) - SHOWN:,} more")
    if seen.longest_open_s > LONGEST_OPEN_S:
        broken.append(f"an analyst waited {seen.longest_open_s:.0f} s for a first answer")
    if not seen.opens:
        broken.append("no analyst got an answer")
    if not seen.refreshes:
        broken.append("no refresh ended well while analysts read")
    counted = (
        f"{seen.opens:,} opens, {seen.queries:,} queries over {seen.generations} generations, longest"
        f" {seen.longest_open_s:.1f} s, {len(seen.errors)} errors; {seen.refreshes} refreshes ended well meanwhile"
    )
    return Finding("P6", counted, tuple(broken))


def numbers_traced(traced: Traced) -> Finding:
    """P7: numbers can be made anew from what is named, and what is named is there."""
    broken = [f"not what its lineage makes of it: {name}" for name in traced.differing[:SHOWN]]
    broken += [f"no load made {name}" for name in traced.without_load[:SHOWN]]
    broken += [f"named by positions and not in the spool: {name}" for name in traced.missing[:SHOWN]]
    if not traced.numbers:
        broken.append("no number could be explained")
    counted = (
        f"{traced.numbers} numbers made anew, {traced.vehicle_dates} vehicle-dates with the load that made them,"
        f" {traced.segments:,} segments of positions looked for"
    )
    return Finding("P7", counted, tuple(broken))


def mails_once(mails: Mails | None) -> Finding:
    """P8: what was to be sent arrived, none twice where anybody but the server could know, and a correction says so."""
    if mails is None:
        return Finding("P8", None)
    lost = sorted(mails.wished - {first_of(entry) for entry in mails.entries if mails.accepted[entry.key]})
    said_sent = [entry.key for entry in mails.entries if entry.state == "sent" and not mails.accepted[entry.key]]
    twice = [key for key, count in mails.accepted.items() if count > 1 and key not in mails.in_window]
    known = {entry.key for entry in mails.entries}
    stray = [key for key in mails.accepted if key not in known]
    corrections = [entry.key for entry in mails.entries if entry.about is not None and entry.about.correction]
    silent = [key for key in corrections if mails.accepted[key] and "orrect" not in mails.subjects.get(key, "")]
    broken = [
        *(f"never arrived: {tenant} {day} to {address}" for tenant, day, address in lost[:SHOWN]),
        *(f"noted as sent, and the server never had it: {key}" for key in said_sent[:SHOWN]),
        *(f"arrived {mails.accepted[key]} times: {key}" for key in twice[:SHOWN]),
        *(f"arrived, and the outbox does not know it: {key}" for key in stray[:SHOWN]),
        *(f"a correction that does not say so: {key}" for key in silent[:SHOWN]),
    ]
    doubled = sum(count > 1 for count in mails.accepted.values())
    counted = (
        f"{len(mails.accepted):,} mails arrived ({len(mails.wished)} reports wished for, {len(corrections)}"
        f" corrections); {sum(mails.faults.values())} faults of the server; of {len(mails.in_window)} mails only the"
        f" server knew for a while, {doubled - len(twice)} of them arrived twice, and {len(twice)} others"
    )
    return Finding("P8", counted, tuple(broken))


def tenants_apart(trespasses: int, trespassed: int, foreign: Mapping[str, tuple[int, int]]) -> Finding:
    """P9: nothing that a tenant wrote for another was kept, and the copy of each holds no row of another.

    `foreign`: by tenant, rows of the copy and how many of them are another's; `trespassed`: rows that came of it.
    """
    broken = [f"{trespassed:,} rows came of messages to another tenant's topic"] if trespassed else []
    broken += [f"{count:,} rows of others in the copy of {name}" for name, (_, count) in foreign.items() if count]
    broken += [f"the copy of {name} has no row" for name, (rows, _) in foreign.items() if not rows]
    if not foreign:
        broken.append("no tenant has a copy")
    rows = sum(rows for rows, _ in foreign.values())
    counted = (
        f"{trespasses:,} messages to another tenant's topic, {trespassed} kept; {rows:,} rows in copies of"
        f" {len(foreign)} tenants, {sum(count for _, count in foreign.values())} of another"
    )
    return Finding("P9", counted, tuple(broken))


def memory_bounded(peak_kib: Mapping[str, int]) -> Finding:
    """P10: no process of the line ever took more memory than it may, whatever had piled up."""
    peak_mib = {kind: round(kib / 1024) for kind, kib in sorted(peak_kib.items())}
    broken = [
        f"a {kind} took {peak_mib[kind]:,} MiB, at most {most:,} are its own"
        for kind, most in MOST_MIB.items()
        if peak_mib.get(kind, 0) > most
    ]
    broken += [f"nobody looked at a {kind}" for kind in MOST_MIB if kind not in peak_mib]
    shown = ", ".join(
        f"{kind} {mib:,} MiB" + (f" of {MOST_MIB[kind]:,}" if kind in MOST_MIB else "")
        for kind, mib in peak_mib.items()
    )
    return Finding("P10", f"most memory at any time: {shown}", tuple(broken))


def _listed(what: str, rows: pl.DataFrame) -> list[str]:
    if rows.is_empty():
        return []
    shown = "; ".join(" ".join(map(str, row)) for row in rows.head(SHOWN).iter_rows())
    return [f"{rows.height:,} {what}: {shown}{', …' if rows.height > SHOWN else ''}"]
