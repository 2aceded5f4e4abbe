"""What is read for one day of one tenant: the rows of each query in `sql/`, as types.

Units are in names; shares are 0 to 1; money is a float here because it is only printed. `None` means not known.
Instants are aware, in UTC. `is_heard` tells whether the coverage is enough for ratios to be shown.
"""

from datetime import date, datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class FleetDay(NamedTuple):
    """One day of the whole tenant (`marts.fleet_days`)."""

    service_date: date
    vehicles_on_books: int
    vehicles_out_of_service: int
    vehicles_available: int
    vehicles_dispatched: int
    available_dispatched: int
    vehicles_heard: int
    routes_planned: int
    routes_run: int
    idle_s: float
    idle_share: float | None
    excess_idle_s: float
    idle_fuel_l: float | None
    idle_cost: float | None
    observed_s: float
    coverage: float | None
    is_heard: bool
    distance_m: float
    metered_distance_m: float
    fuel_used_l: float | None
    co2_kg: float | None
    on_time_starts: int
    starts_with_plan: int
    route_time_s: float | None
    planned_route_time_s: float | None
    peak_concurrent_vehicles: int
    currency: str | None
    fuel_flag_count: int
    overrun_s: float | None  # beyond plan, of the routes that took longer; None without plans
    late_start_s: float | None  # behind plan, of the starts that were late (K20); None without plans


class Depot(NamedTuple):
    """A depot seen that day."""

    depot_id: str
    timezone: str | None
    wage_per_h: float | None
    vehicle_count: int


class RouteDay(NamedTuple):
    """One van on one route (`marts.route_days`)."""

    route_id: str
    vehicle_id: str
    driver_id: str | None
    driver_name: str | None
    role: str
    planned_exit_utc: datetime | None
    planned_return_utc: datetime | None
    depot_exit_utc: datetime | None
    depot_return_utc: datetime | None
    route_time_s: float | None
    planned_route_time_s: float | None
    route_utilization: float | None
    productive_share: float | None
    idle_s: float
    idle_share: float | None
    off_s: float
    parked_s: float
    coverage: float | None
    is_heard: bool
    distance_m: float
    stem_share: float | None
    stop_count: int
    planned_stop_count: int | None
    completed_stop_count: int | None
    mean_dwell_s: float | None
    stops_per_hour: float | None
    is_coarse: bool  # sampled too rarely to see every hand-off
    on_time_start: bool | None
    fuel_used_l: float | None
    fuel_distance_m: float  # driven while that was burnt
    cost: float | None
    currency: str | None
    wage_per_h: float | None


class MissedRoute(NamedTuple):
    """A planned route that no van was seen to run; the van is the one planned, if one was."""

    route_id: str
    vehicle_id: str | None


class VehicleDay(NamedTuple):
    """One van (`marts.vehicle_days`)."""

    vehicle_id: str
    first_fix_utc: datetime
    last_fix_utc: datetime
    drive_s: float
    idle_s: float
    ready_s: float
    off_s: float
    parked_s: float
    unknown_s: float
    coverage: float | None
    is_heard: bool
    excess_idle_s: float
    idle_cost: float | None
    is_metered: bool  # its fuel is known, from the source that the fleet's figure is of
    depot_id: str | None
    idle_share: float | None
    idle_event_count: int
    idle_fuel_l: float | None
    distance_m: float
    distance_source: str
    stop_count: int
    fuel_used_l: float | None
    fuel_distance_m: float
    co2_kg: float | None
    currency: str | None


class IdleContext(NamedTuple):
    """Idle events of one van in one context."""

    vehicle_id: str
    context: str
    idle_s: float
    event_count: int
    longest_s: float
    longest_started_utc: datetime
    cost: float | None


class SilentVehicle(NamedTuple):
    """A van that should have been heard; `last_fix_utc` is None if not heard for two weeks."""

    vehicle_id: str
    route_id: str | None
    last_fix_utc: datetime | None


class FuelTotals(NamedTuple):
    """Purchases of the day; `earlier_open_count` flags of the four weeks before are still open."""

    purchase_count: int
    verified_count: int
    quantity_l: float
    net: float | None
    currency: str | None
    earlier_open_count: int
    note_count: int


class FuelException(NamedTuple):
    """One rule that fired on one purchase."""

    rule_id: str
    severity: str
    state: str
    explanation: str
    vehicle_id: str | None
    vehicle_ref: str | None
    ts_utc: datetime | None
    ts_quality: str | None
    site_name: str | None
    city: str | None
    quantity_l: float | None
    net: float | None
    currency: str | None
    purchase_key: str


class Health(NamedTuple):
    """How good the data is, over all vans."""

    received_count: int
    accepted_count: int
    duplicate_count: int
    conflict_count: int
    rejected_count: int
    median_delay_s: float | None
    worst_p95_delay_s: float | None
    worst_delay_vehicle_id: str | None
    longest_gap_s: float | None
    longest_gap_vehicle_id: str | None
    unregistered_count: int
    rebuilt_utc: datetime | None
    definition_set: str | None
    factor_set: str | None  # of carbon dioxide; None where no fuel is known
    held_back_by: str | None


class Reject(NamedTuple):
    """Rejected rows for one reason."""

    reason: str
    row_count: int


class Ledger(NamedTuple):
    """Runs of the vans in the timeline, sorted by place and start; every array has one entry per run.

    place       int64  row of the picture, 0 is the van with most idle
    state       str    one of the ledger's states
    started_us  int64  Unix time
    ended_us    int64  Unix time
    """

    place: NDArray[np.int64]
    state: NDArray[np.object_]
    started_us: NDArray[np.int64]
    ended_us: NDArray[np.int64]


class DailyData(NamedTuple):
    """Everything a daily report says; `history` is the same weekday of up to four earlier weeks, newest first."""

    tenant_id: str
    service_date: date
    timezone: str
    min_coverage: float
    fleet: FleetDay
    history: list[FleetDay]
    depots: list[Depot]
    routes: list[RouteDay]
    missed: list[MissedRoute]
    vehicles: list[VehicleDay]
    idle_contexts: list[IdleContext]
    silent: list[SilentVehicle]
    fuel: FuelTotals
    exceptions: list[FuelException]
    health: Health
    rejects: list[Reject]
    ledger: Ledger
