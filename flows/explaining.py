"""Where does a number come from? `odograph explain` follows it from the mart to the messages.

total of the day -> runs of the ledger, and what the definition made of each -> positions of one run -> raw messages
"""

from datetime import date
from typing import Any, NamedTuple

import duckdb
import polars as pl

from flows.privacy.access import record_access
from flows.querying import MOVED
from flows.settings import Settings
from ingest.lineage import Source, raw_messages
from ingest.received import Received
from warehouse.lake import is_lake_at

Row = dict[str, Any]


class NothingToExplain(Exception):
    """There is no such vehicle-date, definition or run; the message says what there is."""


class IdleDay(NamedTuple):
    """One vehicle-date under one definition.

    day          a row of marts.vehicle_days, with `timezone`
    definition   a row of marts.definitions
    runs         rows of core.idle_verdicts, in order of time
    by_others    the same vehicle-date under every definition
    revisions    its rows of core.revisions
    """

    day: Row
    definition: Row
    runs: pl.DataFrame
    by_others: pl.DataFrame
    revisions: pl.DataFrame


class Behind(NamedTuple):
    """What stands behind one run: its positions, and the messages they came in as far as the spool has them."""

    run: Row
    positions: pl.DataFrame
    messages: list[Received]
    expired_count: int
    guarded: frozenset[int]  # payload hashes of messages that hold a place that is not shown as it is, or is private


def idle_day(
    published: duckdb.DuckDBPyConnection, *, vehicle: str, day: date, tenant: str | None, definition: str
) -> IdleDay:
    """Read a vehicle-date under a definition; raise NothingToExplain, naming what there is, if there is none."""
    days = rows_of(
        published,
        "select days.*, dates.timezone from marts.vehicle_days as days"
        " join core.vehicle_dates as dates using (tenant_id, service_date, vehicle_id)"
        " where vehicle_id = $vehicle and service_date = $day and tenant_id = coalesce($tenant, tenant_id)"
        " order by tenant_id",
        vehicle=vehicle,
        day=day,
        tenant=tenant,
    )
    if not days:
        raise NothingToExplain(_what_there_is(published, vehicle, day, tenant))
    if len(days) > 1:
        tenants = ", ".join(str(row["tenant_id"]) for row in days)
        raise NothingToExplain(f"several tenants have a vehicle {vehicle}: choose one with --tenant: {tenants}")
    definitions = rows_of(published, "from marts.definitions where definition_id = $definition", definition=definition)
    if not definitions:
        known = published.sql("select string_agg(definition_id, ', ' order by definition_id) from marts.definitions")
        raise NothingToExplain(f"no definition {definition}; there are {known.fetchall()[0][0]}")
    key = {"day": day, "tenant": days[0]["tenant_id"], "vehicle": vehicle}
    of_van = "where tenant_id = $tenant and vehicle_id = $vehicle"
    return IdleDay(
        days[0],
        definitions[0],
        frame_of(
            published,
            f"from core.idle_verdicts($day) {of_van} and definition_id = $definition order by started_utc",
            **key,
            definition=definition,
        ),
        frame_of(
            published,
            "select by_definition.*, listed.wording, listed.kind from marts.idle_by_definition as by_definition"
            f" join marts.definitions as listed using (definition_id) {of_van} and service_date = $day"
            " order by listed.kind desc, by_definition.definition_id",
            **key,
        ),
        frame_of(published, f"from core.revisions {of_van} and service_date = $day order by revision", **key),
    )


def behind(
    published: duckdb.DuckDBPyConnection, settings: Settings, found: IdleDay, run: int, purpose: str | None = None
) -> Behind:
    """Read the positions of one run (counted from 1) and find their messages; raise NothingToExplain without one."""
    if not 1 <= run <= found.runs.height:
        raise NothingToExplain(f"no run {run}: this vehicle-date has {found.runs.height}, counted from 1")
    return behind_run(published, settings, found.runs.row(run - 1, named=True), purpose)


def behind_run(
    published: duckdb.DuckDBPyConnection, settings: Settings, chosen: Row, purpose: str | None = None
) -> Behind:
    """Read the positions of a run, a row with its van, date, begin and end, and find their messages."""
    if not is_lake_at(published, settings.lake_root):
        raise NothingToExplain(MOVED)
    key = {name: chosen[name] for name in ("tenant_id", "vehicle_id", "service_date", "started_utc", "ended_utc")}
    record_access(
        settings,
        "explain",
        "vehicle",
        key["vehicle_id"],
        tenant=key["tenant_id"],
        from_date=key["service_date"],
        to_date=key["service_date"],
        purpose=purpose,
    )
    within = (
        "where tenant_id = $tenant_id and vehicle_id = $vehicle_id and service_date = $service_date"
        " and fix_utc between $started_utc and $ended_utc"
    )
    positions = frame_of(published, f"from lake.positions {within} order by fix_utc, device_id, boot, seq", **key)
    listed = frame_of(
        published,
        f"select distinct spool_id, segment_no, payload_hash from lake.position_sources {within} and is_accepted",
        **key,
    )
    guarded = published.execute(
        "select distinct payload_hash from lake.position_sources where tenant_id = $tenant"
        " and place_precision_m is distinct from 0"
        " and payload_hash in (select unnest($hashes::bigint[]))",
        {"tenant": key["tenant_id"], "hashes": listed["payload_hash"].to_list()},
    ).fetchall()
    sources = {Source(*row) for row in listed.iter_rows()}
    messages = raw_messages(settings.spool_dir, sources)
    return Behind(chosen, positions, messages, len(sources) - len(messages), frozenset(found for (found,) in guarded))


def rows_of(published: duckdb.DuckDBPyConnection, query: str, **given: object) -> list[Row]:
    """The rows of a query, by the names of its columns."""
    return frame_of(published, query, **given).to_dicts()


def frame_of(published: duckdb.DuckDBPyConnection, query: str, **given: object) -> pl.DataFrame:
    """The rows of a query as a frame."""
    rows: pl.DataFrame = published.sql(query, params=given).pl()
    return rows


def _what_there_is(published: duckdb.DuckDBPyConnection, vehicle: str, day: date, tenant: str | None) -> str:
    where = "where vehicle_id = $vehicle and tenant_id = coalesce($tenant, tenant_id)"
    dates = rows_of(
        published,
        f"select distinct service_date from marts.vehicle_days {where} order by service_date desc limit 10",
        vehicle=vehicle,
        tenant=tenant,
    )
    if dates:
        heard = ", ".join(str(row["service_date"]) for row in dates)
        return f"{vehicle} was not heard on {day}; newest service dates: {heard}"
    near = rows_of(
        published,
        "select distinct vehicle_id from marts.vehicle_days"
        " where service_date = $day and tenant_id = coalesce($tenant, tenant_id)"
        " order by levenshtein(vehicle_id, $vehicle), vehicle_id limit 8",
        vehicle=vehicle,
        day=day,
        tenant=tenant,
    )
    named = ", ".join(str(row["vehicle_id"]) for row in near)
    of_tenant = f" of tenant {tenant}" if tenant else ""
    if named:
        return f"no vehicle {vehicle}{of_tenant}; on {day} there were {named}"
    return f"nothing{of_tenant} was heard on {day}"
