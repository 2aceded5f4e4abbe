"""What does `odograph import` do? It takes files of one kind, each whole or not at all, and lists every bad row."""

import sys
from pathlib import Path

from flows.settings import Settings
from warehouse.connection import open_warehouse, writer_lock
from warehouse.dimension_columns import DIMENSIONS
from warehouse.dimensions import SHOWN_PROBLEMS, ImportRefused, import_dimension
from warehouse.models import prepare_models

WAIT_S = 60.0


def run_import(settings: Settings, kind: str, files: list[Path]) -> bool:
    """Import files in the order given, saying what became of each; False when one was refused."""
    everything_taken = True
    with writer_lock(settings.lock_path, wait_s=WAIT_S), open_warehouse(settings.warehouse_path) as warehouse:
        prepare_models(warehouse)
        for path in files:
            try:
                count = import_dimension(warehouse, DIMENSIONS[kind], path, settings.timezone)
            except ImportRefused as refused:
                everything_taken = False
                print_problems(refused)
            else:
                print(f"{path}: {count} {kind} imported")
    return everything_taken


def print_problems(refused: ImportRefused) -> None:
    """Print why a file was not taken, row by row, to standard error."""
    print(refused, file=sys.stderr)
    for row_no, reason in refused.problems[:SHOWN_PROBLEMS]:
        print(f"  {f'row {row_no}: ' if row_no else ''}{reason}", file=sys.stderr)
    if len(refused.problems) > SHOWN_PROBLEMS:
        print(f"  and {len(refused.problems) - SHOWN_PROBLEMS} more", file=sys.stderr)
