"""Which rules are there on fuel purchases, and what does each ask?

`fuel_rules.toml` words them and holds their thresholds; `marts.fuel_rules` shows them to readers; the select of a rule
is `sql/fuel_rules/f01.sql` and so on. What a rule finds is a lead and not proof.
"""

import json
import tomllib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, NamedTuple

import duckdb
import polars as pl

SEVERITIES = ("high", "medium", "low", "info")
# Stands with every list of flags that people see, as the trade asks for.
NO_PROOF = (
    "A flag is a lead, not proof: positions, clocks, site coordinates and card assignments can all be wrong. "
    "Check the receipt and ask before drawing a conclusion; it must not be the main basis of a decision about a person."
)
_REQUIRED = {"title", "wording", "severity", "inputs", "guard", "source"}
_OPTIONAL = {"version", "thresholds", "yields_to"}


class Threshold(NamedTuple):
    """A bound, or a list of words, and what it counts."""

    value: float | Sequence[str]
    unit: str

    def __str__(self) -> str:
        value = ", ".join(self.value) if isinstance(self.value, list) else f"{self.value:.12g}"  # type: ignore[str-format]
        return f"{value} {self.unit}"


class Rule(NamedTuple):
    """One rule. `yields_to`: rules that tell the same fact better; where one of them has a flag, this one has none."""

    rule_id: str
    version: int
    title: str
    wording: str
    severity: str
    thresholds: Mapping[str, Threshold]
    inputs: Sequence[str]
    guard: str
    source: str
    yields_to: Sequence[str]

    @property
    def values(self) -> dict[str, Any]:
        """The thresholds as the select takes them."""
        return {name: threshold.value for name, threshold in self.thresholds.items()}


def listed_rules() -> list[Rule]:
    """The rules of `fuel_rules.toml`, in its order."""
    return parsed((files("warehouse") / "fuel_rules.toml").read_text(encoding="utf-8"))


def parsed(text: str) -> list[Rule]:
    """Rules from TOML; ValueError names the rule and what is wrong with it."""
    return [_rule(name, values) for name, values in tomllib.loads(text).items()]


def _rule(name: str, values: Mapping[str, Any]) -> Rule:
    wrong = [f"missing {key}" for key in sorted(_REQUIRED - values.keys())]
    wrong += [f"unknown {key}" for key in sorted(values.keys() - _REQUIRED - _OPTIONAL)]
    if values.get("severity", "info") not in SEVERITIES:
        wrong.append(f"severity={values['severity']!r}, expected one of {', '.join(SEVERITIES)}")
    given = values.get("thresholds", {})
    wrong += [
        f"{key}: expected value and unit"
        for key, bound in given.items()
        if not isinstance(bound, dict) or bound.keys() != {"value", "unit"}
    ]
    if wrong:
        raise ValueError(f"{name}: {'; '.join(wrong)}")
    thresholds = {key: Threshold(**bound) for key, bound in given.items()}
    required = {key: values[key] for key in _REQUIRED}
    return Rule(
        name, values.get("version", 1), thresholds=thresholds, yields_to=values.get("yields_to", ()), **required
    )


def replace_rules(connection: duckdb.DuckDBPyConnection, rules: Sequence[Rule]) -> None:
    """Put these rules in the place of all that `marts.fuel_rules` holds."""
    connection.execute("delete from marts.fuel_rules")
    rows = pl.DataFrame(
        [
            rule._asdict()
            | {
                "thresholds": json.dumps({name: bound._asdict() for name, bound in rule.thresholds.items()}),
                "yields_to": list(rule.yields_to),
            }
            for rule in rules
        ],
        schema_overrides={"yields_to": pl.List(pl.String)},
    )
    if rows.height:
        connection.execute("insert into marts.fuel_rules by name select * from rows")
