"""Small files of fuel-card providers for tests: tables as CSV and as a workbook."""

import csv
import io
import json
import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from xml.sax.saxutils import escape

PAYLOADS = Path(__file__).parents[2] / "data" / "payloads"
MANIFEST = {item["file"]: item for item in json.loads((PAYLOADS / "manifest.json").read_text())["items"]}
TICKETS = sorted(name for name in MANIFEST if name.startswith("fuelcard_"))
# The columns of the export, of which the tickets show thirty; a column without a name and a helper end it.
SHOWN = list(json.loads((PAYLOADS / TICKETS[0]).read_text())[0])
OTHERS = [
    "Emboss Line 2 ID", "Authorization Profile Name", "Prompting", "Department", "Asset Type", "Usage Type",
    "Vehicle Description", "Make", "Model", "Year", "Start Odometer", "Driver Department", "Merchant Site ID",
    "Merchant Street Address", "Merchant County", "Merchant Phone", "Product Description", "Transaction Description",
    "Transaction Device", "Transaction Mode", "Service Cost", "Other Cost", "Reported Tax",
    *(f"Transaction Fee Type {number}" for number in range(1, 6)),
    *(f"Transaction Fee Amount {number}" for number in range(1, 6)), "Cost Per Distance", "Currency Exchange Rate",
    *(f"L{number}_ACCT_NM" for number in range(3, 10)), "Rebate Name", "Rebate Code", "Vehicle Fuel Type",
    "VLookUp", "",
]  # fmt: skip
WEX_COLUMNS = SHOWN + OTHERS
EPOCH = date(1899, 12, 30)  # of a workbook's days


def wex_rows(*names: str) -> list[dict[str, str]]:
    """The lines of tickets; of all of them where none is named."""
    return [row for name in names or TICKETS for row in json.loads((PAYLOADS / name).read_text())]


def write_csv(path: Path, rows: Sequence[dict[str, str]], columns: Sequence[str] = WEX_COLUMNS, **form: str) -> Path:
    """Write a table; `encoding` and `delimiter` are options."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=form.get("delimiter", ","), lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([row.get(name, " ") for name in columns] for row in rows)
    path.write_bytes(text.getvalue().encode(form.get("encoding", "utf-8")))
    return path


def write_workbook(path: Path, rows: Sequence[Sequence[object]]) -> Path:
    """Write one sheet: texts, numbers and dates as a spreadsheet stores them."""
    lines = []
    for number, row in enumerate(rows, 1):
        cells = "".join(_cell(f"{chr(65 + place)}{number}", value) for place, value in enumerate(row))
        lines.append(f'<row r="{number}">{cells}</row>')
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    links = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    sheet = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    with zipfile.ZipFile(path, "w") as book:
        book.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{package}/content-types"><Default Extension="rels" '
            'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{sheet}.sheet.main+xml"/>'
            f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{sheet}.worksheet+xml"/>'
            f'<Override PartName="/xl/styles.xml" ContentType="{sheet}.styles+xml"/></Types>',
        )
        book.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" Type="{links}/officeDocument" '
            'Target="xl/workbook.xml"/></Relationships>',
        )
        book.writestr(
            "xl/workbook.xml",
            f'<workbook {main} xmlns:r="{links}"><sheets><sheet name="Fuel" sheetId="1" r:id="r1"/></sheets>'
            "</workbook>",
        )
        book.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" Type="{links}/worksheet" '
            f'Target="worksheets/sheet1.xml"/><Relationship Id="r2" Type="{links}/styles" Target="styles.xml"/>'
            "</Relationships>",
        )
        book.writestr(
            "xl/styles.xml",
            f"<styleSheet {main}><fonts><font/></fonts><fills><fill/></fills><borders><border/></borders>"
            '<cellStyleXfs><xf/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="22" applyNumberFormat="1"/>'
            "</cellXfs></styleSheet>",
        )
        book.writestr(
            "xl/worksheets/sheet1.xml", f"<worksheet {main}><sheetData>{''.join(lines)}</sheetData></worksheet>"
        )
    return path


def _cell(place: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        day = (value.date() - EPOCH).days + (value.hour * 3600 + value.minute * 60 + value.second) / 86_400
        return f'<c r="{place}" s="1"><v>{day!r}</v></c>'
    if isinstance(value, int | float):
        return f'<c r="{place}"><v>{value!r}</v></c>'
    return f'<c r="{place}" t="inlineStr"><is><t>{escape(str(value))}</t></is></c>'
