"""How does each tenant get a file with nothing but their own rows?

Every part of the copy for all (the rows of one table, tenant and service date) has a digest; a tenant's copy remembers
those it was made of. A tenant none of whose digests changed keeps the file they have. Others get a new version: the
last one copied, and the parts that differ replaced; its views stay where nothing they are made of changed. It is built
from nothing where there is none, where tables or code changed, where most of it changed or where much of it is free
space; no row of anybody else was ever in a tenant's file.

The name of a version carries the digest of all its parts, so what is up to date is told by links alone, and a run that
dies leaves nothing half known.
"""

import logging
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, nullcontext
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import duckdb

from warehouse.ahead import KEPT_VERSIONS, Ahead, copied_ahead
from warehouse.connection import open_database, sql, transaction
from warehouse.custody import Known
from warehouse.parts import digest_parts, is_of
from warehouse.tenancy import HIDDEN_COLUMNS, Table, is_file_name, tables
from warehouse.versions import BUILDING, delete_old, generation_of, make_folder, swap_in

logger = logging.getLogger(__name__)

NOBODY = ""  # a tenant without rows
LEAST_FREE_BLOCKS = 64  # 16 MiB; below that free space does not matter
STAMPS = ("core.models_stamp", "core.words_stamp")  # they tell apart views, macros and comments
AddViews = Callable[[duckdb.DuckDBPyConnection, str], None]  # of one tenant


class TenantCopies(NamedTuple):
    """What became of each tenant's copy; `refused` have names that are no names of files, `failed` say why."""

    built: list[str]
    unchanged: list[str]
    removed: list[str]
    refused: list[str]
    failed: dict[str, str]
    known: Known | None = None  # digests of parts, for the next time


def publish_tenants(
    published: Path,
    folder: Path,
    wanted: Collection[str] | None,
    add_views: AddViews,
    inputs: str,
    *,
    afresh: bool = False,
    known: Known | None = None,
    ahead: Ahead | None = None,
) -> TenantCopies:
    """Bring the copies of the wanted tenants (None: all) up to the published copy; remove those of all others.

    `inputs` names what else decides a copy, such as a version of the lake: where it differs, views are made anew.
    `known` parts of the published copy are not read; of some tenants a copy of the last file may be there `ahead`.
    A tenant whose copy cannot be made keeps the last one, and stops nobody else; but where all are to be made afresh
    the last one may hold what was deleted, and goes.
    """
    versions = folder / "versions"
    make_folder(folder)
    make_folder(versions)
    for leftover in versions.glob(f"*/*{BUILDING}*"):
        leftover.unlink()
    if wanted is not None and not wanted:
        return TenantCopies([], [], _remove_others(folder, ()), [], {})
    with open_database() as connection, nullcontext(ahead) if ahead else copied_ahead(folder, ()) as begun:
        connection.execute(f"attach '{_quoted(published)}' as everyone (read_only)")
        source = _Source(connection, tables(connection, "everyone"), generation_of(published), inputs, begun)
        kept = digest_parts(connection, source.tables.values(), known)
        found = source.digests()
        refused = _refused(found)
        asked = set(found if wanted is None else wanted).difference(refused)
        chosen = {name: digest for name, digest in found.items() if name in asked}
        removed = _remove_others(folder, chosen)
        built, unchanged = [], []
        failed: dict[str, str] = {}
        for tenant_id, digest in sorted(chosen.items()):
            if not afresh and (folder / f"{tenant_id}.duckdb").resolve().stem.endswith(digest):
                unchanged.append(tenant_id)
                continue
            try:
                source.build(folder, tenant_id, digest, add_views, afresh=afresh)
                built.append(tenant_id)
            except (duckdb.Error, OSError) as error:
                failed[tenant_id] = why(error)
                if afresh:
                    remove_versions(folder, tenant_id)
    if source.template is not None:
        source.template.unlink()
    if refused:
        logger.warning("no copies for tenants whose names are no names of files: %s", ", ".join(map(repr, refused)))
    return TenantCopies(built, unchanged, removed, refused, failed, kept)


def why(error: Exception) -> str:
    """What went wrong, in one line."""
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"


def remove_versions(folder: Path, tenant_id: str) -> None:
    """Delete all copies of a tenant, also those that are open."""
    assert is_file_name(tenant_id)
    (folder / f"{tenant_id}.duckdb").unlink(missing_ok=True)
    shutil.rmtree(folder / "versions" / tenant_id, ignore_errors=True)


class _Source:
    """The copy for all, attached as `everyone`, and the digests of its parts in `temp.parts`."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        listed: list[Table],
        generation: str,
        inputs: str,
        ahead: Ahead,
    ) -> None:
        self.connection, self.generation, self.inputs, self.ahead = connection, generation, inputs, ahead
        self.tables = {table.name: table for table in listed}
        self.signature = _signature(connection)
        self.template: Path | None = None

    def digests(self) -> dict[str, str]:
        """One digest of everything that decides a tenant's copy, by tenant."""
        rows = self.connection.execute(sql("copies/digests.sql")).fetchall()
        shared = next((digest for tenant_id, digest in rows if tenant_id is None), "")
        # A hold may name a tenant of whom nothing is known, or not yet.
        of_tenants = "select distinct tenant_id from temp.parts where table_name != 'core.holds'"
        told = {row[0] for row in self.connection.execute(of_tenants).fetchall()} - {None}
        common = f"{self.signature} {self.inputs} {shared}"
        return {
            tenant_id: sha256(f"{common} {digest}".encode()).hexdigest()[:16]
            for tenant_id, digest in rows
            if tenant_id in told
        }

    def build(self, folder: Path, tenant_id: str, digest: str, add_views: AddViews, *, afresh: bool) -> None:
        """Make the next version of a tenant's copy, and swap it in."""
        versions = folder / "versions" / tenant_id
        make_folder(versions)
        building = versions / f"{self.generation}{BUILDING}"
        last = (folder / f"{tenant_id}.duckdb").resolve()
        if afresh or not last.exists() or not self._brought_forward(last, building, tenant_id, add_views):
            shutil.copyfile(self._template(folder, add_views), building)
            with _attached(self.connection, building):
                self._replace_parts(tenant_id, self._differing(tenant_id))
                self._finish(tenant_id, add_views)
        final = versions / f"{tenant_id}-{self.generation}-{digest}.duckdb"
        swap_in(building, final, folder / f"{tenant_id}.duckdb")
        delete_old(sorted(versions.glob("*.duckdb")), KEPT_VERSIONS)

    def _brought_forward(self, last: Path, building: Path, tenant_id: str, add_views: AddViews) -> bool:
        """Copy the last version and replace what changed; false where building from nothing is better."""
        self.ahead.copy(last, building)
        with _attached(self.connection, building):
            made_from = self.connection.execute("from copy.staging.copied_from").fetchall()
            if (self.signature,) not in made_from:
                return False
            free, total = self._row(
                "select free_blocks, total_blocks from pragma_database_size() where database_name = 'copy'"
            )
            if free > max(total / 3, LEAST_FREE_BLOCKS):
                return False
            changed, parts = self._row(sql("copies/changed.sql"), tenant_id)
            if changed > 2 + parts / 2:
                return False
            differing = self._differing(tenant_id)
            self._replace_parts(tenant_id, differing)
            has_views = (self.inputs,) in made_from and not any(name in STAMPS for name, _ in differing)
            self._finish(tenant_id, None if has_views else add_views)
        return True

    def _template(self, folder: Path, add_views: AddViews) -> Path:
        """A copy without rows, made once a run: tables, views and words take longer than the rows of most tenants."""
        if self.template is None:
            template = folder / f"template{BUILDING}"
            template.unlink(missing_ok=True)
            with _attached(self.connection, template):
                self._begin_empty()
                with self._using_copy():
                    add_views(self.connection, NOBODY)
            self.template = template
        return self.template

    def _begin_empty(self) -> None:
        with self._using_copy(), transaction(self.connection):
            self.connection.execute(sql("schema.sql"))
        for name in self.tables:
            self.connection.execute(f"create table if not exists copy.{name} as from everyone.{name} limit 0")
        self.connection.execute(
            "create table copy.staging.copied_parts as from temp.parts limit 0;"
            " create table copy.staging.copied_from (made_from varchar not null)"
        )

    def _differing(self, tenant_id: str) -> list[tuple[str, list[object]]]:
        """The tables that differ from the copy for all, each with the service dates that do."""
        return self.connection.execute(sql("copies/differing.sql"), {"tenant": tenant_id}).fetchall()

    def _replace_parts(self, tenant_id: str, differing: list[tuple[str, list[object]]]) -> None:
        """Delete what differs from the copy for all, and take it from there."""
        with transaction(self.connection):
            for name, days in differing:
                table = self.tables[name]
                dated = f" and {is_of(days)}" if table.is_dated and table.is_of_tenants else ""
                self.connection.execute(f"delete from copy.{name} where true{dated}")
                columns = ", ".join(
                    f"null as {column}" if table.is_shared and column in HIDDEN_COLUMNS else f'"{column}"'
                    for column in table.columns
                )
                owned = f"tenant_id = '{tenant_id}'" if table.is_of_tenants else "true"
                self.connection.execute(
                    f"insert into copy.{name} by name select {columns} from everyone.{name} where {owned}{dated}"
                )
            self.connection.execute("delete from copy.staging.copied_parts")
            self.connection.execute(
                "insert into copy.staging.copied_parts from temp.parts where tenant_id = $tenant or tenant_id is null",
                {"tenant": tenant_id},
            )

    def _finish(self, tenant_id: str, add_views: AddViews | None) -> None:
        if add_views is not None:
            with self._using_copy():
                add_views(self.connection, tenant_id)
            self.connection.execute("delete from copy.staging.copied_from")
            self.connection.execute(
                "insert into copy.staging.copied_from values ($signature), ($inputs)",
                {"signature": self.signature, "inputs": self.inputs},
            )
        self.connection.execute("delete from copy.core.generation")
        self.connection.execute("insert into copy.core.generation from everyone.core.generation")

    @contextmanager
    def _using_copy(self) -> Iterator[None]:
        """Names without a database are those of the copy while the block runs."""
        self.connection.execute("use copy")
        try:
            yield
        finally:
            self.connection.execute("use memory")

    def _row(self, query: str, tenant_id: str | None = None) -> tuple[int, ...]:
        given = {"tenant": tenant_id} if tenant_id is not None else {}
        row: tuple[int, ...] = self.connection.execute(query, given).fetchall()[0]
        return row


@contextmanager
def _attached(connection: duckdb.DuckDBPyConnection, path: Path) -> Iterator[None]:
    """Attach a file as `copy` while the block runs."""
    connection.execute(f"attach '{_quoted(path)}' as copy")
    try:
        yield
    finally:
        connection.execute("detach copy")


def _signature(connection: duckdb.DuckDBPyConnection) -> str:
    """A digest of how tables are made and by what; where it differs a copy is built from nothing."""
    made = connection.execute(
        "select string_agg(concat_ws(' ', schema_name, table_name, column_name, data_type), ';'"
        " order by schema_name, table_name, column_index)"
        " from duckdb_columns() semi join duckdb_tables() using (database_name, schema_name, table_name)"
        " where database_name = 'everyone' and schema_name in ('core', 'marts')"
    ).fetchall()[0][0]
    with_code = connection.execute("select any_value(code_version) from everyone.core.generation").fetchall()[0][0]
    return sha256(f"{made} {with_code} {duckdb.__version__} {sql('marts/device_status.sql')}".encode()).hexdigest()


def _refused(found: Collection[str]) -> list[str]:
    """Names that could leave the folder, or that some file systems take for one another."""
    folded = [name.lower() for name in found]
    return sorted(name for name in found if not is_file_name(name) or folded.count(name.lower()) > 1)


def _remove_others(folder: Path, chosen: Collection[str]) -> list[str]:
    there = {path.name for path in (folder / "versions").iterdir()} | {path.stem for path in folder.glob("*.duckdb")}
    removed = sorted(there - set(chosen))
    for tenant_id in removed:
        remove_versions(folder, tenant_id)
    return removed


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
