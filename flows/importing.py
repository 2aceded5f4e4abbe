"""What does `odograph import` do? It takes files of one kind, each whole or not at all, and lists every bad row."""

import sys
from functools import partial
from pathlib import Path

from flows.privacy.left_out import allowed_rows
from flows.privacy.periods import register_retention
from flows.settings import Settings
from ingest.tombstones import read_tombstones
from warehouse.connection import open_warehouse, writer_lock
from warehouse.dimension_columns import DIMENSIONS
from warehouse.dimensions import SHOWN_PROBLEMS, ImportRefused, Taken, import_dimension
from warehouse.models import prepare_models

WAIT_S = 60.0


def run_import(settings: Settings, kind: str, files: list[Path]) -> bool:
    """Import files in the order given, saying what became of each; False when one was refused."""
    everything_taken = True
    tombstones = read_tombstones(settings.data_dir)
    with writer_lock(settings.lock_path, wait_s=WAIT_S), open_warehouse(settings.warehouse_path) as warehouse:
        prepare_models(warehouse)
        for path in files:
            try:
                allowed = partial(allowed_rows, kind, tombstones=tombstones)
                taken = import_dimension(warehouse, DIMENSIONS[kind], path, settings.timezone, allowed)
            except ImportRefused as refused:
                everything_taken = False
                print_problems(refused)
            else:
                print(f"{path}: {taken.row_count} {kind} imported{_taken_out(taken)}")
        if kind == "retention" and everything_taken:
            register_retention(warehouse, settings)
    return everything_taken


def _taken_out(taken: Taken) -> str:
    if not taken.never_held_count:
        return ""
    return (
        f"; {taken.never_held_count} never held (they end where they begin), of which {taken.removed_count} are removed"
    )


def print_problems(refused: ImportRefused) -> None:
    """Print why a file was not taken, row by row, to standard error."""
    print(refused, file=sys.stderr)
    for row_no, reason in refused.problems[:SHOWN_PROBLEMS]:
        print(f"  {f'row {row_no}: ' if row_no else ''}{reason}", file=sys.stderr)
    if len(refused.problems) > SHOWN_PROBLEMS:
        print(f"  and {len(refused.problems) - SHOWN_PROBLEMS} more", file=sys.stderr)
