"""What do the tiles and tables of the monthly report hold? Texts, ready to print, the same for page and plain text."""

from typing import NamedTuple

from flows.report.measures import Figure
from flows.report.monthly.measures import (
    Measure,
    change,
    lacks_ignition,
    measures,
)
from flows.report.monthly.rows import Month, MonthlyData
from flows.report.monthly.words import compared
from flows.report.page import Cell, Column, Tile
from flows.report.style import Style
from flows.report.units import NOT_KNOWN


class Table(NamedTuple):
    """Columns and rows, and how many rows are only in what is attached."""

    columns: list[Column]
    rows: list[dict[str, Cell | str]]
    left_out: int = 0


def tiles(data: MonthlyData, style: Style) -> list[Tile]:
    """Return six: what a route, a stop and a mile cost, how far a gallon went, what was emitted, what idling cost."""
    every, month = measures(style), data.month
    names = list(every)
    priced = f"{style.number(month.costed_route_count)} of {style.counted(month.route_count, 'route')} priced"
    metered = style.volume(month.fuel_used_l, 0) if month.fuel_used_l is not None else ""
    emitted = f"{style.number(month.co2_kg / 1000, 1)} t in all" if month.co2_kg is not None else ""
    idled = f"{style.number(month.idle_s / 3600)} h of idling"
    details = {
        names[0]: priced,
        names[1]: f"{style.number(month.costed_stop_count or 0)} stops priced",
        names[2]: f"{style.distance(month.costed_distance_m or 0.0)} priced",
        names[4]: metered and f"{metered} by {month.fuel_used_source}",
        names[5]: emitted,
        "Idle cost": idled,
    }
    return [_tile(every[name], data, detail, style) for name, detail in details.items()]


def _tile(measure: Measure, data: MonthlyData, detail: str, style: Style) -> Tile:
    figure = measure.figure(data.month)
    if figure.value is None:
        return Tile(measure.name, "n/a", figure.reason.removeprefix("n/a").strip(" ()"))
    changed = change(measure, data.month, data.before, style)
    value = measure.write(figure.value, data.month.currency)
    return Tile(measure.name, value, detail, compared(measure, data, style), changed.word, changed.tone)


def scorecard(data: MonthlyData, style: Style) -> Table:
    """Return every figure beside the month before and the same month of last year."""
    months = [data.month, *([data.before] if data.before else []), *([data.year_ago] if data.year_ago else [])]
    columns = [Column("name", "", is_name=True)]
    columns += [
        Column(str(month.date_from), f"{style.month(month.date_from)}", is_number=True, is_minor=place == 2)
        for place, month in enumerate(months)
    ]
    columns += [Column("change", "Change", is_number=True)] if data.before else []
    rows: list[dict[str, Cell | str]] = []
    for measure in measures(style).values():
        if all(measure.figure(month).value is None for month in months):
            continue
        row: dict[str, Cell | str] = {"name": measure.name}
        row |= {str(month.date_from): _value(measure.figure(month), measure, month) for month in months}
        changed = change(measure, data.month, data.before, style)
        row["change"] = Cell(changed.text, changed.tone if changed.tone in ("good", "poor") else "", changed.word)
        rows.append(row)
    return Table(columns, rows)


def _value(figure: Figure, measure: Measure, month: Month) -> str:
    return NOT_KNOWN if figure.value is None else measure.write(figure.value, month.currency)


def parts(data: MonthlyData, style: Style) -> Table | None:
    """Return what the cost of the routes is made of; None where no route is priced whole."""
    month = data.month
    if not month.cost or not month.costed_route_count:
        return None
    columns = [
        Column("name", "", is_name=True),
        Column("amount", "Amount", is_number=True),
        Column("share", "Share", is_number=True),
        Column("route", "a route", is_number=True),
        Column("stop", "a stop", is_number=True, is_minor=True),
        Column("distance", f"a {style.units.distance}", is_number=True),
    ]
    rows: list[dict[str, Cell | str]] = []
    for name, amount in (
        ("Paid time", month.wage_part),
        ("Vans, fixed", month.fixed_part),
        ("Fuel", month.fuel_part),
        ("Together", month.cost),
    ):
        each = {"route": month.costed_route_count, "stop": month.costed_stop_count}
        row: dict[str, Cell | str] = {
            "name": name,
            "amount": style.money(amount, month.currency),
            "share": style.percent((amount or 0.0) / month.cost, 0),
        }
        row |= {
            key: style.money((amount or 0.0) / count, month.currency, cents=True) if count else NOT_KNOWN
            for key, count in each.items()
        }
        distance = (month.costed_distance_m or 0.0) / style.units.metres
        row["distance"] = style.money((amount or 0.0) / distance, month.currency, cents=True) if distance else NOT_KNOWN
        rows.append(row)
    # Of a month poorly heard the amounts are what they are; what one costs is not shown.
    return Table(columns if month.is_heard else columns[:3], rows)


def parts_note(data: MonthlyData, style: Style) -> str:
    """Return which routes the cost is of, and what is estimated or lacking."""
    month = data.month
    said = [f"Of {style.counted(month.costed_route_count, 'route')} of {style.number(month.route_count)}."]
    if month.estimated_count:
        said.append(
            f"Paid time of {style.number(month.estimated_count)} is estimated from the time at work: no clock was read."
        )
    lacking = [
        f"{name} of {style.number(count)}"
        for name, count in (
            ("fuel", month.without_fuel_count),
            ("paid time", month.without_wage_count),
            ("fixed cost", month.without_fixed_count),
        )
        if count
    ]
    if lacking:
        said.append(f"Not known: {', '.join(lacking)}.")
    return " ".join(said)


def health(data: MonthlyData, style: Style) -> list[tuple[str, str]]:
    """Return the data health as pairs of label and sentence."""
    month, found = data.month, data.health
    said = [
        (
            "Coverage",
            f"{style.percent(month.coverage, 1)} of {style.number(month.observed_s / 3600)} observed hours known",
        ),
        (
            "Days",
            f"{style.number(month.days_with_data)} of {(data.period.last - data.period.first).days + 1} with data",
        ),
        (
            "Vans heard",
            style.number(found.vehicles_heard)
            + (f"; {style.number(found.unregistered_count)} not registered" if found.unregistered_count else ""),
        ),
        (
            "Van-days",
            f"{style.number(found.van_days)}, {style.number(found.poor_van_days)} of them heard too little for ratios",
        ),
        (
            "Rejected rows",
            f"{style.number(found.rejected_count)} of {style.number(found.received_count + found.rejected_count)}",
        ),
    ]
    if lacks_ignition(month):
        said.append(("Engine state", "no ignition signal from any van: standing is shown as parked, idle as n/a"))
    if found.held_back:
        said.append(("Held back", ", ".join(style.day(day) for day in found.held_back[:6])))
    said.append(
        (
            "Factors",
            f"CO2 at the tailpipe by {month.co2_factor_set}" if month.co2_factor_set else "no fuel known, so no CO2",
        )
    )
    if found.rebuilt_utc:
        said.append(("As of", style.local_day(found.rebuilt_utc, data.timezone)))
    return said
