"""Days, weeks and months as reports name them."""

from datetime import date

import pytest

from flows.report.kinds import Kind
from flows.report.rendered import day_period, month_period, week_period


@pytest.mark.parametrize(
    ("period", "first", "last", "key"),
    [
        (day_period(date(2026, 2, 26)), date(2026, 2, 26), date(2026, 2, 26), "2026-02-26"),
        (week_period(date(2026, 2, 26)), date(2026, 2, 23), date(2026, 3, 1), "2026-W09"),
        (week_period(date(2027, 1, 1)), date(2026, 12, 28), date(2027, 1, 3), "2026-W53"),
        (week_period(date(2026, 2, 26), 7), date(2026, 2, 22), date(2026, 2, 28), "2026-W09"),
        (month_period(date(2028, 2, 3)), date(2028, 2, 1), date(2028, 2, 29), "2028-02"),
    ],
)
def test_a_date_falls_in_a_period_with_a_name(period, first, last, key):
    assert (period.first, period.last, period.key) == (first, last, key)


@pytest.mark.parametrize(
    ("periods", "key"), [("day", "2026-02-28"), ("week", "2026-W08"), ("month", "2026-02")], ids=str
)
def test_a_report_is_about_the_last_whole_period(periods, key):
    kind = Kind("any", "Any", "tenant", periods, "0 6 * * *", "none:none")
    assert kind.period_before(date(2026, 3, 1)).key == key
