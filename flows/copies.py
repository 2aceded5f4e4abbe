"""Which copies are made beside the one for all?

First the copy for all, then each tenant's and, at the same time, that of the network, all from it. A copy that cannot
be made stops no other. At the end a note says of which generation they are, and which failed. A run that dies before
leaves a note of an earlier generation, or of other settings; then, and where one failed, the next refresh has news.
"""

import logging
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import duckdb

from flows.copies_behind import NOTE, note_of
from flows.settings import Settings
from warehouse.ahead import Ahead
from warehouse.connection import sql, transaction
from warehouse.custody import Known
from warehouse.dictionary import add_comments
from warehouse.lake import LakeTableFiles
from warehouse.network_copy import publish_network, remove_network
from warehouse.network_periods import Summed
from warehouse.publish import add_views
from warehouse.tenant_copies import TenantCopies, publish_tenants, why

logger = logging.getLogger(__name__)


class CopiesFailed(Exception):
    """Some copies of tenants, or that of the network, could not be made; all others were."""

    def __init__(self, failures: Sequence[str]) -> None:
        super().__init__(f"not copied, readers see them as they were: {'; '.join(failures)}")


def publish_parts(
    settings: Settings,
    published: Path,
    lake: dict[str, LakeTableFiles],
    *,
    afresh: bool = False,
    known: Known | None = None,
    ahead: Ahead | None = None,
    sums: Summed | None = None,
) -> TenantCopies:
    """Bring the tenants' copies and the network's up to a published copy; `afresh` builds all of them from nothing.

    `known` parts of the published copy are not read (`warehouse.parts`); `ahead` are copies already begun, and `sums`
    those of the network.
    Raises CopiesFailed at the end, after all that could be made.
    """
    versions = {name: table.version for name, table in lake.items()} if settings.tenant_lake else {}
    lake_root = settings.lake_root if settings.tenant_lake else ""

    def add_own_views(copy: duckdb.DuckDBPyConnection, tenant_id: str) -> None:
        if settings.tenant_lake:
            add_views(copy, lake, settings.timezone, only_tenant=tenant_id)
            copy.execute("delete from core.lake_versions")
            copy.executemany("insert into core.lake_versions values (?, ?)", list(versions.items()))
        else:
            add_views(copy, {name: table.without_files() for name, table in lake.items()}, settings.timezone)
            copy.execute(sql("copies/no_lake.sql"))
        with transaction(copy):
            add_comments(copy)  # views that were made once more lost theirs

    with ThreadPoolExecutor(1) as beside:
        network: Future[object]
        if settings.network_copy:
            network = beside.submit(publish_network, published, settings.published_dir, afresh=afresh, ahead=sums)
        else:
            network = beside.submit(remove_network, settings.published_dir)
        done = publish_tenants(
            published,
            settings.tenants_dir,
            _wanted(settings),
            add_own_views,
            f"{settings.timezone} {lake_root} {versions}",
            afresh=afresh,
            known=known,
            ahead=ahead,
        )
    failures = [f"tenant {tenant_id} ({reason})" for tenant_id, reason in done.failed.items()]
    try:
        network.result()
    except (duckdb.Error, OSError) as error:
        failures.append(f"network ({why(error)})")
    note = settings.tenants_dir / NOTE
    note.write_text("".join([note_of(settings, published), *(f"{failure}\n" for failure in failures)]))
    logger.info("copies of tenants: %d built, %d unchanged", len(done.built), len(done.unchanged))
    if failures:
        raise CopiesFailed(failures)
    return done


def _wanted(settings: Settings) -> list[str] | None:
    if settings.tenant_copies == "all":
        return None
    if settings.tenant_copies == "none":
        return []
    return [name.strip() for name in settings.tenant_copies.split(",") if name.strip()]
