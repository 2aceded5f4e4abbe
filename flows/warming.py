"""Are the kernels compiled before anybody waits for them? `make setup` ends with `python -m flows.warming`.

A day of one simulated van goes through the line in a temporary folder, as a small date and as a large one, so that
whatever a first refresh compiles is compiled, and kept where later processes look for it (`kernels.cached`).
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from flows.demo import import_dimensions
from flows.measuring import arrived, chunks
from flows.progress import shown_progress
from flows.refresh import refresh
from flows.settings import Settings
from ingest.open_segment import Message
from ingest.simulation import simulate
from ingest.spool import Spool


def warm_up(folder: Path) -> int:
    """Take a day through the line in an empty folder; return how many positions it had."""
    settings = Settings.model_construct(data_dir=folder)  # defaults, whatever the environment says
    fleet = simulate(vans=1, days=1)
    fleet.write_dimensions(folder / "truth")
    spool = Spool.open(settings.spool_dir / "main")
    spool.append(
        [
            Message(sent.topic, sent.payload, sent.due_us, sent.qos, sent.retain, sent.content_type)
            for sent in fleet.messages
        ]
    )
    spool.close()
    import_dimensions(settings, folder / "truth")
    with shown_progress() as tell:
        done = refresh(settings, progress=tell)
        with straight_from_files():
            refresh(settings, full=True, progress=tell)
    return done.loaded.positions


@contextmanager
def straight_from_files() -> Iterator[None]:
    """Take every date the way of large ones."""
    usual = chunks.FAST_FROM_POINTS, arrived.FAST_FROM_ROWS
    chunks.FAST_FROM_POINTS = arrived.FAST_FROM_ROWS = 0
    try:
        yield
    finally:
        chunks.FAST_FROM_POINTS, arrived.FAST_FROM_ROWS = usual


if __name__ == "__main__":
    print("Compiling kernels, once: about half a minute.", file=sys.stderr)
    with TemporaryDirectory(prefix="odograph-warming-") as scratch:
        warm_up(Path(scratch))
