"""How would messages be read by a mapping file, and which mappings are there? What `odograph mappings` prints."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl
import pyarrow as pa

from flows.settings import Settings
from ingest.adapters.checking import checked, notes
from ingest.adapters.sources import read_sources
from ingest.columns import SEGMENT_COLUMNS
from ingest.fuel_cards.choosing import mappings

HIDDEN = {name for name, _ in SEGMENT_COLUMNS} | {"fix_date", "event_date", "payload", "seen_count"}


def lines(file: Path, messages: Sequence[Path], topic: str | None) -> Iterator[str]:
    """Check the file, decode the messages, and yield what to print; raise MappingError if the file does not fit."""
    decoded = checked(file, [path.read_bytes() for path in messages], topic=topic)
    yield f"{file}: fits"
    yield from notes(file)
    for name, table in zip(decoded._fields, decoded, strict=True):
        if table.num_rows:
            yield f"{table.num_rows} {name}, in the units of the lake (docs/messages.md):"
            yield _shown(table)
    if messages and not any(table.num_rows for table in decoded):
        yield "nothing: the messages hold no point that this mapping names"


def listed(settings: Settings) -> Iterator[str]:
    """Every format of messages and of fuel-card files, one a line; raise MappingError if a mapping does not fit."""
    yield "messages:"
    for name, patterns in read_sources(settings).patterns().items():
        yield f"  {name:<14} {'  '.join(patterns)}"
    yield "fuel-card files (odograph import fuel-card FILE --provider NAME):"
    for name, mapping in sorted(mappings(settings).items()):
        yield f"  {name:<14} {mapping.about or mapping.source}"


def _shown(table: pa.Table) -> str:
    """Columns as rows: one for each value that is there."""
    frame = pl.DataFrame(table)
    names = [name for name in frame.columns if name not in HIDDEN and frame[name].null_count() < frame.height]
    values = [[name, *("" if value is None else str(value) for value in frame[name])] for name in names]
    width = max(len(name) for name in names)
    return "\n".join(f"  {name:<{width}}  {'  '.join(rest)}" for name, *rest in values)
