"""How is the outcome of a fuel campaign shown?"""

from flows.bench.fuel.campaign import Outcome
from flows.bench.fuel.scoring import LIMIT, RuleScore
from flows.fuel.speed import KernelSpeed, LineSpeed

SHOWN = 12  # of the records behind a figure


def lines(outcome: Outcome, kernel: KernelSpeed | None = None) -> list[str]:
    """The table of rules, what is behind the figures that are not good, how fast it was, and the verdict."""
    states = ", ".join(f"{count} {state}" for state, count in outcome.match_states.items())
    shown = [
        f"{outcome.vans} vans, {outcome.days} days: {outcome.purchases} lines bought ({states}),"
        f" {outcome.positions} positions",
        "",
        f"{'rule':<6}{'injected':>9}{'found':>7}{'missed':>8}{'flags':>7}{'follow':>8}{'false':>7}{'precision':>11}{'recall':>8}",
        *(_rule(rule) for rule in outcome.rules),
        "",
    ]
    for rule in outcome.rules:
        shown += [f"{rule.rule_id} missed: {name}" for name in rule.missed[:SHOWN]]
        shown += [f"{rule.rule_id} false: {name}" for name in rule.false[:SHOWN]]
    made = sum(decoy.made for decoy in outcome.decoys)
    accused = [decoy for decoy in outcome.decoys if decoy.flagged]
    shown.append(f"innocent look-alikes: {made} of {len(outcome.decoys)} kinds, flagged: {len(accused) or 'none'}")
    shown += [f"  {decoy.case_name} ({decoy.description}): {', '.join(decoy.flagged[:SHOWN])}" for decoy in accused]
    shown.append(f"accusations where GPS is missing: {len(outcome.unheard)}")
    shown += [f"  {name}" for name in outcome.unheard[:SHOWN]]
    shown.append(f"simulated in {outcome.simulated_s:.1f} s, refreshed in {outcome.refreshed_s:.1f} s")
    shown += _speeds(outcome.matching, kernel)
    poor = [rule.rule_id for rule in outcome.rules if not rule.holds]
    verdict = f"FAILS: {', '.join(poor) or 'see above'}"
    return [*shown, f"holds: precision and recall at least {LIMIT}" if outcome.holds else verdict]


def _speeds(whole: LineSpeed, kernel: KernelSpeed | None) -> list[str]:
    shown = [
        f"matching, from lake to flags: {whole.purchases} lines x {whole.positions} positions in {whole.seconds:.1f} s,"
        f" {whole.purchases * whole.positions / whole.seconds:,.0f} pairs a second"
    ]
    if kernel is not None:
        shown.append(
            f"matching, kernel alone: {kernel.purchases} purchases x {kernel.fixes} fixes in {kernel.seconds:.3f} s,"
            f" {kernel.pairs_per_s:,.0f} pairs a second"
        )
    return shown


def _rule(rule: RuleScore) -> str:
    return (
        f"{rule.rule_id:<6}{rule.injected:>9}{rule.found:>7}{len(rule.missed):>8}{rule.flags:>7}{rule.follows:>8}{len(rule.false):>7}"
        f"{_share(rule.precision):>11}{_share(rule.recall):>8}"
        + (f"  {rule.why_not_judged}" if rule.why_not_judged else "" if rule.holds else "  below the limit")
    )


def _share(share: float | None) -> str:
    return "–" if share is None else f"{share:.3f}"
