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
from tests.flows import published_fixture
from tests.report import weekly_fixture

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
    View("weekly-light", "weekly", (), 2000),
    View("monthly-light", "monthly", (), 2000),
    View("network-light", "network", (), 1900),
)


def chromium() -> str | None:
    """Return the browser, if there is one and the letters it is to draw: others have other widths."""
    if not any(Path("/usr/share/fonts").rglob("LiberationSans-Regular.ttf")):
        return None
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def pages(folder: Path) -> dict[str, Report]:
    """Return the reports that are looked at, one of each kind at least, from days and weeks built into `folder`."""
    busy = published_fixture.build(folder / "busy.duckdb", weeks_of_history=4)
    calm = folder / "calm.duckdb"
    calm.write_bytes(busy.read_bytes())
    make_calm(calm)
    fleets = {"dax7": weekly_fixture.Fleet(), "buses": weekly_fixture.DEAF}
    weeks = weekly_fixture.build(folder / "weeks.duckdb", fleets)

    def of(name: str, copy: Path, tenant: str = "dax7") -> Report:
        kind = KINDS[name]
        day = weekly_fixture.FIRST if copy == weeks else published_fixture.DAY
        tenant_id = tenant if kind.audience == "tenant" else ""
        return kind.render(Asked(copy, tenant_id, kind.period_of(day), AMERICAN, contact="data@dax7.example"))

    daily = of("daily", busy)
    return {
        "daily": daily,
        "all clear": of("daily", calm),
        "without dark style": _light_only(daily),
        "daily without ignition": of("daily", busy, "buses"),
        "weekly without ignition": of("weekly", weeks, "buses"),
        "monthly without ignition": of("monthly", weeks, "buses"),
        "exceptions": of("exceptions", busy),
        **{name: of(name, weeks) for name in KINDS if name not in ("daily", "exceptions")},
    }


def _light_only(report: Report) -> Report:
    """Return a page that does not say it has a dark style: programs recolour those."""
    html = report.html.replace('content="light dark"', 'content="light"')
    return report._replace(html=html.replace("(prefers-color-scheme: dark)", "(min-width: 99999px)"))


def make_calm(published: Path) -> None:
    """Take out of a day all that somebody would have to look at."""
    import duckdb

    with duckdb.connect(str(published)) as connection:
        for statement in (
            "delete from marts.fuel_exceptions",
            "delete from marts.idle_events",
            "delete from core.vehicles where vehicle_id = 'V24'",
            f"delete from marts.vehicle_days where service_date < date '{published_fixture.DAY}'",
            "update marts.route_days set coverage = 1, route_time_s = planned_route_time_s, depot_exit_utc = "
            "planned_exit_utc, completed_stop_count = planned_stop_count where tenant_id = 'dax7'",
            "update marts.vehicle_days set coverage = 1",
        ):
            connection.execute(statement)


def rendered(reports: dict[str, Report], folder: Path) -> dict[str, Image.Image]:
    """Return every view by its name, as large as approved pictures are."""
    found: dict[str, Image.Image] = {}
    for options in dict.fromkeys(view.options for view in VIEWS):
        found |= _rendered([view for view in VIEWS if view.options == options], reports, folder)
    return found


def _rendered(views: list[View], reports: dict[str, Report], folder: Path) -> dict[str, Image.Image]:
    """Return views that are seen with the same options: all of them beside each other in one window."""
    frames = ""
    for view in views:
        # Whatever other fonts this machine has.
        page = standalone_html(reports[view.report]).replace("-apple-system, 'Segoe UI', Roboto, ", "")
        assert "'Liberation Sans'" in page
        (folder / f"{view.name}.html").write_text(page, encoding="utf-8")
        frames += "".join(
            f'<td style="padding-right:{GAP_PX}px;vertical-align:top"><iframe src="{view.name}.html" width="{width}"'
            f' height="{view.height_px}" style="border:0;display:block"></iframe></td>'
            for width in WIDTHS_PX
        )
    table = f'<table cellspacing="0" cellpadding="0"><tr>{frames}</tr></table>'
    (folder / "all.html").write_text(f'<body style="margin:0;background:#777">{table}</body>', encoding="utf-8")
    width = sum(WIDTHS_PX) + len(WIDTHS_PX) * GAP_PX
    picture = folder / "all.png"
    subprocess.run(
        [chromium() or "chromium", "--no-sandbox", "--headless=new", "--hide-scrollbars", "--disable-gpu",
         "--disable-dev-shm-usage",
         "--force-device-scale-factor=1", "--font-render-hinting=none", "--disable-lcd-text",
         f"--user-data-dir={folder / 'profile'}",
         f"--window-size={width * len(views)},{max(view.height_px for view in views)}",
         f"--screenshot={picture}", *views[0].options, (folder / "all.html").as_uri()],
        check=True, capture_output=True, timeout=240,
    )  # fmt: skip
    with Image.open(picture) as shot:
        whole = shot.convert("RGB")
    boxes = [(place * width, 0, (place + 1) * width, view.height_px) for place, view in enumerate(views)]
    return {view.name: _smaller(whole.crop(box)) for view, box in zip(views, boxes, strict=True)}


def _smaller(picture: Image.Image) -> Image.Image:
    return picture.resize((picture.width // SMALLER, picture.height // SMALLER), Image.Resampling.BOX)


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
        for view, picture in rendered(pages(Path(name)), Path(name)).items():
            path = FOLDER / f"{view}.png"
            kept(picture).save(path, optimize=True)
            say(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    if sys.argv[1:] != ["--approve"]:
        sys.exit("python -m tests.report.goldens --approve")
    approve()
