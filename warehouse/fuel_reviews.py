"""What did people say about the flags of a purchase?

A review is a row that stays: of line and rule, so that nothing that is imported or rebuilt takes it away. The last one
gives the flag its state.
"""

from datetime import UTC, datetime
from typing import NamedTuple

import duckdb

from warehouse.connection import transaction

STATES = ("open", "explained", "confirmed", "dismissed")


class LineKey(NamedTuple):
    """One line of a purchase."""

    tenant_id: str
    provider: str
    provider_txn_id: str
    item_no: int

    def __str__(self) -> str:
        return f"{self.tenant_id} {self.provider}/{self.provider_txn_id}/{self.item_no}"


class NoSuchPurchase(Exception):
    """No line goes by that transaction id."""


class SeveralPurchases(Exception):
    """More than one line goes by that transaction id; `lines` holds them."""

    def __init__(self, txn: str, lines: list[LineKey]) -> None:
        self.lines = lines
        listed = "; ".join(map(str, lines))
        super().__init__(f"{txn} names {len(lines)} lines; say which by --tenant, --provider and --item: {listed}")


class NoSuchFlag(Exception):
    """The rule never had a flag on that line."""


def matching_lines(
    connection: duckdb.DuckDBPyConnection,
    txn: str,
    *,
    tenant: str | None = None,
    provider: str | None = None,
    item: int | None = None,
) -> list[LineKey]:
    """The lines of a transaction id, as far as they are narrowed down; raise NoSuchPurchase where there are none."""
    rows = connection.execute(
        "select tenant_id, provider, provider_txn_id, item_no from marts.fuel_purchases where provider_txn_id = $txn"
        " and tenant_id = coalesce($tenant, tenant_id) and provider = coalesce($provider, provider)"
        " and item_no = coalesce($item, item_no) order by all",
        {"txn": txn, "tenant": tenant, "provider": provider, "item": item},
    ).fetchall()
    if not rows:
        raise NoSuchPurchase(f"no purchase {txn!r} in marts.fuel_purchases")
    return [LineKey(*row) for row in rows]


def record_review(
    connection: duckdb.DuckDBPyConnection,
    txn: str,
    rule_id: str,
    state: str,
    *,
    reviewer: str,
    note: str | None,
    tenant: str | None = None,
    provider: str | None = None,
    item: int | None = None,
    now: datetime | None = None,
) -> LineKey:
    """Keep what a person says of a flag, and show it in marts.fuel_exceptions; return the line it is about.

    Raises NoSuchPurchase, SeveralPurchases where lines with a flag of that rule are not told apart, or NoSuchFlag.
    """
    if state not in STATES:
        raise ValueError(f"state={state!r}, expected one of {', '.join(STATES)}")
    lines = matching_lines(connection, txn, tenant=tenant, provider=provider, item=item)
    flagged = [line for line in lines if rule_id in _rules_of(connection, line)]
    if not flagged:
        known = sorted({rule for line in lines for rule in _rules_of(connection, line)}, key=lambda rule: int(rule[1:]))
        raise NoSuchFlag(f"{rule_id} has no flag on {txn}; flags of it: {', '.join(known) or 'none'}")
    if len(flagged) > 1:
        raise SeveralPurchases(txn, flagged)
    line = flagged[0]
    at_utc = (now or datetime.now(UTC)).replace(tzinfo=None)
    said = {**line._asdict(), "rule_id": rule_id, "state": state, "reviewer": reviewer, "note": note, "at": at_utc}
    flag = {name: said[name] for name in (*LineKey._fields, "rule_id")}
    of_line = " and ".join(f"{name} = ${name}" for name in flag)
    with transaction(connection):
        connection.execute(
            "insert into core.fuel_reviews by name select $tenant_id as tenant_id, $provider as provider,"
            " $provider_txn_id as provider_txn_id, $item_no as item_no, $rule_id as rule_id, $state as state,"
            " $reviewer as reviewer, $note as note, $at::timestamp as reviewed_utc",
            said,
        )
        connection.execute(
            "insert into core.fuel_flag_history by name select * exclude (basis) replace ('reviewed' as change,"
            " 'review' as why, $state as state, $at::timestamp as changed_utc) from core.fuel_flag_history"
            f" where {of_line} order by changed_utc desc limit 1",
            flag | {"state": state, "at": at_utc},
        )
        connection.execute(
            "update marts.fuel_exceptions set state = $state, reviewer = $reviewer, note = $note,"
            f" reviewed_utc = $at where {of_line}",
            said,
        )
    return line


def _rules_of(connection: duckdb.DuckDBPyConnection, line: LineKey) -> set[str]:
    rows = connection.execute(
        "select distinct rule_id from core.fuel_flag_history where tenant_id = $tenant_id and provider = $provider"
        " and provider_txn_id = $provider_txn_id and item_no = $item_no",
        line._asdict(),
    ).fetchall()
    return {row[0] for row in rows}
