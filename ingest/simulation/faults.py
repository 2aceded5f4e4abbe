"""Which fuel records of a simulation are wrong on purpose?

Three at most: the first purchase is made larger than the tank, the second gets the wrong fuel, and one van's
card is used at a pump while the van delivers miles away.
"""

import numpy as np

from ingest.simulation.city import Depot, Station
from ingest.simulation.fleet import Van
from ingest.simulation.paperwork import PRODUCTS, PROVIDER, Fault, Fill, transaction_id, utc
from ingest.simulation.truth import DayTruth

OVER_TANK_SHARE = 1.092  # 27.3 US gallons into a tank of 25
WRONG_PRODUCT = {"gasoline": "diesel_2", "diesel": "gasoline_regular"}
AWAY_M, AWAY_S = 1_500.0, 3_900.0  # farther than this from the pump for longer than any rule looks around


def with_faults(
    fills: list[Fill], days: list[DayTruth], stations: dict[Depot, list[Station]], tenant: str
) -> tuple[list[tuple[Fill, str]], list[Fault]]:
    """Return what is recorded as bought, each fill with its product, and the faults made in it."""
    bought = [(fill, PRODUCTS[fill.van.fuel_type]) for fill in fills]
    faults = []
    if bought:
        van = bought[0][0].van
        bought[0] = (bought[0][0]._replace(litres=OVER_TANK_SHARE * van.tank_l), bought[0][1])
        faults.append(_fault(bought[0][0], tenant, "F1", "more than the tank holds"))
    if len(bought) > 1:
        fill = bought[1][0]
        product = WRONG_PRODUCT[fill.van.fuel_type]
        bought[1] = (fill, product)
        faults.append(_fault(fill, tenant, "F11", f"{product} for a {fill.van.fuel_type} van"))
    elsewhere = _card_used_elsewhere(days, stations)
    if elsewhere is not None:
        bought.append((elsewhere, PRODUCTS[elsewhere.van.fuel_type]))
        faults.append(_fault(elsewhere, tenant, "F4", "the van was not at the station"))
    return bought, faults


def _fault(fill: Fill, tenant: str, rule_id: str, description: str) -> Fault:
    van: Van = fill.van
    purchased_utc = utc(round(fill.time_s))
    return Fault(tenant, van.vehicle_id, PROVIDER, transaction_id(fill), purchased_utc, rule_id, description)


def _card_used_elsewhere(days: list[DayTruth], stations: dict[Depot, list[Station]]) -> Fill | None:
    for truth in days:
        day = truth.day
        if day.fuelling is not None:
            continue
        time_s = day.hand_offs[len(day.hand_offs) // 2].arrived_s
        around_ms = np.rint(np.arange(time_s - AWAY_S, time_s + AWAY_S, 10.0) * 1000).astype(np.int64)
        sight = day.journey.at(np.clip(around_ms, day.journey.start_ms[0], day.journey.end_ms))
        for station in stations[truth.van.depot]:
            metres = np.hypot(sight.x_m - station.x_m, sight.y_m - station.y_m)
            if metres.min() > AWAY_M:
                litres = 0.5 * truth.van.tank_l
                return Fill(truth.van, truth.clock_s + time_s, station, litres, truth.odometer_m)
    return None
