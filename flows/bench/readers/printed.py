"""How is the outcome of a readers' campaign shown?"""

from flows.bench.readers.campaign import Readings

SHOWN_ERRORS = 20


def lines(outcome: Readings) -> list[str]:
    """What was done, how long an open took, which generations were seen, and the verdict."""
    counts = {
        "opens": outcome.opens,
        "queries": outcome.queries,
        "refreshes": outcome.refreshes,
        "makers killed (-9)": outcome.kills,
        "errors": len(outcome.errors),
    }
    return [
        *(f"{name:<28}{count:>8}" for name, count in counts.items()),
        *(f"{f'open to first answer, {name}':<28}{value:>8.1f} ms" for name, value in outcome.open_ms.items()),
        *(f"{f'generations of {link}':<28}{count:>8}" for link, count in outcome.generations.items()),
        f"{outcome.seconds / 60:.1f} min in all",
        *outcome.errors[:SHOWN_ERRORS],
        "FAILS: see above" if outcome.errors else "holds: every connection saw one whole generation, none an older one",
    ]
