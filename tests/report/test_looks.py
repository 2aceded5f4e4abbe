"""Every report keeps to what mail programs can show, and looks as a person has approved."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from flows.report.data import NothingToReport
from flows.report.kinds import KINDS, Asked
from flows.report.rendered import Report
from flows.report.style import AMERICAN
from tests.flows.published_fixture import DAY
from tests.report import goldens, limits, weekly_fixture


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("looks")


@pytest.fixture(scope="module")
def pages(folder: Path) -> dict[str, Report]:
    return goldens.pages(folder)


def _all_reports(folder: Path, pages: dict[str, Report]) -> Iterator[Report]:
    yield from pages.values()
    weeks = weekly_fixture.build(
        folder / "weeks.duckdb", {"dax7": weekly_fixture.Fleet(weeks=3), "buses": weekly_fixture.DEAF}
    )
    for kind in KINDS.values():
        copy = folder / "busy.duckdb" if kind.name == "daily" else weeks
        for tenant in {"tenant": ("dax7", "buses"), "network": ("",)}[kind.audience]:
            try:
                yield kind.render(Asked(copy, tenant, kind.period_of(DAY), AMERICAN))
            except NothingToReport:
                continue


def test_every_report_keeps_to_the_limits_of_mail_programs(folder, pages):
    found = {(report.report, report.tenant_id): limits.faults(report) for report in _all_reports(folder, pages)}
    assert {(name, tenant) for name in ("daily", "weekly", "monthly") for tenant in ("dax7", "buses")} <= found.keys()
    assert not {whose: faults for whose, faults in found.items() if faults}


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("<h1", '<h1 style="display: flex"', "flex or grid"),
        ("<body", '<body><svg></svg><p style="position:absolute"', "position"),
        ("color: #52606d", "color: #aab4be", "contrast"),
        ("font-size: 12px", "font-size: 9px", "9.0 px"),
        (' alt="', ' alt="chart" title="', "state no finding"),
        ('width="552"', "", "without a width"),
        ("$72.45", "$72.46", "not in the text: 72.46"),
        ("<body", "<body><!--" + 80_000 * "x" + "-->", "bytes"),
        ("cid:timeline@", "cid:other@", "other pictures"),
    ],
)
def test_a_page_beyond_a_limit_is_noticed(pages, before, after, fault):
    page = pages["daily"]
    assert before in page.html
    faults = limits.faults(page._replace(html=page.html.replace(before, after)))
    assert any(fault in found for found in faults), faults


def test_contrast_is_that_of_wcag():
    assert limits.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert limits.contrast("#777777", "#fff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.skipif(goldens.chromium() is None, reason="no Chromium here: apt-get install chromium fonts-liberation")
@pytest.mark.parametrize("view", goldens.VIEWS, ids=[view.name for view in goldens.VIEWS])
def test_a_page_looks_as_approved(view, folder, pages):
    seen, approved = goldens.rendered(pages[view.report], view, folder), goldens.approved(view)
    mean, changed = goldens.compared(seen, approved)
    if mean > goldens.MOST_MEAN or changed > goldens.MOST_CHANGED:
        beside = goldens.beside(seen, approved, folder / f"{view.name}-difference.png")
        pytest.fail(f"mean {mean:.2f}, changed {changed:.1%}: {beside}; python -m tests.report.goldens --approve")


def test_a_line_that_moved_and_another_colour_are_noticed():
    white = Image.new("RGB", (300, 300), "#ffffff")
    for box in ((0, 100, 300, 120), (0, 0, 60, 60)):
        other = white.copy()
        other.paste("#1f2933", box)
        assert goldens.compared(other, white)[1] > goldens.MOST_CHANGED


def test_approved_pictures_are_small():
    sizes = {path.name: path.stat().st_size for path in goldens.FOLDER.glob("*.png")}
    assert sizes.keys() == {f"{view.name}.png" for view in goldens.VIEWS}
    assert max(sizes.values()) < 60_000
    assert sum(sizes.values()) < 1_000_000
