"""Which tenant, vehicles, depots, drivers, cards, devices, stations and prices belong to a simulated fleet?

As the files that `odograph import` reads, with the columns of its contract. Every name is invented; drivers
are named after trees and birds.
"""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from ingest.simulation.city import Depot, Station, place
from ingest.simulation.fleet import Van
from ingest.simulation.fuel_cases.habits import NO_OPTION, Option
from ingest.simulation.paperwork import PRICES, PROVIDER, STATE_PRICE

WINDOW = ("08:30", "19:30")
WAGE_PER_H = 22.50
FIXED_COST_PER_DAY = 63.20  # lease 38.00, insurance 22.00, devices 3.20
GVWR_LB = {"gasoline": 9070, "diesel": 9990}
PACKAGE_CAPACITY = 350
TREES = (
    "Alder",
    "Birch",
    "Cedar",
    "Elm",
    "Fir",
    "Hazel",
    "Juniper",
    "Larch",
    "Maple",
    "Oak",
    "Pine",
    "Rowan",
    "Willow",
)
BIRDS = ("Crane", "Dove", "Finch", "Heron", "Jay", "Kite", "Lark", "Martin", "Robin", "Swift", "Teal", "Wren")
KNOWN_BEFORE_DAYS = 400  # dimensions begin this long before the first day


def dimension_frames(
    vans: list[Van],
    stations: dict[Depot, list[Station]],
    *,
    tenant: str,
    timezone: str,
    first_date: date,
    last_date: date,
    sample_s: int,
    options: dict[str, Option] | None = None,
) -> dict[str, pl.DataFrame]:
    """Build the dimension tables, by file name without its ending; `options` are further columns of some vans."""
    options = options or {}
    since = first_date - timedelta(days=KNOWN_BEFORE_DAYS)
    return {
        "tenants": pl.DataFrame(
            [
                {
                    "tenant_id": tenant,
                    "name": tenant.capitalize(),
                    "timezone": timezone,
                    "currency": "USD",
                    "units": "us",
                    "locale": "en-US",
                    "week_start": "sunday",
                }
            ]
        ),
        "vehicles": _frame([_vehicle(van, tenant, since) | _of(van, options).vehicle for van in vans]),
        "depots": pl.DataFrame([_depot(depot, tenant, timezone) for depot in stations]),
        "drivers": pl.DataFrame(
            [{"tenant_id": tenant, "driver_id": van.driver_id, "name": _driver_name(van.number)} for van in vans]
        ),
        "cards": pl.DataFrame(
            [
                {
                    "tenant_id": tenant,
                    "card_id": van.card_id,
                    "provider": PROVIDER,
                    "last4": van.card_last4,
                    "status": "active",
                }
                for van in vans
            ]
        ),
        "devices": pl.DataFrame(
            [
                {
                    "tenant_id": tenant,
                    "device_id": van.device_id,
                    "adapter": "native",
                    "reporting_interval_s": sample_s,
                }
                for van in vans
            ]
        ),
        "assignments": _frame(
            [
                row | (_of(van, options).card if row["kind"] == "card" else {})
                for van in vans
                for row in _assignments(van, tenant, since)
            ]
        ),
        "stations": pl.DataFrame(
            [_station(depot, station, timezone) for depot, of_depot in stations.items() for station in of_depot]
        ),
        "prices": pl.DataFrame(
            _prices(
                [since, *_weeks(first_date, last_date)],
                sorted({station.state for there in stations.values() for station in there}),
            )
        ),
    }


def write_dimensions(folder: Path, frames: dict[str, pl.DataFrame]) -> None:
    """Write each table as a CSV file into `folder`, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o750)
    for name, frame in frames.items():
        frame.write_csv(folder / f"{name}.csv")


def _vehicle(van: Van, tenant: str, since: date) -> dict[str, Any]:
    return {
        "tenant_id": tenant,
        "vehicle_id": van.vehicle_id,
        "fuel_type": van.fuel_type,
        "tank_l": van.tank_l,
        "gvwr_lb": GVWR_LB[van.fuel_type],
        "idle_l_per_h": van.idle_l_per_h,
        "fixed_cost_per_day": FIXED_COST_PER_DAY,
        "package_capacity": PACKAGE_CAPACITY,
        "status": "active",
        "valid_from": since.isoformat(),
        "valid_to": None,
    }


def _depot(depot: Depot, tenant: str, timezone: str) -> dict[str, Any]:
    return {
        "tenant_id": tenant,
        "depot_id": depot.depot_id,
        "timezone": timezone,
        "latitude": depot.latitude,
        "longitude": depot.longitude,
        "radius_m": depot.radius_m,
        "window_start": WINDOW[0],
        "window_end": WINDOW[1],
        "wage_per_h": WAGE_PER_H,
    }


def _assignments(van: Van, tenant: str, since: date) -> list[dict[str, Any]]:
    ids = {
        "device": van.device_id,
        "card": van.card_id,
        "driver": van.driver_id,
        "depot": van.depot.depot_id,
    }
    from_utc = f"{since.isoformat()}T00:00:00Z"
    return [
        {
            "tenant_id": tenant,
            "kind": kind,
            "id": assigned,
            "vehicle_id": van.vehicle_id,
            "from_utc": from_utc,
            "to_utc": None,
        }
        for kind, assigned in ids.items()
    ]


def _station(depot: Depot, station: Station, timezone: str) -> dict[str, Any]:
    latitude, longitude = place(depot, station.x_m, station.y_m)
    return {
        "station_id": station.station_id,
        "name": station.name,
        "latitude": latitude,
        "longitude": longitude,
        "state": station.state,
        "timezone": timezone,
    }


def _frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Build a table whose rows may have columns that others have not."""
    return pl.from_dicts(rows, infer_schema_length=None)


def _of(van: Van, options: dict[str, Option]) -> Option:
    return options.get(van.vehicle_id, NO_OPTION)


def _weeks(first_date: date, last_date: date) -> list[date]:
    """Return the Mondays on which prices of the week are published, from the one before the first day."""
    monday = first_date - timedelta(days=first_date.weekday())
    return [monday + timedelta(weeks=week) for week in range((last_date - monday).days // 7 + 1)]


def _prices(dates: list[date], states: list[str]) -> list[dict[str, Any]]:
    return [
        {
            "region": state,
            "product": product,
            "from_date": from_date.isoformat(),
            "price": round(float(price * STATE_PRICE[state]), 3),
            "unit": "gal",
            "currency": "USD",
        }
        for state in states
        for from_date in dates
        for product, price in PRICES.items()
    ]


def _driver_name(number: int) -> str:
    return f"{TREES[number % len(TREES)]} {BIRDS[number // len(TREES) % len(BIRDS)]}"
