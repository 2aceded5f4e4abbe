"""What is a card used for on a day when its van does not fuel?"""

from decimal import Decimal

from ingest.simulation.fuel_cases.writing import Papers, Scene, renamed
from ingest.simulation.paperwork import Fill, Record, authorised

NIGHT_S, AFTERNOON_S = -5.5 * 3600, 6 * 3600  # 02:30 and 14:00 local, on the day's own clock
GALLONS, FEW_GALLONS = 7.5, 4.5  # few: below what counts as a fill
DECLINE_EVERY_S = 1_500.0


def elsewhere(scene: Scene, papers: Papers) -> None:
    """The card is used at a pump while its van delivers miles away."""
    time_s = _noon_s(scene)
    station = next((found for found in scene.stations if scene.is_away(found, time_s)), None)
    if station is None or not scene.is_heard(time_s):
        return
    record = _bought(scene, papers, scene.ghost(time_s, station, GALLONS))
    papers.fault(scene, "F4", [(record, time_s)], "the van was not at the station")
    papers.brings(scene, "F2 F3 F5", record, time_s)
    papers.brings(scene, "F8 F13 F20", None, time_s)


def night(scene: Scene, papers: Papers) -> None:
    time_s = scene.clock_s + NIGHT_S
    record = _bought(scene, papers, scene.ghost(time_s, scene.stations[0], FEW_GALLONS))
    papers.fault(scene, "F10", [(record, time_s)], "bought at night")
    papers.brings(scene, "F13 F20", None, time_s)


def allowed_night(scene: Scene, papers: Papers) -> None:
    time_s = scene.clock_s + NIGHT_S
    record = _bought(scene, papers, scene.ghost(time_s, scene.stations[0], FEW_GALLONS))
    papers.decoy(scene, "F10", record, time_s, "at night by a van that may")
    papers.brings(scene, "F13 F20", None, time_s)


def rest_day(scene: Scene, papers: Papers) -> None:
    time_s = scene.clock_s + AFTERNOON_S
    record = _bought(scene, papers, scene.ghost(time_s, scene.stations[0], FEW_GALLONS))
    papers.fault(scene, "F10", [(record, time_s)], "bought on a day without a route")
    papers.brings(scene, "F13 F20", None, time_s)


def far(scene: Scene, papers: Papers) -> None:
    """At a station no road of the day comes near."""
    time_s = _noon_s(scene)
    record = _bought(scene, papers, scene.ghost(time_s, scene.stations[-1], FEW_GALLONS))
    papers.fault(scene, "F17", [(record, time_s)], "the station is 20 miles from the day's track")
    papers.brings(scene, "F4", record, time_s)
    papers.brings(scene, "F13 F20", None, time_s)


def far_date_only(scene: Scene, papers: Papers) -> None:
    time_s = _noon_s(scene)
    record = date_only(papers.record(scene, scene.ghost(time_s, scene.stations[-1], FEW_GALLONS)))
    papers.buy(record, time_s)
    papers.fault(scene, "F17", [(record, time_s)], "the station is 20 miles from the day's track; no time is given")
    papers.brings(scene, "F13 F20", None, time_s)


def unheard(scene: Scene, papers: Papers) -> None:
    """As `elsewhere`, on a day on which the tracker is silent: nobody can know."""
    time_s = _noon_s(scene)
    record = _bought(scene, papers, scene.ghost(time_s, scene.stations[0], FEW_GALLONS))
    for rule_id in ("F4", "F5", "F6", "F7", "F17"):
        papers.decoy(scene, rule_id, record, time_s, "no GPS that day")
    papers.brings(scene, "F13 F20", None, time_s)


def three_declines(scene: Scene, papers: Papers) -> None:
    papers.fault(scene, "F21", _declined(scene, papers, 3), "three declines in an hour")


def two_declines(scene: Scene, papers: Papers) -> None:
    for record, time_s in _declined(scene, papers, 2):
        papers.decoy(scene, None, record, time_s, "two declines only")


def abandoned(scene: Scene, papers: Papers) -> None:
    """A card is read, nothing flows, and the authorisation lapses."""
    fill = _read(scene)
    record = papers.record(scene, fill)
    papers.send(authorised(record), fill.time_s)
    papers.send(authorised(record) | {"event_type": "auth_reversal", "seq": 2}, fill.time_s + 1_800)
    papers.decoy(scene, None, record, fill.time_s, "an authorisation that lapsed")


def date_only(record: Record) -> Record:
    """Return the record as a provider writes it that gives no time of day."""
    day = record["ts_local"][:10]
    return {key: value for key, value in record.items() if key not in ("ts_utc", "tz")} | {
        "ts_local": day,
        "ts_quality": "date_only",
        "posted_date": day,
    }


def _declined(scene: Scene, papers: Papers, count: int) -> list[tuple[Record, float]]:
    fill = _read(scene)
    declined = []
    for number in range(count):
        time_s = fill.time_s + number * DECLINE_EVERY_S
        record = renamed(authorised(papers.record(scene, fill._replace(time_s=time_s))), f"-D{number}")
        record |= {"event_type": "decline", "gross": Decimal("60.00")}
        papers.send(record, time_s)
        declined.append((record, time_s))
    return declined


def _read(scene: Scene) -> Fill:
    return scene.ghost(_noon_s(scene), scene.stations[0], FEW_GALLONS)


def _noon_s(scene: Scene) -> float:
    assert scene.day is not None
    hand_offs = scene.day.hand_offs
    return scene.clock_s + round(hand_offs[len(hand_offs) // 2].arrived_s)


def _bought(scene: Scene, papers: Papers, fill: Fill) -> Record:
    record = papers.record(scene, fill)
    papers.buy(record, fill.time_s)
    return record
