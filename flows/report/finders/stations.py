"""Which station on the way sells the same fuel for less than was paid?

Prices are the fleet's own: what its cards paid at a station within a week before or after, at least three times. A
station is on the way if the van passed within a mile of it that day; the detour's fuel and wages are taken off.
"""

from datetime import date
from itertools import groupby
from statistics import median
from typing import NamedTuple

from flows.report.finders.found import Action, Question, Weighed
from flows.report.style import Style

DETOUR_M = 1_500  # five minutes there and back in a town
PRICE_DAYS = 7
LEAST_PRICES = LEAST_FILLS = 3
LIKELY_FILLS, LIKELY_PRICES = 8, 5
ROAD_FACTOR = 1.3  # metres on roads for a metre as the crow flies
DETOUR_M_PER_S = 30 / 3.6
TYPICAL_L_PER_M = 17.26e-5  # of a van whose fuel is not measured: 13.63 mpg, docs/definitions.md


class CheaperFill(NamedTuple):
    """A fill, and the station that would have been cheapest for it; money in `currency`.

    detour_m     there and back on roads
    cheaper_by   difference in price times litres
    saving       that less the fuel and wages of the detour
    price_count  fills that the cheaper price is the median of
    """

    line: str
    vehicle_id: str
    service_date: date
    product: str
    currency: str
    quantity_l: float
    site_name: str | None
    paid_per_l: float
    cheaper_site: str
    cheaper_name: str | None
    cheaper_per_l: float
    price_count: int
    off_m: float
    detour_m: float
    cheaper_by: float
    detour_fuel_cost: float
    detour_wage_cost: float
    saving: float


def weigh_stations(asked: Question, style: Style) -> list[Weighed]:
    """Return each station that would have been cheaper, with the fills that could have gone there."""
    fills = asked.rows(
        "stations",
        CheaperFill,
        detour_m=DETOUR_M,
        price_days=PRICE_DAYS,
        least_prices=LEAST_PRICES,
        road_factor=ROAD_FACTOR,
        detour_m_per_s=DETOUR_M_PER_S,
        l_per_m=TYPICAL_L_PER_M,
    )
    found = []
    for _, group in groupby(fills, key=lambda fill: (fill.cheaper_site, fill.currency)):
        rows = list(group)
        refusal = (
            ""
            if len(rows) >= LEAST_FILLS
            else f"{style.counted(len(rows), 'fill')} could have gone there, {LEAST_FILLS} needed"
        )
        found.append(Weighed(_action(asked, rows, style), refusal))
    return found


def _action(asked: Question, rows: list[CheaperFill], style: Style) -> Action:
    currency, name = rows[0].currency, rows[0].cheaper_name or rows[0].cheaper_site
    total = sum(fill.saving for fill in rows)
    saving = asked.a_week(total)
    unit = style.units.volume

    def price(per_l: float) -> str:
        return f"{style.price(per_l, currency)}/{unit}"

    def amount(value: float) -> str:
        return style.money(value, currency, cents=True)

    paid, cheaper = median(fill.paid_per_l for fill in rows), median(fill.cheaper_per_l for fill in rows)
    litres = sum(fill.quantity_l for fill in rows)
    prices = min(fill.price_count for fill in rows)
    instead = sorted({fill.site_name or "a station without a name" for fill in rows})
    wages = sum(fill.detour_wage_cost for fill in rows)
    formula = (
        f"{amount(sum(fill.cheaper_by for fill in rows))} of price on {style.volume(litres)}"
        f" − {amount(sum(fill.detour_fuel_cost for fill in rows))} of fuel for"
        f" {style.distance(sum(fill.detour_m for fill in rows), 1)} of detours"
        + (f" − {amount(wages)} of wages" if wages else "")
        + f" = {amount(total)}"
        + ("" if asked.a_week(1) == 1 else ", brought to a week")
    )
    return Action(
        kind="stations",
        title=f"Fuel at {name} when a route passes it",
        saving=saving,
        saving_text=f"{style.money(saving, currency)} a week",
        why=(
            f"{style.counted(len(rows), 'fill')} paid {price(paid)} where {name}, at most"
            f" {style.distance(max(fill.off_m for fill in rows), 1)} off that day's way, sold for {price(cheaper)}."
        ),
        evidence=[
            f"bought at {style.listed(instead)}",
            f"its price: the median of {prices} or more own fills within {PRICE_DAYS} days",
            f"vans: {style.listed(sorted({fill.vehicle_id for fill in rows}))}",
        ],
        formula=formula,
        n=len(rows),
        confidence="likely" if len(rows) >= LIKELY_FILLS and prices >= LIKELY_PRICES else "possible",
        changes="prices that move; a discount that comes after the ticket; a queue at the pump",
    )
