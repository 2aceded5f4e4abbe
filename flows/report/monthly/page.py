"""What is in the monthly report, and in which order?

Verdict, six tiles, what the cost is made of, every figure beside the month before, the weeks, routes, vans, fuel by
station, exceptions and what became of them, data health.
"""

from typing import Any

from flows.report import page
from flows.report.drawing import NARROW_PX
from flows.report.kinds import Asked
from flows.report.monthly import pictures, rankings, tables
from flows.report.monthly.attached import files
from flows.report.monthly.data import read_month
from flows.report.monthly.fleet_size import fleet_size
from flows.report.monthly.measures import cost_per_route, idle_cost, idle_share, measures
from flows.report.monthly.rows import MonthlyData
from flows.report.monthly.words import subject, verdict, when
from flows.report.multiples import went
from flows.report.page import Picture
from flows.report.rendered import Headline, Report
from flows.report.style import Style
from warehouse.fuel_rules import NO_PROOF

WEEKS_CID, ROUTES_CID, USE_CID = "weeks@odograph", "cost-by-route@odograph", "van-days@odograph"
NOT_LEGAL_ADVICE = "Possible events, not established ones; whether an exception from the limit held is not known here."
WEEKS_CAPTION = (
    "Each figure by week with its latest value, and its least and most; weeks that begin in the month on grey."
)
# What moves a headline so far is worth a correction.
MOVED_SHARE, MOVED_POINTS = 0.01, 0.01


def render(asked: Asked) -> Report:
    """Return the report of one tenant and month; raises NothingThatMonth for one that is not there."""
    style = asked.style
    data = read_month(asked.published.resolve(), asked.tenant_id, asked.period, min_coverage=asked.min_coverage)
    attachments = files(data, style)
    images, shown = _pictures(data, style)
    told: dict[str, Any] = {
        "subject": subject(data, style),
        "place": data.tenant_id,
        "when": when(data, style),
        "status": "monthly report",
        "verdict": verdict(data, style),
        "tiles": tables.tiles(data, style),
        "compared": _compared(data, style),
        "parts": tables.parts(data, style),
        "parts_note": tables.parts_note(data, style),
        "scorecard": tables.scorecard(data, style),
        "weeks": shown.get(WEEKS_CID),
        "routes_picture": shown.get(ROUTES_CID),
        "use_picture": shown.get(USE_CID),
        "routes": rankings.routes(data, style),
        "vehicles": rankings.vehicles(data, style),
        "fleet_size": fleet_size(data, style),
        "peak": _peak(data, style),
        "stations": rankings.stations(data, style),
        "stations_note": _stations_note(data, style),
        "flags": rankings.flags(data, style),
        "no_proof": NO_PROOF,
        "limits": rankings.limits(data, style),
        "not_legal_advice": NOT_LEGAL_ADVICE,
        "health": tables.health(data, style),
        "files": list(attachments),
        "carried": page.carried(attachments, asked.formats),
        "foot": page.footer(
            "Monthly report",
            data.tenant_id,
            contact=asked.contact,
            notes=["No drivers and no positions are in this mail."],
        ),
    }
    return Report(
        report="monthly",
        tenant_id=data.tenant_id,
        period=asked.period,
        subject=told["subject"],
        html=page.html("monthly.html.j2", told),
        text=page.text("monthly.txt.j2", told),
        images=images,
        attachments=attachments,
        headlines=_headlines(data, style),
    )


def _compared(data: MonthlyData, style: Style) -> str:
    if data.before is None:
        return "There is no month before to compare with."
    before, days = style.month(data.before.date_from), data.before.days_with_data
    text = f"Differences: against {before}, of which {style.counted(days, 'day')} had data."
    if days != data.month.days_with_data:
        text += f" This one has {style.number(data.month.days_with_data)}: totals are compared per day."
    return text if data.before.is_heard else f"{text} Too little of it was heard to compare ratios with."


def _pictures(data: MonthlyData, style: Style) -> tuple[dict[str, bytes], dict[str, Picture]]:
    """Return the pictures, each in two widths, and their words."""
    images: dict[str, bytes] = {}
    shown: dict[str, Picture] = {}
    for cid, draw, alt, caption in (
        (WEEKS_CID, pictures.weeks, _weeks_alt(data, style), WEEKS_CAPTION),
        (ROUTES_CID, pictures.routes, _routes_alt(data, style), _routes_caption(data)),
        (USE_CID, pictures.use, _use_alt(data, style), _use_caption(data)),
    ):
        if alt:
            narrow = f"narrow-{cid}"
            images |= {cid: draw(data, style), narrow: draw(data, style, width_px=NARROW_PX)}
            shown[cid] = Picture(cid, alt, caption, narrow)
    return images, shown


def _weeks_alt(data: MonthlyData, style: Style) -> str:
    found = pictures.panels(data, style)
    if not found:
        return ""
    return f"{len(data.weeks)} weeks: {went(found)}."


def _routes_alt(data: MonthlyData, style: Style) -> str:
    shown = pictures.shown_routes(data)
    if len(shown) < 2:
        return ""
    first, last = shown[0], shown[-1]
    ends = [
        f"{route.route_id}, {style.money(route.cost_per_stop, route.currency, cents=True)}" for route in (first, last)
    ]
    return f"Cost per stop by route: dearest {ends[0]}; cheapest of the {len(shown)} shown {ends[1]}."


def _routes_caption(data: MonthlyData) -> str:
    shown, known = len(pictures.shown_routes(data)), sum(route.cost_per_stop is not None for route in data.routes)
    text = "What a stop of each route cost; the line is the mean of all."
    return f"{text} The {shown} of {known} routes with the dearest stops." if shown < known else text


def _use_alt(data: MonthlyData, style: Style) -> str:
    shown = pictures.shown_vehicles(data)
    if len(shown) < 2:
        return ""
    least = shown[0]
    return (
        f"Days on a route by van: {least.vehicle_id} least, {least.dispatched_days} of {least.available_days}; "
        f"all vans {style.percent(data.month.day_utilization)} of their days."
    )


def _use_caption(data: MonthlyData) -> str:
    shown, known = len(pictures.shown_vehicles(data)), sum(van.available_days > 0 for van in data.vehicles)
    text = "Days on which a van drove a route, of those on which it was available."
    return f"{text} The {shown} of {known} vans used least." if shown < known else text


def _peak(data: MonthlyData, style: Style) -> str:
    month = data.month
    if not month.peak_concurrent_vehicles:
        return ""
    return f"At most {style.counted(month.peak_concurrent_vehicles, 'van')} were on the road at once in the month."


def _stations_note(data: MonthlyData, style: Style) -> str:
    if not data.stations:
        return "No fuel purchases were received for the month."
    together: dict[str | None, float] = {}
    for station in data.stations:
        together[station.currency] = together.get(station.currency, 0.0) + station.net
    spent = " and ".join(style.money(amount, currency) for currency, amount in together.items())
    count = sum(station.purchase_count for station in data.stations)
    bought = f"{style.counted(count, 'purchase')} of fuel for {spent}."
    return f"{bought} Prices are net, compared with the same fuel at all stations."


def _headlines(data: MonthlyData, style: Style) -> tuple[Headline, ...]:
    month, every = data.month, measures(style)
    route, stop, idled = cost_per_route(month), every["Cost per stop"].figure(month), idle_cost(month)
    return (
        _headline("Cost per route", route.value, style.money(route.value, month.currency, cents=True)),
        _headline("Cost per stop", stop.value, style.money(stop.value, month.currency, cents=True)),
        Headline("Idle share", (share := idle_share(month).value), style.percent(share, 1), MOVED_POINTS),
        _headline("Idle cost", idled.value, style.money(idled.value, month.currency)),
        _headline("CO2", month.co2_kg, f"{style.number(scaled_t(month.co2_kg), 1)} t"),
        Headline("Routes run", float(month.routes_run), style.number(month.routes_run), 1.0),
    )


def scaled_t(mass_kg: float | None) -> float | None:
    """Return a mass in tonnes."""
    return None if mass_kg is None else mass_kg / 1000


def _headline(name: str, value: float | None, text: str) -> Headline:
    return Headline(name, value, text, MOVED_SHARE * abs(value) if value else 0.01)
