"""How were the outlines made? `python -m warehouse.outlines.build FOLDER`, once; the line never imports this.

FOLDER holds the shapefiles `cb_2016_us_state_500k` and `cb_2016_us_county_500k` (see the README here). Nothing is
simplified. An area of several counties loses the borders between them, so that what is left of its rings is the
outline of the whole. An edge that a neighbour has as well is a border on land or in a river; the others are shores.
"""

import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

STATES = {
    "us-ca": "06",
    "us-ct": "09",
    "us-dc": "11",
    "us-de": "10",
    "us-ma": "25",
    "us-md": "24",
    "us-nj": "34",
    "us-ny": "36",
    "us-tx": "48",
    "us-vt": "50",
    "us-wv": "54",
}
NEW_YORK_CITY = ("36005", "36047", "36061", "36081", "36085")  # Bronx, Kings, New York, Queens, Richmond
SCHEMA = pa.schema(
    [
        ("jurisdiction_id", pa.string()),
        ("ring_no", pa.int32()),
        ("latitude_e7", pa.int32()),  # degrees times 10 000 000; the ring goes back to its first vertex
        ("longitude_e7", pa.int32()),
        ("is_border", pa.bool_()),  # of the edge that begins here: there is a neighbour on its other side
    ]
)
Vertex = tuple[int, int]
Ring = list[Vertex]  # the last vertex is the first
Shapes = dict[str, list[Ring]]


def outlines(folder: Path) -> pa.Table:
    """One row for each vertex, ring by ring."""
    states = dict(_shapes(folder / "cb_2016_us_state_500k"))
    counties = dict(_shapes(folder / "cb_2016_us_county_500k"))
    areas = [(name, [code], states) for name, code in STATES.items()]
    areas.append(("us-ny-nyc", list(NEW_YORK_CITY), counties))
    rows: list[tuple[str, int, int, int, bool]] = []
    for name, codes, shapes in sorted(areas, key=lambda area: area[0]):
        around = {edge for code, rings in shapes.items() if code not in codes for edge in _edges(rings)}
        for number, ring in enumerate(_outer([ring for code in codes for ring in shapes[code]])):
            rows += [(name, number, *start, (end, start) in around) for start, end in _edges([ring])]
    return pa.Table.from_arrays(list(map(pa.array, zip(*rows, strict=True))), names=SCHEMA.names).cast(SCHEMA)


def _shapes(path: Path) -> Iterator[tuple[str, list[Ring]]]:
    """GEOID and rings of every record, as the ESRI shapefile format of 1998 lays them out."""
    shapes, table = path.with_suffix(".shp").read_bytes(), path.with_suffix(".dbf").read_bytes()
    record, record_size = np.frombuffer(table, "<u2", 2, 8).tolist()
    fields = [table[at : at + 32] for at in range(32, record - 1, 32)]
    names = [field[:11].split(b"\0")[0] for field in fields]
    geoid = names.index(b"GEOID")
    first = 1 + sum(field[16] for field in fields[:geoid])
    at = 100
    while at < len(shapes):
        part_count, point_count = np.frombuffer(shapes, "<i4", 2, at + 8 + 36).tolist()
        parts = [*np.frombuffer(shapes, "<i4", part_count, at + 8 + 44).tolist(), point_count]
        points = np.frombuffer(shapes, "<f8", 2 * point_count, at + 8 + 44 + 4 * part_count).reshape(-1, 2)
        vertices = [(latitude, longitude) for longitude, latitude in np.round(points * 1e7).astype(np.int64).tolist()]
        rings = [vertices[start:end] for start, end in pairwise(parts)]
        yield table[record + first : record + first + fields[geoid][16]].decode().strip(), rings
        at += 8 + 2 * int(np.frombuffer(shapes, ">i4", 1, at + 4)[0])
        record += record_size


def _edges(rings: list[Ring]) -> Iterator[tuple[Vertex, Vertex]]:
    for ring in rings:
        yield from pairwise(ring)


def _outer(rings: list[Ring]) -> list[Ring]:
    """The rings that are left when edges that two rings share are taken away."""
    everything = set(_edges(rings))
    following: dict[Vertex, list[Vertex]] = {}
    for start, end in _edges(rings):
        if (end, start) not in everything:
            following.setdefault(start, []).append(end)
    found = []
    for first in sorted(following):
        while following[first]:
            ring = [first, following[first].pop()]
            while ring[-1] != first:
                ring.append(following[ring[-1]].pop())
            found.append(ring)
    return found


if __name__ == "__main__":
    pq.write_table(
        outlines(Path(sys.argv[1])),
        Path(__file__).with_name("outlines.parquet"),
        compression="zstd",
        compression_level=19,
        use_dictionary=["jurisdiction_id"],
        column_encoding=dict.fromkeys(("ring_no", "latitude_e7", "longitude_e7"), "DELTA_BINARY_PACKED"),
    )
