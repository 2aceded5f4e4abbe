"""Loss is counted where it is, and is broken only where nothing may be lost."""

from collections import Counter

import pytest

from flows.bench.collectors.campaign import CUT, GONE, KILLED, REMEDY, WAYS, Case, Counts, cases, run_case
from flows.bench.collectors.printed import is_promised, lines

KEPT, CLEAN = Case(KILLED, keeps_session=True, has_outbox=False), Case(KILLED, keeps_session=False, has_outbox=False)


def test_every_way_of_leaving_is_tried_with_every_session_and_publisher():
    assert Counter(case.way for case in cases()) == {way: 1 if way == REMEDY else 4 for way in WAYS}
    assert [case.way for case in cases() if case.keeps_session and not case.has_outbox and not is_promised(case)] == [
        GONE
    ]
    assert not is_promised(CLEAN)
    assert is_promised(CLEAN._replace(has_outbox=True))


def test_a_loss_that_was_to_be_expected_is_shown_and_breaks_nothing():
    shown = lines([Counts(KEPT, 600, 600, 51, 0), Counts(CLEAN, 600, 533, 0, 67)])
    assert shown[2:4] == [
        "| killed (-9), back later | kept | PUBACK | 600 | 600 | 51 | 0 |",
        "| killed (-9), back later | clean | PUBACK | 600 | 533 | 0 | 67 (not promised) |",
    ]
    assert shown[-1].startswith("holds")


def test_what_is_stored_and_nobody_knows_of_makes_up_for_no_loss():
    assert lines([Counts(KEPT, 598, 600, 0, 0)])[-1].startswith("holds")
    assert lines([Counts(KEPT, 598, 600, 0, 1)])[-1].startswith("BROKEN")


def test_a_loss_where_nothing_may_be_lost_is_broken():
    shown = lines([Counts(KEPT, 600, 599, 0, 1)])
    assert shown[2].endswith("| 1 |")
    assert shown[-1].startswith("BROKEN: lost where nothing may be: killed (-9), back later, session kept")


@pytest.mark.campaign
@pytest.mark.parametrize("way", [KILLED, CUT])
def test_a_member_that_leaves_and_comes_back_loses_nothing(tmp_path, way):
    found = run_case(tmp_path, KEPT._replace(way=way), 300, 300)
    assert (found.acknowledged, found.distinct, found.lost) == (300, 300, 0)
