"""How does an answer become a spreadsheet? One sheet: names, units, then typed rows under a fixed header.

A workbook is a few XML files in a ZIP archive (ECMA-376). Texts are always texts, never formulas: ids come in by
message, from anybody's device.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

MOST_ROWS, MOST_TEXT = 1_048_576, 32_767  # what spreadsheet programs take
HEADER_ROWS = 2
EPOCH = datetime(1899, 12, 30)
TEXT, WHOLE, BROKEN, DAY, INSTANT, NAME, UNIT = range(7)  # cell formats, as numbered in _STYLES
WIDTHS = {DAY: 11, INSTANT: 19}
NARROWEST, WIDEST = 6, 60

_SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MIME = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_MIME}.sheet.main+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{_MIME}.styles+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_MIME}.worksheet+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="r1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="r1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="r2" Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>',
    "xl/styles.xml": f'<styleSheet xmlns="{_SHEET}"><numFmts count="2"><numFmt numFmtId="164" formatCode="0.###"/>'
    '<numFmt numFmtId="165" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/></numFmts>'
    "<fonts count='3'><font/><font><b/></font><font><i/><color rgb='FF666666'/></font></fonts>"
    "<fills count='2'><fill><patternFill patternType='none'/></fill><fill><patternFill patternType='gray125'/></fill>"
    "</fills><borders count='1'><border/></borders><cellStyleXfs count='1'><xf/></cellStyleXfs><cellXfs count='7'>"
    "<xf numFmtId='49' applyNumberFormat='1'/><xf numFmtId='1' applyNumberFormat='1'/>"
    "<xf numFmtId='164' applyNumberFormat='1'/><xf numFmtId='14' applyNumberFormat='1'/>"
    "<xf numFmtId='165' applyNumberFormat='1'/><xf fontId='1' applyFont='1'/><xf fontId='2' applyFont='1'/>"
    "</cellXfs></styleSheet>",
}


class TooManyRows(Exception):
    """More rows than a sheet holds; `row_count` is how many."""

    def __init__(self, row_count: int) -> None:
        self.row_count = row_count
        super().__init__(
            f"a spreadsheet holds {MOST_ROWS - HEADER_ROWS} rows and these are {row_count}; use csv or parquet"
        )


class Heading(NamedTuple):
    """Name and unit of a column."""

    name: str
    unit: str


def write_workbook(path: Path, title: str, headings: Sequence[Heading], rows: Sequence[Sequence[object]]) -> None:
    """Write one sheet; raise TooManyRows before anything is written where it would not hold them."""
    if len(rows) > MOST_ROWS - HEADER_ROWS:
        raise TooManyRows(len(rows))
    name = escape(
        "".join(" " if letter in "[]:*?/\\'" else letter for letter in title)[:31] or "answer", {'"': "&quot;"}
    )
    workbook = (
        f'<workbook xmlns="{_SHEET}" xmlns:r="{_OFFICE}"><sheets><sheet name="{name}" sheetId="1" r:id="r1"/></sheets>'
        "</workbook>"
    )
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for part, text in {**_PARTS, "xl/workbook.xml": workbook}.items():
            archive.writestr(part, _HEAD + text)
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            for text in _sheet(headings, rows):
                sheet.write(text.encode())


def _sheet(headings: Sequence[Heading], rows: Sequence[Sequence[object]]) -> Iterator[str]:
    yield _HEAD + f'<worksheet xmlns="{_SHEET}"><sheetViews><sheetView workbookViewId="0">'
    yield f'<pane ySplit="{HEADER_ROWS}" topLeftCell="A{HEADER_ROWS + 1}" activePane="bottomLeft" state="frozen"/>'
    yield "</sheetView></sheetViews>"
    if headings:
        yield "<cols>"
        for number, heading in enumerate(headings, 1):
            width = _width(heading, (row[number - 1] for row in rows[:200]))
            yield f'<col min="{number}" max="{number}" width="{width}" customWidth="1"/>'
        yield "</cols>"
    yield "<sheetData>"
    yield _row((heading.name for heading in headings), NAME)
    yield _row((heading.unit for heading in headings), UNIT)
    for row in rows:
        yield _row(row, TEXT)
    yield "</sheetData></worksheet>"


def _width(heading: Heading, values: Iterable[object]) -> int:
    lengths = (WIDTHS.get(_kind(value)) or len(_text(value)) for value in values if value is not None)
    return min(WIDEST, max(NARROWEST, len(heading.name), len(heading.unit), *lengths, 0) + 2)


def _row(values: Iterable[object], text_style: int) -> str:
    return f"<row>{''.join(_cell(value, text_style) for value in values)}</row>"


def _cell(value: object, text_style: int) -> str:
    if value is None:
        return "<c/>"
    kind = _kind(value)
    match value:
        case bool():
            return f'<c t="b"><v>{int(value)}</v></c>'
        case datetime():
            return f'<c s="{kind}"><v>{(value.replace(tzinfo=None) - EPOCH).total_seconds() / 86400!r}</v></c>'
        case date():
            return f'<c s="{kind}"><v>{(datetime(value.year, value.month, value.day) - EPOCH).days}</v></c>'
    if kind in (WHOLE, BROKEN):
        return f'<c s="{kind}"><v>{value}</v></c>'
    return f'<c s="{text_style}" t="inlineStr"><is><t xml:space="preserve">{escape(_text(value))}</t></is></c>'


def _kind(value: object) -> int:
    match value:
        case bool():
            return TEXT
        case int() if abs(value) < 10**15:
            return WHOLE
        case float() if value - value == 0:  # neither infinite nor not a number
            return BROKEN
        case Decimal():
            return BROKEN
        case datetime():
            return INSTANT
        case date():
            return DAY
    return TEXT


def _text(value: object) -> str:
    """The value as text, without what XML cannot hold."""
    kept = (letter if letter >= " " or letter in "\t\n" else "\N{REPLACEMENT CHARACTER}" for letter in str(value))
    return "".join(kept)[:MOST_TEXT].encode(errors="replace").decode()
