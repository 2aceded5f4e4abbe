"""How is the outcome of a campaign shown?"""

from flows.chaos.campaign import Outcome
from flows.chaos.promises import BESIDE, TITLES

NOT_ASKED = {"P6": "odograph chaos, or odograph bench readers", "P8": "odograph chaos, or odograph bench mail"}


def lines(outcome: Outcome) -> list[str]:
    """The table of faults, that of the promises, and the verdict."""
    plan = outcome.plan
    shown = ["| fault | survived |", "| --- | ---: |"]
    shown += [f"| {fault} | {outcome.faults.get(fault, 0)} |" for fault in plan.faults]
    badly = ", ".join(f"{count} {kind}" for kind, count in sorted(outcome.ended_badly.items()))
    shown += [
        "",
        f"seed {plan.seed}, {plan.minutes:g} min of faults, {outcome.seconds / 60:.1f} min in all;"
        f" {outcome.kills} kills; ended by themselves with an error and started again: {badly or 'none'}",
        *outcome.notes,
        "",
        "| | promise | what was checked | |",
        "| --- | --- | --- | --- |",
    ]
    for finding in outcome.findings:
        checked = finding.counted or f"not in this campaign: {NOT_ASKED[finding.promise]}"
        beside = BESIDE.get(finding.promise)
        checked += f" (beside it: {beside})" if beside and finding.counted else ""
        shown.append(f"| {finding.promise} | {TITLES[finding.promise]} | {checked} | {finding.verdict} |")
    broken = [f"{finding.promise}: {what}" for finding in outcome.findings for what in finding.broken]
    if not broken:
        return [*shown, "", "holds: no promise was broken"]
    return [*shown, "", "BROKEN:", *broken, "", "the ends of the logs:", *outcome.last_words]
