"""From when to when do fixes take the date of a plan: to six hours after the planned return, or to a later return."""

from datetime import UTC, date, datetime, timedelta

import duckdb
import pytest

from flows.importing import run_import
from flows.loading import load
from flows.refresh import stale_dates
from tests.builders import collected, in_warehouse, message, positions, rebuilt, settings_in, yesterday_at
from warehouse.load import read_chunk
from warehouse.windows import move_ends

pytestmark = pytest.mark.campaign

DEPOT, AWAY = {"lat": 40.7, "lon": -74.0}, {"lat": 40.75, "lon": -74.0}
EXIT_S, RETURN_S = yesterday_at(2) - 2 * 86_400, yesterday_at(10) - 2 * 86_400  # planned; the window ends at 16:00
DAY = datetime.fromtimestamp(EXIT_S, UTC).date()
NEXT = DAY + timedelta(days=1)


def plan(
    *vehicles: str,
    exit_s: float = EXIT_S,
    return_s: float = RETURN_S,
    day: date = DAY,
    tenant: str = "t1",
    issued_s: float = EXIT_S - 7_200,
):
    routes = [
        {"route_id": f"R-{vehicle}", "vehicle_id": vehicle, "planned_exit_utc": exit_s, "planned_return_utc": return_s}
        for vehicle in vehicles
    ]
    return message(
        f"rt/v1/{tenant}/DEP/plan", {"v": 1, "service_date": str(day), "issued_utc": issued_s, "routes": routes}
    )


def fixes(vehicle: str, tenant: str = "t1", **places: dict[str, float]):
    """Standing fixes of a van; `h19` is 19 hours after the planned return."""
    points = [{"ts": RETURN_S + 3_600 * float(hour[1:]), "spd_kmh": 0, "ign": True} | at for hour, at in places.items()]
    return [positions([point], vehicle, tenant) for point in points]


def with_depot(settings, folder, tenant: str = "t1"):
    (folder / "depots.csv").write_text(
        f"tenant_id,depot_id,timezone,latitude,longitude,radius_m\n{tenant},DEP,UTC,40.7,-74.0,150\n"
    )
    assert run_import(settings, "depots", [folder / "depots.csv"])


def dates(settings) -> dict[str, list[tuple[date, int]]]:
    """How many fixes each van has on which date."""
    found: dict[str, list[tuple[date, int]]] = {}
    for vehicle, day, count in in_warehouse(
        settings, "select vehicle_id, service_date, accepted_count::int from marts.data_health order by all"
    ).rows():
        found.setdefault(vehicle, []).append((day, count))
    return found


def test_a_late_return_belongs_to_the_date_of_the_plan_and_nothing_else_moves_its_end(tmp_path):
    settings = settings_in(tmp_path / "data", timezone="UTC")
    with_depot(settings, tmp_path)
    vans = ("late", "back", "never", "too-late", "planned-again")
    again = plan("planned-again", exit_s=RETURN_S + 24 * 3_600, return_s=RETURN_S + 30 * 3_600, day=NEXT)
    collected(
        settings,
        [
            *(plan(*vans), again),
            *fixes("late", h0=DEPOT, h1=AWAY, h2=AWAY, h3=AWAY, h19=AWAY, h20=DEPOT, h21=AWAY, h22=DEPOT),
            *fixes("back", h0=DEPOT, h1=AWAY, h5=DEPOT, h19=AWAY, h20=DEPOT),
            *fixes("never", h0=DEPOT, h1=AWAY, h19=AWAY),
            *fixes("too-late", h0=DEPOT, h1=AWAY, h24=DEPOT),
            *fixes("planned-again", h0=DEPOT, h1=AWAY, h20=DEPOT),
        ],
    )
    rebuilt(settings)
    assert dates(settings) == {
        "late": [(DAY, 6), (NEXT, 2)],
        "back": [(DAY, 3), (NEXT, 2)],
        "never": [(DAY, 2), (NEXT, 1)],
        "too-late": [(DAY, 2), (NEXT, 1)],
        "planned-again": [(DAY, 2), (NEXT, 1)],
    }
    late = in_warehouse(settings, "from marts.route_days where route_id = 'R-late'").row(0, named=True)
    assert late["depot_return_utc"].replace(tzinfo=UTC).timestamp() == RETURN_S + 20 * 3_600


ORDERS = {"t1": "depot plan late early", "t2": "late early plan depot"}


def test_the_order_of_plan_depot_and_fixes_does_not_matter(tmp_path):
    settings = settings_in(tmp_path / "data", timezone="UTC")
    steps = {
        "plan": lambda tenant: collected(settings, [plan("d1", tenant=tenant)]),
        "early": lambda tenant: collected(settings, fixes("d1", tenant, h0=DEPOT, h1=AWAY)),
        "late": lambda tenant: collected(settings, fixes("d1", tenant, h19=AWAY, h20=DEPOT)),
        "depot": lambda tenant: with_depot(settings, tmp_path, tenant),
    }
    for number in range(4):
        for tenant, order in ORDERS.items():
            steps[order.split()[number]](tenant)
        if number > 1:
            rebuilt(settings)
    found = in_warehouse(settings, "select tenant_id, service_date, accepted_count from marts.data_health order by 1")
    assert found.rows() == [(tenant, DAY, 4) for tenant in ORDERS]


def test_news_of_a_date_name_what_touched_it_and_no_plan_of_another_van(tmp_path):
    settings = settings_in(tmp_path / "data", timezone="UTC")
    with_depot(settings, tmp_path)
    collected(settings, [plan("moved", "planned"), *fixes("moved", h0=DEPOT, h1=AWAY)])
    rebuilt(settings)
    collected(settings, [plan("other")])
    collected(settings, [*fixes("moved", h20=DEPOT), *fixes("planned", h1=AWAY)])
    collected(settings, [plan("planned", return_s=RETURN_S + 3_600, issued_s=EXIT_S - 3_600)])
    load(settings)
    stale_dates(settings)
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as warehouse:
        query = (
            "select vehicle_id, reason, first_segment_no, last_segment_no from core.reopened where service_date = $day"
        )
        found = warehouse.execute(query + " order by all", {"day": DAY}).fetchall()
    assert found == [
        ("moved", "positions", 3, 3),
        ("moved", "window", None, None),
        ("other", "plan", 2, 2),
        ("planned", "plan", 4, 4),
        ("planned", "positions", 3, 3),
    ]


def test_dates_that_hold_nothing_are_not_read_for_a_plan(tmp_path, monkeypatch):
    """A plan touches the dates beside it: their vans are rebuilt, without a look at the fixes of others."""
    settings = settings_in(tmp_path / "data", timezone="UTC")
    collected(settings, fixes("d1", h2=AWAY))
    rebuilt(settings)
    read: dict[date, int] = {}

    def counted(connection, wanted, timezone):
        chunk = read_chunk(connection, wanted, timezone)
        read[wanted[0].service_date] = connection.execute("select count(*) from chunk_positions").fetchall()[0][0]
        return chunk

    monkeypatch.setattr("flows.measuring.chunks.read_chunk", counted)
    collected(settings, [plan("d1")])
    rebuilt(settings)
    assert {day: count for day, count in read.items() if count} == {DAY: 1}
    assert {DAY - timedelta(days=1), NEXT} <= set(read)


def test_a_fix_moves_no_other_window_and_reads_none(tmp_path, monkeypatch):
    settings = settings_in(tmp_path / "data", timezone="UTC")
    with_depot(settings, tmp_path)
    weeks_s = [-7 * 86_400 * number for number in range(2)]
    plans = [
        plan("d1", exit_s=EXIT_S + at_s, return_s=RETURN_S + at_s, day=DAY + timedelta(seconds=at_s))
        for at_s in weeks_s
    ]
    old = [
        {"ts": RETURN_S + at_s + 3_600 * hour, "spd_kmh": 0, "ign": True} | AWAY for at_s in weeks_s for hour in (0, 1)
    ]
    collected(settings, [*plans, *(positions([point]) for point in old)])
    rebuilt(settings)
    read: list[int] = []

    def counted(connection, timezone):
        move_ends(connection, timezone)
        read.append(connection.execute("select count(*) from window_positions").fetchall()[0][0])

    monkeypatch.setattr("warehouse.windows.move_ends", counted)
    collected(settings, fixes("d1", h20=DEPOT))
    rebuilt(settings)
    assert read == [3]
    assert dates(settings)["d1"][-1] == (DAY, 3)

    later = DAY + timedelta(days=7)
    collected(settings, [plan("d1", exit_s=EXIT_S + 7 * 86_400, return_s=RETURN_S + 7 * 86_400, day=later)])
    rebuilt(settings)
    assert read == [3, 0]
    assert dates(settings)["d1"][-1] == (DAY, 3)
