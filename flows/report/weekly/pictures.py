"""What did the week look like: which vans worked when, which routes left their plan, which vans burn more?

Each is drawn twice, for the page and for a telephone (`flows.report.drawing` says how all pictures look).
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from numpy.typing import NDArray

from flows.report.drawing import (
    BLUE,
    GREY,
    INK,
    LIGHT_BLUE,
    LINE,
    MUTED,
    ORANGE,
    SILENCE,
    WHITE,
    WIDTH_PX,
    figure,
    label_px,
    legend,
    plain,
    png,
    points,
    right_labels,
    short,
)
from flows.report.style import Style
from flows.report.units import NOT_KNOWN
from flows.report.weekly.economy import WEEKS, Trend
from flows.report.weekly.routes import Spread, shown
from flows.report.weekly.rows import VehicleWeek, WeeklyData

MOST_VANS = 30  # rows of the heat map
ROW_FILL = 0.84  # of a row that is hatched; the rest separates it from its neighbours
MOST_SILENT = 4  # rows of vans never heard, below them
SHARES = LinearSegmentedColormap.from_list("shares", ["#eef2f6", LIGHT_BLUE, BLUE, "#173d66"])
GAP = "…"  # stands for the vans that are left out, between the busiest and the least busy


class _Row:
    """One row of the heat map: a van, vans left out, or a van never heard."""

    def __init__(self, name: str, van: VehicleWeek | None, *, is_silent: bool = False) -> None:
        self.name, self.van, self.is_silent = name, van, is_silent


def heat_map(data: WeeklyData, style: Style, *, width_px: int = WIDTH_PX) -> bytes:
    """Draw van by local hour: how much of each hour the engine was on, over the dates on which the van was heard."""
    rows = _heat_rows(data)
    hours = hours_shown(data)
    row_px = 18 if len(rows) <= 22 else 15
    drawn, axes = figure(
        height_px=68 + row_px * len(rows), left_px=label_px([row.name for row in rows]), right_px=54, top_px=42,
        bottom_px=26, width_px=width_px,
    )  # fmt: skip
    share, unknown = _hour_shares(data, rows, hours)
    edges = np.arange(hours[0], hours[-1] + 2)
    axes.pcolormesh(
        edges, np.arange(len(rows) + 1) - 0.5, np.ma.masked_invalid(share), cmap=SHARES, vmin=0, vmax=1,
        edgecolors=WHITE, linewidth=0.8,
    )  # fmt: skip
    for row, column in zip(*np.nonzero(unknown), strict=True):
        axes.add_patch(Rectangle((edges[column], row - ROW_FILL / 2), 1, ROW_FILL, **SILENCE))
    if data.window is not None:
        for hour in data.window:
            axes.axvline(hour, color=INK, linewidth=0.9, linestyle=(0, (3, 2)))
    step = 1 if len(hours) * 2 <= width_px / 22 else 2
    axes.set_xticks([hour for hour in edges if hour % step == 0], [f"{hour}" for hour in edges if hour % step == 0])
    axes.set_xlim(edges[0], edges[-1])
    axes.set_yticks(range(len(rows)), [short(row.name) for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    right_labels(drawn, axes, [_week_label(row, style) for row in rows], "week")
    handles = [Patch(color=SHARES(part / 4), label=f"{25 * part} %") for part in range(5)]
    if unknown.any():
        handles.append(Patch(**SILENCE, label="no data"))
    legend(drawn, handles)
    return png(drawn)


def hours_shown(data: WeeklyData) -> list[int]:
    """Return the local hours from the first to the last in which a van was out or available."""
    hours = [hour.hour for hour in data.hours if hour.engine_on_s + hour.unknown_s > 0]
    if data.window is not None:
        hours += [int(data.window.from_hour), int(np.ceil(data.window.to_hour)) - 1]
    return list(range(min(hours), max(hours) + 1)) if hours else []


def _heat_rows(data: WeeklyData) -> list[_Row]:
    """Return the vans, the busiest first; of many the busiest and the least busy ones."""
    order = sorted(data.vans, key=lambda van: (-(van.time_utilization or 0.0), -van.engine_on_s, van.vehicle_id))
    rows = [_Row(van.vehicle_id, van) for van in order]
    if len(rows) > MOST_VANS:
        rows = [*rows[: MOST_VANS // 2], _Row(GAP, None), *rows[-(MOST_VANS // 2) :]]
    return rows + [_Row(van.vehicle_id, None, is_silent=True) for van in data.silent[:MOST_SILENT]]


def _week_label(row: _Row, style: Style) -> str:
    if row.is_silent:
        return "silent"
    if row.van is None:
        return ""
    if not row.van.is_heard:
        return "n/a"
    return NOT_KNOWN if row.van.time_utilization is None else style.percent(row.van.time_utilization)


def _hour_shares(
    data: WeeklyData, rows: Sequence[_Row], hours: Sequence[int]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the share of each hour with the engine on (NaN: not known), and where it is not known."""
    share = np.full((len(rows), len(hours)), np.nan)
    unknown = np.zeros(share.shape, dtype=bool)
    places = {row.name: place for place, row in enumerate(rows) if row.van is not None}
    share[list(places.values())] = 0.0
    for hour in data.hours:
        if hour.vehicle_id not in places or not hours[0] <= hour.hour <= hours[-1]:
            continue
        cell = places[hour.vehicle_id], hour.hour - hours[0]
        if hour.unknown_s > (1 - data.min_coverage) * hour.heard_s:
            share[cell], unknown[cell] = np.nan, True
        else:
            share[cell] = hour.engine_on_s / hour.heard_s
    unknown[[place for place, row in enumerate(rows) if row.is_silent]] = True
    return share, unknown


def route_spread(data: WeeklyData, style: Style, *, width_px: int = WIDTH_PX) -> bytes:
    """Draw each route's time against plan on every date, and beside it the stem, now and in the four weeks before."""
    rows = shown(data)
    has_plan = any(spread.days for spread in rows)
    has_stem = any(spread.route.stem_share is not None for spread in rows)
    left_px = label_px([spread.route.route_id for spread in rows])
    drawn, axes = figure(
        height_px=58 + 20 * len(rows), left_px=left_px, right_px=16, top_px=32, bottom_px=26, width_px=width_px
    )
    box = axes.get_position()
    gap = 18 / width_px
    if has_plan and has_stem:
        axes.set_position((box.x0, box.y0, 0.58 * box.width - gap, box.height))
        stem = plain(drawn.add_axes((box.x0 + 0.58 * box.width, box.y0, 0.42 * box.width, box.height)))
    else:
        stem = axes
    if has_plan:
        _plan_strips(axes, rows, style)
    if has_stem:
        _stem_bars(stem, rows, style)
    axes.set_yticks(range(len(rows)), [short(spread.route.route_id) for spread in rows])
    return png(drawn)


def _plan_strips(axes: Axes, rows: Sequence[Spread], style: Style) -> None:
    values = [value for spread in rows for value in spread.days]
    values += [spread.route.route_utilization for spread in rows if spread.route.route_utilization is not None]
    low, high = min(0.9, *values), max(1.1, *values)
    pad = 0.04 * (high - low)
    axes.axvspan(0.9, 1.1, color="#eef2f6", linewidth=0)
    axes.axvline(1.0, color=MUTED, linewidth=0.9)
    for row, spread in enumerate(rows):
        if spread.days:
            axes.plot([spread.days[0], spread.days[-1]], [row, row], color=LINE, linewidth=3, solid_capstyle="round")
        axes.plot(spread.days, [row] * len(spread.days), "o", color=LIGHT_BLUE, markersize=4.2, markeredgewidth=0)
        if (ratio := spread.route.route_utilization) is not None:
            colour = ORANGE if ratio > 1.1 else BLUE
            axes.plot([ratio, ratio], [row - 0.36, row + 0.36], color=colour, linewidth=2.6, solid_capstyle="butt")
    axes.set_xlim(low - pad, high + pad)
    step = 0.1 if high - low < 0.5 else 0.25
    ticks = np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step
    axes.set_xticks(ticks, [style.percent(tick) for tick in ticks])
    _heading(axes, "time of plan", len(rows))


def _stem_bars(axes: Axes, rows: Sequence[Spread], style: Style) -> None:
    highest = max(spread.route.stem_share or 0.0 for spread in rows)
    for row, spread in enumerate(rows):
        if spread.route.stem_share is None:
            axes.text(0, row, " n/a", va="center", fontsize=points(11), color=MUTED)
            continue
        axes.barh(row, spread.route.stem_share, height=0.56, color=GREY)
        if spread.route.stem_share_before is not None:
            before = spread.route.stem_share_before
            axes.plot([before, before], [row - 0.36, row + 0.36], color=INK, linewidth=1.4, solid_capstyle="butt")
        at = max(spread.route.stem_share, spread.route.stem_share_before or 0.0)
        axes.text(at, row, f" {style.percent(spread.route.stem_share)}", va="center", fontsize=points(11), color=INK)
    axes.set_xlim(0, 1.35 * highest or 1.0)
    axes.set_xticks([])
    axes.set_yticks([])
    _heading(axes, "stem share", len(rows))


def _heading(axes: Axes, text: str, row_count: int) -> None:
    axes.set_ylim(row_count - 0.4, -0.6)
    axes.text(0, 1, text, transform=axes.transAxes, va="bottom", fontsize=points(11.5), color=MUTED)


def economy_trends(data: WeeklyData, trends: Sequence[Trend], style: Style, *, width_px: int = WIDTH_PX) -> bytes:
    """Draw the vans furthest behind, each over eight weeks beside the median of the vans of its fuel."""
    across = 3 if width_px >= WIDTH_PX else 2
    down = -(-len(trends) // across)
    panel_px, top_px, bottom_px = 92, 30, 24
    drawn, frame = figure(
        height_px=top_px + down * panel_px + bottom_px, left_px=0, right_px=0, top_px=top_px, bottom_px=bottom_px,
        width_px=width_px,
    )  # fmt: skip
    frame.axis("off")
    height_px = top_px + down * panel_px + bottom_px
    known = [value for trend in trends for value in (*trend.values, *trend.medians) if value is not None]
    since = min(week for trend in trends for week, value in enumerate(trend.medians) if value is not None)
    low, high = min(known), max(known)
    pad = max(0.12 * (high - low), 0.02 * high)
    gap_px = 18
    each_px = (width_px - gap_px * (across - 1)) / across
    for place, trend in enumerate(trends):
        column, row = place % across, place // across
        left = column * (each_px + gap_px) / width_px
        base = 1 - (top_px + (row + 1) * panel_px - 12) / height_px
        axes = plain(drawn.add_axes((left, base, each_px / width_px, (panel_px - 42) / height_px)))
        _trend(axes, trend, style)
        axes.set_ylim(low - pad, high + pad)
        axes.set_xlim(since - 0.3, WEEKS - 0.7)
        axes.set_yticks([])
        axes.set_xticks([])
        if row == down - 1 or place + across >= len(trends):
            first, last = data.before_by(7 * (WEEKS - 1 - since)), data.period.first
            for at, day, align in ((since - 0.3, first, "left"), (WEEKS - 0.7, last, "right")):
                axes.text(
                    at, low - 1.6 * pad, style.day(day), ha=align, va="top", fontsize=points(11), color=MUTED
                )  # fmt: skip
    handles = [
        Line2D([], [], color=GREY, linewidth=1.6, label="median of the vans"),
        Line2D([], [], color=BLUE, linewidth=2, label="the van"),
    ]
    if any(trend.is_outlier for trend in trends):
        handles.append(Line2D([], [], color=ORANGE, linewidth=2, label="far behind"))
    legend(drawn, handles)
    return png(drawn)


def _trend(axes: Axes, trend: Trend, style: Style) -> None:
    weeks = np.arange(WEEKS)
    colour = ORANGE if trend.is_outlier else BLUE
    axes.plot(weeks, _gaps(trend.medians), color=GREY, linewidth=1.6)
    axes.plot(weeks, _gaps(trend.values), color=colour, linewidth=2, marker="o", markersize=2.6)
    axes.plot(weeks[-1:], [trend.now], "o", color=colour, markersize=5)
    above = axes.transAxes
    name, text = short(trend.vehicle_id), f"{style.number(trend.now, 1)}, {_behind(trend.behind, style)}"
    axes.text(0, 1.04, name, transform=above, va="bottom", color=INK, fontsize=points(12), fontweight="bold")
    axes.text(1, 1.04, text, transform=above, va="bottom", color=INK, fontsize=points(12), ha="right")


def _gaps(values: Sequence[float | None]) -> list[float]:
    return [np.nan if value is None else value for value in values]


def _behind(share: float, style: Style) -> str:
    text = style.percent(abs(share))
    if text == style.percent(0):
        return "at the median"
    return f"{text} {'behind' if share > 0 else 'ahead'}"
