"""How many metres are between two places, by the textbook."""

from math import asin, cos, radians, sin, sqrt


def metres(a: tuple[int, int], b: tuple[int, int]) -> float:
    """Return the haversine distance of two places in degrees times 10 000 000."""
    north_a, east_a, north_b, east_b = (radians(part / 1e7) for part in (*a, *b))
    chord = sin((north_b - north_a) / 2) ** 2 + cos(north_a) * cos(north_b) * sin((east_b - east_a) / 2) ** 2
    return 2 * 6_371_008.8 * asin(sqrt(min(1.0, chord)))
