"""How are figures, times and money written for the reader?

The only place where storage units (metres, litres, UTC) become the reader's. United States customary units by default.
"""

from datetime import date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

GALLON_L = 3.785411784  # US gallon, exact
MILE_M = 1609.344  # exact

NOT_KNOWN = "–"
SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "CAD": "CA$"}


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


def distance(metres: float, units: Units) -> str:
    """Write a distance, `1,564 mi`."""
    return f"{metres / units.metres:,.0f} {units.distance}"


def volume(litres: float | None, units: Units) -> str:
    """Write a volume, `21.0 gal`."""
    return NOT_KNOWN if litres is None else f"{litres / units.litres:,.1f} {units.volume}"


def percent(share: float | None, decimals: int = 0) -> str:
    """Write a share of 0 to 1, `28.7 %`."""
    return NOT_KNOWN if share is None else f"{100 * share:.{decimals}f} %"


def money(amount: float | None, currency: str | None, *, cents: bool = False) -> str:
    """Write an amount: whole from 10 up unless `cents`, with cents below; `$54`, `$2.39`, `SEK 54`."""
    if amount is None:
        return NOT_KNOWN
    decimals = 0 if abs(amount) >= 10 and not cents else 2
    symbol = SYMBOLS.get(currency or "", f"{currency} " if currency else "")
    return f"{'−' if amount < 0 else ''}{symbol}{abs(amount):,.{decimals}f}"


def minutes(seconds: float) -> str:
    """Write a length of time as a person would say it: `45 s`, `71 min`, `3 h 10 min`, `54 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    whole_min = round(seconds / 60)
    if whole_min < 120:
        return f"{whole_min} min"
    if whole_min >= 24 * 60 or whole_min % 60 == 0:
        return f"{seconds / 3600:,.0f} h"
    return f"{whole_min // 60} h {whole_min % 60} min"


def hours_minutes(seconds: float | None) -> str:
    """Write a length of time for a table, `8:34`."""
    if seconds is None:
        return NOT_KNOWN
    hours, rest_min = divmod(round(seconds / 60), 60)
    return f"{hours}:{rest_min:02}"


def signed_minutes(seconds: float) -> str:
    """Write a delay in whole minutes with its sign, `+5`, `−3`, `±0`."""
    whole_min = round(seconds / 60)
    return signed(whole_min, 0)


def signed(value: float, decimals: int) -> str:
    """Write a number with its sign, `+3.1`, `−0.4`, `±0`."""
    text = f"{abs(value):,.{decimals}f}"
    if float(text.replace(",", "")) == 0:
        return "±0"
    return f"{'+' if value > 0 else '−'}{text}"


def clock(instant_utc: datetime | None, timezone: str) -> str:
    """Write the local time of an instant, `10:05`."""
    return NOT_KNOWN if instant_utc is None else f"{instant_utc.astimezone(ZoneInfo(timezone)):%H:%M}"


def day(value: date) -> str:
    """Write a date, `Thu 26 Feb`."""
    return f"{value:%a} {value.day} {value:%b}"


def local_day(instant_utc: datetime, timezone: str) -> str:
    """Write the local date and time of an instant, `Thu 26 Feb 17:48`."""
    local = instant_utc.astimezone(ZoneInfo(timezone))
    return f"{day(local.date())} {local:%H:%M}"


def counted(number: int, thing: str) -> str:
    """Write a count with its thing, `1 route`, `1,250 routes`."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def listed(things: list[str], most: int = 4) -> str:
    """Write a list as in a sentence, `V12, V19 and V03`; beyond `most` the rest is counted."""
    if len(things) > most:
        things = [*things[:most], f"{len(things) - most} more"]
    return things[0] if len(things) == 1 else f"{', '.join(things[:-1])} and {things[-1]}" if things else ""


def initials(name: str | None, driver_id: str | None) -> str:
    """Return a driver's initials; the id where no name is known. Mail is forwarded, so names stay out of it."""
    if name and name.strip():
        # `Driver 07` keeps its number.
        return "".join(part if part.isdigit() else part[0].upper() for part in name.split())[:4]
    return driver_id or NOT_KNOWN
