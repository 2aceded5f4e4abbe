"""How is the outcome of a fault campaign shown?"""

from flows.bench.faults.campaign import PAUSES_S, Campaign, Counted


def lines(outcome: Campaign) -> list[str]:
    """The table of faults, what became of everything published, and the verdict."""
    shown = ["fault                      survived"]
    shown += [f"{fault:<26} {outcome.faults.get(fault, 0):>8}" for fault in PAUSES_S]
    shown += [f"{'kills in all':<26} {outcome.kills:>8}", ""]
    shown += [f"{'':<12}{'published':>10}{'arrived':>10}{'lost':>8}{'twice':>8}{'repeats taken out':>20}"]
    shown += [_counted("points", outcome.points), _counted("purchases", outcome.purchases), ""]
    return [
        *shown,
        f"messages sent again for want of a receipt: {outcome.resent}; without one at the end: {outcome.unconfirmed}",
        f"refreshes that ended by themselves: {outcome.refreshes}; collectors that did, and were started again:"
        f" {outcome.collector_exits}; {outcome.seconds / 60:.1f} min in all",
        "marts that differ from an undisturbed line with the same messages: "
        + (", ".join(outcome.tables_differ) or "none"),
        *_verdict(outcome),
    ]


def _verdict(outcome: Campaign) -> list[str]:
    if outcome.holds:
        return ["holds: nothing lost, nothing counted twice"]
    return ["FAILS: see above; the ends of the logs:", *outcome.last_words]


def _counted(name: str, found: Counted) -> str:
    repeats = "" if found.redelivered is None else f"{found.redelivered:>20}"
    return f"{name:<12}{found.published:>10}{found.arrived:>10}{found.lost:>8}{found.twice:>8}{repeats}"
