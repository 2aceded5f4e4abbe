"""What must a report keep to, so that mail programs show it and everybody can read it?

Measured limits of clients stand in domain.md 14.4; the contrast is that of WCAG 2 (AA).
"""

import io
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import NamedTuple

from PIL import Image

from flows.report.rendered import Report

MOST_HTML, MOST_STYLE, MOST_PICTURES, MOST_PNG, MOST_ROWS = 80_000, 16_000, 6, 100_000, 50
LEAST_CONTRAST, LEAST_TEXT_PX = 4.5, 11
DROPPED = {
    "flex or grid": r"display:\s*(inline-)?(flex|grid)",
    "position": r"position:\s*(absolute|fixed|relative|sticky)",
    "svg, script, form or video": r"<(svg|script|form|video|iframe|object)\b",
    "data URI": r"(src|href|url\()\W{0,2}data:",
    "webp": r"\.webp|image/webp",
    "link or import of styles": r"<link\b|@import",
    "picture from the web": r"<img[^>]+src=\W?https?:",
}
VOID = {"meta", "img", "br", "link", "hr", "input"}


def faults(report: Report) -> list[str]:
    """Return what is wrong with a report, in words; empty: nothing."""
    return [*_sizes(report), *_constructs(report.html), *_pictures(report), *_tables(report), *_readable(report.html)]


def _sizes(report: Report) -> Iterator[str]:
    if (size := len(report.html.encode())) > MOST_HTML:
        yield f"the page has {size} bytes"
    for style in re.findall(r"<style.*?</style>", report.html, re.S):
        if len(style) > MOST_STYLE:
            yield f"a style has {len(style)} characters"
    if len(report.images) > MOST_PICTURES:
        yield f"{len(report.images)} pictures"


def _constructs(html: str) -> Iterator[str]:
    for name, pattern in DROPPED.items():
        if found := re.search(pattern, html, re.I):
            yield f"{name}: {found[0]}"


def _pictures(report: Report) -> Iterator[str]:
    shown = [element.attributes for element in parsed(report.html) if element.tag == "img"]
    if {tag.get("src", "").removeprefix("cid:") for tag in shown} != report.images.keys():
        yield "the page shows other pictures than there are"
    for tag in shown:
        alt = tag.get("alt", "")
        if not tag.get("width", "").isdigit():
            yield f"a picture without a width: {tag.get('src')}"
        if len(alt) < 15 or not re.search(r"\d", alt):
            yield f"the words for a picture state no finding: {alt!r}"
    for name, png in report.images.items():
        with Image.open(io.BytesIO(png)) as picture:
            if len(png) > MOST_PNG or picture.format != "PNG" or "transparency" in picture.info:
                yield f"{name}: {len(png)} bytes, {picture.format}, {picture.info.keys()}"


def _tables(report: Report) -> Iterator[str]:
    for table in re.findall(r"<table(?![^>]*presentation).*?</table>", report.html, re.S):
        rows = re.findall(r"<tr.*?</tr>", table, re.S)
        if len(rows) > MOST_ROWS + 1:
            yield f"a table of {len(rows)} rows"
        if "<th" not in table:
            yield "a table without headings"
        for row in rows:
            for cell in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.S):
                figures = re.findall(r"\d[\d.,:]*\d", words(cell))
                if missing := [figure for figure in figures if figure not in report.text]:
                    yield f"not in the text: {', '.join(missing)}"


class Element(NamedTuple):
    """A piece of a page: its attributes, its own text, and the colours it is read in."""

    tag: str
    attributes: dict[str, str]
    text: str
    colour: str
    ground: str
    size_px: float


def _readable(html: str) -> Iterator[str]:
    for element in parsed(html):
        if not element.text.strip(" \n\u00a0·"):
            continue
        if (ratio := contrast(element.colour, element.ground)) < LEAST_CONTRAST:
            yield f"contrast {ratio:.1f} of {element.colour} on {element.ground}: {element.text.strip()!r}"
        if element.size_px < LEAST_TEXT_PX:
            yield f"{element.size_px} px: {element.text.strip()!r}"


def contrast(colour: str, ground: str) -> float:
    """Return the contrast of two colours as WCAG 2 defines it, 1 to 21."""
    light, dark = sorted((_luminance(colour), _luminance(ground)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    long = colour if len(colour) == 7 else "#" + "".join(2 * letter for letter in colour[1:])
    parts = [int(long[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def parsed(html: str) -> list[Element]:
    """Return the pieces of a page with the colours and sizes their inline styles give them."""
    parser = _Parser()
    parser.feed(html)
    return parser.found


def words(html: str) -> str:
    """Return what a reader sees of a piece of a page, spaces made plain."""
    parser = _Parser()
    parser.feed(html)
    return " ".join(" ".join(element.text for element in parser.found).replace("\u00a0", " ").split())


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Element] = []
        self.open = [Element("", {}, "", "#000000", "#ffffff", 16.0)]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        style = attributes.get("style", "")
        above = self.open[-1]
        colour = re.search(r"(?<![-\w])color:\s*(#[0-9a-fA-F]{3,6})", style)
        ground = re.search(r"background(?:-color)?:\s*(#[0-9a-fA-F]{3,6})", style)
        size = re.search(r"font-size:\s*([\d.]+)px", style)
        element = Element(
            tag,
            attributes,
            "",
            colour[1] if colour else above.colour,
            ground[1] if ground else attributes.get("bgcolor", above.ground),
            float(size[1]) if size else above.size_px,
        )
        if tag in VOID:
            self.found.append(element)
        else:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        while len(self.open) > 1 and self.open.pop().tag != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self.open[-1].tag not in ("style", "title"):
            self.found.append(self.open[-1]._replace(text=data))
