"""What is in the network report, and in which order?

Verdict, tiles with their intervals, eight weeks of the network, depots ranked by the two figures most can be compared
by, what changed at depots, those that are not ranked and why, how well the network was heard.
"""

from datetime import date
from typing import Any

from flows.report import page
from flows.report.drawing import NARROW_PX
from flows.report.kinds import Asked
from flows.report.multiples import went
from flows.report.network import pictures, tables
from flows.report.network.data import NetworkData, read_network
from flows.report.network.measures import Measure, measures, ranked, ranking, text
from flows.report.network.words import subject, verdict, when
from flows.report.page import Picture
from flows.report.rendered import Headline, Report
from flows.report.spreadsheet import SHARE, WHOLE, Field, Table, csv_of, workbook_of
from flows.report.style import Style

WEEKS_CID = "network-weeks@odograph"
RANKINGS = 2  # pictures of depots; with the weeks, and each for a telephone too, there are six
FOREST_CAPTION = "Lines are 95 % intervals; better or worse is said only where one leaves the network out."
MOVED_SHARE, MOVED_POINTS = 0.02, 0.01  # of a headline, worth a correction


def render(asked: Asked) -> Report:
    """Return the report of the newest week that was over by the end of the period; raises NothingThatWeek."""
    style = asked.style
    data = read_network(asked.published.resolve(), asked.period, min_coverage=asked.min_coverage)
    images, shown = _pictures(data, style)
    attachments = _attached(data)
    told: dict[str, Any] = {
        "subject": subject(data, style),
        "place": "Network",
        "when": when(data, style),
        "status": "weekly report",
        "verdict": verdict(data, style),
        "tiles": tables.tiles(data, style),
        "weeks": shown.get(WEEKS_CID),
        "rankings": [(measure.name, shown[_cid(measure)]) for measure in ranked(data, style, RANKINGS)],
        "depots": tables.depots(data, style),
        "changes": tables.changes(data, style),
        "apart": tables.left_apart(data, style),
        "health": tables.health(data, style),
        "file_name": next(iter(attachments)),
        "carried": page.carried(attachments, asked.formats),
        "foot": page.footer(
            "Network report", "", contact=asked.contact, notes=["No vans, drivers or places are in this mail."]
        ),
    }
    return Report(
        report="network",
        tenant_id="",
        period=data.period,
        subject=told["subject"],
        html=page.html("network.html.j2", told),
        text=page.text("network.txt.j2", told),
        images=images,
        attachments=attachments,
        headlines=_headlines(data, style),
    )


def _pictures(data: NetworkData, style: Style) -> tuple[dict[str, bytes], dict[str, Picture]]:
    images: dict[str, bytes] = {}
    shown: dict[str, Picture] = {}
    if found := pictures.panels(data, style):
        narrow = f"narrow-{WEEKS_CID}"
        images[WEEKS_CID] = pictures.weeks(data, style)
        images[narrow] = pictures.weeks(data, style, width_px=NARROW_PX)
        caption = "Each figure by week with its latest value, and its least and most; the band is the 95 % interval."
        shown[WEEKS_CID] = Picture(WEEKS_CID, f"Network by week: {went(found)}.", caption, narrow)
    for measure in ranked(data, style, RANKINGS):
        cid, narrow = _cid(measure), f"narrow-{_cid(measure)}"
        images[cid] = pictures.forest(measure, data, style)
        images[narrow] = pictures.forest(measure, data, style, width_px=NARROW_PX)
        shown[cid] = Picture(cid, _forest_alt(measure, data), FOREST_CAPTION, narrow)
    return images, shown


def _cid(measure: Measure) -> str:
    return f"{measure.key.replace('_', '-')}-by-depot@odograph"


def _forest_alt(measure: Measure, data: NetworkData) -> str:
    found = ranking(measure, data)
    ends = [f"{depot.label} {text(measure, depot.figures[measure.key])}" for depot in (found[0], found[-1])]
    return f"{measure.name} of {len(found)} depots: best {ends[0]}, last {ends[1]}."


def _headlines(data: NetworkData, style: Style) -> tuple[Headline, ...]:
    told = []
    for measure in measures(style)[:5]:
        now = data.now(measure.key)
        value = measure.read(now.value) if now and now.value is not None else None
        move = MOVED_POINTS if measure.is_share else MOVED_SHARE * abs(value or 0.0) or 0.01
        told.append(Headline(measure.name, value, text(measure, now) if now else "", move))
    return tuple(told)


def _attached(data: NetworkData) -> dict[str, bytes]:
    """Return every figure of every depot as it is stored, in the units of `marts.network_weeks`."""

    def column(name: str, unit: str = "", shape: str = "", attribute: str = "") -> Field:
        return Field(name, unit, shape, "" if attribute else name, lambda row: getattr(row, attribute or name))

    def date_of(name: str, value: date) -> Field:
        return Field(name, "", "", name, lambda row: value)

    fields = [
        date_of("date_from", data.period.first), date_of("date_to", data.period.last), column("tenant_id"),
        column("depot_id"), column("measure"), column("unit"), column("unit_count", "number", WHOLE),
        column("value", "as measure"), column("ci_low", "as measure"), column("ci_high", "as measure"),
        column("standard_error", "as measure"), column("rank", "number", WHOLE),
        column("ranked_count", "number", WHOLE), column("value_week_before", "as measure", "", "value_before"),
        column("engine_coverage", "share of time", SHARE),
        column("currency"),
    ]  # fmt: skip
    rows = [each for depot in data.depots for each in depot.figures.values()]
    table, key = Table("Depots", "network_weeks", fields, rows), data.period.key
    return {f"depots-{key}.csv": csv_of(table), f"network-{key}.xlsx": workbook_of([table], data.period.first)}
