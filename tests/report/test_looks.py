"""Every report keeps to what mail programs can show, and looks as a person has approved."""

import os
from pathlib import Path

import pytest
from PIL import Image

from flows.report.kinds import KINDS
from flows.report.rendered import Report
from tests.report import goldens, limits

pytestmark = pytest.mark.campaign


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("looks")


@pytest.fixture(scope="module")
def pages(folder: Path) -> dict[str, Report]:
    return goldens.pages(folder)


def test_every_kind_of_report_keeps_to_the_limits_of_mail_programs(pages):
    assert {report.report for report in pages.values()} == KINDS.keys()
    found = {name: limits.faults(report) for name, report in pages.items()}
    assert not {name: faults for name, faults in found.items() if faults}


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


@pytest.fixture(scope="module")
def seen(pages, folder) -> dict[str, Image.Image]:
    if goldens.chromium() is None:
        assert "CI" not in os.environ, "chromium and fonts-liberation must be installed in continuous integration"
        pytest.skip("chromium or fonts-liberation is not installed")
    return goldens.rendered(pages, folder)


@pytest.mark.parametrize("view", goldens.VIEWS, ids=[view.name for view in goldens.VIEWS])
def test_a_page_looks_as_approved(view, folder, seen):
    approved = goldens.approved(view)
    mean, changed = goldens.compared(seen[view.name], approved)
    if mean > goldens.MOST_MEAN or changed > goldens.MOST_CHANGED:
        beside = goldens.beside(seen[view.name], approved, folder / f"{view.name}-difference.png")
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
