"""How do the tenants' own periods outlive the warehouse? Each import writes them down in the register as well.

A lost period would be the default again, which may be shorter: data would be gone before anybody noticed.
"""

from getpass import getuser

import duckdb

from flows.settings import Settings
from ingest.register import append_entry, read_register, register_path
from warehouse.connection import transaction

COLUMNS = "tenant_id, data, keep_days, reason"


def register_retention(warehouse: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Write all periods of core.retention down in the register."""
    rows = warehouse.execute(f"select {COLUMNS} from core.retention order by all").fetchall()
    facts = {"periods": [list(row) for row in rows]}
    append_entry(register_path(settings.data_dir), "retention", facts, by=settings.user or getuser())


def take_retention(warehouse: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Give core.retention the periods that the register has and it lacks."""
    told = [entry for entry in read_register(register_path(settings.data_dir)) if entry.kind == "retention"]
    if not told or warehouse.execute("select count(*) from core.retention").fetchall()[0][0]:
        return
    with transaction(warehouse):
        warehouse.executemany(f"insert into core.retention ({COLUMNS}) values (?, ?, ?, ?)", told[-1].facts["periods"])
