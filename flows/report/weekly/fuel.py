"""What did fuel cost beside others, and which exceptions arose and were settled?"""

from flows.report.page import Cell, Column
from flows.report.style import Style
from flows.report.units import NOT_KNOWN
from flows.report.weekly.measures import lacks_ignition
from flows.report.weekly.rows import FuelPrice, WeeklyData

PRICE_COLUMNS = (
    Column("product", "Fuel", is_name=True),
    Column("bought", "Bought", is_number=True),
    Column("paid", "Paid", is_number=True),
    Column("area", "Area", is_number=True),
    Column("difference", "Difference", is_number=True),
    Column("cost", "Over the week", is_number=True),
)
FLAG_COLUMNS = (
    Column("rule", "Rule", is_name=True),
    Column("new", "New", is_number=True),
    Column("settled", "Settled", is_number=True),
    Column("open", "Open", is_number=True),
    Column("cost", "At stake", is_number=True),
)
FLAG_NOTE = (
    "New: flags on purchases of the week. Settled: explained, confirmed or dismissed in the week. Open: on purchases "
    "of the twelve weeks up to its end. A flag is a lead, not proof."
)


def price_rows(data: WeeklyData, style: Style) -> list[dict[str, Cell | str]]:
    """Return what fuel cost beside the price of the area; products without such a price have none."""
    rows: list[dict[str, Cell | str]] = []
    for row in data.prices:
        gap = None if row.area_per_l is None else _paid_where_compared(row) - row.area_per_l
        rows.append(
            {
                "product": row.product.replace("_", " "),
                "bought": style.volume(row.quantity_l),
                "paid": style.price(row.paid_per_l, row.currency),
                "area": style.price(row.area_per_l, row.currency),
                "difference": NOT_KNOWN if gap is None else _signed(style.price(gap, row.currency)),
                "cost": NOT_KNOWN if row.extra_cost is None else _signed(style.money(row.extra_cost, row.currency)),
            }
        )
    return rows


def price_note(data: WeeklyData, style: Style) -> str:
    """Return what the prices are compared with, or why they are not."""
    if not data.prices:
        return "No fuel purchases of this week yet; card data often comes one or two business days later."
    compared = sum(row.compared_count for row in data.prices)
    count = sum(row.purchase_count for row in data.prices)
    if not compared:
        return "No price of the area is known for them: import prices of the region to compare (docs/imports.md)."
    regions = sorted({name for row in data.prices for name in (row.regions or "").split(", ") if name})
    return (
        f"Price per {style.units.volume}, {style.number(compared)} of {style.counted(count, 'purchase')} beside the "
        f"price of {style.listed(regions, 3)} when they were bought; below it is better."
    )


def flag_rows(data: WeeklyData, style: Style) -> list[dict[str, Cell | str]]:
    """Return fuel flags by rule: new, settled, open."""
    return [
        {
            "rule": f"{row.rule_id} {row.title}" if row.title != row.rule_id else row.rule_id,
            "new": style.number(row.new_count),
            "settled": style.number(row.settled_count),
            "open": style.number(row.open_count),
            "cost": style.money(row.open_cost, row.currency),
        }
        for row in data.flags
    ]


def flag_finding(data: WeeklyData, style: Style) -> str:
    """Return opened, settled and open in one sentence."""
    if not data.flags:
        if not data.week.purchase_count:
            return "No fuel purchases were received for this week."
        return "No fuel flags: none new, none settled, none open."
    new, settled, still = (
        sum(row.new_count for row in data.flags),
        sum(row.settled_count for row in data.flags),
        sum(row.open_count for row in data.flags),
    )
    return f"Fuel flags: {style.number(new)} new, {style.number(settled)} settled, {style.number(still)} open."


def exception_finding(data: WeeklyData, style: Style) -> str:
    """Return what arose and what was settled in the week, of all kinds."""
    count, silent = data.legal_event_count, len(data.silent)
    parts = [flag_finding(data, style)]
    if data.jurisdictions and not lacks_ignition(data.week):
        parts.append(f"{style.counted(count, 'possible idle event')} over a legal limit.")
    parts.append(f"{style.counted(silent, 'van')} silent all week." if silent else "No van was silent all week.")
    return " ".join(parts)


def _paid_where_compared(row: FuelPrice) -> float:
    """Return the price paid for the purchases that have one to compare with: per litre of all, so that rows add up."""
    return (row.area_per_l or 0.0) + (row.extra_cost or 0.0) / (row.compared_l or 1.0)


def _signed(text: str) -> str:
    # Nothing as it is printed has no sign.
    return text if text.startswith("−") or not any(digit in text for digit in "123456789") else f"+{text}"
