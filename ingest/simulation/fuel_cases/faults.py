"""What goes wrong at a pump, so that the record does not fit the van, its tank, its history or its papers?"""

from decimal import Decimal

from ingest.simulation.fleet import LITRES_PER_GALLON
from ingest.simulation.fuel_cases.habits import limit_l
from ingest.simulation.fuel_cases.writing import Papers, Scene, renamed
from ingest.simulation.paperwork import METRES_PER_MILE, Fill, Record

OVER_TANK = 1.092  # 27.3 US gallons into a tank of 25
SPLIT_OVER_TANK, SPLIT_AFTER_S = 1.12, 240.0
OVER_ROOM, AT_MOST = 0.25, 1.03  # of the tank
DEARER = "1.33"
OUTLIER, SKIMMED = 1.40, 1.30
BELOW_LIMIT = 0.975
FULL_WINDOW_DAYS = 14
CENT = Decimal("0.01")
FIVE_GALLONS_L = 5 * LITRES_PER_GALLON


def over_tank(scene: Scene, papers: Papers) -> None:
    fill = scene.fills[0]
    record = _bought(scene, papers, fill._replace(litres=OVER_TANK * scene.van.tank_l))
    papers.fault(scene, "F1", [(record, fill.time_s)], "more than the tank holds")
    _distorts(scene, papers, record, fill.time_s, "F2 F3")


def over_room(scene: Scene, papers: Papers) -> None:
    fill = scene.fills[0]
    assert fill.before_l is not None
    litres = min(scene.van.tank_l - fill.before_l + OVER_ROOM * scene.van.tank_l, AT_MOST * scene.van.tank_l)
    record = _bought(scene, papers, fill._replace(litres=litres))
    papers.fault(scene, "F2", [(record, fill.time_s)], "more than the room in the tank")
    _distorts(scene, papers, record, fill.time_s, "F3")


def no_rise(scene: Scene, papers: Papers) -> None:
    fill = scene.fills[0]
    assert fill.before_l is not None
    record = _bought(scene, papers, fill._replace(litres=0.7 * (scene.van.tank_l - fill.before_l)))
    papers.fault(scene, "F3", [(record, fill.time_s)], "nothing reached the tank")
    _distorts(scene, papers, record, fill.time_s, "")


def other_van(scene: Scene, papers: Papers, whose: Scene) -> None:
    """Another van fuels, with the card of `whose` van, which is far away."""
    fill = scene.fills[0]
    ghost = whose.ghost(fill.time_s, fill.station, fill.litres / LITRES_PER_GALLON)
    blamed = whose._replace(case_name=scene.case_name)
    record = _bought(blamed, papers, ghost)
    papers.fault(blamed, "F5", [(record, fill.time_s)], f"{scene.van.vehicle_id} was at the pump instead")
    _distorts(blamed, papers, record, fill.time_s, "F2 F3 F4")
    papers.brings(blamed, "F8", None, fill.time_s)
    papers.brings(scene, "F13 F20", None, fill.time_s)  # its own fill is on no card


def driving_by(scene: Scene, papers: Papers) -> None:
    fill = scene.fills[0]
    record = _bought(scene, papers, fill._replace(litres=6.3 * LITRES_PER_GALLON))
    papers.fault(scene, "F6", [(record, fill.time_s)], "the van drove past")
    _distorts(scene, papers, record, fill.time_s, "F2 F3 F7")


def engine_on(scene: Scene, papers: Papers) -> None:
    fill = scene.fills[0]
    record = _bought(scene, papers, fill)
    papers.fault(scene, "F7", [(record, fill.time_s)], "the engine ran at the pump")


def two_stops(scene: Scene, papers: Papers) -> None:
    """Half of the room is filled at one station and the rest at the next."""
    records = _tickets(scene, papers, scene.fills)
    if min(fill.litres for fill in scene.fills) > FIVE_GALLONS_L:
        papers.fault(scene, "F8", records, "two fills in one evening")
    papers.brings(scene, "F8 F13", None, scene.fills[0].time_s)


def split(scene: Scene, papers: Papers) -> None:
    """The tank is filled on one ticket, canisters on the next."""
    fill = scene.fills[0]
    rest = fill._replace(litres=SPLIT_OVER_TANK * scene.van.tank_l - fill.litres, time_s=fill.time_s + SPLIT_AFTER_S)
    records = _tickets(scene, papers, [fill, rest])
    papers.fault(scene, "F9", records, "two tickets of one stop exceed the tank")
    for record, time_s in records:
        _distorts(scene, papers, record, time_s, "F2 F3 F8")


def split_below_limit(scene: Scene, papers: Papers) -> None:
    fill = scene.fills[0]
    part_l = BELOW_LIMIT * limit_l(scene.habits)
    first, second = fill._replace(litres=part_l), fill._replace(litres=part_l, time_s=fill.time_s + SPLIT_AFTER_S)
    records = _tickets(scene, papers, [first, second])
    papers.fault(scene, "F9", records, "two tickets just below the limit of the card")
    for record, time_s in records:
        papers.brings(scene, "F8", record, time_s)


def wrong_fuel(scene: Scene, papers: Papers) -> None:
    product = {"gasoline": "diesel_2", "diesel": "gasoline_regular"}[scene.van.fuel_type]
    _misfuelled(scene, papers, product)


def dyed_diesel(scene: Scene, papers: Papers) -> None:
    _misfuelled(scene, papers, "diesel_taxexempt")


def premium(scene: Scene, papers: Papers) -> None:
    _misfuelled(scene, papers, "gasoline_premium")


def _misfuelled(scene: Scene, papers: Papers, product: str) -> None:
    fill = scene.fills[0]
    record = papers.record(scene, fill, product)
    papers.buy(record, fill.time_s)
    papers.fault(scene, "F11", [(record, fill.time_s)], f"{product} for a {scene.van.fuel_type} van")


def merchandise(scene: Scene, papers: Papers) -> None:
    fill = scene.fills[0]
    record = _bought(scene, papers, fill)
    food = item(record, "401", "FOOD", Decimal("8.49"))
    papers.buy(food, fill.time_s)
    papers.fault(scene, "F12", [(food, fill.time_s)], "food on the fuel card")


def outlier(scene: Scene, papers: Papers) -> None:
    fill = scene.fills[0]
    record = _bought(scene, papers, fill._replace(litres=OUTLIER * fill.litres))
    papers.fault(scene, "F13", [(record, fill.time_s)], "two fifths more than the distance takes")


def dear(scene: Scene, papers: Papers) -> None:
    fill = scene.fills[0]
    record = papers.record(scene, fill, dearer=DEARER)
    papers.buy(record, fill.time_s)
    papers.fault(scene, "F14", [(record, fill.time_s)], "a third dearer than elsewhere")


def arithmetic(scene: Scene, papers: Papers) -> None:
    fill = scene.fills[0]
    record = papers.record(scene, fill)
    gross = (record["gross"] * Decimal("1.06")).quantize(CENT)
    record |= {"gross": gross, "net": gross + record["discount"]}
    papers.buy(record, fill.time_s)
    papers.fault(scene, "F15", [(record, fill.time_s)], "the amount is 6 % above quantity times price")


def odometer(scene: Scene, papers: Papers) -> None:
    fill = scene.fills[0]
    record = papers.record(scene, fill)
    typed = round(fill.odometer_m / METRES_PER_MILE)
    wrong = {"zero": 0, "one key held": 111_111, "below the one before": typed - 5_000, "a digit missing": typed // 10}
    how = list(wrong)[int(scene.random.integers(len(wrong)))]
    record["odometer_typed"] = wrong[how]
    papers.buy(record, fill.time_s)
    papers.fault(scene, "F16", [(record, fill.time_s)], f"odometer typed wrong: {how}")


def unknown_card(scene: Scene, papers: Papers) -> None:
    _unknown(scene, papers, {"card_id": f"card-lost-{scene.van.number:04d}", "card_last4": "0000"}, "card")


def unknown_driver(scene: Scene, papers: Papers) -> None:
    _unknown(scene, papers, {"driver_ref": f"D9{scene.van.number:03d}"}, "driver")


def unknown_vehicle(scene: Scene, papers: Papers) -> None:
    _unknown(scene, papers, {"vehicle_ref": f"V9{scene.van.number:03d}"}, "vehicle")


def _unknown(scene: Scene, papers: Papers, references: dict[str, str], what: str) -> None:
    fill = scene.fills[0]
    record = papers.record(scene, fill) | references
    papers.buy(record, fill.time_s)
    papers.fault(scene, "F18", [(record, fill.time_s)], f"nobody knows this {what}")


def duplicate(scene: Scene, papers: Papers) -> None:
    fill = scene.fills[0]
    record = _bought(scene, papers, fill)
    again = renamed(record, "-R")
    papers.buy(again, fill.time_s)
    papers.fault(scene, "F19", [(record, fill.time_s), (again, fill.time_s)], "one purchase under two ids")
    for twin in (record, again):
        _distorts(scene, papers, twin, fill.time_s, "F2 F3 F8 F9")


def skimmed(scene: Scene, papers: Papers) -> None:
    """A share of every purchase goes into another tank; after two weeks that should show."""
    fill = scene.fills[0]
    record = _bought(scene, papers, fill._replace(litres=min(SKIMMED * fill.litres, AT_MOST * scene.van.tank_l)))
    if scene.day_number >= FULL_WINDOW_DAYS - 1:
        papers.fault(scene, "F20", [(record, fill.time_s)], "more bought than burned", fault_no=-scene.van.number)
    _distorts(scene, papers, record, fill.time_s, "F2 F3")


def item(record: Record, code: str, name: str, amount: Decimal, number: int = 2) -> Record:
    """Return a further line of a ticket, of something that is no fuel."""
    line = {
        "item_no": number,
        "product_code": code,
        "product_raw": name,
        "quantity": Decimal(1),
        "unit": "ea",
        "unit_price": amount,
        "gross": amount,
        "discount": Decimal(0),
        "net": amount,
        "service_type": "non-fuel",
    }
    return {key: value for key, value in record.items() if key != "product"} | line


def _tickets(scene: Scene, papers: Papers, fills: list[Fill]) -> list[tuple[Record, float]]:
    """Send purchases of one evening; who types the odometer twice does not read less the second time."""
    records = []
    odometer_typed = 0
    for fill in fills:
        record = papers.record(scene, fill)
        odometer_typed = max(odometer_typed, record["odometer_typed"])
        record["odometer_typed"] = odometer_typed
        papers.buy(record, fill.time_s)
        records.append((record, fill.time_s))
    return records


def _bought(scene: Scene, papers: Papers, fill: Fill) -> Record:
    record = papers.record(scene, fill)
    papers.buy(record, fill.time_s)
    return record


def _distorts(scene: Scene, papers: Papers, record: Record, time_s: float, rule_ids: str) -> None:
    """Say that a record may be noticed by these rules as well, and its volume in the van's consumption."""
    papers.brings(scene, rule_ids, record, time_s)
    papers.brings(scene, "F13 F20", None, time_s)
