"""What is read for one week of one tenant: the rows of each query in `sql/weekly/`, as types.

Units are in names; shares are 0 to 1; money is a float here because it is only printed. `None` means not known.
Instants are aware, in UTC. `is_heard` tells whether the coverage is enough for ratios to be shown.
"""

from datetime import date, datetime
from statistics import median
from typing import NamedTuple

from flows.report.rendered import Period
from flows.report.rows import Depot

LEAST_DATES = 0.7  # of the dates of this week: five of seven, so that a week with a holiday still counts


class Week(NamedTuple):
    """One week of the whole tenant (`marts.fleet_weeks`)."""

    date_from: date
    date_to: date
    days_with_data: int
    vehicle_count: int  # heard on at least one date
    routes_planned: int
    routes_run: int
    route_time_s: float | None
    planned_route_time_s: float | None
    route_utilization: float | None
    time_utilization: float | None
    drive_s: float
    idle_s: float
    ready_s: float | None
    off_s: float | None
    parked_s: float | None
    unknown_s: float | None
    idle_share: float | None
    excess_idle_s: float
    idle_cost: float | None
    coverage: float | None
    is_heard: bool
    known_s: float
    observed_s: float
    distance_m: float
    metered_distance_m: float | None
    fuel_used_l: float | None
    fuel_cost: float | None
    fuel_costed_distance_m: float | None
    on_time_starts: int
    starts_with_plan: int
    stops_per_hour: float | None
    cost: float | None
    cost_per_stop: float | None
    costed_stop_count: int | None
    peak_concurrent_vehicles: int
    co2_factor_set: str | None
    currency: str | None
    fuel_flag_count: int
    purchase_count: int
    verified_count: int


class VehicleWeek(NamedTuple):
    """One van in one week in which it was heard (`marts.vehicle_weeks`)."""

    date_from: date
    vehicle_id: str
    fuel_type: str | None
    days_with_data: int
    time_utilization: float | None  # K3
    engine_on_s: float
    idle_s: float
    idle_cost: float | None
    coverage: float | None
    is_heard: bool
    metered_distance_m: float | None
    fuel_used_l: float | None


class VehicleHour(NamedTuple):
    """One local hour of the day of one van, over the dates of the week on which it was heard."""

    vehicle_id: str
    hour: int
    engine_on_s: float
    unknown_s: float
    heard_s: float  # an hour for each of those dates


class Window(NamedTuple):
    """When most vans are available, in local hours of the day, 8.5 for half past eight."""

    from_hour: float
    to_hour: float


class RouteDay(NamedTuple):
    """One van on one route on one date of the week."""

    route_id: str
    vehicle_id: str
    service_date: date
    role: str
    route_time_s: float | None
    planned_route_time_s: float | None
    route_utilization: float | None
    distance_m: float
    stem_share: float | None
    is_heard: bool


class RouteWeek(NamedTuple):
    """One route over the week (`marts.route_weeks`); `stem_share_before` is that of the four weeks before it."""

    route_id: str
    days_with_data: int
    route_time_s: float | None
    planned_route_time_s: float | None
    route_utilization: float | None
    stem_share: float | None
    stem_share_before: float | None
    stem_m: float | None
    coverage: float | None
    is_heard: bool


class IdleContext(NamedTuple):
    """Idle time of the week in one context; `event_*` are of its events of two minutes and more."""

    context: str
    idle_s: float
    event_count: int
    event_s: float
    longest_s: float | None
    cost: float | None
    currency: str | None


class IdleJurisdiction(NamedTuple):
    """Idle time of the week in one jurisdiction, and the runs possibly over its limit."""

    place: str
    limit_s: int | None
    idle_s: float
    event_count: int
    vehicle_count: int
    excess_s: float
    longest_s: float | None


class FuelFlags(NamedTuple):
    """Flags of one rule: of purchases of this week, settled in it, and open of the twelve weeks up to its end."""

    rule_id: str
    title: str
    new_count: int
    new_open_count: int
    settled_count: int
    open_count: int
    open_cost: float | None
    currency: str | None


class FuelPrice(NamedTuple):
    """What was paid for one product, and the median price of the area for those purchases that have one."""

    product: str
    currency: str | None
    purchase_count: int
    quantity_l: float
    paid_per_l: float
    compared_count: int
    compared_l: float | None
    area_per_l: float | None
    extra_cost: float | None
    regions: str | None


class WeekHealth(NamedTuple):
    """How good the data is, over all vans and dates; `held_back` lists dates whose newer data did not pass."""

    received_count: int
    duplicate_count: int
    conflict_count: int
    rejected_count: int
    unregistered_count: int
    rebuilt_utc: datetime | None
    held_back: str | None
    newest_date: date | None  # with data of the tenant, in the week or after it


class SilentVehicle(NamedTuple):
    """A van that was available all week and never heard; `last_date` is None where it never was."""

    vehicle_id: str
    last_date: date | None


class WeeklyData(NamedTuple):
    """Everything a weekly report says; `before` are the weeks before this one, newest first, seven at most."""

    tenant_id: str
    period: Period
    timezone: str
    min_coverage: float
    week: Week
    before: list[Week]
    depots: list[Depot]
    vehicles: list[VehicleWeek]  # of all eight weeks, newest first
    hours: list[VehicleHour]
    window: Window | None
    route_days: list[RouteDay]
    routes: list[RouteWeek]
    contexts: list[IdleContext]
    jurisdictions: list[IdleJurisdiction]
    legal_event_count: int  # runs: one that several jurisdictions limit counts once
    flags: list[FuelFlags]
    prices: list[FuelPrice]
    health: WeekHealth
    silent: list[SilentVehicle]

    @property
    def usual(self) -> list[Week]:
        """Return the weeks that differences are measured against: of the four before this one those heard well.

        A week with far fewer dates than this one, such as the first of a tenant, has smaller sums for that alone.
        """
        oldest, fewest = self.before_by(28), LEAST_DATES * self.week.days_with_data
        return [
            week for week in self.before if week.date_from >= oldest and week.is_heard and week.days_with_data >= fewest
        ]

    @property
    def has_other_days(self) -> bool:
        """Whether a usual week has another number of days with data than this one."""
        return any(week.days_with_data != self.week.days_with_data for week in self.usual)

    @property
    def is_unfinished(self) -> bool:
        """Whether data of the last days is yet to come: it ends before the week does, and sooner than usual."""
        newest, days = self.health.newest_date, [week.days_with_data for week in self.usual]
        return newest is not None and newest < self.period.last and self.week.days_with_data < median([*days] or [7])

    @property
    def vans(self) -> list[VehicleWeek]:
        """Return the vans heard in this week, most idle first."""
        return [van for van in self.vehicles if van.date_from == self.week.date_from]

    def before_by(self, days: int) -> date:
        """Return the first date of the week so many days earlier."""
        return date.fromordinal(self.week.date_from.toordinal() - days)
