"""Figures as readers in several countries write them."""

from datetime import UTC, date, datetime

import pytest

from flows.report.style import Style, UnknownLocale
from flows.report.units import METRIC

DAY = date(2026, 2, 26)


def test_an_american_reads_miles_dollars_and_the_day_before_the_month():
    style = Style()
    assert style.number(1250.456, 1) == "1,250.5"
    assert style.number(-3.2, 1) == "−3.2"
    assert style.percent(0.287, 1) == "28.7 %"
    assert [style.money(amount, "USD") for amount in (1254.2, 2.389, -5.5, None)] == ["$1,254", "$2.39", "−$5.50", "–"]
    assert style.distance(2_516_000) == "1,563 mi"
    assert style.volume(79.5) == "21.0 gal"
    assert style.day(DAY) == "Thu 26 Feb"
    assert style.local_day(datetime(2026, 2, 26, 17, 48, tzinfo=UTC), "America/New_York") == "Thu 26 Feb 12:48"
    assert (style.signed(3.14, 1), style.signed(-0.4, 1), style.signed(-0.04, 1)) == ("+3.1", "−0.4", "±0")
    assert (style.counted(1, "route"), style.counted(1250, "route")) == ("1 route", "1,250 routes")


def test_a_german_reads_commas_kilometres_and_german_days():
    style = Style(METRIC, "de_DE")
    assert style.number(1250.456, 1) == "1.250,5"
    assert style.money(2.389, "EUR") == "2,39\u00a0€"
    assert style.money(1254.2, "USD") == "1.254\u00a0$"
    assert (style.price(0.9144, "EUR"), style.price(-0.0021, "EUR")) == ("0,914\u00a0€", "−0,002\u00a0€")
    assert style.distance(2_516_000) == "2.516 km"
    assert style.day(DAY) == "Do., 26. Feb."
    assert (style.weekday(DAY), style.month(DAY)) == ("Donnerstag", "Februar 2026")


def test_a_currency_without_a_sign_keeps_its_distance():
    assert Style().money(54, "SEK") == "SEK\u00a054"


@pytest.mark.parametrize("locale", ["", "xx_YY", "english", "../../etc"])
def test_a_locale_that_is_none_is_refused(locale):
    with pytest.raises(UnknownLocale, match="no such locale"):
        Style(locale=locale).checked()


def test_economy_follows_the_units():
    assert Style().economy(68.4 * 1609.344, 5.02 * 3.785411784) == "13.6 mpg"
    assert Style(METRIC, "de_DE").economy(68.4 * 1609.344, 5.02 * 3.785411784) == "17,3 L/100 km"
    assert Style().economy(1000.0, None) == "–"


def test_a_list_counts_what_it_leaves_out():
    assert Style().listed(["V1", "V2", "V3"]) == "V1, V2 and V3"
    assert Style().listed(["V1", "V2", "V3"], 2) == "V1, V2 and 1 more"


def test_evidence_of_a_purchase_has_the_unit_of_the_reader_first():
    said = (
        "99.7 gal (377.5 L) bought for van V1 3.0 h after 9.0 gal (34.1 L) at 2026-02-26 14:00, never within 820 ft"
        " (250 m) of SHELL 12, 15.1 mpg (15.6 L/100 km), 1200.0 mi (1931.2 km) off."
    )
    german = Style(METRIC, "de_DE").evidence(said)
    assert german == (
        "377,5 L (99,7 gal) bought for van V1 3.0 h after 34,1 L (9,0 gal) at Do., 26. Feb. 14:00, never within 250 m"
        " (820 ft) of SHELL 12, 15,6 L/100 km (15,1 mpg), 1.931,2 km (1.200,0 mi) off."
    )
    assert Style().evidence("377.5 L (99.7 gal) near DEPOT 2026-99-99 10:00") == (
        "99.7 gal (377.5 L) near DEPOT 2026-99-99 10:00"
    )


def test_a_position_keeps_its_two_angles_apart_where_a_comma_is_the_point():
    assert Style().position(40.601, -74.30034) == "40.6010, -74.3003"
    assert Style(METRIC, "de_DE").position(40.601, -74.30034) == "40,6010; -74,3003"
