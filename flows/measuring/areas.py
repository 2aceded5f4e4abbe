"""Areas to arrays, and places to the names of the areas that hold them."""

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kernels.polygons import Areas
from kernels.track import Ints

LEVELS = ["jurisdiction_id", "polygon_no", "ring_no"]


class NamedAreas(NamedTuple):
    """Areas as the kernel reads them, and the name of each, sorted."""

    names: list[str]
    areas: Areas


def named_areas(vertices: pl.DataFrame) -> NamedAreas:
    """Lay out the rows of `warehouse.jurisdictions`."""
    levels = [vertices.select(pl.struct(LEVELS[:depth]).rle_id()).to_series() for depth in (1, 2, 3)]
    first_vertex = [_firsts(level) for level in levels]
    area, polygon, ring = (np.append(firsts, vertices.height) for firsts in first_vertex)
    first_rows = vertices[first_vertex[0]]
    return NamedAreas(
        first_rows["jurisdiction_id"].to_list(),
        Areas(
            np.searchsorted(polygon, area),
            np.searchsorted(ring, polygon),
            ring,
            vertices["latitude_e7"].to_numpy(),
            vertices["longitude_e7"].to_numpy(),
            np.ascontiguousarray(vertices["is_border"].to_numpy()),
            np.ascontiguousarray(first_rows["margin_m"].to_numpy()),
        ),
    )


def _firsts(part: pl.Series) -> Ints:
    numbers = part.to_numpy()
    return np.flatnonzero(np.append(True, numbers[1:] != numbers[:-1])[: numbers.size]).astype(np.int64)


def lists_of_names(name: str, in_area: NDArray[np.bool_], names: list[str]) -> pl.Series:
    """For each row of `in_area`, bool (n_rows, n_areas), the list of the areas that hold it."""
    held = np.flatnonzero(in_area.any(axis=1))
    # Rows as single values of packed bits: by row, np.unique took 80 times as long, and by bytes that are no number
    # ten times (2026-11).
    packed = np.packbits(in_area[held], axis=1)
    words = np.zeros((held.size, -(-packed.shape[1] // 8) * 8), np.uint8)
    words[:, : packed.shape[1]] = packed
    keys = words.view(np.uint64 if words.shape[1] == 8 else f"V{words.shape[1]}").ravel()
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    lists = [[], *([names[area] for area in np.flatnonzero(in_area[row])] for row in held[first])]
    number = np.zeros(in_area.shape[0], np.int64)
    number[held] = inverse + 1
    return pl.Series(name, lists, pl.List(pl.String)).gather(pl.Series(number))
