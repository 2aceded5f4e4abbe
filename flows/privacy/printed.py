"""How are expiry and the access log printed?"""

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.privacy.access import QUERY, Access
from warehouse.retention import Due, kinds


def print_due(due: Sequence[Due], *, dry_run: bool) -> None:
    """One line for each kind of data and tenant."""
    if not due:
        Console().print("nothing is over its time")
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("data", "tenant", "before", "rows", "bytes", "held back", "what"):
        table.add_column(name, justify="right" if name in ("rows", "bytes", "held back") else "left")
    for found in due:
        table.add_row(
            found.data,
            escape(found.tenant_id or "all"),
            found.before_date.isoformat(),
            str(found.row_count),
            "–" if found.byte_count is None else str(found.byte_count),
            str(found.held_count),
            kinds()[found.data].what,
        )
    console = Console()
    console.print(table)
    console.print("dry run: nothing was changed" if dry_run else "done; files are deleted once no copy needs them")


def print_accesses(accesses: Sequence[Access], tenant: str | None, subject: str | None) -> None:
    """One line for each read, marked where it is a query that may be about the subject and tenant asked for."""
    console = Console()
    if not accesses:
        console.print("no such read is written down")
    for found in accesses:
        period = f" {found.from_date or '…'} to {found.to_date or '…'}" if found.from_date or found.to_date else ""
        of_tenant = f" of {found.tenant_id}" if found.tenant_id else ""
        is_sure = found.kind != QUERY or (subject is None and tenant in (None, found.tenant_id))
        may = "" if is_sure else f" (may include {subject or tenant})"
        console.print(
            f"{found.at_utc}  {found.who}  {found.command}  {found.kind} {found.subject}{of_tenant}{period}{may}:"
            f" {found.purpose}",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
