"""Where do depots stand beside each other, and how does the network go on from week to week?"""

from datetime import date, timedelta

from matplotlib.lines import Line2D

from flows.report.drawing import (
    BLUE,
    GREY,
    INK,
    LINE,
    MUTED,
    ORANGE,
    WIDTH_PX,
    figure,
    label_px,
    legend,
    png,
    points,
    short,
)
from flows.report.multiples import Panel, drawn, multiples
from flows.report.network.data import Depot, Estimate, NetworkData
from flows.report.network.measures import Measure, interval, measures, ranking, side, text, tone
from flows.report.style import Style

ENDS = 12
MOST_PANELS = 6
COLOURS = {"good": BLUE, "poor": ORANGE, "": GREY}


def panels(data: NetworkData, style: Style) -> list[Panel]:
    """Return the first six figures that at least two weeks know, with their intervals."""
    dates = [data.period.first - timedelta(days=7 * back) for back in range(7, -1, -1)]
    every = [_panel(measure, data.weeks.get(measure.key, []), dates) for measure in measures(style)]
    return drawn(every)[:MOST_PANELS]


def _panel(measure: Measure, weeks: list[Estimate], dates: list[date]) -> Panel:
    known = {week.date_from: week for week in weeks}
    found = [known.get(day) for day in dates]
    values = [measure.read(week.value) if week and week.value is not None else None for week in found]
    bounds = [interval(measure, week) if week and week.value is not None else None for week in found]
    currency = weeks[-1].currency if weeks else None
    return Panel(measure.name, values, lambda value: measure.write(value, currency), bounds)


def weeks(data: NetworkData, style: Style, *, width_px: int = WIDTH_PX) -> bytes:
    """Draw the figures of the network week by week, the interval as a band."""
    return multiples(panels(data, style), width_px=width_px)


def shown_depots(measure: Measure, data: NetworkData) -> list[Depot]:
    """Return the depots of a ranking in the picture: all, or the best and the last twelve."""
    found = ranking(measure, data)
    return found if len(found) <= 2 * ENDS else found[:ENDS] + found[-ENDS:]


def forest(measure: Measure, data: NetworkData, style: Style, *, width_px: int = WIDTH_PX) -> bytes:
    """Draw each depot's figure with its interval, best on top, beside that of the network."""
    shown = shown_depots(measure, data)
    is_cut = len(ranking(measure, data)) > len(shown)
    names = [depot.label for depot in shown]
    picture, axes = figure(
        height_px=36 + 17 * (len(shown) + is_cut), left_px=label_px(names), right_px=64, top_px=32, bottom_px=4,
        width_px=width_px,
    )  # fmt: skip
    network = data.now(measure.key)
    edge = 1 + 64 / (axes.get_position().width * width_px)
    low_high: list[float] = []
    rows = []
    for number, depot in enumerate(shown):
        # A gap where depots are left out.
        place = number + (is_cut and number >= ENDS)
        rows.append(place)
        estimate = depot.figures[measure.key]
        value = measure.read(estimate.value or 0.0)
        colour = COLOURS[tone(measure, side(measure, estimate, network))]
        axes.axhline(place, color=LINE, linewidth=0.5, zorder=0)
        if bounds := interval(measure, estimate):
            axes.plot(bounds, [place, place], color=colour, linewidth=2.2, solid_capstyle="butt", zorder=1)
            low_high += bounds
        axes.plot(value, place, "o", color=colour, markeredgecolor="white", markersize=6, zorder=2)
        low_high.append(value)
        axes.text(edge, place, text(measure, estimate), transform=axes.get_yaxis_transform(), ha="right", va="center",
                  fontsize=points(11), color=INK)  # fmt: skip
    if is_cut:
        between = f"{style.number(len(ranking(measure, data)) - len(shown))} more between"
        axes.text(0.0, ENDS, between, transform=axes.get_yaxis_transform(), va="center",
                  fontsize=points(11), color=MUTED)  # fmt: skip
    axes.set_yticks(rows, [short(name) for name in names])
    axes.set_ylim(len(shown) + is_cut - 0.5, -0.5)
    axes.set_xticks([])
    handles = [
        Line2D([], [], color=BLUE, marker="o", label="better"),
        Line2D([], [], color=GREY, marker="o", label="alike"),
        Line2D([], [], color=ORANGE, marker="o", label="worse"),
    ]
    if network is not None and network.value is not None:
        axes.axvline(measure.read(network.value), color=INK, linewidth=1.0, zorder=0)
        handles.append(Line2D([], [], color=INK, linewidth=1.0, label=f"network {text(measure, network)}"))
        low_high.append(measure.read(network.value))
    room = max(max(low_high) - min(low_high), 0.05 * abs(max(low_high))) or 1.0
    middle = (max(low_high) + min(low_high)) / 2
    axes.set_xlim(middle - 0.53 * room, middle + 0.53 * room)
    legend(picture, handles)
    return png(picture)
