"""How do the reports look? Pages of a fixed day in Chromium, beside the pictures that a person has approved.

Each page is rendered at 600 and 375 pixels side by side, in the light, in the dark (by `prefers-color-scheme`),
recoloured by the program that shows it, and with its pictures blocked. `python -m tests.report.goldens --approve`
renders all of them and keeps them as the approved ones: look at every one.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageChops

from flows.report.kinds import KINDS, Asked
from flows.report.rendered import Report
from flows.report.save import standalone_html
from flows.report.style import AMERICAN
from tests.flows.published_fixture import DAY, build

FOLDER = Path(__file__).parent / "goldens"
WIDTHS_PX, GAP_PX = (600, 375), 20
SMALLER = 2  # approved pictures are kept and compared at half the size
COLOURS = 32
# Measured on the first page of VIEWS: the same page 1.4 (the colours that were lost), its text in grey 2.1, a verdict
# that is 20 pixels longer 18; shares 0.02 %, 0.4 % and 18 %.
MOST_MEAN = 2.0  # of 255, over all pixels and colours
MOST_CHANGED, CHANGED = 0.02, 48  # share of the pixels of which a colour is off by more
DARK = ("--blink-settings=preferredColorScheme=0",)
RECOLOURED = ("--enable-features=WebContentsForceDark",)
BLOCKED = ("--blink-settings=imagesEnabled=false",)


class View(NamedTuple):
    """A page as somebody sees it; `height_px` is what of it is kept."""

    name: str
    report: str
    options: tuple[str, ...]
    height_px: int


VIEWS = (
    View("daily-light", "daily", (), 2000),
    View("daily-dark", "daily", DARK, 1700),
    View("daily-recoloured", "without dark style", RECOLOURED, 1700),
    View("daily-blocked", "daily", BLOCKED, 1900),
    View("all-clear-light", "all clear", (), 1000),
    View("exceptions-light", "exceptions", (), 560),
)


def chromium() -> str | None:
    """Return the browser, if there is one."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def pages(folder: Path) -> dict[str, Report]:
    """Return the reports that are looked at, from days built into `folder`."""
    published = build(folder / "busy.duckdb", weeks_of_history=4)
    calm = folder / "calm.duckdb"
    calm.write_bytes(published.read_bytes())
    make_calm(calm)

    def of(name: str, copy: Path = published) -> Report:
        kind = KINDS[name]
        tenant = "dax7" if kind.audience == "tenant" else ""
        return kind.render(Asked(copy, tenant, kind.period_of(DAY), AMERICAN, contact="data@dax7.example"))

    busy = of("daily")
    plain = busy._replace(html=busy.html.replace("(prefers-color-scheme: dark)", "(min-width: 99999px)"))
    found = {"daily": busy, "all clear": of("daily", calm), "without dark style": _light_only(plain)}
    return found | {name: of(name) for name in KINDS if name not in found and name in {view.report for view in VIEWS}}


def _light_only(report: Report) -> Report:
    """Return a page that does not say it has a dark style: programs recolour those."""
    return report._replace(html=report.html.replace('content="light dark"', 'content="light"'))


def make_calm(published: Path) -> None:
    """Take out of a day all that somebody would have to look at."""
    import duckdb

    with duckdb.connect(str(published)) as connection:
        for statement in (
            "delete from marts.fuel_exceptions",
            "delete from marts.idle_events",
            "delete from core.vehicles where vehicle_id = 'V24'",
            f"delete from marts.vehicle_days where service_date < date '{DAY}'",
            "update marts.route_days set coverage = 1, route_time_s = planned_route_time_s, depot_exit_utc = "
            "planned_exit_utc, completed_stop_count = planned_stop_count where tenant_id = 'dax7'",
            "update marts.vehicle_days set coverage = 1",
        ):
            connection.execute(statement)


def rendered(report: Report, view: View, folder: Path) -> Image.Image:
    """Return a view of a page at both widths, as large as approved pictures are."""
    # Whatever other fonts this machine has.
    page = standalone_html(report).replace("-apple-system, 'Segoe UI', Roboto, ", "")
    assert "'Liberation Sans'" in page
    (folder / "page.html").write_text(page, encoding="utf-8")
    frames = "".join(
        f'<iframe src="page.html" width="{width}" height="{view.height_px}" style="border:0;float:left;'
        f'margin-right:{GAP_PX}px"></iframe>'
        for width in WIDTHS_PX
    )
    (folder / "both.html").write_text(f'<body style="margin:0;background:#777">{frames}</body>', encoding="utf-8")
    picture = folder / f"{view.name}.png"
    size = f"{sum(WIDTHS_PX) + len(WIDTHS_PX) * GAP_PX},{view.height_px}"
    subprocess.run(
        [chromium() or "chromium", "--no-sandbox", "--headless=new", "--hide-scrollbars", "--disable-gpu",
         "--force-device-scale-factor=1", "--font-render-hinting=none", "--disable-lcd-text",
         f"--user-data-dir={folder / 'profile'}", f"--window-size={size}", f"--screenshot={picture}", *view.options,
         (folder / "both.html").as_uri()],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    with Image.open(picture) as shot:
        whole = shot.convert("RGB")
    return whole.resize((whole.width // SMALLER, whole.height // SMALLER), Image.Resampling.BOX)


def compared(seen: Image.Image, approved: Image.Image) -> tuple[float, float]:
    """Return the mean difference of the colours, 0 to 255, and the share of pixels that are another colour."""
    if seen.size != approved.size:
        return 255.0, 1.0
    off = np.asarray(ImageChops.difference(seen, approved), dtype=np.float64)
    return float(off.mean()), float((off.max(axis=2) > CHANGED).mean())


def approved(view: View) -> Image.Image:
    """Return the picture a person has approved."""
    with Image.open(FOLDER / f"{view.name}.png") as picture:
        return picture.convert("RGB")


def beside(seen: Image.Image, approved: Image.Image, path: Path) -> Path:
    """Save what is seen, what is approved, and where they differ, side by side; returns the path."""
    height = max(seen.height, approved.height)
    both = Image.new("RGB", (seen.width * 3, height), "#ffffff")
    for place, picture in enumerate((seen, approved, ImageChops.difference(seen, approved.resize(seen.size)))):
        both.paste(picture, (place * seen.width, 0))
    both.save(path)
    return path


def kept(picture: Image.Image) -> Image.Image:
    """Return a picture in the few colours it is kept in."""
    return picture.quantize(COLOURS, dither=Image.Dither.NONE)


def approve(say: Callable[[str], None] = print) -> None:
    """Render every view and keep it."""
    FOLDER.mkdir(exist_ok=True)
    with TemporaryDirectory() as name:
        reports = pages(Path(name))
        for view in VIEWS:
            path = FOLDER / f"{view.name}.png"
            kept(rendered(reports[view.report], view, Path(name))).save(path, optimize=True)
            say(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    if sys.argv[1:] != ["--approve"]:
        sys.exit("python -m tests.report.goldens --approve")
    approve()
