"""What is known of a driver or a vehicle, and where?

A request names a person or a van and a period; here it becomes the vehicle-dates, the devices with the instants at
which they were heard, and the purchases it is about. Instants follow the rule of `sql/staging/resolved.sql`: a service
date is the local date of (instant - 4 h), and within the window of a plan the plan's.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from difflib import get_close_matches
from typing import NamedTuple
from zoneinfo import ZoneInfo

import duckdb

from warehouse.connection import sql
from warehouse.holds import held_dates

DAY_STARTS = time(4)
FIRST_US, LAST_US = 0, 253_370_764_800_000_000  # 1970 and 9999
Span = tuple[int, int]  # Unix microseconds, or ordinals of dates; the second exclusive


class Subject(NamedTuple):
    """Who or what it is about; `kind` is driver or vehicle, the dates are inclusive, null: open."""

    tenant_id: str
    kind: str
    subject_id: str
    from_date: date | None
    to_date: date | None

    def has(self, day: date) -> bool:
        """Whether a service date is in the period."""
        return (self.from_date or date.min) <= day <= (self.to_date or date.max)


class Known(NamedTuple):
    """What is known of a subject.

    periods        the service dates it is about as ranges, both inclusive; without those that are held
    names          of a driver; in the clear
    vehicle_dates  (vehicle_id, service_date)
    devices        (device_id, from_us, to_us)
    purchases      (provider, provider_txn_id)
    """

    periods: list[tuple[date, date]]
    names: list[str]
    vehicle_dates: list[tuple[str, date]]
    devices: list[tuple[str, int, int]]
    purchases: list[tuple[str, str]]

    @property
    def is_whole(self) -> bool:
        """Whether it is about every date there is."""
        return self.periods == [(date.min, date.max)]


class Held(NamedTuple):
    """Service dates that stay: those of a van, or, where `vehicle_id` is null, all of the subject; both inclusive."""

    hold_id: str
    vehicle_id: str | None
    from_date: date
    to_date: date


def known_of(
    connection: duckdb.DuckDBPyConnection, subject: Subject, timezone: str, held: Sequence[Held] = ()
) -> Known:
    """Find what a subject is about, but for what is held. Needs the views over the lake."""
    periods = _periods(subject, held)
    dates = [
        (vehicle_id, day)
        for vehicle_id, day in vehicle_dates_of(connection, subject)
        if any(first <= day <= last for first, last in periods)
    ]
    devices = []
    for vehicle_id in sorted({vehicle_id for vehicle_id, _ in dates} | _own_name(subject)):
        days = {day for van, day in dates if van == vehicle_id}
        # Of a van every instant of the period, also of dates of which nothing is known yet.
        wanted = periods if subject.kind == "vehicle" else [(day, day) for day in sorted(days)]
        spans = _instants(connection, subject.tenant_id, vehicle_id, wanted, timezone)
        devices += _devices(connection, subject.tenant_id, vehicle_id, spans)
    purchases = _purchases(connection, subject, dates, periods)
    return Known(periods, _names(connection, subject), dates, sorted(devices), purchases)


def vehicle_dates_of(connection: duckdb.DuckDBPyConnection, subject: Subject) -> list[tuple[str, date]]:
    """The vehicle-dates a driver drove, or of which anything is known of a van, within the period."""
    name, parameter = ("driven", "driver") if subject.kind == "driver" else ("vehicle_dates", "vehicle")
    rows = connection.execute(
        sql(f"privacy/{name}.sql"), {"tenant": subject.tenant_id, parameter: subject.subject_id}
    ).fetchall()
    return [(vehicle_id, day) for vehicle_id, day in rows if subject.has(day)]


def is_told_of(connection: duckdb.DuckDBPyConnection, subject: Subject) -> bool:
    """Whether a van or a driver of this id is known at all, on whatever date; of any copy."""
    return subject.subject_id in known_ids(connection, subject.tenant_id, subject.kind)


def nothing_known(connection: duckdb.DuckDBPyConnection, subject: Subject) -> str:
    """One line for people who named what is not there, with names that are near."""
    tenants = [row[0] for row in connection.execute(f"select distinct tenant_id from ({_IDS['vehicle']})").fetchall()]
    is_tenant_known = subject.tenant_id in tenants
    ids = known_ids(connection, subject.tenant_id, subject.kind)
    asked, named = (subject.subject_id, ids) if is_tenant_known else (subject.tenant_id, tenants)
    near = get_close_matches(asked, sorted(named))
    text = f"nothing is known of {subject.kind} {subject.subject_id} of tenant {subject.tenant_id}"
    return f"{text}; near: {', '.join(near)}" if near else text


_IDS = {
    "vehicle": "select tenant_id, vehicle_id as id from core.vehicles union select tenant_id, vehicle_id from"
    " core.assignments union select tenant_id, vehicle_id from core.vehicle_dates union select tenant_id, vehicle_id"
    " from core.planned_routes union select tenant_id, vehicle_id from marts.status_days union select tenant_id,"
    " vehicle_id from marts.data_health union select tenant_id, vehicle_id from core.fuel_lines",
    "driver": "select tenant_id, driver_id as id from core.drivers union select tenant_id, driver_id from"
    " core.planned_routes union select tenant_id, driver_id from marts.route_days union select tenant_id, driver_id"
    " from core.timeclock union select tenant_id, coalesce(driver_id, driver_ref) from core.fuel_lines"
    " union select tenant_id, id from core.assignments where kind = 'driver'",
}


def known_ids(connection: duckdb.DuckDBPyConnection, tenant_id: str, kind: str) -> set[str]:
    """Every van or driver of a tenant that any table names."""
    rows = connection.execute(
        f"select distinct id from ({_IDS[kind]}) where tenant_id = $tenant and id is not null", {"tenant": tenant_id}
    ).fetchall()
    return {row[0] for row in rows}


def held_of(connection: duckdb.DuckDBPyConnection, subject: Subject) -> list[Held]:
    """What of a subject is under hold: the dates of a hold on itself, and held vehicle-dates a driver drove."""
    if subject.kind == "vehicle":
        found = held_dates(connection, subject.tenant_id, subject.subject_id)
        return sorted({Held(hold_id, None, *dates) for hold_id, *dates in found if _overlaps(subject, *dates)})
    rows = connection.execute(
        "select hold_id, coalesce(from_date, date '1970-01-01'), coalesce(to_date, date '9999-12-31') from core.holds"
        " where released_utc is null and tenant_id = $tenant and kind = 'driver' and subject_id = $driver",
        {"tenant": subject.tenant_id, "driver": subject.subject_id},
    ).fetchall()
    held = {Held(hold_id, None, first, last) for hold_id, first, last in rows if _overlaps(subject, first, last)}
    for vehicle_id, day in vehicle_dates_of(connection, subject):
        of_van = held_dates(connection, subject.tenant_id, vehicle_id)
        held |= {
            Held(found.hold_id, vehicle_id, day, day) for found in of_van if found.from_date <= day <= found.to_date
        }
    return sorted(held, key=lambda found: (found.hold_id, found.vehicle_id or "", found.from_date))


def _overlaps(subject: Subject, first: date, last: date) -> bool:
    return (subject.from_date or date.min) <= last and first <= (subject.to_date or date.max)


def _own_name(subject: Subject) -> set[str]:
    return {subject.subject_id} if subject.kind == "vehicle" else set()


def _periods(subject: Subject, held: Sequence[Held]) -> list[tuple[date, date]]:
    """The dates of the subject without those that are held."""
    spans = [((subject.from_date or date.min).toordinal(), (subject.to_date or date.max).toordinal() + 1)]
    for found in held:
        last = date.max if found.to_date >= date(9999, 12, 31) else found.to_date
        first = date.min if found.from_date <= date(1970, 1, 1) else found.from_date
        spans = without(spans, (first.toordinal(), last.toordinal() + 1))
    return [(date.fromordinal(start), date.fromordinal(end - 1)) for start, end in spans]


def _instants(
    connection: duckdb.DuckDBPyConnection,
    tenant_id: str,
    vehicle_id: str,
    wanted: Sequence[tuple[date, date]],
    zone: str,
) -> list[Span]:
    """The instants that belong to these dates of a van: its plans' windows, else local days from 4 in the morning."""
    found = connection.execute(
        sql("privacy/zone.sql"), {"tenant": tenant_id, "vehicle": vehicle_id, "timezone": zone}
    ).fetchall()
    local = ZoneInfo(found[0][0])
    windows = connection.execute(
        "select service_date, epoch_us(from_utc), epoch_us(to_utc) from core.plan_windows"
        " where tenant_id = $tenant and vehicle_id = $vehicle",
        {"tenant": tenant_id, "vehicle": vehicle_id},
    ).fetchall()
    spans = joined([(_starts_us(first, local), _ends_us(last, local)) for first, last in wanted])
    for day, start, end in windows:
        is_wanted = any(first <= day <= last for first, last in wanted)
        spans = joined([*spans, (start, end)]) if is_wanted else without(spans, (start, end))
    return spans


def _starts_us(day: date, zone: ZoneInfo) -> int:
    if day <= date(1970, 1, 2):
        return FIRST_US
    return round(datetime.combine(day, DAY_STARTS, zone).astimezone(UTC).timestamp()) * 1_000_000


def _ends_us(day: date, zone: ZoneInfo) -> int:
    return LAST_US if day >= date(9998, 12, 31) else _starts_us(day + timedelta(days=1), zone)


def joined(spans: Iterable[Span]) -> list[Span]:
    """The union of spans, in order, those that touch as one."""
    union: list[Span] = []
    for start, end in sorted(spans):
        if union and start <= union[-1][1]:
            union[-1] = (union[-1][0], max(end, union[-1][1]))
        else:
            union.append((start, end))
    return union


def without(spans: Iterable[Span], hole: Span) -> list[Span]:
    """What is left of spans outside of another one."""
    parts = [part for start, end in spans for part in ((start, min(end, hole[0])), (max(start, hole[1]), end))]
    return [(start, end) for start, end in parts if start < end]


def _devices(
    connection: duckdb.DuckDBPyConnection, tenant_id: str, vehicle_id: str, spans: Sequence[Span]
) -> list[tuple[str, int, int]]:
    rows = connection.execute(
        "select device_id, epoch_us(from_utc), epoch_us(to_utc) from"
        f" ({sql('privacy/carried.sql')})", {"tenant": tenant_id, "vehicle": vehicle_id},
    ).fetchall()  # fmt: skip
    devices = []
    for device_id, from_us, to_us in rows:
        parts = list(spans)
        if from_us is None:
            for span in _assigned(connection, tenant_id, device_id):
                parts = without(parts, span)
        else:
            parts = without(without(parts, (min(FIRST_US, from_us), from_us)), (to_us, max(to_us, LAST_US)))
        devices += [(device_id, start, end) for start, end in parts]
    return devices


def _assigned(connection: duckdb.DuckDBPyConnection, tenant_id: str, device_id: str) -> list[Span]:
    rows = connection.execute(
        "select epoch_us(from_utc), epoch_us(to_utc) from staging.device_spans"
        " where tenant_id = $tenant and device_id = $device",
        {"tenant": tenant_id, "device": device_id},
    ).fetchall()
    return [(start, end) for start, end in rows]


def _names(connection: duckdb.DuckDBPyConnection, subject: Subject) -> list[str]:
    if subject.kind != "driver":
        return []
    rows = connection.execute(
        "select distinct name from core.drivers where tenant_id = $tenant and driver_id = $driver and name is not null",
        {"tenant": subject.tenant_id, "driver": subject.subject_id},
    ).fetchall()
    return sorted(row[0] for row in rows)


def _purchases(
    connection: duckdb.DuckDBPyConnection,
    subject: Subject,
    dates: Sequence[tuple[str, date]],
    periods: Sequence[tuple[date, date]],
) -> list[tuple[str, str]]:
    rows = connection.execute(
        "select provider, provider_txn_id, vehicle_id, service_date, coalesce(driver_id, driver_ref)"
        " from core.fuel_lines"
        " where tenant_id = $tenant order by all",
        {"tenant": subject.tenant_id},
    ).fetchall()
    wanted = set(dates)
    return sorted(
        {
            (provider, txn)
            for provider, txn, vehicle_id, day, driver in rows
            if (vehicle_id, day) in wanted
            or (
                subject.kind == "driver"
                and driver == subject.subject_id
                and any(day is None or first <= day <= last for first, last in periods)
            )
        }
    )
