"""How is long work shown? As a bar on standard error that disappears; where that is no terminal, as a line a stage."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

Tell = Callable[[str, int, int], None]  # stage, done, in all


@contextmanager
def shown_progress() -> Iterator[Tell]:
    """Yield a function that is told how far each stage has come."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines()
        return
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    ) as progress:
        tasks: dict[str, TaskID] = {}

        def tell(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = progress.add_task(stage, total=total)
            progress.update(tasks[stage], completed=done, total=total)

        yield tell


def _lines() -> Tell:
    finished: set[str] = set()

    def tell(stage: str, done: int, total: int) -> None:
        if done >= total > 0 and stage not in finished:
            finished.add(stage)
            print(f"{stage}: {done} of {total}", file=sys.stderr, flush=True)

    return tell
