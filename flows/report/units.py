"""Which units is a reader used to? Those of the United States by default; `flows.report.style` writes in them."""

from typing import NamedTuple

GALLON_L = 3.785411784  # US gallon, exact
MILE_M = 1609.344  # exact

NOT_KNOWN = "–"


class Units(NamedTuple):
    """Names and sizes of the units a reader is used to."""

    distance: str
    metres: float  # in one unit of distance
    volume: str
    litres: float  # in one unit of volume
    economy: str
    economy_is_distance_per_fuel: bool  # else fuel per hundred units of distance


US = Units("mi", MILE_M, "gal", GALLON_L, "mpg", True)
METRIC = Units("km", 1000.0, "L", 1.0, "L/100 km", False)


def economy(distance_m: float | None, fuel_l: float | None, units: Units) -> float | None:
    """Return distance per fuel or fuel per distance (K21); None without both."""
    if not distance_m or not fuel_l:
        return None
    distance, volume = distance_m / units.metres, fuel_l / units.litres
    return distance / volume if units.economy_is_distance_per_fuel else 100 * volume / distance


def initials(name: str | None, driver_id: str | None) -> str:
    """Return a driver's initials; the id where no name is known. Mail is forwarded, so names stay out of it."""
    if name and name.strip():
        # `Driver 07` keeps its number.
        return "".join(part if part.isdigit() else part[0].upper() for part in name.split())[:4]
    return driver_id or NOT_KNOWN
