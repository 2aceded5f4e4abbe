"""The network report ranks depots with their uncertainty, and knows no van, driver or place."""

import csv
import io
from datetime import date, timedelta

import duckdb
import pytest

from flows.report.kinds import KINDS, Asked
from flows.report.network.data import NothingThatWeek
from flows.report.rendered import week_period
from flows.report.style import Style
from flows.report.units import METRIC
from tests.report.months import empty_copy, fleet

WEEK = week_period(date(2026, 2, 26))  # Monday 23 February to Sunday 1 March
LARGE = """
create schema marts;
create table marts.fleet_days as
select 'T' || tenant as tenant_id, date '2026-02-23' + day::integer as service_date, 500 as vehicles_heard,
    450 as routes_run, 4e6 as known_s, 4.1e6 as observed_s
from range(40) as tenants(tenant), range(7) as days(day);
create table marts.network_weeks as
with weeks as (select date '2026-02-23' - 7 * back::integer as date_from, back from range(8) as weeks(back)),
values_of as (
    select date_from, 'network' as level, null as tenant_id, null as depot_id, measure, 20000 as n,
        case measure when 'idle_share' then case when back = 0 then 0.310 else 0.300 end else 1.60 end::double as value,
        0.001::double as error, null as rank
    from weeks, (values ('idle_share'), ('cost_per_stop')) as measures(measure)
    union all
    select date_from, 'depot', 'T' || number % 40, 'D' || lpad(number::varchar, 4, '0'), measure,
        case when number = 3 then 5 else 120 end,
        case measure
            when 'idle_share' then 0.26 + number / 10000 + case when number = 7 and back = 0 then 0.05 else 0 end
            when 'coverage' then case when number = 4 then 0.5 else 0.95 end
            else 1.50 + number / 5000
        end,
        0.004::double,
        case when number != 3 and measure != 'coverage' then number end
    from weeks, (values ('idle_share'), ('cost_per_stop'), ('coverage')) as measures(measure),
        range(1, 1001) as depots(number)
    where back < 2
)
select date_from, date_from + 6 as date_to, level, tenant_id, depot_id, measure, 'van-day' as unit, n as unit_count,
    value, value - 2 * error as ci_low, value + 2 * error as ci_high, error as standard_error,
    1.0 as engine_coverage, case when measure = 'cost_per_stop' then 'USD' end as currency, rank,
    case when rank is not null then 999 end as ranked_count
from values_of;
"""


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """As the network copy has it: sums only, of a thousand depots."""
    path = tmp_path_factory.mktemp("network") / "network.duckdb"
    with duckdb.connect(str(path)) as copy:
        copy.execute(LARGE)
    return KINDS["network"].render(Asked(path, "", WEEK))


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Three fleets of one depot each in a copy for all; one is not heard well, one has a van for two days."""
    path = empty_copy(tmp_path_factory.mktemp("fleets"))
    with duckdb.connect(str(path)) as copy:
        for tenant_id, more in (("north", {}), ("south", {"wage": 260.0}), ("east", {"coverage": 0.5})):
            fleet(copy, tenant_id, "2026-02-08", "2026-03-01", **more)
        fleet(copy, "tiny", "2026-02-26", "2026-02-27", vans=1)
    return path


@pytest.fixture(scope="module")
def fleets(small):
    return KINDS["network"].render(Asked(small, "", WEEK))


def plain(report):
    return " ".join(report.text.split())


def test_the_verdict_is_the_change_beyond_chance_and_how_many_stand_apart(large):
    """Depots 3 and 4 are not ranked; intervals are ±0.008 about 0.26 + number / 10000, the network 0.31."""
    assert "Idle share rose from 30.0 % to 31.0 %." in plain(large)
    above = sum(0.26 + number / 10000 - 0.008 > 0.31 for number in range(1, 1001))
    below = sum(0.26 + number / 10000 + 0.008 < 0.31 for number in range(1, 1001)) - 3  # and number 7 rose by 0.05
    assert f"Of 998 depots ranked by idle share, {above} are above and {below} below" in plain(large)


def test_a_thousand_depots_fit_a_mail_and_all_are_attached(large):
    assert len(large.html.encode()) < 80_000
    assert len(large.images) == 6
    assert max(len(png) for png in large.images.values()) < 100_000
    assert "974 depots between these are in the attached depots-2026-W09.csv" in plain(large)
    rows = list(csv.DictReader(io.StringIO(large.attachments["depots-2026-W09.csv"].decode("utf-8-sig"))))
    assert len(rows) == 3000
    assert (rows[0]["depot_id"], rows[0]["measure"], rows[0]["unit_count"]) == ("D0040", "cost_per_stop", "120")


def test_only_a_change_beyond_three_standard_errors_is_a_depots(large):
    changed = large.text.partition("WHAT CHANGED AT DEPOTS")[2].partition("NOT RANKED")[0]
    assert changed.count("Idle share") == 1
    assert "D0007 Idle share 26.1 % 31.1 %" in " ".join(changed.split())
    assert "worse" in changed


def test_depots_heard_too_little_or_too_small_stand_apart_with_the_reason(large):
    apart = " ".join(large.text.partition("NOT RANKED")[2].split())
    assert "D0003 fewer than eight units 120 95 %" not in apart
    assert "D0003 fewer than eight units 5 95 %" in apart
    assert "D0004 too little of its vans was heard 120 50 %" in apart


def test_the_operators_report_is_nobodys_tenant_and_names_no_van(fleets, large):
    assert (fleets.tenant_id, fleets.period.key) == ("", "2026-W09")
    for text in (fleets.html, fleets.text, fleets.attachments["depots-2026-W09.csv"].decode()):
        assert "V001" not in text
        assert "R201" not in text
    assert large.tenant_id == ""


def test_the_week_is_the_last_that_was_over_whatever_day_it_begins_on(fleets):
    """Weeks begin on Sunday where fleets do not say: by Sunday 1 March the last whole one ended on Saturday."""
    assert (fleets.period.first, fleets.period.last) == (date(2026, 2, 22), date(2026, 2, 28))
    assert "Sun 22 Feb to Sat 28 Feb" in fleets.subject


def test_fleets_are_compared_as_the_marts_compare_them(fleets):
    text = plain(fleets)
    assert "DAX7 tiny" not in text.partition("NOT RANKED")[0]
    assert "DAX7 south" in text
    assert "too little of its vans was heard" in text
    assert "fewer than eight units" in text


def test_a_van_on_its_day_off_is_not_counted_as_silent(tmp_path):
    """Three vans with a route, one of them not on Sunday: 20 routes. One is planned and silent, one has a day off."""
    path = empty_copy(tmp_path)
    with duckdb.connect(str(path)) as copy:
        fleet(copy, "north", "2026-02-22", "2026-02-28")
        silent = "update marts.status_days set fleet_status = 'non_communicating', is_dispatched = false where"
        copy.execute(f"{silent} vehicle_id = 'V001' and service_date = '2026-02-24'")
        copy.execute(f"{silent} vehicle_id = 'V002' and service_date = '2026-02-25'")
        copy.execute("delete from marts.route_days where vehicle_id = 'V002' and service_date = '2026-02-25'")
        said = dict(
            copy.execute(
                "select measure, value from marts.network_weeks where level = 'network' and measure like '%_share'"
            ).fetchall()
        )
    assert said["routed_not_heard_share"] == pytest.approx(1 / 19)
    assert said["non_communicating_share"] == pytest.approx(2 / 21)
    assert "Planned, not heard 5.3 %" in plain(KINDS["network"].render(Asked(path, "", WEEK)))


def test_figures_are_in_the_readers_units(small):
    report = KINDS["network"].render(Asked(small, "", WEEK, Style(METRIC, "de_DE")))
    text = plain(report)
    assert "Fuel economy, L/100 km 12,0" in text
    assert "30,0 %" in text


def test_a_week_that_is_not_there_names_the_newest(small):
    with pytest.raises(NothingThatWeek, match="the newest week before it begins 2026-03-01"):
        KINDS["network"].render(Asked(small, "", week_period(WEEK.last + timedelta(days=15))))


def test_a_mail_without_attachments_promises_none(small):
    report = KINDS["network"].render(Asked(small, "", WEEK, formats=frozenset({"html"})))
    assert "attached" not in report.text + report.html
