"""How do all pictures of the reports look?

PNG at twice the size shown, on a white ground of their own, in blue, orange and greys that stay apart for colour-blind
readers and in print. Silence is hatched. Text is at least 11 pixels at the size shown. A picture may be drawn twice, at
`WIDTH_PX` for the page and at `NARROW_PX` for a telephone.
"""

import io
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

mpl.rcParams["text.parse_math"] = False  # a name such as $\frac{$ is a name

INK, MUTED, LINE, WHITE = "#1f2933", "#52606d", "#d9dee4", "#ffffff"
BLUE, LIGHT_BLUE, ORANGE, LIGHT_ORANGE, GREY, LIGHT_GREY = (
    "#2b6cb0", "#7fb2e0", "#dd7a00", "#f3c48a", "#b4bec9", "#e6e9ed"
)  # fmt: skip
IDLE, IDLE_SHORT = ORANGE, LIGHT_ORANGE
# In the order in which they fill a column from the bottom.
STATE_COLOURS = {"idle": IDLE, "drive": BLUE, "ready": LIGHT_BLUE, "parked": GREY, "off": LIGHT_GREY}
STATE_LABELS = {"drive": "driving", "idle": "idling", "ready": "ready", "off": "engine off", "parked": "standing"}
SILENCE: dict[str, Any] = {"facecolor": "#f4f5f7", "edgecolor": "#8a96a3", "hatch": "//////", "linewidth": 0}

WIDTH_PX, NARROW_PX = 552, 347  # the page of 600 and a telephone of 375, without their margins
DPI = 200  # dots per 100 shown pixels
MAX_BYTES = 100_000


def figure(
    *, height_px: int, left_px: int, right_px: int, top_px: int, bottom_px: int, width_px: int = WIDTH_PX
) -> tuple[Figure, Axes]:
    """Return a figure and one plain axes with margins in shown pixels."""
    drawn = Figure(figsize=(width_px / 100, height_px / 100), dpi=DPI, facecolor=WHITE)
    FigureCanvasAgg(drawn)
    width = 1 - (left_px + right_px) / width_px
    height = 1 - (top_px + bottom_px) / height_px
    return drawn, plain(drawn.add_axes((left_px / width_px, bottom_px / height_px, width, height)))


def plain(axes: Axes) -> Axes:
    """Take frame and tick marks off some axes."""
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0, labelsize=points(11), labelcolor=INK, pad=4)
    return axes


def legend(drawn: Figure, handles: Sequence[Artist]) -> None:
    """Write the legend in one line at the top left, where the page's text begins."""
    narrow = 100 * drawn.get_figwidth() < WIDTH_PX
    drawn.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(0.0, 1.0 - 3 / (100 * drawn.get_figheight())),
        ncols=len(handles), frameon=False, fontsize=points(11 if narrow else 11.5), labelcolor=INK,
        handlelength=1.0 if narrow else 1.3, handleheight=0.9, columnspacing=0.9 if narrow else 1.6,
        handletextpad=0.5, borderpad=0.0, borderaxespad=0.0,
    )  # fmt: skip


def right_labels(drawn: Figure, axes: Axes, labels: Sequence[str], heading: str) -> None:
    """Write a label at the right of every row and a heading above them."""
    shown_px = 100 * drawn.get_figwidth() * axes.get_position().width
    transform, right = axes.get_yaxis_transform(), 1 + 52 / shown_px
    for row, label in enumerate(labels):
        axes.text(right, row, label, transform=transform, ha="right", va="center", fontsize=points(11), color=INK)
    axes.text(right, -0.95, heading, transform=transform, ha="right", va="center", fontsize=points(11), color=MUTED)


def short(name: str) -> str:
    """Return a name that fits beside a row."""
    return name if len(name) <= 12 else f"{name[:11]}…"


def label_px(names: Sequence[str]) -> int:
    """Return the room that names need: 11 shown pixels of text are about 7 wide."""
    return 6 + 7 * max(len(short(name)) for name in names)


def points(shown_px: float) -> float:
    """Return the font size in points of a height in shown pixels: 100 of them are an inch here."""
    return shown_px * 0.72


def png(drawn: Figure) -> bytes:
    """Return the picture with a palette, which a mail program loads fast: at most `MAX_BYTES`."""
    whole = io.BytesIO()
    drawn.savefig(whole, format="png", facecolor=WHITE)
    picture = Image.open(whole).convert("RGB")
    for colours in (128, 64, 32, 16):
        out = io.BytesIO()
        picture.quantize(colours, dither=Image.Dither.NONE).save(out, format="png", optimize=True)
        if out.tell() <= MAX_BYTES:
            break
    return out.getvalue()
