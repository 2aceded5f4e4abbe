"""Which copies are made beside the one for all, and are they up to date?

First the copy for all, then each tenant's and that of the network, all from it. A copy that cannot be made stops no
other. At the end a note says of which generation they are, and which failed. A run that dies before leaves a note of an
earlier generation, or of other settings; then, and where one failed, the next refresh has news.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

import duckdb

from flows.settings import Settings
from warehouse.connection import sql, transaction
from warehouse.dictionary import add_comments
from warehouse.lake import LakeTableFiles
from warehouse.network_copy import LINK, publish_network, remove_network
from warehouse.publish import add_views
from warehouse.tenancy import is_file_name
from warehouse.tenant_copies import TenantCopies, publish_tenants, why
from warehouse.versions import generation_of

logger = logging.getLogger(__name__)

NOTE = "complete"
REFRESHED = "refreshed"  # a file beside the published copies: its time is that of the last refresh, also without news


class NoSuchTenant(Exception):
    """There is no copy of this tenant."""


class CopiesFailed(Exception):
    """Some copies of tenants, or that of the network, could not be made; all others were."""

    def __init__(self, failures: Sequence[str]) -> None:
        super().__init__(f"not copied, readers see them as they were: {'; '.join(failures)}")


def publish_parts(
    settings: Settings, published: Path, lake: dict[str, LakeTableFiles], *, afresh: bool = False
) -> TenantCopies:
    """Bring the tenants' copies and the network's up to a published copy; `afresh` builds all of them from nothing.

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

    done = publish_tenants(
        published,
        settings.tenants_dir,
        _wanted(settings),
        add_own_views,
        f"{settings.timezone} {lake_root} {versions}",
        afresh=afresh,
    )
    failures = [f"tenant {tenant_id} ({reason})" for tenant_id, reason in done.failed.items()]
    if settings.network_copy:
        try:
            publish_network(published, settings.published_dir, afresh=afresh)
        except (duckdb.Error, OSError) as error:
            failures.append(f"network ({why(error)})")
    else:
        remove_network(settings.published_dir)
    note = settings.tenants_dir / NOTE
    note.write_text("".join([_note(settings, published), *(f"{failure}\n" for failure in failures)]))
    logger.info("copies of tenants: %d built, %d unchanged", len(done.built), len(done.unchanged))
    if failures:
        raise CopiesFailed(failures)
    return done


def are_parts_current(settings: Settings) -> bool:
    """Whether all copies that the settings ask for were made from the published copy."""
    return not left_behind(settings)


def left_behind(settings: Settings) -> str:
    """Which copies of tenants or of the network did not get the news of the published copy, and why; empty: none."""
    published = settings.published_path.resolve()
    note = settings.tenants_dir / NOTE
    said, *failures = note.read_text().splitlines() if note.exists() else [""]
    generation = generation_of(published)
    if not said.startswith(generation):
        return f"of generation {said.partition(' ')[0] or 'none'}, while that for all is of {generation}"
    if f"{said}\n" != _note(settings, published):
        return "made with other settings than those of today"
    if failures:
        return "; ".join(failures)
    network = (settings.published_dir / LINK).resolve()
    if settings.network_copy and generation_of(network) != generation:
        return "the network's is of another generation than that for all"
    return ""


def tenant_path(settings: Settings, tenant_id: str) -> Path:
    """The link to a tenant's copy; raise NoSuchTenant where there is none."""
    path = settings.tenants_dir / f"{tenant_id}.duckdb"
    if not is_file_name(tenant_id) or not path.exists():
        raise NoSuchTenant(
            f"there is no copy of tenant {tenant_id!r}; ODOGRAPH_TENANT_COPIES={settings.tenant_copies},"
            " and a copy is made by the first refresh with rows of the tenant"
        )
    return path


def _wanted(settings: Settings) -> list[str] | None:
    if settings.tenant_copies == "all":
        return None
    if settings.tenant_copies == "none":
        return []
    return [name.strip() for name in settings.tenant_copies.split(",") if name.strip()]


def _note(settings: Settings, published: Path) -> str:
    return (
        f"{generation_of(published)} tenants: {settings.tenant_copies} lake: {settings.tenant_lake}"
        f" network: {settings.network_copy}\n"
    )
