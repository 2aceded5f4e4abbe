"""What did the day look like: the timeline of every van, and who idled most?"""

from zoneinfo import ZoneInfo

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from flows.report.drawing import (
    IDLE,
    IDLE_SHORT,
    INK,
    MUTED,
    SILENCE,
    STATE_COLOURS,
    STATE_LABELS,
    WIDTH_PX,
    figure,
    label_px,
    legend,
    png,
    points,
    right_labels,
    short,
)
from flows.report.rows import DailyData, Ledger, VehicleDay
from flows.report.style import Style

SLOT_US = 5 * 60 * 1_000_000  # width of a column of the timeline
NARROW_SLOT_US = 2 * SLOT_US  # on a telephone
ROW_FILL = 0.84  # of a row; the rest separates it from its neighbours
PARETO_VEHICLES = 20
FEWEST_BARS = 6  # two vans should not make bars as wide as half the page


def timeline(data: DailyData, style: Style, width_px: int = WIDTH_PX) -> bytes:
    """Draw van by hour of the day in local time, the van with most idle on top.

    A row is a strip of columns of five minutes (on a telephone ten), filled from the bottom with idling, driving and
    the rest by the time each took: delivery alternates every minute, finer than any line that could be drawn, and this
    shows it as it was.
    """
    vans = _shown(data)
    row_px = 18 if len(vans) <= 26 else 15
    left_px = label_px([van.vehicle_id for van in vans])
    has_idle = any(van.idle_s > 0 for van in vans)
    is_narrow = width_px < WIDTH_PX
    drawn, axes = figure(
        height_px=64 + row_px * len(vans), left_px=left_px, right_px=54 if has_idle else 20, top_px=40, bottom_px=24,
        width_px=width_px,
    )  # fmt: skip
    start_us, end_us = _hours(data.ledger)
    slot_us = NARROW_SLOT_US if is_narrow else SLOT_US
    edges_us = np.arange(start_us, end_us + 1, slot_us, dtype=np.float64)
    for row in range(len(vans)):
        _strip(axes, data.ledger, row, edges_us)
    _hatch_silence(axes, data.ledger)
    _hour_axis(axes, data, start_us, end_us, most=7 if is_narrow else 14)
    axes.set_yticks(range(len(vans)), [short(van.vehicle_id) for van in vans])
    axes.set_ylim(len(vans) - 0.5, -0.5)
    states = set(data.ledger.state.tolist())
    if has_idle:
        right_labels(drawn, axes, [f"{style.number(van.idle_s / 60)} min" for van in vans], "idle")
    handles = [
        Patch(color=colour, label=STATE_LABELS[state]) for state, colour in STATE_COLOURS.items() if state in states
    ]
    if "unknown" in states:
        handles.append(Patch(**SILENCE, label="no data"))
    legend(drawn, handles)
    return png(drawn)


def _shown(data: DailyData) -> list[VehicleDay]:
    """Return the vans of the ledger's rows; both are sorted in the same order."""
    order = sorted(
        data.vehicles,
        key=lambda van: (
            -van.idle_s,
            -(van.drive_s + van.parked_s + van.ready_s + van.off_s + van.unknown_s),
            van.vehicle_id,
        ),
    )
    return order[: int(data.ledger.place.max()) + 1 if data.ledger.place.size else 0]


def shown_vehicles(data: DailyData) -> int:
    """Return how many vans are in the timeline."""
    return len(_shown(data))


def _hours(ledger: Ledger) -> tuple[int, int]:
    """Return the first and last instant of the picture: whole UTC hours around all runs, at most a day and a half."""
    hour_us = 3_600_000_000
    start_us = int(ledger.started_us.min()) // hour_us * hour_us
    end_us = -(-int(ledger.ended_us.max()) // hour_us) * hour_us
    return start_us, max(end_us, start_us + hour_us)


def _strip(axes: Axes, ledger: Ledger, row: int, edges_us: NDArray[np.float64]) -> None:
    """Fill one row, column by column, from the bottom up."""
    bottom = np.full(edges_us.size - 1, row + ROW_FILL / 2)
    of_row = ledger.place == row
    for state, colour in STATE_COLOURS.items():
        runs = of_row & (ledger.state == state)
        if not runs.any():
            continue
        spent_us = np.diff(_time_before(ledger.started_us[runs], ledger.ended_us[runs], edges_us))
        top = bottom - ROW_FILL * spent_us / np.diff(edges_us)
        axes.fill_between(
            np.repeat(edges_us, 2)[1:-1], np.repeat(bottom, 2), np.repeat(top, 2), color=colour, linewidth=0
        )
        bottom = top


def _time_before(
    started_us: NDArray[np.int64], ended_us: NDArray[np.int64], edges_us: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the microseconds of sorted, separate runs that lie before each edge."""
    instants = np.column_stack([started_us, ended_us]).ravel()
    total = np.cumsum(ended_us - started_us)
    spent = np.column_stack([total - (ended_us - started_us), total]).ravel()
    before: NDArray[np.float64] = np.interp(edges_us, instants, spent)
    return before


def _hatch_silence(axes: Axes, ledger: Ledger) -> None:
    """Hatch silences over the full height; shorter ones than a column stay white."""
    silent = (ledger.state == "unknown") & (ledger.ended_us - ledger.started_us >= SLOT_US)
    for row in np.unique(ledger.place[silent]):
        runs = silent & (ledger.place == row)
        spans = list(zip(ledger.started_us[runs], (ledger.ended_us - ledger.started_us)[runs], strict=True))
        axes.broken_barh(spans, (float(row) - ROW_FILL / 2, ROW_FILL), **SILENCE)


def _hour_axis(axes: Axes, data: DailyData, start_us: int, end_us: int, *, most: int) -> None:
    """Label local hours at thin lines, about as many as fit."""
    hour_us = 3_600_000_000
    hours = (end_us - start_us) // hour_us
    step = next(step for step in (1, 2, 3, 4, 6, 12) if hours / step <= most or step == 12)
    ticks, labels = [], []
    for at_us in range(start_us, end_us + 1, hour_us):
        local = np.datetime64(at_us, "us").item().replace(tzinfo=ZoneInfo("UTC")).astimezone(ZoneInfo(data.timezone))
        if local.hour % step == 0:
            ticks.append(at_us)
            labels.append(f"{local.hour}:00" if step > 1 else f"{local.hour}")
    axes.set_xticks(ticks, labels)
    axes.set_xlim(start_us, end_us)
    for at_us in ticks:
        axes.axvline(at_us, color=INK, alpha=0.16, linewidth=0.6)


def pareto(data: DailyData, style: Style, width_px: int = WIDTH_PX) -> bytes:
    """Draw idle minutes by van, most first, below the cumulative share of all vans."""
    vans = [van for van in data.vehicles if van.idle_s > 0]
    fitting = (width_px - 44) // label_px([van.vehicle_id for van in vans])
    most = min(PARETO_VEHICLES, fitting)
    shown, rest = vans[:most], vans[most:]
    all_min = np.array([van.idle_s / 60 for van in shown])
    foot_px = 40 if rest else 24
    drawn, axes = figure(
        height_px=200 + foot_px, left_px=0, right_px=44, top_px=100, bottom_px=foot_px, width_px=width_px
    )
    places = np.arange(len(shown))
    axes.bar(places, all_min, color=IDLE_SHORT, width=0.74)
    axes.bar(places, [van.excess_idle_s / 60 for van in shown], color=IDLE, width=0.74)
    for place, value in enumerate(all_min):
        axes.text(place, value, style.number(value), ha="center", va="bottom", fontsize=points(11), color=INK)
    axes.set_ylim(0, all_min.max() * 1.2)
    axes.set_xlim(-0.5, max(len(shown), FEWEST_BARS) - 0.5)
    axes.set_xticks(places, [short(van.vehicle_id) for van in shown])
    axes.yaxis.set_visible(False)
    is_narrow = width_px < WIDTH_PX
    line = _cumulative(drawn, axes, style, np.cumsum(all_min) / (sum(van.idle_s for van in vans) / 60))
    if rest:
        rest_min = sum(van.idle_s for van in rest) / 60
        text = f"not shown: {len(rest)} more vans, {style.number(rest_min)} min together"
        drawn.text(0.0, 0.01, text, ha="left", va="bottom", fontsize=points(11), color=MUTED)
    shades = [
        Patch(color=IDLE, label="2 min and more" if is_narrow else "in events of 2 min and more"),
        Patch(color=IDLE_SHORT, label="shorter"),
    ]
    legend(drawn, [*shades, line])
    return png(drawn)


def _cumulative(drawn: Figure, axes: Axes, style: Style, share: NDArray[np.float64]) -> Artist:
    """Draw the cumulative share in a band of its own above the bars, so that it crosses no number."""
    box = axes.get_position()
    band_px = 60 / (100 * drawn.get_figheight())
    band = drawn.add_axes((box.x0, box.y1, box.width, band_px), sharex=axes)
    (line,) = band.plot(share, color=MUTED, linewidth=1.4, marker="o", markersize=2.6, label="cumulative")
    band.set_ylim(-0.06, 1.1)
    band.axis("off")
    for place in {0, share.size - 1}:
        offset = (6, 0) if place else (0, 8)
        band.annotate(style.percent(share[place]), (place, share[place]), offset, textcoords="offset points",
                      va="center", ha="left" if place else "center", fontsize=points(11), color=MUTED)  # fmt: skip
    return line
