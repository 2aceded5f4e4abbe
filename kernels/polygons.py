"""Which places are in which areas, and far enough from their borders to be sure?

An area is one or more polygons, a polygon one or more rings: an outline, and holes in it or islands beside it. A
place is in a polygon when a line from it to the east crosses the rings an odd number of times. It is in an area when
it is in one of its polygons and at least the area's margin away from that polygon's border edges. Shores need not be
border edges: who is near one is not near anybody else's land.

Crossings are decided in whole numbers, so a place on an edge is in exactly one of the two polygons that share it. Rings
do not cross the 180th meridian.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import prange
from numpy.typing import NDArray

from kernels.compiled import kernel, light_part
from kernels.geometry import EARTH_RADIUS_M, RADIANS_PER_E7
from kernels.track import Degrees, Flags, Ints, Metres, column

BLOCK_EDGES = 32  # edges that share a bounding box; 16 to 64 made no difference (2026-11)
_NORTHERNMOST = 89 * math.pi / 180  # nearer to a pole a metre to the east is more degrees than a box should grow


class Areas(NamedTuple):
    """Areas and their polygons, rings and vertices, each in the order of the one before.

    area_polygons  int64 (n_areas + 1,)     first polygon of each area, then their count
    polygon_rings  int64 (n_polygons + 1,)  first ring of each polygon, then their count
    ring_vertices  int64 (n_rings + 1,)     first vertex of each ring, then their count; no ring is empty
    latitude_e7    int32 (n_vertices,)      degrees times 10 000 000; the last vertex of a ring leads to its first
    longitude_e7   int32 (n_vertices,)      the same
    is_border      bool (n_vertices,)       the margin is kept from the edge that begins here
    margin_m       float64 (n_areas,)
    """

    area_polygons: Ints
    polygon_rings: Ints
    ring_vertices: Ints
    latitude_e7: Degrees
    longitude_e7: Degrees
    is_border: Flags
    margin_m: Metres


class _Edges(NamedTuple):
    """Edges by polygon, cut into blocks with a bounding box each; latitude and longitude of both ends."""

    polygon_blocks: Ints
    block_edges: Ints
    boxes: NDArray[np.int32]  # (n_blocks, 4): south, north, west, east
    polygon_boxes: NDArray[np.int32]  # (n_polygons, 4)
    ends: NDArray[np.int32]  # (n_edges, 4): latitude, longitude, latitude, longitude
    is_border: Flags


def in_areas(latitude_e7: Degrees, longitude_e7: Degrees, areas: Areas) -> NDArray[np.bool_]:
    """Return bool (n_places, n_areas): which places, int32 (n_places,) each, are surely in which areas."""
    latitude_e7 = column("latitude_e7", latitude_e7, np.int32)
    longitude_e7 = column("longitude_e7", longitude_e7, np.int32, latitude_e7.size)
    areas = _checked(areas)
    found = np.zeros((latitude_e7.size, areas.margin_m.size), dtype=np.bool_)
    if areas.latitude_e7.size:
        _find(latitude_e7, longitude_e7, areas.area_polygons, areas.margin_m, _edges(areas), found)
    return found


def _checked(areas: Areas) -> Areas:
    vertex_count = np.asarray(areas.latitude_e7).size
    levels = [column(name, getattr(areas, name), np.int64) for name in Areas._fields[:3]]
    counts = [int(level[-1]) if level.size else -1 for level in levels]
    expected = [levels[1].size - 1, levels[2].size - 1, vertex_count]
    for name, level, count, below in zip(Areas._fields, levels, counts, expected, strict=False):
        if count != below or level[0] != 0 or np.any(level[1:] < level[:-1]):
            raise ValueError(f"{name}: expected to rise from 0 to {below}")
    if np.any(levels[2][1:] == levels[2][:-1]) or np.any(levels[1][1:] == levels[1][:-1]):
        raise ValueError("ring_vertices, polygon_rings: expected no empty ring and no polygon without rings")
    return Areas(
        levels[0],
        levels[1],
        levels[2],
        column("latitude_e7", areas.latitude_e7, np.int32),
        column("longitude_e7", areas.longitude_e7, np.int32, vertex_count),
        column("is_border", areas.is_border, np.bool_, vertex_count),
        column("margin_m", areas.margin_m, np.float64, levels[0].size - 1),
    )


def _edges(areas: Areas) -> _Edges:
    following = np.arange(1, areas.latitude_e7.size + 1)
    following[areas.ring_vertices[1:] - 1] = areas.ring_vertices[:-1]
    starts = np.column_stack([areas.latitude_e7, areas.longitude_e7])
    ends = np.concatenate([starts, starts[following]], axis=1)
    first_edge = areas.ring_vertices[areas.polygon_rings]
    block_counts = -(-np.diff(first_edge) // BLOCK_EDGES)
    polygon_blocks = np.concatenate([[0], block_counts.cumsum()])
    within = np.arange(polygon_blocks[-1]) - np.repeat(polygon_blocks[:-1], block_counts)
    block_edges = np.append(np.repeat(first_edge[:-1], block_counts) + within * BLOCK_EDGES, first_edge[-1])
    return _Edges(
        polygon_blocks,
        block_edges,
        _boxes(ends, block_edges[:-1]),
        _boxes(ends, first_edge[:-1]),
        np.ascontiguousarray(ends),
        areas.is_border,
    )


def _boxes(ends: NDArray[np.int32], first: Ints) -> NDArray[np.int32]:
    low, high = np.minimum(ends[:, :2], ends[:, 2:]), np.maximum(ends[:, :2], ends[:, 2:])
    lows, highs = np.minimum.reduceat(low, first), np.maximum.reduceat(high, first)
    return np.ascontiguousarray(np.column_stack([lows[:, 0], highs[:, 0], lows[:, 1], highs[:, 1]]))


@kernel
def _find(latitude_e7, longitude_e7, area_polygons, margin_m, edges, found):
    for place in prange(latitude_e7.size):
        # As float64: whole degrees in e7 are exact, and boxes that grow cannot overflow.
        north, east = float(latitude_e7[place]), float(longitude_e7[place])
        shrink = math.cos(min(abs(north) * RADIANS_PER_E7, _NORTHERNMOST))
        for area in range(margin_m.size):
            band_e7 = margin_m[area] / (EARTH_RADIUS_M * RADIANS_PER_E7)
            for polygon in range(area_polygons[area], area_polygons[area + 1]):
                box = edges.polygon_boxes[polygon]
                if north < box[0] or north > box[1] or east < box[2] or east > box[3]:
                    continue
                if _is_in(latitude_e7[place], longitude_e7[place], shrink, band_e7, polygon, edges):
                    found[place, area] = True
                    break


@light_part
def _is_in(latitude_e7, longitude_e7, shrink, band_e7, polygon, edges):
    north, east = np.int64(latitude_e7), np.int64(longitude_e7)
    run_e7 = band_e7 / shrink
    is_in = False
    for block in range(edges.polygon_blocks[polygon], edges.polygon_blocks[polygon + 1]):
        box = edges.boxes[block]
        # A box wholly to the west of the place is neither crossed nor, beyond the margin, near.
        if box[0] - band_e7 > north or box[1] + band_e7 < north or box[3] + run_e7 < east:
            continue
        is_near = band_e7 > 0 and box[2] - run_e7 <= east
        for edge in range(edges.block_edges[block], edges.block_edges[block + 1]):
            start_north, start_east = np.int64(edges.ends[edge, 0]), np.int64(edges.ends[edge, 1])
            end_north, end_east = np.int64(edges.ends[edge, 2]), np.int64(edges.ends[edge, 3])
            if (start_north > north) != (end_north > north):
                # The place is to the west of the edge: both products are below 2^63.
                way = (east - start_east) * (end_north - start_north)
                edge_way = (north - start_north) * (end_east - start_east)
                if way < edge_way if end_north > start_north else way > edge_way:
                    is_in = not is_in
            if is_near and edges.is_border[edge]:
                away = _away(north, east, start_north, start_east, end_north, end_east, shrink)
                if away < band_e7:
                    return False
    return is_in


@light_part
def _away(north, east, start_north, start_east, end_north, end_east, shrink):
    # Degrees of latitude to the nearest point of the edge, on a plane that touches the earth at the place.
    x, y = (start_east - east) * shrink, float(start_north - north)
    run, rise = (end_east - start_east) * shrink, float(end_north - start_north)
    length = run * run + rise * rise
    share = 0.0 if length == 0 else min(1.0, max(0.0, -(x * run + y * rise) / length))
    return math.hypot(x + share * run, y + share * rise)
