"""Does the bench of fuel rules count right, and do the rules hold on a small fleet?"""

import polars as pl
import pytest

from flows.bench.fuel.campaign import Outcome, run_campaign
from flows.bench.fuel.printed import lines
from flows.bench.fuel.scoring import RuleScore, accused_decoys, score_rules

RECORD = {"tenant_id": "t", "provider": "p", "vehicle_id": "V1", "item_no": 1}
FAULTS = pl.DataFrame(
    [
        {**RECORD, "provider_txn_id": txn, "rule_id": rule_id, "case_name": name, "fault_no": number}
        for txn, rule_id, name, number in [
            ("A", "F1", "over_tank", 1),
            ("B", "F9", "split", 2),
            ("C", "F9", "split", 2),
            ("D", "F9", "split", 3),
        ]
    ]
)
CONSEQUENCES = pl.DataFrame(
    [
        {**RECORD, "provider_txn_id": "A", "rule_id": "F2"},
        {**RECORD, "provider_txn_id": None, "rule_id": "F20"},
    ]
)
DECOYS = pl.DataFrame(
    [
        {**RECORD, "provider_txn_id": txn, "rule_id": rule_id, "case_name": name, "description": "why"}
        for txn, rule_id, name in [("X", None, "voided"), ("Y", "F14", "dear_state"), ("A", None, "repeated")]
    ]
)


def flagged(*flags: tuple[str, str]) -> pl.DataFrame:
    rows = [{**RECORD, "provider_txn_id": txn, "rule_id": rule_id, "explanation": "…"} for txn, rule_id in flags]
    return pl.DataFrame(rows, schema_overrides={"provider_txn_id": pl.String}) if rows else NO_FLAGS


NO_FLAGS = pl.DataFrame(
    schema=dict.fromkeys(("provider_txn_id", "rule_id", "vehicle_id", "explanation"), pl.String) | {"item_no": pl.Int32}
)


def scored(*flags: tuple[str, str]) -> dict[str, RuleScore]:
    return {score.rule_id: score for score in score_rules(flagged(*flags), FAULTS, CONSEQUENCES)}


def test_a_fault_of_two_records_is_found_by_either_and_counts_once():
    split = scored(("C", "F9"))["F9"]
    assert (split.injected, split.found, split.flags, split.missed, split.false) == (2, 1, 1, ["split D/1"], [])
    assert split.recall == 0.5
    assert not split.holds
    both = scored(("B", "F9"), ("C", "F9"), ("D", "F9"))["F9"]
    assert (both.recall, both.precision, both.flags) == (1.0, 1.0, 3)


def test_a_flag_that_follows_from_a_fault_is_right_and_another_is_not():
    scores = scored(("A", "F1"), ("A", "F2"), ("Z", "F2"), ("Z", "F20"), ("B", "F1"))
    assert (scores["F1"].precision, scores["F1"].false) == (0.5, ["B/1: …"])
    assert (scores["F2"].precision, scores["F2"].recall) == (0.5, None)
    assert scores["F20"].precision == 1.0
    assert [scores[rule_id].follows for rule_id in ("F1", "F2", "F20")] == [0, 1, 1]


def test_a_rule_without_a_fault_says_what_it_needs_and_does_not_fail():
    nothing = {score.rule_id: score for score in score_rules(NO_FLAGS, FAULTS, CONSEQUENCES)}
    assert nothing["F13"].holds
    assert "18 days" in str(nothing["F13"].why_not_judged)
    assert nothing["F1"].why_not_judged is None
    assert not nothing["F1"].holds


def test_an_innocent_record_is_accused_only_of_what_it_is_innocent_of():
    accused = {
        found.case_name: found.flagged
        for found in accused_decoys(flagged(("X", "F8"), ("Y", "F15"), ("A", "F2"), ("A", "F20")), DECOYS, CONSEQUENCES)
    }
    assert accused == {"voided": ["F8 X/1"], "dear_state": [], "repeated": []}


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return run_campaign(tmp_path_factory.mktemp("fuel"), 12, 6, 7, lambda _stage, _done, _total: None)


@pytest.mark.campaign
def test_the_rules_hold_on_a_small_fleet_and_nobody_unheard_is_accused(outcome: Outcome):
    assert outcome.unheard == []
    judged = {rule.rule_id for rule in outcome.rules if rule.injected}
    few = {"F8", "F9", "F13", "F16", "F18", "F19", "F20"}  # need more vans or days
    assert judged >= {f"F{number}" for number in range(1, 22)} - few
    assert {rule.rule_id: (rule.missed, rule.false) for rule in outcome.rules if not rule.holds} == {}
    assert [decoy for decoy in outcome.decoys if decoy.flagged] == []
    assert lines(outcome)[-1].startswith("holds")
