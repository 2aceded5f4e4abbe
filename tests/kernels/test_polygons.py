import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.polygons import Areas, in_areas
from tests.builders import examples
from tests.kernels.naive import polygons as naive

SPAN_E7 = 40_000  # about 450 m: small enough for margins to matter
NORTH_E7, EAST_E7 = 407_000_000, -739_000_000

# A coarse grid, so that places often lie on vertices, on edges and level with them.
STEPS = st.integers(-8, 8).map(lambda step: step * SPAN_E7 // 8)
PLACES = st.tuples(STEPS.map(lambda step: NORTH_E7 + step), STEPS.map(lambda step: EAST_E7 + step))
RINGS = st.lists(PLACES, min_size=1, max_size=90)
POLYGONS = st.lists(st.lists(RINGS, min_size=1, max_size=3), max_size=3)
AREAS = st.lists(st.tuples(POLYGONS, st.sampled_from([0.0, 0.0, 61.7, 213.1])), max_size=3)


def areas_of(*areas, is_border=True):
    """Build areas from (polygons, margin in metres) each."""
    polygons = [polygon for found, _ in areas for polygon in found]
    rings = [ring for polygon in polygons for ring in polygon]
    vertices = np.array([place for ring in rings for place in ring], dtype=np.int32).reshape(-1, 2)
    return Areas(
        *(
            np.cumsum([0, *map(len, parts)]).astype(np.int64)
            for parts in ([polygons for polygons, _ in areas], polygons, rings)
        ),
        np.ascontiguousarray(vertices[:, 0]),
        np.ascontiguousarray(vertices[:, 1]),
        np.full(len(vertices), is_border),
        np.array([margin_m for _, margin_m in areas], dtype=np.float64),
    )


def found(places, areas):
    columns = np.array(places, dtype=np.int32).reshape(-1, 2)
    return in_areas(np.ascontiguousarray(columns[:, 0]), np.ascontiguousarray(columns[:, 1]), areas).tolist()


def rectangle(south, north, west, east):
    return [(south, west), (south, east), (north, east), (north, west)]


@given(st.lists(PLACES, max_size=6), AREAS, st.booleans())
@settings(deadline=None, max_examples=examples(60, 300))
def test_agrees_with_the_naive_version(places, areas, is_border):
    expected = [
        [naive.in_area(place, polygons, margin_m, is_border) for polygons, margin_m in areas] for place in places
    ]
    assert found(places, areas_of(*areas, is_border=is_border)) == expected


@given(st.tuples(STEPS, STEPS), st.lists(PLACES, max_size=20))
@settings(deadline=None)
def test_every_place_of_a_cut_rectangle_is_in_exactly_one_part(offset, cut):
    """A crooked line from south to north cuts a rectangle in two, and nothing is lost on it or counted twice."""
    south, north, west, east = NORTH_E7 - SPAN_E7, NORTH_E7 + SPAN_E7, EAST_E7 - SPAN_E7, EAST_E7 + SPAN_E7
    line = [(south, EAST_E7), *cut, (north, EAST_E7)]
    left, right = [(south, west), *line, (north, west)], [(south, east), *line, (north, east)]
    place = (NORTH_E7 + offset[0], EAST_E7 + offset[1])
    whole = areas_of(([[rectangle(south, north, west, east)]], 0.0))
    parts = areas_of(([[left]], 0.0), ([[right]], 0.0))
    for each in (place, *line):
        assert sum(found([each], parts)[0]) % 2 == found([each], whole)[0][0]


def test_a_hole_is_outside_and_an_island_in_it_inside():
    def square(half):
        return rectangle(NORTH_E7 - half, NORTH_E7 + half, EAST_E7 - half, EAST_E7 + half)

    lake = areas_of(([[square(30_000), square(20_000), square(10_000)]], 0.0))
    assert found([(NORTH_E7, EAST_E7 + run) for run in (5_000, 15_000, 25_000, 35_000)], lake) == [
        [True],
        [False],
        [True],
        [False],
    ]


def test_polygons_of_an_area_may_overlap():
    one = rectangle(NORTH_E7, NORTH_E7 + 10_000, EAST_E7, EAST_E7 + 10_000)
    other = rectangle(NORTH_E7, NORTH_E7 + 10_000, EAST_E7 + 5_000, EAST_E7 + 15_000)
    both = (NORTH_E7 + 5_000, EAST_E7 + 7_000)
    assert found([both], areas_of(([[one], [other]], 0.0))) == [[True]]
    assert found([both], areas_of(([[one, other]], 0.0))) == [[False]]  # as rings of one polygon


def test_a_place_nearer_to_a_border_than_the_margin_is_not_surely_inside():
    polygon = [[rectangle(NORTH_E7 - 100_000, NORTH_E7 + 100_000, EAST_E7, EAST_E7 + 100_000)]]
    places = [(NORTH_E7, EAST_E7 + round(metres * 118.623)) for metres in (99, 101)]
    assert found(places, areas_of((polygon, 100.0))) == [[False], [True]]
    assert found(places, areas_of((polygon, 100.0), is_border=False)) == [[True], [True]]


@pytest.mark.parametrize("inwards", [1, -1])
def test_the_margin_is_kept_from_the_many_edges_of_a_long_border_on_either_side(inwards):
    border = [(NORTH_E7 + step * 1_000, EAST_E7) for step in range(100, -101, -1)]
    far_e7 = EAST_E7 + inwards * 400_000
    polygon = [[[*border, (NORTH_E7 - 100_000, far_e7), (NORTH_E7 + 100_000, far_e7)]]]
    places = [(NORTH_E7, EAST_E7 + inwards * round(metres * 118.623)) for metres in (-1, 1, 99, 101)]
    assert found(places, areas_of((polygon, 100.0))) == [[False], [False], [False], [True]]


def test_the_whole_earth_is_not_too_large():
    world = areas_of(([[rectangle(-900_000_000, 900_000_000, -1_800_000_000, 1_800_000_000)]], 0.0))
    assert found([(0, 0), (899_999_999, 1_799_999_999), (-900_000_000, -1_800_000_000)], world) == [[True]] * 3


def test_columns_that_do_not_fit_are_refused():
    areas = areas_of(([[rectangle(0, 1, 0, 1)]], 0.0))
    nowhere = np.zeros(0, np.int32)
    with pytest.raises(ValueError, match="ring_vertices: expected to rise from 0 to 4"):
        in_areas(nowhere, nowhere, areas._replace(ring_vertices=np.array([0, 3])))
    with pytest.raises(ValueError, match="no empty ring"):
        in_areas(nowhere, nowhere, areas._replace(ring_vertices=np.array([0, 0, 4]), polygon_rings=np.array([0, 2])))
