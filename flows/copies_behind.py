"""Are the copies beside the one for all up to date, and where is a tenant's?

Told by links and by the note that `flows.copies` leaves at the end: no copy is opened.
"""

from pathlib import Path

from flows.settings import Settings
from warehouse.tenancy import is_file_name
from warehouse.versions import NETWORK_LINK, generation_of

NOTE = "complete"
REFRESHED = "refreshed"  # a file beside the published copies: its time is that of the last refresh, also without news


class NoSuchTenant(Exception):
    """There is no copy of this tenant."""


def are_parts_current(settings: Settings) -> bool:
    """Whether all copies that the settings ask for were made from the published copy."""
    return not left_behind(settings)


def last_refresh_ns(settings: Settings) -> int:
    """When a refresh last came to its end, in nanoseconds of Unix time; 0: never."""
    ended = settings.published_dir / REFRESHED
    return ended.stat().st_mtime_ns if ended.exists() else 0


def left_behind(settings: Settings) -> str:
    """Which copies of tenants or of the network did not get the news of the published copy, and why; empty: none."""
    published = settings.published_path.resolve()
    note = settings.tenants_dir / NOTE
    said, *failures = note.read_text().splitlines() if note.exists() else [""]
    generation = generation_of(published)
    if not said.startswith(generation):
        return f"of generation {said.partition(' ')[0] or 'none'}, while that for all is of {generation}"
    if f"{said}\n" != note_of(settings, published):
        return "made with other settings than those of today"
    if failures:
        return "; ".join(failures)
    network = (settings.published_dir / NETWORK_LINK).resolve()
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


def note_of(settings: Settings, published: Path) -> str:
    """The first line of the note that is left when all copies of a generation were tried."""
    return (
        f"{generation_of(published)} tenants: {settings.tenant_copies} lake: {settings.tenant_lake}"
        f" network: {settings.network_copy}\n"
    )
