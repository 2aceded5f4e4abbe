"""How does a review get into the warehouse?

It is written at once, the lock held for as long as that takes; readers see it with the next refresh, which finds it by
itself.
"""

from flows.settings import Settings
from warehouse.connection import open_warehouse, writer_lock
from warehouse.fuel_reviews import LineKey, record_review

WAIT_S = 60.0


def run_review(
    settings: Settings,
    txn: str,
    rule_id: str,
    state: str,
    *,
    reviewer: str,
    note: str | None,
    tenant: str | None,
    provider: str | None,
    item: int | None,
) -> LineKey:
    """Write one review; return the line it is about."""
    with writer_lock(settings.lock_path, wait_s=WAIT_S), open_warehouse(settings.warehouse_path) as warehouse:
        return record_review(
            warehouse, txn, rule_id, state, reviewer=reviewer, note=note, tenant=tenant, provider=provider, item=item
        )
