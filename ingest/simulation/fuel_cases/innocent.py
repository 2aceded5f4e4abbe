"""Which records look guilty and are not?"""

from decimal import Decimal

from ingest.simulation.city import place
from ingest.simulation.fleet import LITRES_PER_GALLON
from ingest.simulation.fuel_cases.faults import item
from ingest.simulation.fuel_cases.ghosts import date_only
from ingest.simulation.fuel_cases.writing import Papers, Scene, moved, renamed
from ingest.simulation.paperwork import CLEARED_AFTER_S, READ_AFTER_S, Record, authorised, cleared, purchase_record

ZONE_OFF_S = -3 * 3600  # a provider on the other coast
POSTED_AFTER_S, CREDITED_AFTER_S = 86_400.0, 2 * 86_400.0
SECOND_TANK_SHARE, CANISTER_SHARE = 1.20, 1.10
CITY_M = 9_000.0  # from the pumps to the middle of the city its address is in


def honest(scene: Scene, papers: Papers) -> None:
    for fill in scene.fills:
        papers.buy(papers.record(scene, fill), fill.time_s)


def not_recorded(scene: Scene, papers: Papers) -> None:
    """A fill that is on no card; what follows looks like half the consumption."""
    papers.brings(scene, "F20", None, scene.fills[0].time_s)


def after_missed(scene: Scene, papers: Papers) -> None:
    record = papers.record(scene, scene.fills[0])
    _innocent(scene, papers, record, "F13", "the fill before it is on no card")


def held_amount(scene: Scene, papers: Papers) -> None:
    """The authorisation tells a volume that no tank holds: it is what the pump would give at most."""
    fill, record = scene.fills[0], papers.record(scene, scene.fills[0])
    papers.send(authorised(record) | {"quantity": Decimal("36.000")}, fill.time_s + READ_AFTER_S)
    papers.send(cleared(record), fill.time_s + READ_AFTER_S + CLEARED_AFTER_S)
    papers.decoy(scene, None, record, fill.time_s, "only the authorised volume was too large")


def voided(scene: Scene, papers: Papers) -> None:
    """The card is read twice: the first authorisation is taken back."""
    fill, record = scene.fills[0], papers.record(scene, scene.fills[0])
    void = renamed(moved(record, -90), "-V")
    papers.send(authorised(void), fill.time_s - 88)
    papers.send(authorised(void) | {"event_type": "auth_reversal", "seq": 2}, fill.time_s - 30)
    papers.buy(record, fill.time_s)
    for either in (record, void):
        papers.decoy(scene, None, either, fill.time_s, "the ticket before it was void")


def wash(scene: Scene, papers: Papers) -> None:
    _with_item(scene, papers, "102", "CAR WASH", Decimal("12.00"), "a wash, which is allowed")


def discount_line(scene: Scene, papers: Papers) -> None:
    _with_item(scene, papers, "900", "DISCOUNT", Decimal("-1.25"), "a discount on a line of its own")


def _with_item(scene: Scene, papers: Papers, code: str, name: str, amount: Decimal, why: str) -> None:
    fill, record = scene.fills[0], papers.record(scene, scene.fills[0])
    line = item(record, code, name, amount)
    for either in (record, line):
        papers.buy(either, fill.time_s)
        papers.decoy(scene, None, either, fill.time_s, why)


def exhaust_fluid(scene: Scene, papers: Papers) -> None:
    fill, record = scene.fills[0], papers.record(scene, scene.fills[0])
    fluid = papers.record(scene, fill._replace(litres=2.5 * LITRES_PER_GALLON), "def") | {"item_no": 2}
    for either in (record, fluid):
        papers.buy(either, fill.time_s)
        papers.decoy(scene, None, either, fill.time_s, "exhaust fluid beside the diesel")


def sister_grade(scene: Scene, papers: Papers) -> None:
    product = {"gasoline": "gasoline_e10_regular", "diesel": "ulsd_2"}[scene.van.fuel_type]
    _innocent(scene, papers, papers.record(scene, scene.fills[0], product), None, f"{product} is right for this van")


def allowed_premium(scene: Scene, papers: Papers) -> None:
    record = papers.record(scene, scene.fills[0], "gasoline_premium")
    _innocent(scene, papers, record, "F11", "premium is allowed")


def second_tank(scene: Scene, papers: Papers) -> None:
    _beyond_tank(scene, papers, SECOND_TANK_SHARE, "a second tank takes the rest")


def canisters(scene: Scene, papers: Papers) -> None:
    _beyond_tank(scene, papers, CANISTER_SHARE, "canisters are allowed")


def _beyond_tank(scene: Scene, papers: Papers, share: float, why: str) -> None:
    fill = scene.fills[0]
    record = papers.record(scene, fill._replace(litres=share * scene.van.tank_l))
    papers.buy(record, fill.time_s)
    for rule_id in ("F1", "F2"):
        papers.decoy(scene, rule_id, record, fill.time_s, why)
    papers.brings(scene, "F3", record, fill.time_s)
    papers.brings(scene, "F13 F20", None, fill.time_s)


def city_coordinates(scene: Scene, papers: Papers) -> None:
    fill = scene.fills[0]
    latitude, longitude = place(scene.van.depot, fill.station.x_m + CITY_M, fill.station.y_m)
    record = papers.record(scene, fill) | {"lat": latitude, "lon": longitude, "geo_quality": "city"}
    record |= {"site_id": None, "site_name": "FUEL"}
    _innocent(scene, papers, record, None, "the coordinates are those of the city")


def tracker_dies(scene: Scene, papers: Papers) -> None:
    _innocent(scene, papers, papers.record(scene, scene.fills[0]), None, "no GPS at the time")


def zone_off(scene: Scene, papers: Papers) -> None:
    record = moved(papers.record(scene, scene.fills[0]), ZONE_OFF_S)
    _innocent(scene, papers, record, None, "the provider's clock is three hours off")


def without_time(scene: Scene, papers: Papers) -> None:
    record = date_only(papers.record(scene, scene.fills[0]))
    _innocent(scene, papers, record, None, "only the date is given")


def site_clock(scene: Scene, papers: Papers) -> None:
    """As the terminal's clock shows it: no offset and no zone, only where the site is."""
    record = papers.record(scene, scene.fills[0]) | {"ts_quality": "site_local"}
    record = {key: value for key, value in record.items() if key not in ("ts_utc", "tz")}
    _innocent(scene, papers, record, None, "the zone follows from the site alone")


def repeated(scene: Scene, papers: Papers) -> None:
    record = papers.record(scene, scene.fills[0])
    papers.buy(record, scene.fills[0].time_s)
    _innocent(scene, papers, record, None, "every message came twice")


def corrected(scene: Scene, papers: Papers) -> None:
    """The station bills a volume that no tank holds; the posting has it right."""
    fill, record = scene.fills[0], papers.record(scene, scene.fills[0])
    price, zone = record["unit_price"], record["tz"]
    wrong = purchase_record(fill._replace(litres=1.3 * scene.van.tank_l), record["product"], price, zone)
    amounts = {name: wrong[name] for name in ("quantity", "gross", "discount", "net")}
    papers.buy(record | amounts, fill.time_s)
    papers.send(_posted(record), fill.time_s + POSTED_AFTER_S)
    papers.decoy(scene, None, record, fill.time_s, "the volume was corrected")


def repriced(scene: Scene, papers: Papers) -> None:
    """Days later the price of a fill is amended."""
    fill, record = scene.fills[0], papers.record(scene, scene.fills[0])
    papers.buy(record, fill.time_s)
    price = record["unit_price"] - Decimal("0.040")
    lower = purchase_record(fill, record["product"], price, record["tz"]) | {"event_type": "adjust", "seq": 4}
    papers.send(_posted(record), fill.time_s + POSTED_AFTER_S)
    papers.send(lower | {"odometer_typed": record["odometer_typed"]}, fill.time_s + CREDITED_AFTER_S)
    papers.decoy(scene, None, record, fill.time_s, "the price was amended")


def credited(scene: Scene, papers: Papers) -> None:
    """Part of a fill is credited under a transaction of its own."""
    fill, record = scene.fills[0], papers.record(scene, scene.fills[0])
    papers.buy(record, fill.time_s)
    credit = renamed(record, "-C") | {"event_type": "adjust", "seq": 1, "quantity": Decimal("-3.000")}
    gross = (credit["quantity"] * record["unit_price"]).quantize(Decimal("0.01"))
    credit |= {"gross": gross, "discount": Decimal(0), "net": gross}
    papers.send(credit, fill.time_s + CREDITED_AFTER_S)
    for either in (record, credit):
        papers.decoy(scene, None, either, fill.time_s, "part of it was credited")


def dear_state(scene: Scene, papers: Papers) -> None:
    _innocent(scene, papers, papers.record(scene, scene.fills[0]), "F14", "fuel is dearer in that state")


def top_up(scene: Scene, papers: Papers) -> None:
    _innocent(scene, papers, papers.record(scene, scene.fills[0]), "F8", "a full day's driving after the fill before")


def _innocent(scene: Scene, papers: Papers, record: Record, rule_id: str | None, why: str) -> None:
    papers.buy(record, scene.fills[0].time_s)
    papers.decoy(scene, rule_id, record, scene.fills[0].time_s, why)


def _posted(record: Record) -> Record:
    return cleared(record) | {"event_type": "post", "seq": 3, "posted_date": record["ts_local"][:10]}
