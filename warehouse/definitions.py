"""Which definitions of idling are there, and what does each count?

`definitions.toml` lists them as a person would word them; the table of the same name in marts holds them for the SQL
that evaluates them. Operational definitions say what a fleet or a vendor counts, legal ones what a jurisdiction limits.
"""

import tomllib
from collections.abc import Mapping, Sequence
from datetime import date
from importlib.resources import files
from typing import Any, NamedTuple

import duckdb
import polars as pl

KINDS = ("operational", "legal")
BOUND_OF_KIND = {"operational": "at_least", "legal": "more_than"}
MEASURED_ON = ("idle_runs", "stands")
IGNORABLE = ("traffic", "hand_off", "depot", "depot_before_exit", "fuel_site", "break", "other")


class Definition(NamedTuple):
    """One definition; what has a default may be left out of the file.

    threshold_s       seconds that count as an event: `at_least` so many, or `more_than` so many (by kind unless given)
    counts_first      whether the time up to the threshold counts as well
    window_s          idle time is added up inside every window of this length; 0: one run alone
    min_intervals     the threshold is never below so many reporting intervals of the van
    known_place_threshold_s   the threshold at the depot and at fuel stations, where it differs
    pto_counts        whether idling with the power take-off on counts; where not, its change ends a run
    ignored_contexts  contexts of the ledger that do not count; `depot_before_exit` is the depot before the planned exit
    measured_on       idle runs, or stands: standing whatever the engine does, of which the idle part counts
    jurisdiction      id of the place where it holds, and `place`, its name; None: everywhere
    min_gvwr_lb       it holds for vans whose rating is above this; None: for all
    fuels             fuel types of `core.vehicles` it holds for; None: for all. Legal ones never hold for electric vans
    valid_from, valid_to      dates, the second exclusive; None: open
    """

    definition_id: str
    kind: str
    wording: str
    threshold_s: int
    source: str
    version: int = 1
    bound: str = ""
    counts_first: bool = True
    window_s: int = 0
    min_intervals: int = 0
    known_place_threshold_s: int | None = None
    pto_counts: bool = True
    ignored_contexts: Sequence[str] = ()
    measured_on: str = "idle_runs"
    jurisdiction: str | None = None
    place: str | None = None
    min_gvwr_lb: float | None = None
    fuels: Sequence[str] | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    exceptions_note: str | None = None


def listed_definitions() -> list[Definition]:
    """The definitions of `definitions.toml`, in its order."""
    return parsed((files("warehouse") / "definitions.toml").read_text(encoding="utf-8"))


def parsed(text: str) -> list[Definition]:
    """Definitions from TOML; ValueError names the definition and what is wrong with it."""
    found: list[Definition] = []
    for kind, tables in tomllib.loads(text).items():
        if kind not in KINDS:
            raise ValueError(f"{kind}: expected one of {', '.join(KINDS)}")
        found += [_definition(kind, name, values) for name, values in tables.items()]
    return found


def _definition(kind: str, name: str, values: Mapping[str, Any]) -> Definition:
    unknown = sorted(values.keys() - set(Definition._fields[2:]))
    missing = sorted({"wording", "threshold_s", "source"} - values.keys())
    if unknown or missing:
        said = [f"unknown {', '.join(unknown)}"] * bool(unknown) + [f"missing {', '.join(missing)}"] * bool(missing)
        raise ValueError(f"{name}: {'; '.join(said)}")
    definition = Definition(definition_id=name, kind=kind, **{"bound": BOUND_OF_KIND[kind], **values})
    if definition.bound not in BOUND_OF_KIND.values() or definition.measured_on not in MEASURED_ON:
        raise ValueError(f"{name}: bound={definition.bound!r}, measured_on={definition.measured_on!r}")
    if not_contexts := sorted(set(definition.ignored_contexts) - set(IGNORABLE)):
        raise ValueError(f"{name}: ignored_contexts has {', '.join(not_contexts)}; there are {', '.join(IGNORABLE)}")
    if (definition.jurisdiction is None) != (kind == "operational") or (definition.place is None) != (
        definition.jurisdiction is None
    ):
        raise ValueError(f"{name}: a legal definition has a jurisdiction and a place, an operational one neither")
    return definition


def replace_definitions(connection: duckdb.DuckDBPyConnection, definitions: list[Definition]) -> None:
    """Put these definitions in the place of all that `marts.definitions` holds."""
    rows = pl.DataFrame(
        [definition._asdict() for definition in definitions],
        schema_overrides={"ignored_contexts": pl.List(pl.String), "fuels": pl.List(pl.String)},
        infer_schema_length=None,
    )
    assert rows.height == len(definitions)
    connection.execute("delete from marts.definitions")
    connection.execute("insert into marts.definitions by name select * from rows")
