"""What is read for one month of one tenant: the rows of each query in `sql/monthly/`, as types.

Units are in names; shares are 0 to 1; money is a float here because it is only printed. `None` means not known.
Instants are aware, in UTC. `is_heard` tells whether the coverage is enough for ratios to be shown.
"""

from datetime import date, datetime
from typing import NamedTuple

from flows.report.actions import VansNeeded
from flows.report.rendered import Period


class Month(NamedTuple):
    """One month of the whole tenant (`marts.fleet_months`); parts of the cost: of routes whose whole cost is known."""

    date_from: date
    days_with_data: int
    dispatched_days: int | None
    available_days: int | None
    day_utilization: float | None
    routes_planned: int
    routes_run: int
    route_utilization: float | None
    engine_on_s: float
    idle_s: float
    parked_s: float
    off_s: float
    idle_share: float | None
    idle_cost: float | None
    idle_fuel_l: float | None
    on_time_start_share: float | None
    distance_m: float
    stop_count: int
    metered_distance_m: float | None
    fuel_used_l: float | None
    fuel_used_source: str | None
    energy_used_kwh: float | None
    energy_kwh_per_km: float | None
    co2_kg: float | None
    co2_distance_m: float | None
    co2_kg_per_km: float | None
    co2_kg_per_stop: float | None
    co2_factor_set: str | None
    cost: float | None
    cost_per_stop: float | None
    cost_per_km: float | None
    costed_stop_count: int | None
    costed_distance_m: float | None
    fuel_cost: float | None
    fuel_cost_per_km: float | None
    peak_concurrent_vehicles: int
    observed_s: float
    coverage: float | None
    is_heard: bool
    currency: str | None
    route_count: int
    costed_route_count: int
    fuel_part: float | None
    wage_part: float | None
    fixed_part: float | None
    estimated_count: int  # routes whose paid time is estimated
    without_fuel_count: int
    without_wage_count: int
    without_fixed_count: int


class Week(NamedTuple):
    """One week of the whole tenant (`marts.fleet_weeks`)."""

    date_from: date
    days_with_data: int
    routes_run: int
    route_utilization: float | None
    idle_share: float | None
    engine_on_s: float
    idle_s: float
    parked_s: float
    off_s: float
    metered_distance_m: float | None
    fuel_used_l: float | None
    co2_kg_per_km: float | None
    cost_per_stop: float | None
    cost_per_km: float | None
    is_heard: bool


class Route(NamedTuple):
    """One route over the month (`marts.route_months`)."""

    route_id: str
    route_day_count: int
    costed_count: int
    vehicle_ids: list[str]
    route_utilization: float | None
    idle_share: float | None
    idle_s: float
    stem_share: float | None
    distance_m: float
    stop_count: int
    counted_stop_count: int | None
    stops_per_hour: float | None
    on_time_start_share: float | None
    co2_kg: float | None
    cost_per_route: float | None
    cost: float | None
    cost_per_stop: float | None
    cost_per_km: float | None
    cost_per_stop_before: float | None
    currency: str | None
    coverage: float | None
    is_heard: bool


class Vehicle(NamedTuple):
    """One van over the month (`marts.vehicle_months`), also one that was never heard."""

    vehicle_id: str
    days_with_data: int
    dispatched_days: int
    available_days: int
    day_utilization: float | None
    distance_m: float
    engine_on_s: float
    idle_s: float
    parked_s: float
    off_s: float
    idle_share: float | None
    idle_cost: float | None
    fuel_used_l: float | None
    metered_distance_m: float | None
    co2_kg: float | None
    fuel_cost: float | None
    cost: float | None
    cost_per_km: float | None
    currency: str | None
    coverage: float | None
    is_heard: bool


class Station(NamedTuple):
    """One fuel at one station: what was bought, beside what all stations together took for that fuel."""

    station: str
    town: str | None
    fuel: str
    purchase_count: int
    quantity_l: float | None
    net: float
    currency: str | None
    price_per_l: float | None
    mean_price_per_l: float | None


class Flags(NamedTuple):
    """One rule on the purchases of the month: how many flags, and what became of them; `cost` of those not cleared."""

    rule_id: str
    title: str
    severity: str
    flag_count: int
    open_count: int
    explained_count: int
    dismissed_count: int
    confirmed_count: int
    withdrawn_count: int
    cost: float | None
    currency: str | None


class Limit(NamedTuple):
    """Idle runs that were possibly over one limit."""

    place: str
    event_count: int
    vehicle_count: int
    excess_s: float
    worst_s: float


class Health(NamedTuple):
    """How good the data of the month is."""

    vehicles_heard: int
    date_count: int
    received_count: int
    rejected_count: int
    duplicate_count: int
    unregistered_count: int
    poor_van_days: int
    van_days: int
    held_back: list[date] | None
    rebuilt_utc: datetime | None
    newest_fix_utc: datetime | None
    timezone: str | None


class MonthlyData(NamedTuple):
    """Everything a monthly report says; `before` and `year_ago` are None where there is nothing of them."""

    tenant_id: str
    period: Period
    timezone: str
    min_coverage: float
    month: Month
    before: Month | None
    year_ago: Month | None
    weeks: list[Week]
    routes: list[Route]
    vehicles: list[Vehicle]
    stations: list[Station]
    flags: list[Flags]
    limits: list[Limit]
    needed: list[VansNeeded]
    health: Health
