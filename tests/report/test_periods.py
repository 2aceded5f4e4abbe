"""Days, weeks and months as reports name them."""

from datetime import date

import pytest

from flows.report.kinds import Kind
from flows.report.rendered import day_period, month_period, period_in, week_period


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


@pytest.mark.parametrize(
    ("name", "period"),
    [
        ("daily-t 1-2026-02-26.html", day_period(date(2026, 2, 26))),
        ("weekly-t1-2026-W53.txt", week_period(date(2026, 12, 28))),
        ("monthly-t1-2028-02-vans.csv", month_period(date(2028, 2, 1))),
    ],
)
def test_a_file_name_says_which_period_it_is_about(name, period):
    assert period_in(name) == (period, name.index("20"))


@pytest.mark.parametrize("name", ["daily-t1.html", "daily-2026-02-30.html", "weekly-2026-W54.html", "x-2026-13.csv"])
def test_a_name_without_a_period_says_none(name):
    assert period_in(name) is None
