"""How good is the data behind the figures, and may they still change?"""

from flows.report.measures import lacks_ignition
from flows.report.rows import DailyData
from flows.report.units import NOT_KNOWN, listed, local_day, minutes, percent

MOST_SILENT = 12
FACTOR_SET = "EPA tailpipe 8.887/10.180 kg/gal"
LATE_DATA_DAYS = 30


def health_rows(data: DailyData) -> list[tuple[str, str]]:
    """Return the data health as pairs of label and sentence."""
    fleet, health = data.fleet, data.health
    silent = [van.vehicle_id for van in data.silent]
    rows = [
        ("Coverage", f"{percent(fleet.coverage, 1)} of {fleet.observed_s / 3600:,.0f} observed hours known"),
        ("Vans heard", _heard(data)),
        ("Silent vans", f"{len(silent)}: {listed(silent, MOST_SILENT)}" if silent else "none"),
        ("Late data", _delay(data)),
        ("Rejected rows", _rejected(data)),
        ("Repeats", f"{health.duplicate_count:,} removed, {health.conflict_count:,} in conflict"),
    ]
    if lacks_ignition(data.vehicles):
        rows.append(("Engine state", "no ignition signal from any van: standing is shown as parked, idle as n/a"))
    rows += [
        ("Factors", f"{FACTOR_SET}; fuel used and CO2 only where the fuel is known"),
        ("Status", provisional(data)),
    ]
    return rows


def _heard(data: DailyData) -> str:
    text = f"{data.fleet.vehicles_heard:,}"
    if data.fleet.vehicles_on_books:
        text += f" of {data.fleet.vehicles_on_books:,} on the books"
        if data.fleet.vehicles_out_of_service:
            text += f", {data.fleet.vehicles_out_of_service} out of service"
    if data.health.unregistered_count:
        text += f"; {data.health.unregistered_count:,} not registered"
    return text


def _delay(data: DailyData) -> str:
    health = data.health
    if health.median_delay_s is None or health.worst_p95_delay_s is None:
        return NOT_KNOWN
    worst = f"{minutes(health.worst_p95_delay_s)} ({health.worst_delay_vehicle_id})"
    text = f"median {minutes(health.median_delay_s)} after the fix; slowest van's 95th percentile {worst}"
    if health.longest_gap_s is not None:
        text += f"; longest silence {minutes(health.longest_gap_s)} ({health.longest_gap_vehicle_id})"
    return text


def _rejected(data: DailyData) -> str:
    count = data.health.rejected_count
    text = f"{count:,} of {data.health.received_count + count:,}"
    reasons = [f"{row.reason.replace('_', ' ')} {row.row_count:,}" for row in data.rejects]
    return f"{text}: {listed(reasons, 3)}" if reasons else text


def provisional(data: DailyData) -> str:
    """Return whether the figures may still change, as of the last rebuild of the day."""
    rebuilt = data.health.rebuilt_utc
    if rebuilt is None:
        return f"provisional: late data is taken for {LATE_DATA_DAYS} days"
    as_of = f"as of {local_day(rebuilt, data.timezone)}"
    if data.health.held_back_by:
        return f"held back, {as_of}; newer data did not pass: {data.health.held_back_by.replace('_', ' ')}"
    if (rebuilt.date() - data.service_date).days >= LATE_DATA_DAYS:
        return f"final, {as_of}"
    return f"provisional, {as_of}; late data is taken for {LATE_DATA_DAYS} days"
