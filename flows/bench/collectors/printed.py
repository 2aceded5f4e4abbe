"""How is it shown what was lost and kept twice?"""

from collections.abc import Sequence

from flows.bench.collectors.campaign import GONE, Case, Counts

HEAD = (
    "| a member is | its session | publisher | acknowledged | stored | stored again | lost |",
    "| --- | --- | --- | ---: | ---: | ---: | ---: |",
)


def lines(found: Sequence[Counts]) -> list[str]:
    """The table, and whether what was promised was kept."""
    broken = [counts for counts in found if counts.lost and is_promised(counts.case)]
    verdict = "holds: nothing lost where a session is kept and fetched, or publishers wait for receipts"
    if broken:
        verdict = f"BROKEN: lost where nothing may be: {'; '.join(_case(counts.case) for counts in broken)}"
    return [*HEAD, *map(_row, found), "", verdict]


def is_promised(case: Case) -> bool:
    """Whether nothing may be lost: publishers wait for receipts, or the member comes back for what it was dealt."""
    return case.has_outbox or (case.keeps_session and case.way != GONE)


def _row(counts: Counts) -> str:
    lost = f"{counts.lost:,}" if is_promised(counts.case) else f"{counts.lost:,} (not promised)"
    return (
        f"| {counts.case.way} | {'kept' if counts.case.keeps_session else 'clean'} |"
        f" {'outbox' if counts.case.has_outbox else 'PUBACK'} | {counts.acknowledged:,} | {counts.distinct:,} |"
        f" {counts.again:,} | {lost} |"
    )


def _case(case: Case) -> str:
    return f"{case.way}, session {'kept' if case.keeps_session else 'clean'}"
