"""Which areas does a GeoJSON file hold, and can they be areas at all?

Of RFC 7946 we take a FeatureCollection of Polygons and MultiPolygons. Areas do not cross the 180th meridian: the
standard cuts them there.
"""

import json
from typing import Any, NamedTuple

import polars as pl

Ring = list[list[float]]  # positions: longitude, latitude, and perhaps a height
Polygon = list[Ring]


class NotGeoJson(Exception):
    """The file as a whole is something else."""


class Bounds(NamedTuple):
    """The box around an area, degrees."""

    south: float
    north: float
    west: float
    east: float


def feature_rows(content: bytes) -> pl.DataFrame:
    """One row of text for each feature: its properties, and its geometry as JSON; null where there is none."""
    try:
        document = json.loads(content)
        is_collection = document["type"] == "FeatureCollection"
        rows = [_row(feature) for feature in document["features"]]
    except (ValueError, LookupError, TypeError) as error:
        raise NotGeoJson("not a GeoJSON FeatureCollection") from error
    if not is_collection:
        raise NotGeoJson("not a GeoJSON FeatureCollection")
    names = ["jurisdiction_id", *dict.fromkeys(name for row in rows for name in row if name != "jurisdiction_id")]
    return pl.DataFrame({name: pl.Series([row.get(name) for row in rows], dtype=pl.String) for name in names})


def _row(feature: dict[str, Any]) -> dict[str, str | None]:
    values = (feature["properties"] or {}) | {"geometry": feature["geometry"]}
    return {name: _as_text(value) for name, value in values.items()}


def _as_text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)


def geometry(text: str) -> str:
    """Check a geometry and return it; raise ValueError with the reason why it is no area."""
    for polygon in polygons(text):
        for ring in polygon:
            if len(ring) < 4 or ring[0] != ring[-1]:
                raise ValueError("expected rings of four or more positions, the last the same as the first")
            for position in ring:
                numbers = [type(number) in (int, float) for number in position[:2]]
                if numbers != [True, True] or not (abs(position[0]) <= 180 and abs(position[1]) <= 90):
                    raise ValueError("expected positions of longitude (-180 to 180) and latitude (-90 to 90)")
    if (box := bounds(text)).east - box.west > 180:
        raise ValueError("wider than half the earth; cut it at the 180th meridian")
    return text


def polygons(text: str) -> list[Polygon]:
    """The polygons of a geometry; raise ValueError where it has none."""
    try:
        document = json.loads(text)
        nested = {"Polygon": [document["coordinates"]], "MultiPolygon": document["coordinates"]}[document["type"]]
        found = [[[list(position) for position in ring] for ring in polygon] for polygon in nested]
    except (ValueError, LookupError, TypeError) as error:
        raise ValueError("expected a GeoJSON Polygon or MultiPolygon") from error
    if not found or not all(found):
        raise ValueError("expected a polygon with a ring")
    return found


def bounds(text: str) -> Bounds:
    """The box around a geometry."""
    positions = [position for polygon in polygons(text) for ring in polygon for position in ring]
    longitudes, latitudes = [position[0] for position in positions], [position[1] for position in positions]
    return Bounds(min(latitudes), max(latitudes), min(longitudes), max(longitudes))
