"""A few seconds of everything at once: no promise is broken, and the outcome says what was looked at."""

from datetime import UTC, datetime, timedelta

import pytest

from flows.chaos.campaign import Outcome, TooLong, first_day_s, run_campaign
from flows.chaos.plan import ALL_FAULTS, Plan
from flows.chaos.printed import lines
from flows.chaos.promises import Finding

EVERYTHING = Plan(0.25, 3, 40, collectors=2, shared_group="chaos", analysts=1, has_mails=True, faults=ALL_FAULTS)


@pytest.mark.campaign
def test_fifteen_seconds_of_everything_break_no_promise(tmp_path):
    outcome = run_campaign(tmp_path, EVERYTHING, lambda said: None)
    assert [(finding.promise, finding.broken) for finding in outcome.findings if finding.verdict != "held"] == []
    assert lines(outcome)[-1] == "holds: no promise was broken"
    assert outcome.kills > 0


def test_positions_are_old_enough_for_a_clock_that_jumps_and_young_enough_to_be_taken():
    now = datetime(2026, 11, 22, 13, tzinfo=UTC)
    first = datetime.fromtimestamp(first_day_s(EVERYTHING, now), UTC)
    assert timedelta(days=3) < now - first < timedelta(days=6)
    with pytest.raises(TooLong):
        first_day_s(EVERYTHING._replace(minutes=600, messages_per_s=1000), now)


def test_what_is_broken_is_said_with_the_ends_of_the_logs_and_what_was_not_asked_with_its_command():
    findings = [
        Finding("P1", "9 messages", ("1 points lost: van-0 7",)),
        Finding("P6", None),
        Finding("P9", "2 tenants"),
    ]
    outcome = Outcome(EVERYTHING, {"broker killed": 2}, findings, {"refresh": 1}, 60, ["no clock jumped"], ["a.log: x"])
    shown = "\n".join(lines(outcome))
    assert "| broker killed | 2 |" in shown
    assert "no clock jumped" in shown
    assert "| P1 | nothing acknowledged is lost | 9 messages | BROKEN |" in shown
    assert "not in this campaign: odograph chaos, or odograph bench readers | not asked |" in shown
    assert shown.endswith("BROKEN:\nP1: 1 points lost: van-0 7\n\nthe ends of the logs:\na.log: x")
    assert (outcome.kills, outcome.holds) == (2, False)
