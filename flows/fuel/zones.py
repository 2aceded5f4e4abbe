"""In which time zone is a place?"""

from collections.abc import Sequence

from tzfpy import get_tz


def zones_of(places: Sequence[tuple[float, float]]) -> list[str | None]:
    """The IANA zone of each place (latitude, longitude in degrees); None at sea, where nobody fuels a van."""
    zones = [get_tz(longitude, latitude) for latitude, longitude in places]
    return [zone if zone and not zone.startswith("Etc/") else None for zone in zones]
