"""What do the tables of idling and data health hold? Rows are text, the same in the page and in plain text."""

from collections.abc import Sequence

from flows.report.finders.hot_spots import HotSpot, when, where
from flows.report.page import Cell, Column
from flows.report.style import Style
from flows.report.units import NOT_KNOWN
from flows.report.weekly.measures import idle_share, lacks_ignition
from flows.report.weekly.rows import WeeklyData

MOST_SILENT = 12
MOST_SPOTS = 6
LEAST_EXCESS_S = 600  # [P] ten minutes of a week beyond the usual: less is no place to go to
LEAST_SHARE = 0.005  # of all idling: less reads as 0 %
LATE_DATA_DAYS = 30
CONTEXTS = {
    "hand_off": "At stops",
    "depot": "At the depot",
    "fuel_site": "At a fuel station",
    "traffic": "In traffic",
    "break": "In breaks",
    "drive": "On the way",
    "other": "Elsewhere",
}

CONTEXT_COLUMNS = (
    Column("context", "Where", is_name=True),
    Column("idle", "Idle time", is_number=True),
    Column("share", "Of all idling", is_number=True),
    Column("events", "Events of 2 min +", is_number=True),
    Column("longest", "Longest", is_number=True, is_minor=True),
    Column("cost", "Cost of events", is_number=True),
)
SPOT_COLUMNS = (
    Column("place", "Hot spot", is_prose=True),
    Column("vans", "Vans", is_number=True),
    Column("events", "Events", is_number=True),
    Column("days", "Days", is_number=True, is_minor=True),
    Column("idle", "Idle time", is_number=True),
    Column("excess", "Beyond usual", is_number=True, is_minor=True),
    Column("cost", "Its cost", is_number=True),
)
JURISDICTION_COLUMNS = (
    Column("place", "Jurisdiction", is_name=True),
    Column("limit", "Limit", is_number=True),
    Column("idle", "Idle time", is_number=True),
    Column("events", "Possible events", is_number=True),
    Column("vans", "Vans", is_number=True, is_minor=True),
    Column("excess", "Beyond the limit", is_number=True),
    Column("longest", "Longest", is_number=True, is_minor=True),
)
JURISDICTION_NOTE = (
    "Counted separately from idle time: runs possibly over the legal limit, leads and not proof. "
    "A place can lie in several, a city and its state; a run over the limits of both is in both rows."
)


def context_rows(data: WeeklyData, style: Style) -> list[dict[str, Cell | str]]:
    """Return idle time by context; none where idling is not known."""
    if idle_share(data.week, data.min_coverage, style).value is None:
        return []
    all_s = sum(row.idle_s for row in data.contexts) or 1.0
    return [
        {
            "context": CONTEXTS.get(row.context, row.context),
            "idle": style.minutes(row.idle_s),
            "share": style.percent(row.idle_s / all_s),
            "events": style.number(row.event_count),
            "longest": style.minutes(row.longest_s) if row.longest_s else NOT_KNOWN,
            "cost": style.money(row.cost, row.currency),
        }
        for row in data.contexts
        if row.event_count or row.idle_s >= LEAST_SHARE * all_s
    ]


def context_finding(data: WeeklyData, style: Style) -> str:
    """Return the sentence above the table, or instead of it."""
    figure = idle_share(data.week, data.min_coverage, style)
    if figure.value is None:
        return f"Idle time is {figure.reason}."
    all_s = sum(row.idle_s for row in data.contexts)
    if all_s < 30:
        return "No van idled."
    top = data.contexts[0]
    part = style.percent(top.idle_s / all_s)
    where = CONTEXTS.get(top.context, top.context).lower()
    return f"{style.minutes(all_s)} in all; {part} of it {where}."


def spot_rows(spots: Sequence[HotSpot], style: Style) -> list[dict[str, Cell | str]]:
    """Return the places with repeated idling, the dearest first; homes and places of one van alone are left out."""
    return [
        {
            "place": Cell(where(spot, style), below=f"mostly {when(spot)}"),
            "vans": style.number(spot.vehicle_count),
            "events": style.number(spot.event_count),
            "days": style.number(spot.day_count),
            "idle": style.minutes(spot.idle_s),
            "excess": style.minutes(spot.excess_s),
            "cost": style.money(spot.excess_cost, spot.currency),
        }
        for spot in _told(spots)[:MOST_SPOTS]
    ]


def spot_note(spots: Sequence[HotSpot], style: Style) -> str:
    """Return what a hot spot is, and how many are not shown."""
    told = _told(spots)
    note = "Cells of 250 m with three idle events on two days or more. Beyond usual: above the median stand."
    if len(told) > MOST_SPOTS:
        note += f" The {MOST_SPOTS} dearest of {style.number(len(told))}."
    if hidden := sum(bool(spot.hidden) for spot in spots):
        note += f" {style.counted(hidden, 'more place')} near a home or of a single van: not shown."
    return note if told or hidden else ""


def _told(spots: Sequence[HotSpot]) -> list[HotSpot]:
    return [spot for spot in spots if not spot.hidden and spot.excess_s >= LEAST_EXCESS_S]


def jurisdiction_rows(data: WeeklyData, style: Style) -> list[dict[str, Cell | str]]:
    """Return idle time and possible legal events by jurisdiction; none without ignition."""
    if lacks_ignition(data.week):
        return []
    return [
        {
            "place": row.place,
            "limit": style.minutes(row.limit_s) if row.limit_s else NOT_KNOWN,
            "idle": style.minutes(row.idle_s),
            "events": Cell(style.number(row.event_count), "poor" if row.event_count else ""),
            "vans": style.number(row.vehicle_count) if row.event_count else NOT_KNOWN,
            "excess": style.minutes(row.excess_s) if row.event_count else NOT_KNOWN,
            "longest": style.minutes(row.longest_s) if row.longest_s else NOT_KNOWN,
        }
        for row in data.jurisdictions
    ]


def legal_finding(data: WeeklyData, style: Style) -> str:
    """Return how many possible legal idle events there were; empty where no jurisdiction is known."""
    if not data.jurisdictions or lacks_ignition(data.week):
        return ""
    count = data.legal_event_count
    if not count:
        return "No idling over a legal limit was seen."
    return f"{style.counted(count, 'possible event')} over a legal limit."


def health_rows(data: WeeklyData, style: Style) -> list[tuple[str, str]]:
    """Return the data health as pairs of label and sentence."""
    week, health = data.week, data.health
    silent = [van.vehicle_id for van in data.silent]
    deaf = [van.vehicle_id for van in data.vans if not van.is_heard]
    rows = [
        (
            "Coverage",
            f"{style.percent(week.coverage, 1)} of {style.number(week.observed_s / 3600)} observed hours known, "
            f"{style.counted(week.days_with_data, 'day')} with data",
        ),
        ("Vans heard", _heard(data, style)),
        ("Poorly heard", f"{len(deaf)}: {style.listed(deaf, MOST_SILENT)}" if deaf else "none"),
        ("Silent vans", f"{len(silent)}: {style.listed(silent, MOST_SILENT)}" if silent else "none all week"),
        (
            "Rejected rows",
            f"{style.number(health.rejected_count)} of {style.number(health.received_count + health.rejected_count)}",
        ),
        (
            "Repeats",
            f"{style.number(health.duplicate_count)} removed, {style.number(health.conflict_count)} in conflict",
        ),
    ]
    if lacks_ignition(week):
        rows.append(("Engine state", "no ignition signal from any van: standing is shown as parked, idle as n/a"))
    if week.co2_factor_set:
        rows.append(("Factors", f"{week.co2_factor_set}; fuel used only where it is known"))
    return [*rows, ("Status", status(data, style))]


def status(data: WeeklyData, style: Style) -> str:
    """Return whether the figures may still change, as of the last rebuild of the week."""
    health = data.health
    if health.held_back:
        return f"held back, newer data of some dates did not pass: {health.held_back.replace('_', ' ')}"
    late = f"late data is taken for {LATE_DATA_DAYS} days"
    if health.rebuilt_utc is None:
        return f"provisional; {late}"
    as_of = f"as of {style.local_day(health.rebuilt_utc, data.timezone)}"
    if (health.rebuilt_utc.date() - data.period.last).days >= LATE_DATA_DAYS:
        return f"final, {as_of}"
    return f"provisional, {as_of}; {late}"


def _heard(data: WeeklyData, style: Style) -> str:
    text = style.number(data.week.vehicle_count)
    if data.health.unregistered_count:
        text += f"; {style.number(data.health.unregistered_count)} not registered"
    return f"{text}; at most {style.number(data.week.peak_concurrent_vehicles)} out at once"
