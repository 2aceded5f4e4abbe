"""How does a figure go on from week to week, several of them side by side?

Small pictures of one shape: name and latest value above, least and most beside it, a line below. Where values have an
interval, it is a band around the line.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from matplotlib.axes import Axes

from flows.report.drawing import (
    BLUE,
    INK,
    LIGHT_BLUE,
    LIGHT_GREY,
    LINE,
    MUTED,
    NARROW_PX,
    WIDTH_PX,
    figure,
    plain,
    png,
    points,
)

PANEL_PX, GAP_PX = 96, 26


class Panel(NamedTuple):
    """One figure; None where it is not known. `intervals` has low and high of each value, or is empty."""

    name: str
    values: Sequence[float | None]
    write: Callable[[float], str]
    intervals: Sequence[tuple[float, float] | None] = ()


def drawn(panels: Sequence[Panel]) -> list[Panel]:
    """Return those with at least two values: one makes no line."""
    return [panel for panel in panels if sum(value is not None for value in panel.values) > 1]


def went(panels: Sequence[Panel]) -> str:
    """Return in words where each went from and to, for those who see no picture."""
    said = []
    for panel in panels:
        known = [value for value in panel.values if value is not None]
        said.append(f"{panel.name} went from {panel.write(known[0])} to {panel.write(known[-1])}")
    return "; ".join(said)


def multiples(panels: Sequence[Panel], *, shaded: tuple[int, int] | None = None, width_px: int = WIDTH_PX) -> bytes:
    """Draw the figures in three columns, in two on a telephone; `shaded` is the first and last place on grey."""
    columns = 2 if width_px == NARROW_PX else 3
    height_px = -(-len(panels) // columns) * PANEL_PX
    picture, ground = figure(height_px=height_px, left_px=0, right_px=0, top_px=0, bottom_px=0, width_px=width_px)
    ground.set_axis_off()
    panel_px = (width_px - (columns - 1) * GAP_PX) / columns
    for place, panel in enumerate(panels):
        line, column = divmod(place, columns)
        left = column * (panel_px + GAP_PX) / width_px
        bottom = 1 - ((line + 1) * PANEL_PX - 8) / height_px
        axes = plain(picture.add_axes((left, bottom, panel_px / width_px, (PANEL_PX - 44) / height_px)))
        if shaded:
            axes.axvspan(shaded[0] - 0.5, shaded[1] + 0.5, color=LIGHT_GREY, alpha=0.6, linewidth=0)
        _panel(axes, panel)
    return png(picture)


def _panel(axes: Axes, panel: Panel) -> None:
    known = [(place, value) for place, value in enumerate(panel.values) if value is not None]
    places, values = [place for place, _ in known], [value for _, value in known]
    low, high = min(values), max(values)
    bands = [(place, *interval) for place, interval in enumerate(panel.intervals) if interval is not None]
    if bands:
        axes.fill_between([band[0] for band in bands], [band[1] for band in bands], [band[2] for band in bands],
                          color=LIGHT_BLUE, alpha=0.45, linewidth=0)  # fmt: skip
        low, high = min(low, *(band[1] for band in bands)), max(high, *(band[2] for band in bands))
    axes.plot(places, values, color=BLUE, linewidth=1.6, marker="o", markersize=2.8)
    axes.plot(places[-1:], values[-1:], color=BLUE, marker="o", markersize=5)
    # A wiggle of less than a twentieth should not look like a mountain.
    middle, room = (low + high) / 2, max(high - low, 0.05 * abs(high)) or 1.0
    axes.set_ylim(middle - 0.75 * room, middle + 0.75 * room)
    axes.set_xlim(-0.5, len(panel.values) - 0.5)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines["bottom"].set_visible(True)
    axes.spines["bottom"].set_color(LINE)
    axes.text(0, 1.32, panel.name, transform=axes.transAxes, va="bottom", fontsize=points(11), color=MUTED)
    axes.text(0, 1.02, panel.write(values[-1]), transform=axes.transAxes, va="bottom", fontsize=points(13), color=INK)
    ends = f"{panel.write(min(values))} to {panel.write(max(values))}"
    axes.text(1, 1.04, ends, transform=axes.transAxes, ha="right", va="bottom", fontsize=points(11), color=MUTED)
