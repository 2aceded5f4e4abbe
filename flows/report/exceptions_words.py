"""How is an exception put into words: as a lead, with its evidence and what to do?

Neutral, and possible where it is not established. Places near where a van stands overnight and outside its hours are
not in the rows, so they are not in the words.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from flows.report.exceptions import ExceptionRow
from flows.report.style import Style
from flows.report.units import NOT_KNOWN
from warehouse.fuel_rules import NO_PROOF

# As reported (domain reference, 8.2): how far the law goes, not what anybody is to pay.
FINES = {
    "legal_nyc": "$350 to $2,000",
    "legal_nyc_school": "$350 to $2,000",
    "legal_ny": "$500 to $18,000 the first time",
    "legal_nj": "$250, $500, $1,000",
    "legal_ct": "up to $5,000",
    "legal_de": "up to $500",
    "legal_ma": "$100, $500",
    "legal_vt": "$10, $50, $100",
    "legal_ca": "$300 to $1,000 a day",
    "legal_wv": "$150 to $300",
    "legal_sandy_city": "up to $750",
    "legal_madison": "$25 to $200",
    "legal_ann_arbor": "up to $500",
}
CONTEXTS = {
    "depot": "at the depot",
    "hand_off": "at a hand-off",
    "fuel_site": "at a fuel site",
    "break": "in a break",
    "traffic": "in traffic",
}
LEGAL_NOTE = (
    "Idling over a limit is possible, not established: whether an exception from the limit held is not known here. "
    "Nothing of it is legal advice."
)


class Words(NamedTuple):
    """One exception as it is printed: `brief` fits a subject, `sentence` a verdict."""

    brief: str
    sentence: str
    what: str
    evidence: str
    action: str


def words(thing: Sequence[ExceptionRow], style: Style, timezone: str) -> Words:
    """Return the words for what is about one thing."""
    match thing[0].kind:
        case "fuel":
            return _fuel(thing, style)
        case "legal_idle":
            return _legal_idle(thing[0], style)
        case "silent":
            return _silent(thing[0], style, timezone)
        case "held_back":
            return _held_back(thing[0], style)


def _fuel(flags: Sequence[ExceptionRow], style: Style) -> Words:
    row = flags[0]
    van = row.vehicle_id or "a card without a van"
    titles = [flag.title[:1].lower() + flag.title[1:] for flag in flags]
    most = highest_stake(flags)
    stake = f", {style.money(most.cost, row.currency)} at stake," if most else ""
    paid = f" for {style.money(row.amount, row.currency, cents=True)}" if row.amount is not None else ""
    evidence = [style.evidence(flag.evidence) for flag in flags if flag.evidence]
    if most and row.amount is not None and (most.cost or 0) > row.amount:
        evidence.append(f"What is at stake is that of {most.rule} and more than this purchase.")
    asked = "; ".join(f"{flag.rule} {title}" for flag, title in zip(flags, titles, strict=True))
    bought = f": {style.volume(row.quantity_l)}{paid}" if row.quantity_l else ""
    at = f"{', ' if bought else ': '}{row.place}" if row.place else ""
    return Words(
        brief=f"{van} fuel: {titles[0]}",
        sentence=f"A fuel purchase of {van}{stake} is worth a question: {titles[0]}.",
        what=f"Fuel purchase to check{bought}{at} ({asked})",
        evidence=" ".join(evidence),
        action="Check the receipt, and ask.",
    )


def highest_stake(flags: Sequence[ExceptionRow]) -> ExceptionRow | None:
    """Return the flag on a purchase with the most at stake; None where nothing is to pay."""
    return max((flag for flag in flags if flag.cost), key=lambda flag: flag.cost or 0.0, default=None)


def _legal_idle(row: ExceptionRow, style: Style) -> Words:
    lasted, limit = style.minutes(row.duration_s or 0.0), style.minutes(row.limit_s or 0.0)
    over = style.minutes((row.duration_s or 0.0) - (row.limit_s or 0.0))
    inside = f" within {row.window_s // 60} min" if row.window_s else ""
    where = f"{row.title}, {CONTEXTS.get(row.context or '', 'elsewhere')}"
    if row.latitude is not None and row.longitude is not None:
        # Three decimals tell the street and not the door.
        where += f", near {row.latitude:.3f} {row.longitude:.3f}"
    return Words(
        brief=f"{row.vehicle_id} possibly {over} over the idle limit of {row.title}",
        sentence=f"{row.vehicle_id} possibly idled {over} over the limit of {row.title}.",
        what=f"Possible idling over the limit: {lasted}{inside} where {limit} are allowed",
        evidence=f"{where}{f', route {row.route_id}' if row.route_id else ''}.",
        action="Engine off while standing; ask what kept it on.",
    )


def _silent(row: ExceptionRow, style: Style, timezone: str) -> Words:
    began = style.day(row.service_date) if row.service_date else NOT_KNOWN
    if row.started_utc is None:
        heard = "It was never heard before."
    else:
        heard = f"Last heard {style.local_day(row.started_utc, row.timezone or timezone)}."
    route = f" It was planned on {row.route_id}." if row.route_id else ""
    if row.ended_utc is not None:
        again = style.local_day(row.ended_utc, row.timezone or timezone)
        return Words(
            brief=f"{row.vehicle_id} not heard on {began}",
            sentence=f"{row.vehicle_id} was not heard on {began}, with a route planned.",
            what="Not heard that day, with a route planned",
            evidence=f"{heard} Heard again {again}.{route}",
            action="Check the tracker's power and SIM, or whether another van drove the route.",
        )
    return Words(
        brief=f"{row.vehicle_id} silent since {began}",
        sentence=f"{row.vehicle_id} is silent since {began}{', with a route planned' if row.route_id else ''}.",
        what="Silent since then",
        evidence=heard + route,
        action="Check the tracker's power and SIM" + ("." if row.route_id else ", or mark the van out of service."),
    )


def _held_back(row: ExceptionRow, style: Style) -> Words:
    day = style.day(row.service_date) if row.service_date else NOT_KNOWN
    return Words(
        brief=f"{day} held back",
        sentence=f"The newest data of {day} did not pass its checks, so older figures are shown.",
        what="Its newest data is held back; older figures are shown",
        evidence=f"What should hold: {row.evidence}",
        action="It is tried again with every refresh; whoever runs the line sees why.",
    )


def when(row: ExceptionRow, style: Style, timezone: str) -> str:
    """Return the local time of it, or its date."""
    if row.started_utc is not None and row.kind != "silent":
        return style.local_day(row.started_utc, row.timezone or timezone)
    return style.day(row.service_date) if row.service_date else NOT_KNOWN


def notes(found: Sequence[ExceptionRow]) -> list[str]:
    """Return what stands below all of them: whose limits, from what they except, and that leads are no proof."""
    said = []
    limits = {row.rule: row for row in found if row.kind == "legal_idle"}
    for rule, row in sorted(limits.items(), key=lambda each: each[1].title):
        fine = FINES.get(rule or "")
        fined = f"; fines as reported: {fine}" if fine else ""
        # The note below says of all exceptions that they are not known here, not of the one named last.
        excepted = re.sub(r",? (is|are) not known here\.$", ".", row.evidence or NOT_KNOWN)
        said.append(f"{row.title}{fined}. Exceptions from the limit: {excepted}")
    if limits:
        said.append(LEGAL_NOTE)
    if any(row.kind == "fuel" for row in found):
        said.append(NO_PROOF)
    return said
