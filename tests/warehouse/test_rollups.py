"""Weeks, months and depots are sums over sums of the dated marts; the network view says how sure its ratios are."""

from collections.abc import Iterator
from datetime import date, timedelta

import duckdb
import numpy as np
import polars as pl
import pytest

from tests.builders import empty_warehouse
from tests.warehouse import reference_day
from tests.warehouse.core_rows import DAY, VanDay, insert
from warehouse.models import build_day

BEFORE = DAY - timedelta(days=4)  # a Sunday: the week of DAY, a Thursday, begins with it
NETWORK_WEEK = date(2026, 3, 1)
DEAF_WEEK = date(2026, 3, 8)
VANS, DAYS, BOOTSTRAPS = 24, 5, 2_000


@pytest.fixture(scope="module")
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    """The reference day, one before it with another depot and a van of none, and a seeded week of two more tenants."""
    with empty_warehouse() as connection:
        connection.execute(
            "create view staging.dated_rejects as select null::varchar as tenant_id, null::varchar as vehicle_id,"
            " null::varchar as reason, 0 as seen_count, null::date as service_date where false"
        )
        reference_day.build(connection)
        VanDay(connection, "V12", "09:00", day=BEFORE).run("drive", 60, miles=30).run("idle", 30).close(fuel_used_l=5)
        VanDay(connection, "X1", "09:00", day=BEFORE).run("idle", 10).close(depot_id="OTHER")
        VanDay(connection, "X3", "09:00", day=BEFORE).run("drive", 10).run("idle", 5).close(depot_id="OTHER")
        VanDay(connection, "X2", "09:00", day=BEFORE).run("drive", 10).close(depot_id=None)
        insert(connection, "core.tenants", tenant_id="monday", week_start="monday")
        VanDay(connection, "V1", "09:00", tenant_id="monday", day=BEFORE).run("drive", 10).close(depot_id=None)
        for day in (BEFORE, DAY):
            build_day(connection, day)
        _seeded_week(connection)
        _seeded_deaf_week(connection)
        yield connection


def _seeded_week(connection: duckdb.DuckDBPyConnection) -> None:
    random = np.random.default_rng(20260301)
    for tenant, share in (("calm", 0.2), ("restless", 0.35)):
        engine_on_s = random.gamma(8, 2_500, VANS * DAYS)
        idle_s = engine_on_s * np.clip(random.normal(share, 0.08, VANS * DAYS), 0.01, 0.9)
        vans = pl.DataFrame(
            {
                "tenant_id": tenant,
                "depot_id": ["A" if number % VANS < 20 else "B" for number in range(VANS * DAYS)],
                "service_date": [NETWORK_WEEK + timedelta(days=number // VANS) for number in range(VANS * DAYS)],
                "vehicle_id": [f"V{number % VANS}" for number in range(VANS * DAYS)],
                "engine_on_s": engine_on_s,
                "idle_s": idle_s,
            }
        )
        for row in vans.to_dicts():
            insert(
                connection, "marts.vehicle_days", **row, first_fix_utc=row["service_date"],
                last_fix_utc=row["service_date"], fuel_type="gasoline",
            )  # fmt: skip


def _seeded_deaf_week(connection: duckdb.DuckDBPyConnection) -> None:
    """The engine of `deaf` is not known while it stands, that of `half` on half of its days; `few` has seven days."""
    for number in range(20):
        for tenant, parked_s in (("deaf", 20_000), ("half", 20_000 * (number % 2)), ("few", 0)):
            if tenant == "few" and number > 6:
                continue
            is_known = parked_s == 0
            insert(
                connection, "marts.vehicle_days", tenant_id=tenant, depot_id=tenant, vehicle_id=f"V{number}",
                service_date=DEAF_WEEK, first_fix_utc=DEAF_WEEK, last_fix_utc=DEAF_WEEK, fuel_type="gasoline",
                drive_s=9_000, idle_s=1_000 + 10 * number if is_known else 0,
                engine_on_s=10_000 + 10 * number if is_known else 9_000, parked_s=parked_s,
                distance_m=1_000, after_hours_m=0 if number % 4 else 1_000,
            )  # fmt: skip


def rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, object]]:
    return connection.sql(query).pl().to_dicts()


def test_a_week_begins_on_the_day_of_its_tenant(warehouse):
    begins = warehouse.sql(
        "select core.week_begin(date '2026-02-26', week_start) from (values (null), ('sunday'), ('thursday'),"
        " ('friday'), ('monday')) as starts (week_start)"
    ).fetchall()
    assert [day for (day,) in begins] == [date(2026, 2, day) for day in (22, 22, 26, 20, 23)]
    weeks = dict(warehouse.sql("select tenant_id, date_from from marts.fleet_weeks").fetchall())
    assert weeks == {"dax7": BEFORE, "monday": BEFORE - timedelta(days=6)}  # that Sunday ends the week before


def test_a_month_ends_on_its_last_day(warehouse):
    (month,) = rows(warehouse, "from marts.fleet_months where tenant_id = 'dax7'")
    assert (month["date_from"], month["date_to"], month["days_with_data"]) == (date(2026, 2, 1), date(2026, 2, 28), 2)


@pytest.mark.parametrize(
    ("view", "macro", "subject"),
    [("vehicle", "vehicle_totals", "vehicle_id"), ("route", "route_totals", "route_id"), ("fleet", "fleet_totals", "")],
)
def test_a_week_is_the_total_over_its_dates(warehouse, view, macro, subject):
    key = f"tenant_id, {subject or 'date_from'}"
    weeks = rows(warehouse, f"from marts.{view}_weeks where tenant_id = 'dax7' and days_with_data > 0 order by {key}")
    total = f"core.{macro}(date '{BEFORE}', date '{BEFORE + timedelta(days=6)}')"
    totals = rows(warehouse, f"from {total} where tenant_id = 'dax7' order by {subject or 'tenant_id'}")
    assert len(weeks) == len(totals) > 0
    for week, whole in zip(weeks, totals, strict=True):
        assert {name: week[name] for name in whole} == whole


def test_ratios_of_a_week_are_sums_over_sums(warehouse):
    (van,) = rows(warehouse, "from marts.vehicle_weeks where vehicle_id = 'V12' and tenant_id = 'dax7'")
    days = rows(warehouse, "from marts.vehicle_days where vehicle_id = 'V12' and tenant_id = 'dax7'")
    assert (van["days_with_data"], len(days)) == (2, 2)
    for value, numerator, denominator in (
        ("idle_share", "idle_s", "engine_on_s"),
        ("coverage", "known_s", "observed_s"),
        ("time_utilization", "engine_on_s", "available_window_s"),
        ("fuel_l_per_100km", "fuel_used_l", "fuel_distance_m"),
    ):
        terms = [(day[numerator], day[denominator]) for day in days]
        scale = 1e5 if value == "fuel_l_per_100km" else 1
        assert van[value] == pytest.approx(sum(n for n, _ in terms) / sum(d for _, d in terms) * scale)
    mean = sum(day["idle_share"] for day in days) / 2
    assert abs(mean - van["idle_share"]) > 0.01


def test_a_van_that_was_available_and_never_out_has_a_week_too(warehouse):
    (spare,) = rows(warehouse, "from marts.vehicle_weeks where vehicle_id = 'V26' and tenant_id = 'dax7'")
    assert (spare["days_with_data"], spare["idle_s"], spare["vehicles_on_books"], spare["day_utilization"]) == (
        0,
        None,
        2,
        None,
    )
    (driven,) = rows(warehouse, "from marts.vehicle_weeks where vehicle_id = 'V24' and tenant_id = 'dax7'")
    assert (driven["dispatched_days"], driven["available_days"], driven["day_utilization"]) == (0, 1, 0)


def test_depots_add_up_to_their_fleet(warehouse):
    for period, date_name in (("days", "service_date"), ("weeks", "date_from"), ("months", "date_from")):
        fleets = rows(warehouse, f"from marts.fleet_{period} where tenant_id = 'dax7' order by {date_name}")
        for fleet in fleets:
            where = f"tenant_id = 'dax7' and {date_name} = date '{fleet[date_name]}'"
            depots = rows(warehouse, f"from marts.depot_{period} where {where}")
            for name in (
                "engine_on_s", "idle_s", "idle_engine_on_s", "distance_m", "stop_count", "known_s", "observed_s",
                "route_time_s", "planned_route_time_s", "on_time_starts", "starts_with_plan", "vehicles_on_books",
                "available_dispatched", "dispatched_days", "available_days", "vehicles_non_communicating", "co2_kg",
            ):  # fmt: skip
                found = sum(float(depot[name] or 0) for depot in depots)
                assert found == pytest.approx(float(fleet[name] or 0)), (period, name)
    assert {depot["depot_id"] for depot in rows(warehouse, "from marts.depot_months where tenant_id = 'dax7'")} == {
        "DAX7",
        "OTHER",
        None,
    }


def network(warehouse, **given: object) -> dict[str, object]:
    where = " and ".join(
        f"{name} = date '{value}'" if isinstance(value, date) else f"{name} is not distinct from {value!r}"
        for name, value in given.items()
    )
    (row,) = rows(warehouse, f"from marts.network_weeks where {where}")
    return row


def test_the_interval_is_that_of_a_bootstrap_over_the_units(warehouse):
    for tenant in ("calm", "restless"):
        found = network(warehouse, level="tenant", tenant_id=tenant, measure="idle_share", date_from=NETWORK_WEEK)
        units = warehouse.sql(
            f"select idle_s, engine_on_s from marts.vehicle_days where tenant_id = '{tenant}' order by all"
        ).fetchnumpy()
        idle_s, engine_on_s = np.asarray(units["idle_s"]), np.asarray(units["engine_on_s"])
        drawn = np.random.default_rng(7).integers(0, idle_s.size, (BOOTSTRAPS, idle_s.size))
        ratios = idle_s[drawn].sum(axis=1) / engine_on_s[drawn].sum(axis=1)
        assert found["unit_count"] == VANS * DAYS
        assert found["value"] == pytest.approx(idle_s.sum() / engine_on_s.sum())
        assert found["standard_error"] == pytest.approx(ratios.std(ddof=1), rel=0.1)
        width = np.diff(np.quantile(ratios, [0.025, 0.975]))[0]
        assert found["ci_high"] - found["ci_low"] == pytest.approx(width, rel=0.1)
        assert found["ci_low"] < found["value"] < found["ci_high"]


def test_the_quantile_of_few_units_is_that_of_student(warehouse):
    for degrees, quantile in ((7, 2.364624), (10, 2.228139), (30, 2.042272), (1_000, 1.962339)):
        found = warehouse.execute("select core.t_quantile($degrees)", {"degrees": degrees}).fetchall()[0][0]
        assert found == pytest.approx(quantile, abs=1e-4)


def test_few_units_or_equal_ones_have_no_interval(warehouse):
    few = network(warehouse, level="depot", depot_id="OTHER", measure="idle_share", date_from=BEFORE)
    assert (few["unit_count"], few["value"]) == (2, 0.6)
    assert [few[name] for name in ("standard_error", "ci_low", "ci_high")] == [None] * 3
    equal = network(warehouse, level="depot", depot_id="DAX7", measure="on_time_start_share", date_from=BEFORE)
    assert equal["standard_error"] is not None
    same = network(warehouse, level="tenant", tenant_id="dax7", measure="unplanned_stops_per_van_day", date_from=BEFORE)
    assert same["unit_count"] > 8
    warehouse.execute("begin; update marts.route_days set on_time_start = true where tenant_id = 'dax7'")
    always = network(warehouse, level="depot", depot_id="DAX7", measure="on_time_start_share", date_from=BEFORE)
    warehouse.execute("rollback")
    assert (always["value"], always["standard_error"]) == (1.0, None)


def test_fleets_and_depots_are_ranked_among_their_like_and_the_total_is_not(warehouse):
    ranked = rows(
        warehouse,
        "select level, tenant_id, depot_id, rank, ranked_count, value from marts.network_weeks"
        f" where measure = 'idle_share' and date_from = date '{NETWORK_WEEK}' order by level, value",
    )
    assert [(row["level"], row["rank"]) for row in ranked] == [
        *(("depot", place) for place in (1, 2, 3, 4)), ("network", None), ("tenant", 1), ("tenant", 2),
    ]  # fmt: skip
    total = ranked[4]
    assert (total["tenant_id"], total["depot_id"]) == (None, None)
    assert ranked[5]["tenant_id"] == "calm"
    assert ranked[5]["value"] < total["value"] < ranked[6]["value"]


def test_an_engine_that_nobody_knows_is_not_one_that_never_idles(warehouse):
    found = {
        tenant: network(warehouse, level="tenant", tenant_id=tenant, measure="idle_share", date_from=DEAF_WEEK)
        for tenant in ("deaf", "half", "few")
    }
    shown = ("unit_count", "value", "engine_coverage", "rank", "ranked_count")
    assert [found["deaf"][name] for name in shown] == [0, None, pytest.approx(9 / 29), None, None]
    # What is known of half of a fleet says nothing of the other half.
    assert (found["half"]["unit_count"], found["half"]["value"], found["half"]["rank"]) == (10, None, None)
    assert found["half"]["numerator"] == sum(1_000 + 10 * number for number in range(0, 20, 2))
    assert found["half"]["engine_coverage"] < 0.8
    # Fewer units than an interval needs are no place in a ranking either.
    assert [found["few"][name] for name in ("unit_count", "standard_error", "rank")] == [7, None, None]
    whole = network(warehouse, level="network", measure="idle_share", date_from=DEAF_WEEK)
    assert (whole["unit_count"], whole["value"], whole["ci_high"]) == (17, None, None)
    warehouse.execute(
        "begin; delete from marts.vehicle_days where tenant_id = 'deaf' or (tenant_id = 'half' and vehicle_id > 'V1')"
    )
    some = network(warehouse, level="network", measure="idle_share", date_from=DEAF_WEEK)
    warehouse.execute("rollback")
    # One of nine is not known, and left out: V1 of the second fleet.
    idle_s = 1_000 + sum(1_000 + 10 * number for number in range(7))
    assert (some["unit_count"], some["value"]) == (8, pytest.approx(idle_s / (8 * 9_000 + idle_s)))
    driven = network(warehouse, level="tenant", tenant_id="deaf", measure="after_hours_share", date_from=DEAF_WEEK)
    assert (driven["unit_count"], driven["engine_coverage"]) == (20, None)


def test_the_interval_of_a_share_ends_at_1(warehouse):
    warehouse.execute(
        f"begin; update marts.vehicle_days set after_hours_m = 1000 where vehicle_id != 'V0' and tenant_id = 'deaf'"
        f" and service_date = date '{DEAF_WEEK}'; update marts.vehicle_days set after_hours_m = 900 where vehicle_id ="
        f" 'V0' and tenant_id = 'deaf'"
    )
    found = network(warehouse, level="tenant", tenant_id="deaf", measure="after_hours_share", date_from=DEAF_WEEK)
    warehouse.execute("rollback")
    assert found["value"] == pytest.approx(0.995)
    assert found["value"] + 2 * found["standard_error"] > found["ci_high"] == 1


def test_the_network_names_no_van_and_no_driver(warehouse):
    columns = warehouse.sql("from marts.network_months limit 0").columns
    assert not {"vehicle_id", "driver_id", "name", "route_id", "latitude", "longitude"} & set(columns)
    shown = warehouse.sql("from marts.network_months").pl().write_csv()
    assert "DAX7" in shown
    assert not any(name in shown for name in ("V12", "D7", "R207"))


def test_money_in_two_currencies_has_no_sum(warehouse):
    one = network(warehouse, level="network", measure="cost_per_stop", date_from=BEFORE)
    assert (round(one["value"], 2), one["currency"]) == (1.61, "USD")
    warehouse.execute("begin")
    warehouse.execute(
        "insert into marts.route_days by name select * replace ('abroad' as tenant_id, 'CAD' as currency)"
        " from marts.route_days where route_id = 'R207'"
    )
    mixed = network(warehouse, level="network", measure="cost_per_stop", date_from=BEFORE)
    own = network(warehouse, level="tenant", tenant_id="abroad", measure="cost_per_stop", date_from=BEFORE)
    warehouse.execute("rollback")
    assert (mixed["value"], mixed["currency"]) == (None, None)
    assert own["currency"] == "CAD"


def test_months_of_routes_beside_the_months_before_are_the_sums_of_their_days(warehouse):
    # DuckDB 2.0.0 cuts these sums to 8 bits where its optimizer shares the view between both sides.
    warehouse.execute(
        "begin; insert into marts.route_days by name select model.* replace ('stops' as tenant_id,"
        " day::date as service_date, 'S' || number as route_id, 100 + number as stop_count)"
        " from marts.route_days as model, range(3) as numbers (number),"
        " range(timestamp '2026-03-01', timestamp '2026-05-01', interval 1 day) as days (day)"
        f" where model.tenant_id = 'dax7' and model.route_id = 'R207' and model.service_date = date '{DAY}'"
    )
    found = warehouse.sql(
        "select month.route_id, month.stop_count, before.stop_count from marts.route_months as month"
        " left join marts.route_months as before on before.route_id = month.route_id"
        " and before.tenant_id = month.tenant_id and before.date_from = month.date_from - interval 1 month"
        " where month.tenant_id = 'stops' and month.date_from = '2026-04-01' order by month.route_id"
    ).fetchall()
    warehouse.execute("rollback")
    assert found == [("S0", 3_000, 3_100), ("S1", 3_030, 3_131), ("S2", 3_060, 3_162)]
