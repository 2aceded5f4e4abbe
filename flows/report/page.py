"""How do the parts of a report become a page for a mail program, and a text with the same content?

The template `frame` holds what every report has (head, verdict, footer and the styles), `parts` the macros for what
most have; a report's own template extends the frame and fills its block `content`. The values below are what the macros
print: texts, ready to read.
"""

import re
from collections.abc import Iterable, Mapping, Sequence, Set
from textwrap import wrap
from typing import Any, NamedTuple

import css_inline
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from flows.report.units import NOT_KNOWN

MOST_ROWS = 50  # of a table in a mail; the rest is in what is attached
MOST_UNBROKEN = 12  # letters of a name that is kept in one line
TEXT_WIDTH = 78
UNITS_KEPT_WITH_THEIR_NUMBER = r"%|€|(?:min|h|s|mi|gal|pt|km|L)\b"


class Tile(NamedTuple):
    """One figure of the six at the top; `tone` is good, fair, poor or none and only picks a colour."""

    label: str
    value: str
    detail: str = ""
    difference: str = ""
    word: str = ""
    tone: str = "none"


class Attention(NamedTuple):
    """One row of what somebody should look at; `cost` is None where there is no price."""

    where: str
    what: str
    how_long: str
    cost: float | None
    cost_text: str
    action: str


class Column(NamedTuple):
    """One column of a table; `field` is the name in the row, a `minor` one is left out on a telephone."""

    field: str
    heading: str
    is_number: bool = False
    is_minor: bool = False
    is_name: bool = False  # what the row is about: bold, and a heading to a screen reader
    is_prose: bool = False  # takes the room that is left; the other columns of such a table are not broken


class Cell(NamedTuple):
    """A cell with more than a text: `tone` is good, fair, poor or empty; `below` is a quiet second line."""

    text: str
    tone: str = ""
    below: str = ""


class Picture(NamedTuple):
    """A picture by its content id; `alt` is its finding, for when pictures are blocked, and for the text part.

    `narrow_cid` is the same drawn for a telephone, where letters of the wide one would be too small; it may be missing.
    """

    cid: str
    alt: str
    caption: str
    narrow_cid: str = ""


def html(template: str, page: Mapping[str, Any]) -> str:
    """Return the page of a template with its styles in the elements.

    `page` has what the template asks for, and for the frame subject, place, when, status, verdict and foot (sentences).
    """
    text = _templates.get_template(template).render(page)
    # The media queries cannot be inlined; a program that drops them still shows the page.
    text = css_inline.inline(text, keep_style_tags=False, keep_at_rules=True, load_remote_stylesheets=False)
    text = _without_spent_classes(text)
    text = re.sub(rf"(\d) (?={UNITS_KEPT_WITH_THEIR_NUMBER})", "\\1\u00a0", text)
    return re.sub(r"\n\s*\n+", "\n", re.sub(r"(?m)^[ \t]+", "", text))


def _without_spent_classes(html: str) -> str:
    """Leave only the classes that the media queries name: the others have done their work."""
    style = html[html.find("<style") : html.find("</style>")]
    named = set(re.findall(r"\.([a-z]+)\b", style))

    def kept(match: re.Match[str]) -> str:
        names = [name for name in match[1].split() if name in named]
        return f' class="{" ".join(names)}"' if names else ""

    return re.sub(r' class="([^"<>]*)"', kept, html)


def text(template: str, page: Mapping[str, Any]) -> str:
    """Return the plain text of a template."""
    text = _templates.get_template(template).render(page)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def text_table(columns: Sequence[Column], rows: Sequence[Any]) -> str:
    """Return rows as lines of plain text, columns as wide as their widest cell; second lines stand below their row."""
    lines = [[column.heading for column in columns]]
    lines += [[_cell(row, column).text or NOT_KNOWN for column in columns] for row in rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    below = [[], *([_cell(row, column).below for column in columns] for row in rows)]
    printed = []
    for line, more in zip(lines, below, strict=True):
        padded = [
            cell.rjust(width) if column.is_number else cell.ljust(width)
            for cell, width, column in zip(line, widths, columns, strict=True)
        ]
        printed.append(" ".join(padded).rstrip())
        printed += [f"   {part}" for part in wrap(" · ".join(filter(None, more)), TEXT_WIDTH - 3)]
    return "\n".join(printed)


def _cell(row: Any, column: Column) -> Cell:
    value = row[column.field] if isinstance(row, Mapping) else getattr(row, column.field)
    return value if isinstance(value, Cell) else Cell(value)


def carried(attachments: Iterable[str], formats: Set[str]) -> list[str]:
    """Return the names of the attachments that a mail of these formats carries."""
    return [name for name in attachments if name.rpartition(".")[2] in formats]


def rest(left_out: int, what: str, name: str, files: Sequence[str]) -> str:
    """Return where the rows are that a table leaves out, and all of them as numbers; `files` are those carried."""
    if name in files:
        return f"{left_out} {what} are in the attached {name}." if left_out else f"Also attached as {name}."
    return f"{left_out} {what} are not shown." if left_out else ""


def of_tenant(words: str, tenant_id: str, *, is_named: bool) -> str:
    """Put the tenant before a place or a subject where it is asked for and does not stand there anyway."""
    name = " ".join(tenant_id.split())
    return f"{name} · {words}" if is_named and not words.startswith(name) else words


def footer(title: str, tenant_id: str, *, contact: str | None = None, notes: Sequence[str] = ()) -> list[str]:
    """Return the sentences at the foot: why somebody gets this, how it stops, whom to ask, and what is left out."""
    whose = f" of {tenant_id}" if tenant_id else ""
    return [
        f"You get this because your address is on the list for the {title.lower()}{whose}. To stop, use Unsubscribe in "
        "your mail program or reply with “stop”.",
        *(
            [f"Questions about the data, or another schedule, units or language of figures: {contact}."]
            if contact
            else []
        ),
        *notes,
    ]


_templates = Environment(
    loader=PackageLoader("flows.report"),
    autoescape=select_autoescape(["html.j2"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.globals |= {
    "width": TEXT_WIDTH,
    "most_rows": MOST_ROWS,
    "most_unbroken": MOST_UNBROKEN,
    "text_table": text_table,
    "rest": rest,
}
