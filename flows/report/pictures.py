"""What did the day look like: the timeline of every van, and who idled most?

PNG at twice 600 pixels, on its own white ground, in blue, orange and greys that stay apart for colour-blind readers
and in print. Silence is hatched. Text is at least 11 pixels at the size shown.
"""

import io
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray
from PIL import Image

from flows.report.rows import DailyData, Ledger, VehicleDay

mpl.rcParams["text.parse_math"] = False  # a name such as $\frac{$ is a name

INK, MUTED, WHITE = "#1f2933", "#52606d", "#ffffff"
IDLE, IDLE_SHORT = "#dd7a00", "#f3c48a"
# In the order in which they fill a column from the bottom.
COLOURS = {"idle": IDLE, "drive": "#2b6cb0", "ready": "#7fb2e0", "parked": "#b4bec9", "off": "#e6e9ed"}
LABELS = {"drive": "driving", "idle": "idling", "ready": "ready", "off": "engine off", "parked": "standing"}

SILENCE: dict[str, Any] = {"facecolor": "#f4f5f7", "edgecolor": "#8a96a3", "hatch": "//////", "linewidth": 0}

SLOT_US = 5 * 60 * 1_000_000  # width of a column of the timeline
ROW_FILL = 0.84  # of a row; the rest separates it from its neighbours
WIDTH_PX, DPI = 552, 200  # shown width inside the page's margin; 200 dots per 100 shown pixels
MAX_BYTES = 100_000
PARETO_VEHICLES = 20
FEWEST_BARS = 6  # two vans should not make bars as wide as half the page


def timeline(data: DailyData) -> bytes:
    """Draw van by hour of the day in local time, the van with most idle on top.

    A row is a strip of five-minute columns, filled from the bottom with idling, driving and the rest by the time each
    took: delivery alternates every minute, finer than any line that could be drawn, and this shows it as it was.
    """
    vans = _shown(data)
    row_px = 18 if len(vans) <= 26 else 15
    left_px = _label_px([van.vehicle_id for van in vans])
    has_idle = any(van.idle_s > 0 for van in vans)
    figure, axes = _figure(
        height_px=64 + row_px * len(vans), left_px=left_px, right_px=54 if has_idle else 20, top_px=40, bottom_px=24
    )
    start_us, end_us = _hours(data.ledger)
    edges_us = np.arange(start_us, end_us + 1, SLOT_US, dtype=np.float64)
    for row in range(len(vans)):
        _strip(axes, data.ledger, row, edges_us)
    _hatch_silence(axes, data.ledger)
    _hour_axis(axes, data, start_us, end_us)
    axes.set_yticks(range(len(vans)), [_short(van.vehicle_id) for van in vans])
    axes.set_ylim(len(vans) - 0.5, -0.5)
    states = set(data.ledger.state.tolist())
    if has_idle:
        _right_labels(axes, [f"{van.idle_s / 60:.0f} min" for van in vans], "idle")
    handles = [Patch(color=COLOURS[state], label=LABELS[state]) for state in COLOURS if state in states]
    if "unknown" in states:
        handles.append(Patch(**SILENCE, label="no data"))
    _legend(figure, handles)
    return _png(figure)


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
    for state, colour in COLOURS.items():
        runs = of_row & (ledger.state == state)
        if not runs.any():
            continue
        spent_us = np.diff(_time_before(ledger.started_us[runs], ledger.ended_us[runs], edges_us))
        top = bottom - ROW_FILL * spent_us / SLOT_US
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


def _hour_axis(axes: Axes, data: DailyData, start_us: int, end_us: int) -> None:
    """Label local hours at thin lines, as many as fit."""
    hour_us = 3_600_000_000
    hours = (end_us - start_us) // hour_us
    step = next(step for step in (1, 2, 3, 4, 6, 12) if hours / step <= 14 or step == 12)
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


def _right_labels(axes: Axes, labels: Sequence[str], heading: str) -> None:
    transform, right = axes.get_yaxis_transform(), 1 + 52 / (WIDTH_PX * axes.get_position().width)
    for row, label in enumerate(labels):
        axes.text(right, row, label, transform=transform, ha="right", va="center", fontsize=_pt(11), color=INK)
    axes.text(right, -0.95, heading, transform=transform, ha="right", va="center", fontsize=_pt(11), color=MUTED)


def _legend(figure: Figure, handles: Sequence[Artist]) -> None:
    """Write the legend in one line at the top left, where the page's text begins."""
    figure.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(0.0, 1.0 - 3 / (100 * figure.get_figheight())),
        ncols=len(handles), frameon=False, fontsize=_pt(11.5), labelcolor=INK, handlelength=1.3, handleheight=0.9,
        columnspacing=1.6, handletextpad=0.5, borderpad=0.0, borderaxespad=0.0,
    )  # fmt: skip


def pareto(data: DailyData) -> bytes:
    """Draw idle minutes by van, most first, below the cumulative share of all vans."""
    vans = [van for van in data.vehicles if van.idle_s > 0]
    fitting = (WIDTH_PX - 44) // _label_px([van.vehicle_id for van in vans])
    most = min(PARETO_VEHICLES, fitting)
    shown, rest = vans[:most], vans[most:]
    all_min = np.array([van.idle_s / 60 for van in shown])
    foot_px = 40 if rest else 24
    figure, axes = _figure(height_px=200 + foot_px, left_px=0, right_px=44, top_px=100, bottom_px=foot_px)
    places = np.arange(len(shown))
    axes.bar(places, all_min, color=IDLE_SHORT, width=0.74)
    axes.bar(places, [van.excess_idle_s / 60 for van in shown], color=IDLE, width=0.74)
    for place, value in enumerate(all_min):
        axes.text(place, value, f"{value:.0f}", ha="center", va="bottom", fontsize=_pt(11), color=INK)
    axes.set_ylim(0, all_min.max() * 1.2)
    axes.set_xlim(-0.5, max(len(shown), FEWEST_BARS) - 0.5)
    axes.set_xticks(places, [_short(van.vehicle_id) for van in shown])
    axes.yaxis.set_visible(False)
    line = _cumulative(figure, axes, np.cumsum(all_min) / (sum(van.idle_s for van in vans) / 60))
    if rest:
        rest_min = sum(van.idle_s for van in rest) / 60
        text = f"not shown: {len(rest)} more vans, {rest_min:,.0f} min together"
        figure.text(0.0, 0.01, text, ha="left", va="bottom", fontsize=_pt(11), color=MUTED)
    shades = [
        Patch(color=IDLE, label="in events of 2 min and more"),
        Patch(color=IDLE_SHORT, label="shorter"),
    ]
    _legend(figure, [*shades, line])
    return _png(figure)


def _cumulative(figure: Figure, axes: Axes, share: NDArray[np.float64]) -> Artist:
    """Draw the cumulative share in a band of its own above the bars, so that it crosses no number."""
    box = axes.get_position()
    band_px = 60 / (100 * figure.get_figheight())
    band = figure.add_axes((box.x0, box.y1, box.width, band_px), sharex=axes)
    (line,) = band.plot(share, color=MUTED, linewidth=1.4, marker="o", markersize=2.6, label="cumulative, all vans")
    band.set_ylim(-0.06, 1.1)
    band.axis("off")
    for place in {0, share.size - 1}:
        offset = (6, 0) if place else (0, 8)
        band.annotate(f"{100 * share[place]:.0f} %", (place, share[place]), offset, textcoords="offset points",
                      va="center", ha="left" if place else "center", fontsize=_pt(11), color=MUTED)  # fmt: skip
    return line


def _figure(*, height_px: int, left_px: int, right_px: int, top_px: int, bottom_px: int) -> tuple[Figure, Axes]:
    """Return a figure of the page's width and one plain axes with margins in shown pixels."""
    figure = Figure(figsize=(WIDTH_PX / 100, height_px / 100), dpi=DPI, facecolor=WHITE)
    FigureCanvasAgg(figure)
    width = 1 - (left_px + right_px) / WIDTH_PX
    height = 1 - (top_px + bottom_px) / height_px
    axes = figure.add_axes((left_px / WIDTH_PX, bottom_px / height_px, width, height))
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0, labelsize=_pt(11), labelcolor=INK, pad=4)
    return figure, axes


def _short(vehicle_id: str) -> str:
    """Return an id that fits beside a row."""
    return vehicle_id if len(vehicle_id) <= 12 else f"{vehicle_id[:11]}…"


def _label_px(ids: Sequence[str]) -> int:
    """Return the room the ids need: 11 shown pixels of text are about 7 wide."""
    return 6 + 7 * max(len(_short(vehicle_id)) for vehicle_id in ids)


def _pt(shown_px: float) -> float:
    """Return the font size in points of a height in shown pixels: 100 of them are an inch here."""
    return shown_px * 0.72


def _png(figure: Figure) -> bytes:
    """Return the picture with a palette, which a mail program loads fast: at most `MAX_BYTES`."""
    plain = io.BytesIO()
    figure.savefig(plain, format="png", facecolor=WHITE)
    picture = Image.open(plain).convert("RGB")
    for colours in (128, 64, 32, 16):
        out = io.BytesIO()
        picture.quantize(colours, dither=Image.Dither.NONE).save(out, format="png", optimize=True)
        if out.tell() <= MAX_BYTES:
            break
    return out.getvalue()
