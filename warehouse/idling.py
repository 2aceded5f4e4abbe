"""How do rows of the ledger become runs, stretches and stands, and what does each definition of idling say of them?

Each text in `sql/idling/` is written down once and used twice: over all dates, as a view or macro that anybody may ask;
and over one service date that is being built, for several marts. There rows are sorted once and labelled by counting
(`warehouse.idle_labels`), units of one row are that row, and the texts are asked of all others. Of runs that are too
short for a definition only one of each kind is asked: it says whether the definition applies, and no other number comes
from them.
"""

from collections.abc import Collection, Mapping
from datetime import date

import duckdb

from warehouse.connection import sql

VAN = "tenant_id, service_date, vehicle_id"
VIEWS = ("idle_rows", "standing_rows", "idle_units")
RUNS = "select * exclude (unit, idle_us) from {idle_units} where unit = 'run'"  # idle runs as the project counts them
TABLES = (*VIEWS, "idle_runs")
LAID_OUT = ("idle_rows", "idle_units")  # of a date; of the rows of stands only units are asked
# Rows of a date with their labels (warehouse/idle_labels.py).
IDLE = "select * exclude (stand_no, is_stretch, is_stand), is_pto as was_pto from labelled where state = 'idle'"
STANDING = (
    "select * exclude (stretch_no, run_no, run_us, is_stretch, is_stand)"
    " from labelled where state not in ('drive', 'unknown')"
)
# What the texts read of a row of the ledger.
COLUMNS = (
    *("started_utc", "ended_utc", "duration_us", "state", "context", "route_id", "is_continued", "is_pto", "fuel_l"),
    *("is_full_quality", "latitude", "longitude", "place_precision_m", "jurisdictions"),
)
ALWAYS_ASKED_US = 2**62  # no threshold is as long
# Of rolling windows every run may be part.
MAY_BE_OVER = (
    "units.asked_us >= case when terms.window_us > 0 then 0"
    " else least(terms.threshold_us, terms.known_place_threshold_us) end"
)


def idling_sql() -> str:
    """The views and the macro over all dates."""
    names = {"ledger": "core.ledger", **{name: f"staging.{name}" for name in TABLES}}
    views = [f"create or replace view staging.{name} as\n{_text(name, VAN, names)}" for name in VIEWS]
    views.append(f"create or replace view staging.idle_runs as\n{RUNS.format(**names)}")
    verdicts = _filled(sql("idling/idle_verdicts.sql"), day="day", may_be_over="true", **names)
    return ";\n".join([*views, f"create or replace macro core.idle_verdicts(day) as table\n{verdicts}"]) + ";\n"


def standing_rows(ledger: str) -> str:
    """The select of the rows of standing vans, with the stand they belong to, among some rows of the ledger."""
    return _filled(_select("standing_rows"), van=VAN, ledger=ledger)


def lay_out_day(connection: duckdb.DuckDBPyConnection, day: date, tenants: Collection[str] | None = None) -> None:
    """Make the temporary tables of one service date of these tenants, by default all, that `of_day` names."""
    from warehouse.idle_labels import Rows, idle_labels  # arrays, for which who only asks need not wait

    chosen, given = ("true", {}) if tenants is None else ("list_contains($tenants, tenant_id)", {"tenants": [*tenants]})
    of_date = f"core.ledger where service_date = $day and {chosen}"
    connection.execute(
        "create or replace temp table day_vans as select *, row_number() over ()::integer as van_no"
        f" from (select distinct tenant_id, vehicle_id from {of_date})",
        {"day": day, **given},
    )
    connection.execute(
        f"create or replace temp table day_ledger as select van_no, {', '.join(COLUMNS)}"
        f" from (from {of_date}) join day_vans using (tenant_id, vehicle_id) order by van_no, started_utc, ended_utc",
        {"day": day, **given},
    )
    labels = idle_labels(Rows(**connection.execute(sql("idling/labelled_rows.sql")).fetchnumpy()))
    assert labels.width
    connection.execute("create or replace temp table labelled as select * from day_ledger positional join labels")
    several = {"idle_rows": f"({IDLE} and not is_stretch)", "standing_rows": f"({STANDING} and not is_stand)"}
    units = sql("idling/single_units.sql") + _text("idle_units", "van_no", several)
    connection.execute(f"create or replace temp view numbered_idle_rows as {IDLE}")
    connection.execute(f"create or replace temp table numbered_idle_units as {units}")
    for name in LAID_OUT:
        rows = _filled(sql("idling/day_rows.sql"), day=str(day), numbered=f"numbered_{name}")
        connection.execute(f"create or replace temp view day_{name} as {rows}")
    connection.execute(f"create or replace temp view day_idle_runs as {RUNS.format(idle_units='day_idle_units')}")


def judge_day(connection: duckdb.DuckDBPyConnection, day: date) -> None:
    """Put what each definition says of the idle runs of a date that is laid out into `day_verdicts`, for its marts.

    Of runs that are over no limit there are only those that say where a definition applies.
    """
    units = _filled(_select("asked_units"), day=str(day), always=str(ALWAYS_ASKED_US))
    verdicts = _filled(
        sql("idling/idle_verdicts.sql"), day=f"date '{day}'", may_be_over=MAY_BE_OVER, idle_units=f"({units})"
    )
    connection.execute(
        "create or replace temp table day_verdicts as"
        f" select * exclude (reason, context, unit, duration_us, is_pto) from ({verdicts})"
    )


def of_day(text: str) -> str:
    """The text of a mart, reading what is laid out of the date that is built."""
    for name in ("idle_runs", *LAID_OUT):
        text = text.replace(f"staging.{name}", f"day_{name}")
    return text


def forget_day(connection: duckdb.DuckDBPyConnection) -> None:
    """Drop what was laid out."""
    for name in ("idle_runs", *LAID_OUT):
        connection.execute(f"drop view day_{name}")
    connection.execute("drop table day_verdicts; drop table numbered_idle_units; drop view numbered_idle_rows;")
    connection.execute("drop table labelled; drop table day_ledger; drop table day_vans")


def _text(name: str, van: str, names: Mapping[str, str]) -> str:
    return _filled(sql(f"idling/{name}.sql"), van=van, **names)


def _filled(text: str, **values: str) -> str:
    for name, value in values.items():
        text = text.replace("{" + name + "}", value)
    return text


def _select(name: str) -> str:
    """A text without its comments, so that it can stand within another."""
    return "\n".join(line for line in sql(f"idling/{name}.sql").splitlines() if not line.startswith("--"))
