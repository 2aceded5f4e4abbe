"""Which places are in which areas: the twin of `in_areas`, edge by edge in exact fractions."""

from fractions import Fraction
from math import cos, hypot, radians

Place = tuple[int, int]  # latitude and longitude, degrees times 10 000 000
Ring = list[Place]
METRES_PER_E7 = 6_371_008.8 * radians(1) / 1e7


def in_area(place: Place, polygons: list[list[Ring]], margin_m: float, is_border: bool = True) -> bool:
    """Whether a place is in one of the polygons and far enough from that polygon's edges."""
    return any(
        is_in(place, rings) and (not is_border or all(metres_to(place, edge) >= margin_m for edge in edges(rings)))
        for rings in polygons
    )


def is_in(place: Place, rings: list[Ring]) -> bool:
    """Count the edges that a line to the east crosses."""
    crossed = 0
    for (a_north, a_east), (b_north, b_east) in edges(rings):
        if (a_north > place[0]) != (b_north > place[0]):
            share = Fraction(place[0] - a_north, b_north - a_north)
            crossed += place[1] < a_east + share * (b_east - a_east)
    return crossed % 2 == 1


def edges(rings: list[Ring]) -> list[tuple[Place, Place]]:
    """Every vertex of every ring with the next one; the last leads to the first."""
    return [(ring[i - 1], ring[i]) for ring in rings for i in range(len(ring))]


def metres_to(place: Place, edge: tuple[Place, Place]) -> float:
    """Metres to the nearest point of an edge, on a plane that touches the earth at the place."""
    shrink = cos(radians(place[0] / 1e7))
    (ax, ay), (bx, by) = (((east - place[1]) * shrink, north - place[0]) for north, east in edge)
    length = hypot(bx - ax, by - ay)
    if length == 0:
        return hypot(ax, ay) * METRES_PER_E7
    along = -(ax * (bx - ax) + ay * (by - ay)) / length
    along = min(max(along, 0), length)
    return hypot(ax + along * (bx - ax) / length, ay + along * (by - ay) / length) * METRES_PER_E7
