"""How do sealed segments come into the lake, and what the lake has from earlier versions into rows of this one?"""

from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime, time, timedelta
from functools import partial

from flows.fast_ingest import scanners
from flows.measuring import portion_size
from flows.opening import Opening
from flows.runners import HERE, Runner
from flows.settings import Settings
from ingest.columns import POSITIONS
from ingest.compaction import compact_scattered
from ingest.decoded_again import decode_again
from ingest.lake import Lake, Loaded, load_spool, opened_lake
from warehouse.connection import open_warehouse
from warehouse.frozen import last_touched

Progress = Callable[[str, int, int], None]  # stage, done, in all


def load(
    settings: Settings,
    progress: Progress | None = None,
    lake: Lake | None = None,
    *,
    runner: Runner = HERE,
    opening: Opening | None = None,
) -> Loaded:
    """Bring every sealed segment into the lake, each once, in the rows of this version; `runner` says who decodes.

    `opening` is the warehouse where it is being opened: nobody else opens it meanwhile.
    """
    tell = None if progress is None else lambda done, total: progress("decode", done, total)
    lake, scan = lake or opened_lake(settings), scanners(settings)
    decode_again(settings, lake, partial(_untouched_since, settings, opening), tell, scanners=scan, mapper=runner.map)
    loaded = load_spool(settings, tell, scanners=scan, mapper=runner.map, lake=lake)
    if loaded.positions:
        merge_scattered(settings, progress, lake)
    return loaded


def merge_scattered(settings: Settings, progress: Progress | None = None, lake: Lake | None = None) -> None:
    """Merge what lies so scattered in the lake that to measure it would read it many times over.

    Only dates that are over, of tens of millions of positions: upkeep would merge them later. Needs the writer's lock.
    """
    tell = progress or (lambda _stage, _done, _total: None)
    positions = (lake or opened_lake(settings))[POSITIONS.name]
    compact_scattered(settings, positions, datetime.now(UTC).date(), portion_size.CHUNK_POINTS, partial(tell, "merge"))


def _untouched_since(settings: Settings, opening: Opening | None) -> datetime | None:
    """Messages received later are of nothing that was thinned or deleted, here or by a tenant's own periods."""
    with nullcontext(opening()) if opening else open_warehouse(settings.warehouse_path) as warehouse:
        last = last_touched(warehouse)
    if last is None:
        return None
    if not settings.max_age_days:  # then a message of today may tell of any date
        return datetime.max.replace(year=9000)
    return datetime.combine(last, time.max) + timedelta(days=settings.max_age_days + 1)
