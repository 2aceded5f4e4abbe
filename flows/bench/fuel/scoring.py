"""How many injected faults does a rule find, and how many of its flags are right?

A fault may be of several records (two tickets of one split): it is found with a flag on any of them. A flag is right on
a record of a fault of that rule, and where another fault brings it with it. Recall is of faults, precision of flags.
"""

from typing import NamedTuple

import polars as pl

RULE_IDS = tuple(f"F{number}" for number in range(1, 22))
LIMIT = 0.95
# What a fleet must have for a rule to be judged; shown where nothing could be injected.
NEEDS = {
    "F2": "a van with a level sensor (every second one) that buys a second time",
    "F3": "a van with a level sensor (every second one) that buys a second time",
    "F5": "a van that fuels while another of its depot is heard far away",
    "F6": "a van that buys a second time",
    "F13": "eight purchases of a van in a row: about 18 days",
    "F20": "14 days of a van with a fuel counter",
}

Flag = tuple[str, int, str]  # transaction, item, rule


class RuleScore(NamedTuple):
    """What one rule did; `missed` and `false` name records, `follows` counts flags that another fault brought."""

    rule_id: str
    injected: int
    found: int
    flags: int
    follows: int
    missed: list[str]
    false: list[str]

    @property
    def recall(self) -> float | None:
        return self.found / self.injected if self.injected else None

    @property
    def precision(self) -> float | None:
        return 1 - len(self.false) / self.flags if self.flags else None

    @property
    def holds(self) -> bool:
        """Both at least 0.95, as far as there is anything to judge."""
        return all(share is None or share >= LIMIT for share in (self.recall, self.precision))

    @property
    def why_not_judged(self) -> str | None:
        """Say what the fleet lacks, where nothing was injected."""
        return None if self.injected else f"nothing injected: needs {NEEDS.get(self.rule_id, 'more vans or days')}"


class Accused(NamedTuple):
    """A kind of innocent look-alike: how many there were, and which were flagged."""

    case_name: str
    description: str
    made: int
    flagged: list[str]


def score_rules(flags: pl.DataFrame, faults: pl.DataFrame, consequences: pl.DataFrame) -> list[RuleScore]:
    """Score every rule. The frames have the columns of marts.fuel_exceptions and of the simulator's truth files."""
    raised = {_flag(row): row for row in flags.iter_rows(named=True)}
    at_fault: dict[Flag, str] = {}
    records: dict[tuple[str, int], list[Flag]] = {}
    for row in faults.iter_rows(named=True):
        at_fault[_flag(row)] = row["case_name"]
        records.setdefault((row["rule_id"], row["fault_no"]), []).append(_flag(row))
    excused, excused_vans = _excused(consequences)
    scores = []
    for rule_id in RULE_IDS:
        of_rule = [found for (rule, _), found in records.items() if rule == rule_id]
        missed = [found[0] for found in of_rule if not any(flag in raised for flag in found)]
        own = [flag for flag in raised if flag[2] == rule_id]
        false = [
            flag
            for flag in own
            if flag not in at_fault
            and flag not in excused
            and (raised[flag]["vehicle_id"], rule_id) not in excused_vans
        ]
        scores.append(
            RuleScore(
                rule_id,
                len(of_rule),
                len(of_rule) - len(missed),
                len(own),
                len([flag for flag in own if flag not in at_fault]) - len(false),
                [f"{at_fault[flag]} {_named(flag)}" for flag in sorted(missed)],
                [f"{_named(flag)}: {raised[flag]['explanation']}" for flag in sorted(false)],
            )
        )
    return scores


def accused_decoys(flags: pl.DataFrame, decoys: pl.DataFrame, consequences: pl.DataFrame) -> list[Accused]:
    """Say which innocent records were flagged for what they are innocent of."""
    excused, excused_vans = _excused(consequences)
    flagged: dict[tuple[str, int], list[str]] = {}
    for row in flags.iter_rows(named=True):
        flag = _flag(row)
        if flag not in excused and (row["vehicle_id"], row["rule_id"]) not in excused_vans:
            flagged.setdefault(flag[:2], []).append(row["rule_id"])
    found: list[Accused] = []
    for (name, description), rows in decoys.group_by("case_name", "description", maintain_order=True):
        accused = {
            f"{rule_id} {row['provider_txn_id']}/{row['item_no']}"
            for row in rows.iter_rows(named=True)
            for rule_id in flagged.get((row["provider_txn_id"], row["item_no"]), [])
            if row["rule_id"] in (None, rule_id)
        }
        made = rows.select("provider_txn_id", "item_no").n_unique()
        found.append(Accused(str(name), str(description), made, sorted(accused)))
    return sorted(found)


def _excused(consequences: pl.DataFrame) -> tuple[set[Flag], set[tuple[str, str]]]:
    rows = list(consequences.iter_rows(named=True))
    return (
        {_flag(row) for row in rows if row["provider_txn_id"] is not None},
        {(row["vehicle_id"], row["rule_id"]) for row in rows if row["provider_txn_id"] is None},
    )


def _flag(row: dict[str, object]) -> Flag:
    return str(row["provider_txn_id"]), int(str(row["item_no"])), str(row["rule_id"])


def _named(flag: Flag) -> str:
    return f"{flag[0]}/{flag[1]}"
