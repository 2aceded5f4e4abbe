"""How good is the data behind the figures, and may they still change?"""

from flows.report.measures import lacks_ignition
from flows.report.rows import DailyData
from flows.report.style import Style
from flows.report.units import NOT_KNOWN

MOST_SILENT = 12
LATE_DATA_DAYS = 30
WORDING = "; the sheet Definitions of the workbook says what each column means and how it is made"


def health_rows(data: DailyData, style: Style, *, has_workbook: bool = True) -> list[tuple[str, str]]:
    """Return the data health as pairs of label and sentence."""
    fleet, health = data.fleet, data.health
    silent = [van.vehicle_id for van in data.silent]
    rows = [
        (
            "Coverage",
            f"{style.percent(fleet.coverage, 1)} of {style.number(fleet.observed_s / 3600)} observed hours known",
        ),
        ("Vans heard", _heard(data, style)),
        ("Silent vans", f"{len(silent)}: {style.listed(silent, MOST_SILENT)}" if silent else "none"),
        ("Late data", _delay(data, style)),
        ("Rejected rows", _rejected(data, style)),
        (
            "Repeats",
            f"{style.number(health.duplicate_count)} removed, {style.number(health.conflict_count)} in conflict",
        ),
    ]
    if lacks_ignition(data.vehicles):
        rows.append(("Engine state", "no ignition signal from any van: standing is shown as parked, idle as n/a"))
    factors = f"{health.factor_set} kg/gal" if health.factor_set else "none used"
    rows += [
        ("Factors", f"{factors}; fuel used and CO2 only where the fuel is known"),
        ("Definitions", f"set {health.definition_set or NOT_KNOWN}{WORDING if has_workbook else ''}"),
        ("Status", provisional(data, style)),
    ]
    return rows


def _heard(data: DailyData, style: Style) -> str:
    text = f"{style.number(data.fleet.vehicles_heard)}"
    if data.fleet.vehicles_on_books:
        text += f" of {style.number(data.fleet.vehicles_on_books)} on the books"
        if data.fleet.vehicles_out_of_service:
            text += f", {data.fleet.vehicles_out_of_service} out of service"
    if data.health.unregistered_count:
        text += f"; {style.number(data.health.unregistered_count)} not registered"
    return text


def _delay(data: DailyData, style: Style) -> str:
    health = data.health
    if health.median_delay_s is None or health.worst_p95_delay_s is None:
        return NOT_KNOWN
    worst = f"{style.minutes(health.worst_p95_delay_s)} ({health.worst_delay_vehicle_id})"
    text = f"median {style.minutes(health.median_delay_s)} after the fix; slowest van's 95th percentile {worst}"
    if health.longest_gap_s is not None:
        text += f"; longest silence {style.minutes(health.longest_gap_s)} ({health.longest_gap_vehicle_id})"
    return text


def _rejected(data: DailyData, style: Style) -> str:
    count = data.health.rejected_count
    text = f"{style.number(count)} of {style.number(data.health.received_count + count)}"
    reasons = [f"{row.reason.replace('_', ' ')} {style.number(row.row_count)}" for row in data.rejects]
    return f"{text}: {style.listed(reasons, 3)}" if reasons else text


def provisional(data: DailyData, style: Style) -> str:
    """Return whether the figures may still change, as of the last rebuild of the day."""
    rebuilt = data.health.rebuilt_utc
    if rebuilt is None:
        return f"provisional: late data is taken for {LATE_DATA_DAYS} days"
    as_of = f"as of {style.local_day(rebuilt, data.timezone)}"
    if data.health.held_back_by:
        return f"held back, {as_of}; newer data did not pass: {data.health.held_back_by.replace('_', ' ')}"
    if (rebuilt.date() - data.service_date).days >= LATE_DATA_DAYS:
        return f"final, {as_of}"
    return f"provisional, {as_of}; late data is taken for {LATE_DATA_DAYS} days"
