"""How do the marts read in units people speak?

`us` and `metric` hold views of the same name as the mart they show: miles, gallons and mpg, or kilometres, litres and
l/100 km; minutes; percent; local time beside UTC; and ratios only where at least 80 % of the time is known, with a note
where not. All of them are made from one table of conversions by the ending of a column's name.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import duckdb

from warehouse.dictionary import Dictionary, dictionary, quoted

SYSTEMS = ("us", "metric")
SHOWN = (
    "vehicle_days",
    "route_days",
    "fleet_days",
    "idle_events",
    "stops",
    "fuel_purchases",
    "vehicle_weeks",
    "vehicle_months",
    "route_weeks",
    "route_months",
    "fleet_weeks",
    "fleet_months",
    "depot_days",
    "depot_weeks",
    "depot_months",
)
LEFT_OUT = {"fuel_purchases": ("ts_local",)}  # as typed by the provider; here the local time of ts_utc has that name
MILE_M, GALLON_L, MPG = 1609.344, 3.785411784, 235.214583


class Shown(NamedTuple):
    """One way to show a column: the new ending of its name, the SQL of its value (`{}`: the column), its decimals."""

    ending: str
    value: str
    decimals: int


class Conversion(NamedTuple):
    """What becomes of columns whose names end so; `words` replaces words in their comments, by system."""

    ending: str
    us: Shown
    metric: Shown
    words: Mapping[str, Mapping[str, str]] = {}
    is_ratio: bool = False


def _same(ending: str, decimals: int, *, is_ratio: bool = False) -> Conversion:
    shown = Shown(ending, "{}", decimals)
    return Conversion(ending, shown, shown, is_ratio=is_ratio)


def _percent(ending: str, *, is_ratio: bool = True) -> Conversion:
    shown = Shown(f"{ending}_pct", "100 * {}", 1)
    words = {"a ratio, 0 or more": "percent", "a ratio": "percent", "0 to 1": "percent"}
    return Conversion(ending, shown, shown, {"us": words, "metric": words}, is_ratio)


_MILES = {"us": {"metres": "miles"}, "metric": {"metres": "kilometres"}}
_MINUTES = {"us": {"seconds": "minutes"}, "metric": {"seconds": "minutes"}}
_GALLONS = {"us": {"litres": "US gallons"}}
_FEET = {"us": {"metres": "feet"}}
_PER_MILE = {"us": {"per km": "per mile"}}

# The first that fits is taken.
CONVERSIONS = (
    _percent("coverage", is_ratio=False),
    *(_percent(ending) for ending in ("_share", "_utilization", "_productivity", "_completion")),
    Conversion(
        "fuel_l_per_100km",
        Shown("mpg", f"{MPG} / nullif({{}}, 0)", 1),
        Shown("fuel_l_per_100km", "{}", 1),
        {"us": {"litres per 100 km": "miles per US gallon"}},
        is_ratio=True,
    ),
    *(
        Conversion(
            ending,
            Shown(ending.replace("_km", "_mi"), f"{{}} * {MILE_M / 1000}", 3),
            Shown(ending, "{}", 3),
            _PER_MILE,
            is_ratio=True,
        )
        for ending in ("_kwh_per_km", "_kg_per_km", "_per_km")
    ),
    *(_same(ending, 3, is_ratio=True) for ending in ("_kg_per_stop",)),
    *(_same(ending, 2, is_ratio=True) for ending in ("_per_stop",)),
    *(_same(ending, 1, is_ratio=True) for ending in ("_per_hour", "_per_route_hour", "mean_dwell_s")),
    Conversion(
        "price_per_l",
        Shown("price_per_gal", f"{{}} * {GALLON_L}", 3),
        Shown("price_per_l", "{}", 3),
        {"us": {"per litre": "per US gallon"}},
    ),
    Conversion(
        "match_distance_m", Shown("match_distance_ft", "{} / 0.3048", 0), _same("match_distance_m", 0).us, _FEET
    ),
    Conversion("_m", Shown("_mi", f"{{}} / {MILE_M}", 1), Shown("_km", "{} / 1000", 1), _MILES),
    Conversion("_s", Shown("_min", "{} / 60", 1), Shown("_min", "{} / 60", 1), _MINUTES),
    Conversion("_l", Shown("_gal", f"{{}} / {GALLON_L}", 2), Shown("_l", "{}", 2), _GALLONS),
    *(_same(ending, 1) for ending in ("_kwh", "_kg", "_pct")),
    *(_same(ending, 5) for ending in ("latitude", "longitude")),
    *(_same(ending, 2) for ending in ("cost", "gross", "discount", "_tax", "fees", "net")),
    *(_same(ending, 3) for ending in ("unit_price", "quantity")),
)
NUMBERS = ("DOUBLE", "FLOAT", "BIGINT", "INTEGER", "DECIMAL")
ENGINE_RATIOS = ("idle_share", "engine_productivity", "time_utilization")  # need to know the engine, not just the van
ENGINE_PARTS = ("drive_s", "idle_s", "off_s", "ready_s")
ALL_PARTS = (*ENGINE_PARTS, "parked_s", "unknown_s")
LEAST = "core.least_coverage()"


class Column(NamedTuple):
    """A column of a display view: its name, its SQL, and what it means."""

    name: str
    value: str
    comment: str


def add_display_views(connection: duckdb.DuckDBPyConnection) -> None:
    """Define the views of `us` and `metric` over the marts that are there, and say what their columns mean."""
    for system in SYSTEMS:
        connection.execute(f"drop schema if exists {system} cascade; create schema {system}")
    words = dictionary()
    for mart in SHOWN:
        found = connection.execute(
            "select column_name, data_type from duckdb_columns() where database_name = current_database()"
            " and schema_name = 'marts' and table_name = $mart order by column_index",
            {"mart": mart},
        ).fetchall()
        for system in SYSTEMS if found else ():
            for statement in statements(system, mart, found, words):
                connection.execute(statement)


def statements(system: str, mart: str, columns: Sequence[tuple[str, str]], words: Dictionary) -> Iterator[str]:
    """The SQL that makes one display view of a mart with these columns (name, type), and its comments."""
    names = [name for name, _ in columns]
    has_zone = any(name.endswith("_utc") for name in names)
    shown = list(_columns(system, mart, columns, words, has_zone=has_zone))
    listed = ",\n    ".join(f'{column.value} as "{column.name}"' for column in shown)
    zone = "left join core.vehicle_dates as zones using (tenant_id, service_date, vehicle_id)\n"
    if "zone" in names or not has_zone:
        zone = ""
    view = f'{system}."{mart}"'
    yield f"create or replace view {view} as\nselect\n    {listed}\nfrom marts.{mart} as shown\n{zone}"
    about = words.comment(f"marts.{mart}") or ""
    yield f"comment on view {view} is {quoted(f'{about} As marts.{mart}, in display units ({system}).'.strip())}"
    for column in shown:
        yield f'comment on column {view}."{column.name}" is {quoted(column.comment)}'


def _columns(
    system: str, mart: str, columns: Sequence[tuple[str, str]], words: Dictionary, *, has_zone: bool
) -> Iterator[Column]:
    names = [name for name, _ in columns]
    zone = "shown.zone" if "zone" in names else "zones.timezone"
    note = _note(names)
    for name, kind in columns:
        about = words.column(f"marts.{mart}", name) or ""
        if name in LEFT_OUT.get(mart, ()):
            continue
        yield _column(system, name, kind, about, names)
        if name.endswith("_utc"):
            local = f"shown.{name} at time zone 'UTC' at time zone {zone}"
            yield Column(f"{name.removesuffix('_utc')}_local", local, about.replace("UTC", "local time"))
    if has_zone and "zone" not in names:
        yield Column("timezone", "zones.timezone", "IANA time zone of the local times in this row")
    if note:
        yield Column(
            "data_note", note, "why ratios are null in this row: too little of its time is known; null: they show"
        )


def _column(system: str, name: str, kind: str, about: str, names: Sequence[str]) -> Column:
    conversion = _conversion(name) if kind.startswith(NUMBERS) else None
    if conversion is None:
        return Column(name, f'shown."{name}"', about)
    way: Shown = getattr(conversion, system)
    value = f"round({way.value.format(f'shown.{name}')}, {way.decimals})"
    if conversion.is_ratio and (gate := _gate(name, names)):
        value = f"case when {gate} then {value} end"
    for old, new in conversion.words.get(system, {}).items():
        about = about.replace(old, new)
    return Column(name.removesuffix(conversion.ending) + way.ending, value, about)


def _conversion(name: str) -> Conversion | None:
    return next((one for one in CONVERSIONS if name.endswith(one.ending)), None)


def _engine_coverage(names: Iterable[str]) -> str:
    """The share of the time of which the engine is known: a column, or made of the seconds; empty: neither is there."""
    if "engine_coverage" in names:
        return "shown.engine_coverage"
    if not set(ALL_PARTS) <= set(names):
        return ""
    known, observed = (" + ".join(f"shown.{part}" for part in parts) for parts in (ENGINE_PARTS, ALL_PARTS))
    return f"({known}) / nullif({observed}, 0)"


def _gate(name: str, names: Sequence[str]) -> str:
    """The condition under which a ratio is shown."""
    if "coverage" not in names:
        return ""
    gates = [f"shown.coverage >= {LEAST}"]
    if name in ENGINE_RATIOS and (engine := _engine_coverage(names)):
        gates.append(f"{engine} >= {LEAST}")
    return " and ".join(gates)


def _note(names: Sequence[str]) -> str:
    """Why ratios are not shown; percent are rounded down, so that no gate of 80 % seems to refuse 80 %."""
    if "coverage" not in names:
        return ""
    cases = [
        f"when coalesce(shown.coverage, 0) < {LEAST}"
        " then printf('n/a (data %d %%)', floor(100 * coalesce(shown.coverage, 0))::int)"
    ]
    if any(ratio in names for ratio in ENGINE_RATIOS) and (engine := _engine_coverage(names)):
        cases.append(f"when {engine} < {LEAST} then printf('n/a (engine known %d %%)', floor(100 * {engine})::int)")
    return f"case {' '.join(cases)} end"
