"""Each rule on fuel purchases: a case that fires, one just below, and what its guards keep quiet.

Every case is a tenant of one warehouse and is asserted whole: the flags named, and no other.
"""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.warehouse.fuel_rows import (
    AT,
    AWAY,
    DAY,
    GALLON_L,
    MILE_M,
    Purchase,
    Rows,
    add_fleet,
    after,
    buy,
    route,
    warehouse_of_rules,
)
from warehouse.fuel_exceptions import evaluate_rules, rule_select
from warehouse.fuel_rules import listed_rules, parsed

Setup = Callable[[Rows, str], None]
MISMATCH = {"match_state": "mismatch"}
UNVERIFIABLE = {"match_state": "unverifiable"}
SILENT = {"fix_count_60": 0, "fix_count_15": 0, "fix_count_3": 0, **dict.fromkeys(AWAY), "min_speed_3_kmh": None,
          "engine_on_site_s": None, "level_before_pct": None, "level_after_pct": None}  # fmt: skip
SECOND = {"provider_txn_id": "P2"}
OTHER_VAN = {"vehicle_id": "V2", "nearest_10_m": 40.0, "nearest_15_m": 40.0, "nearest_60_m": 40.0}
FAR_ON = {"odometer_m": 50_100 * MILE_M}
NIGHT = {"at_utc": AT + timedelta(hours=12)}  # 02:00 of the next day
DIESEL = {"product": "diesel_2", "fuel_family": "diesel", "product_code": "019", "product_raw": "DIESEL NO 2"}
WASH = {"line_kind": "non_fuel", "product": "car_wash", "product_raw": "WASH", "fuel_family": None, "quantity": 1,
        "unit": "ea", "quantity_l": None, "price_per_l": None, "unit_price": 12, "gross": 12, "net": 12}  # fmt: skip
FOOD = WASH | {"product": "merchandise", "product_raw": "FOOD", "product_code": "401"}
DECLINE = {"line_kind": "decline", "event_type": "decline", "quantity": None, "quantity_l": None, "gross": 60}
PENDING = {"line_kind": "pending", "event_type": "auth", "quantity": None, "quantity_l": None, "unit_price": None,
           "price_per_l": None, "gross": 125, "net": None, "is_final": False}  # fmt: skip
DATE_ONLY = {"ts_quality": "date_only", "at_utc": None}
ITEM_2 = {"item_no": 2}


class Case(NamedTuple):
    """Purchases, and the flags there should be: `P1:F1`."""

    flags: str
    purchases: list[Purchase]
    setup: Setup = lambda rows, tenant: None


def one(flags: str = "", setup: Setup | None = None, **given: Any) -> Case:
    return Case(flags, [Purchase(**given)], setup or (lambda rows, tenant: None))


def two(flags: str, first: Purchase, second: Purchase) -> Case:
    return Case(flags, [first, second._replace(key=SECOND | dict(second.key))])


def fill(minutes: float = 0, gallons: float = 9, **given: Any) -> Purchase:
    """A smaller fill at some time, its level not known and the van 50 miles further every hour."""
    driven = {"odometer_m": (50_000 + 50 * minutes / 60) * MILE_M, "level_before_pct": None}
    line = {"at_utc": after(minutes), "quantity": gallons} | given.pop("line", {})
    return Purchase(line=line, presence=driven | given.pop("presence", {}), **given)


def intervals(*mpg: float, **last: Any) -> Setup:
    """Tank-to-tank intervals of V1, a day apart; the last one is closed by P1."""

    def setup(rows: Rows, tenant: str) -> None:
        for number, value in enumerate(mpg, 1):
            closes = number == len(mpg)
            rows.add(
                "marts.fuel_intervals", tenant_id=tenant, vehicle_id="V1", provider="wex",
                provider_txn_id="P1" if closes else f"E{number}", item_no=1, to_utc=after(1440 * (number - len(mpg))),
                litres=60.0, distance_m=value * 60 / GALLON_L * MILE_M, distance_source="odometer", mpg=value,
                l_per_100km=235.214583 / value, **({"quality_flags": []} | (last if closes else {})),
            )  # fmt: skip

    return setup


def interval_between(*flags: str) -> Setup:
    """The interval of 20 miles from P1 to P2."""
    return lambda rows, tenant: rows.add(
        "marts.fuel_intervals",
        tenant_id=tenant,
        vehicle_id="V1",
        provider="wex",
        provider_txn_id="P2",
        item_no=1,
        from_utc=AT,
        to_utc=after(180),
        litres=34.0,
        distance_m=20 * MILE_M,
        distance_source="odometer",
        quality_flags=list(flags),
    )


def balance(days: int = 14, first_day_before: int = 20, **given: Any) -> Setup:
    def setup(rows: Rows, tenant: str) -> None:
        rows.add(
            "core.vehicle_dates", tenant_id=tenant, service_date=DAY - timedelta(days=first_day_before),
            vehicle_id="V1", timezone="UTC", first_fix_utc=AT, last_fix_utc=AT,
        )  # fmt: skip
        values = {
            "card_l": 300.0,
            "counter_l": 220.0,
            "level_change_l": 5.0,
            "gap_l": 75.0,
            "gap_share": 0.25,
            "coverage": 0.96,
        }
        rows.add(
            "marts.fuel_balances", tenant_id=tenant, vehicle_id="V1", to_date=DAY,
            from_date=DAY - timedelta(days=days - 1), **(values | given),
        )  # fmt: skip

    return setup


def prices_of_the_day(price: float, others: list[float], **line: Any) -> Case:
    bought = [
        Purchase(
            line={
                "unit_price": each,
                "price_per_l": each / GALLON_L,
                "gross": round(18 * each, 2),
                "card_id": f"c{number}",
                "vehicle_id": f"W{number}",
                **(line if number == 0 else {}),
            },
            key={"provider_txn_id": f"P{number + 1}"},
            match=UNVERIFIABLE,
            presence=None,
        )
        for number, each in enumerate([price, *others])
    ]
    return Case("", bought)


def dear(flags: str, *given: Any, **line: Any) -> Case:
    return prices_of_the_day(*given, **line)._replace(flags=flags, setup=no_routes)


def no_routes(rows: Rows, tenant: str) -> None:
    rows.drop(tenant, "core.planned_routes")


def days_off(*around: int) -> Setup:
    """No route that day; the fleet has plans so many days before or after."""

    def setup(rows: Rows, tenant: str) -> None:
        no_routes(rows, tenant)
        for days in around:
            route(rows, "V2", DAY + timedelta(days=days), tenant)

    return setup


def no_lists(rows: Rows, tenant: str) -> None:
    rows.drop(tenant, "core.drivers", "core.assignments", "core.vehicles")


def coverage(share: float) -> Setup:
    return lambda rows, tenant: rows.change("marts.vehicle_days", tenant, coverage=share)


def in_workshop(rows: Rows, tenant: str) -> None:
    rows.change("core.vehicles", tenant, status="workshop")


def price_in(region: str, days_old: int = 3, product: str = "gasoline_regular") -> Setup:
    def setup(rows: Rows, tenant: str) -> None:
        no_routes(rows, tenant)
        rows.add(
            "core.prices", region=region, product=product, from_date=DAY - timedelta(days=days_old),
            price=3.45, unit="gal", currency="USD",
        )  # fmt: skip

    return setup


QUIET_SENSOR = {"level_before_pct": None, "level_after_pct": None}
COSTLY = {"unit_price": 4.60, "price_per_l": 4.60 / GALLON_L, "gross": 82.80, "net": 82.80}


def priced_in(state: str, flags: str = "", setup: Setup | None = None, **line: Any) -> Case:
    return one(flags, setup, line=COSTLY | {"state": state} | line)


CASES = {
    "an honest fill": one(),
    # F1: 27.3 gal into 25
    "F1 27.3 into 25": one("P1:F1", line={"quantity": 27.3}, presence=QUIET_SENSOR),
    "F1 26.2 into 25": one(line={"quantity": 26.2}, presence=QUIET_SENSOR),
    "F1 second tank": one(line={"quantity": 27.3}, options={"tank2_l": "60"}),
    "F1 more than both tanks": one("P1:F1", line={"quantity": 45}, options={"tank2_l": "60"}),
    "F1 canisters": one(line={"quantity": 27.3}, options={"canisters_allowed": "yes"}),
    "F1 tank not known": one(line={"quantity": 27.3, "tank_l": None}),
    "F1 tank of zero": one(line={"quantity": 27.3, "tank_l": 0.0}),
    "F1 estimate of an authorisation": one(line=PENDING | {"quantity": 36, "quantity_l": 136.0, "gross": 125}),
    "F1 void": one(line={"quantity": 27.3, "line_kind": "void"}),
    "F1 credit": one(line={"quantity": -27.3, "line_kind": "credit"}),
    "F1 exhaust fluid": one(line={"quantity": 27.3, "fuel_family": "def", "product": "def"}, match=UNVERIFIABLE),
    # F2: a quarter full, room for 18.75 gal, 2.5 gal on top
    "F2 21.5 into room for 18.75": one("P1:F2", line={"quantity": 21.5}),
    "F2 21.2 into room for 18.75": one(line={"quantity": 21.2}),
    "F2 said by F1": one("P1:F1", line={"quantity": 27.3}),
    "F2 stale level": one(line={"quantity": 21.5}, presence={"level_before_age_s": 1900.0}),
    "F2 stuck sensor": one(line={"quantity": 21.5}, presence={"level_span_day_pct": 2.0}),
    "F2 sensor with three levels": one(line={"quantity": 21.5}, presence={"level_count_day": 3}),
    "F3 sensor with three levels": one(presence={"level_after_pct": 25.0, "level_count_day": 3}),
    "F2 second tank": one(line={"quantity": 21.5}, options={"tank2_l": "60"}),
    "F2 canisters": one(line={"quantity": 21.5}, options={"canisters_allowed": "true"}),
    "F2 van not seen there": one(line={"quantity": 21.5}, match=UNVERIFIABLE),
    # F3: 18 gal are 72 % of the tank
    "F3 rise of 30 %": one("P1:F3", presence={"level_after_pct": 55.0}),
    "F3 rise of 37 %": one(presence={"level_after_pct": 62.0}),
    "F3 no level after": one(presence={"level_after_pct": None}),
    "F3 stale level before": one(presence={"level_after_pct": 55.0, "level_before_age_s": 1900.0}),
    "F3 stuck sensor": one(presence={"level_after_pct": 25.0, "level_span_day_pct": 2.0}),
    "F3 second tank": one(presence={"level_after_pct": 25.0}, options={"tank2_l": "60"}),
    "F3 canisters": one(presence={"level_after_pct": 25.0}, options={"canisters_allowed": "1"}),
    "F3 too little to see": one(line={"quantity": 2}, presence={"level_after_pct": 25.0}),
    "F3 clock off by whole hours": one(presence={"level_after_pct": 25.0}, match={"time_shift_h": 3}),
    # F4
    "F4 van miles away": one("P1:F4", presence=AWAY, match=MISMATCH),
    "F4 260 m and 900 m": one("P1:F4", presence=AWAY | {"nearest_15_m": 900.0, "nearest_60_m": 810.0}, match=MISMATCH),
    "F4 probable at 800 m": one(
        presence={"nearest_15_m": 900.0, "nearest_60_m": 800.0}, match={"match_state": "probable"}
    ),
    "F4 no GPS": one(presence=SILENT, match=UNVERIFIABLE),
    "F4 no GPS, whatever the match says": one(presence=AWAY | {"fix_count_15": 0}, match=MISMATCH),
    "F4 nothing known of the van": one(presence=None, match=UNVERIFIABLE),
    "F4 coordinates of a city": one(line={"geo_quality": "city"}, presence=AWAY, match=MISMATCH),
    "F4 clock off by whole hours": one(presence=AWAY, match=MISMATCH | {"time_shift_h": 3}),
    "F4 a date only": one(line=DATE_ONLY, presence=AWAY | {"day_nearest_m": 10.0}, match=MISMATCH),
    "F4 authorised so far": one("P1:F4", line=PENDING, presence=AWAY | QUIET_SENSOR, match=MISMATCH),
    "F4 void": one(line={"line_kind": "void"}, presence=AWAY, match=MISMATCH),
    "F4 once a ticket": Case(
        "P1:F4", [Purchase(presence=AWAY, match=MISMATCH), Purchase(WASH, AWAY, MISMATCH, ITEM_2)]
    ),
    # F5
    "F5 in place of F4": one("P1:F5", presence=AWAY, match=MISMATCH, others=(OTHER_VAN,)),
    "F5 other van at 110 m": one("P1:F4", presence=AWAY, match=MISMATCH, others=(OTHER_VAN | {"nearest_10_m": 110.0},)),
    "F5 both vans there": one(others=(OTHER_VAN,)),
    "F5 own van not heard": one(presence=SILENT, match=UNVERIFIABLE, others=(OTHER_VAN,)),
    # F6
    "F6 never below 14 km/h": one("P1:F6", presence={"min_speed_3_kmh": 14.0} | QUIET_SENSOR),
    "F6 9 km/h": one(presence={"min_speed_3_kmh": 9.0} | QUIET_SENSOR),
    "F6 two positions": one(presence={"min_speed_3_kmh": 14.0, "fix_count_3": 2} | QUIET_SENSOR),
    "F6 time of the site only": one(line={"ts_quality": "site_local"}, presence={"min_speed_3_kmh": 14.0}),
    "F6 clock off": one(presence={"min_speed_3_kmh": 14.0}, match={"time_shift_h": -1}),
    "F6 said by F4": one("P1:F4", presence=AWAY | {"min_speed_3_kmh": 40.0}, match=MISMATCH),
    "F6 said by F5": one("P1:F5", presence=AWAY | {"min_speed_3_kmh": 40.0}, match=MISMATCH, others=(OTHER_VAN,)),
    # F7
    "F7 engine on 200 s": one("P1:F7", presence={"engine_on_site_s": 200.0}),
    "F7 engine on 120 s": one(presence={"engine_on_site_s": 120.0}),
    "F7 engine not known": one(presence={"engine_on_site_s": None}),
    "F7 said by F6": one("P1:F6", presence={"engine_on_site_s": 200.0, "min_speed_3_kmh": 30.0} | QUIET_SENSOR),
    # F8
    "F8 50 min apart": two("P2:F8", fill(), fill(50, line={"site_id": "S2"})),
    "F8 70 min and 58 miles apart": two("", fill(), fill(70, line={"site_id": "S2"})),
    "F8 three hours and 20 miles apart": two(
        "P2:F8", fill(), fill(180, presence={"odometer_m": 50_020 * MILE_M}, line={"site_id": "S2"})
    ),
    "F8 three hours apart, distance not known": two(
        "", fill(), fill(180, presence={"odometer_m": None}, line={"site_id": "S2"})
    ),
    "F8 three hours apart, 20 miles by the interval": Case(
        "P2:F8",
        [fill(), fill(180, key=SECOND, presence={"odometer_m": None}, line={"site_id": "S2"})],
        interval_between(),
    ),
    "F8 three hours apart, a fill missed between": Case(
        "",
        [fill(), fill(180, key=SECOND, presence={"odometer_m": None}, line={"site_id": "S2"})],
        interval_between("missed_fill"),
    ),
    "F8 one of 4 gal": two("", fill(), fill(50, 4, line={"site_id": "S2"})),
    "F8 first one void": two("", fill(line={"line_kind": "void"}), fill(50, line={"site_id": "S2"})),
    "F8 a correction between": two("", fill(), fill(50, line={"line_kind": "credit"})),
    "F8 date only": two("", fill(), fill(50, line=DATE_ONLY)),
    "F8 other van, other card": two(
        "", fill(), fill(50, line={"vehicle_id": "V2", "card_id": "c2"}, options={"off_hours_allowed": "true"})
    ),
    "F8 two tanks at one stop": two(
        "", fill(gallons=18, options={"tank2_l": "60"}), fill(8, 15, options={"tank2_l": "60"})
    ),
    "F8 canisters at one stop": two(
        "", fill(options={"canisters_allowed": "true"}), fill(8, options={"canisters_allowed": "true"})
    ),
    "F8 one of a doubled hour": two("", fill(), fill(50, line={"site_id": "S2", "at_utc_alternative": after(110)})),
    # F9
    "F9 18 and 9 gal within 8 min": two("P2:F9", fill(gallons=18), fill(8)),
    "F9 18 and 8 gal within 8 min": two("P2:F8", fill(gallons=18), fill(8, 8)),
    "F9 three fills, said once": Case(
        "P3:F9", [fill(), fill(5, key=SECOND), fill(10, 9, key={"provider_txn_id": "P3"})]
    ),
    "F9 another site": two("P2:F8", fill(gallons=18), fill(8, line={"site_id": "S2"})),
    "F9 just below the limit": two(
        "P2:F9", fill(gallons=6.3, card_options={"limit_gal": "6.5"}), fill(6, 6.4, card_options={"limit_gal": "6.5"})
    ),
    "F9 far below the limit": two(
        "", fill(gallons=4.5, card_options={"limit_gal": "6.5"}), fill(6, 4.6, card_options={"limit_gal": "6.5"})
    ),
    "F9 just below the limit in money": two(
        "P2:F9",
        fill(line={"quantity": 4, "gross": 98, "net": 98, "unit_price": 24.5}, card_options={"limit_amount": "100"}),
        fill(
            6, line={"quantity": 4, "gross": 99, "net": 99, "unit_price": 24.75}, card_options={"limit_amount": "100"}
        ),
    ),
    "F9 canisters": two(
        "", fill(gallons=18, options={"canisters_allowed": "true"}), fill(8, options={"canisters_allowed": "true"})
    ),
    "F9 one larger than the tank": two("P1:F1 P2:F8", fill(gallons=27.3), fill(8)),
    "F9 a void between": two("", fill(gallons=18), fill(8, line={"line_kind": "void"})),
    # F10: the route is from 09:40 to 18:00
    "F10 at night": one("P1:F10", line=NIGHT),
    "F10 19:59": one(line={"at_utc": after(359)}),
    "F10 20:01": one("P1:F10", line={"at_utc": after(361)}),
    "F10 07:41": one(line={"at_utc": after(-379)}),
    "F10 at night where allowed": one(line=NIGHT, options={"off_hours_allowed": "true"}),
    "F10 no route, others have": one("P1:F10", days_off(0)),
    "F10 no route for anybody, plans around": one("P1:F10", days_off(-1, 1)),
    "F10 no route for anybody, plans a week and more around": one("", days_off(-8, 8)),
    "F10 no plan of the day received": one("", days_off(-1)),
    "F10 no plans at all": one("", no_routes, line=NIGHT),
    "F10 in the workshop": one("", in_workshop, line=NIGHT),
    "F10 a date only": one("", days_off(0), line=DATE_ONLY),
    "F10 right by whole hours": one(line=NIGHT, match={"time_shift_h": -12}),
    "F10 one of a doubled hour": one(line={"at_utc": after(400), "at_utc_alternative": after(340)}),
    # F11
    "F11 diesel for gasoline": one("P1:F11", line=DIESEL),
    "F11 gasoline for diesel": one("P1:F11", line={"vehicle_fuel_type": "diesel"}),
    "F11 dyed diesel": one("P1:F11", line=DIESEL | {"product": "diesel_taxexempt", "vehicle_fuel_type": "diesel"}),
    "F11 premium": one("P1:F11", line={"product": "gasoline_premium"}),
    "F11 premium allowed": one(line={"product": "gasoline_premium"}, options={"premium_allowed": "true"}),
    "F11 E10": one(line={"product": "gasoline_e10_regular"}),
    "F11 E85 may be flex fuel": one(line={"product": "e85", "fuel_family": "e85"}),
    "F11 diesel allowed": one(line=DIESEL, options={"allowed_products": "car_wash;diesel_2"}),
    "F11 code of an allowed product": one(line=DIESEL, options={"allowed_products": "019"}),
    "F11 code without its set": one(line={"product": None, "fuel_family": None, "code_set": None}),
    "F11 fuel of the van not known": one(line=DIESEL | {"vehicle_fuel_type": None}),
    "F11 gasoline for an electric van": one("P1:F11", line={"vehicle_fuel_type": "electric"}),
    "F11 authorised only": one(line=PENDING | DIESEL),
    "F11 gasoline for canisters": one(line={"vehicle_fuel_type": "diesel"}, options={"canisters_allowed": "true"}),
    # F12
    "F12 food": Case("P1:F12", [Purchase(), Purchase(FOOD, key=ITEM_2)]),
    "F12 wash": Case("", [Purchase(), Purchase(WASH, key=ITEM_2)]),
    "F12 exhaust fluid": Case("", [Purchase(), Purchase(FOOD | {"product": "def", "product_raw": "DEF"}, key=ITEM_2)]),
    "F12 discount line": Case(
        "",
        [Purchase(), Purchase(FOOD | {"product": None, "product_raw": "DISCOUNT", "gross": -1, "net": -1}, key=ITEM_2)],
    ),
    "F12 a credit": Case("", [Purchase(), Purchase(FOOD | {"line_kind": "credit"}, key=ITEM_2)]),
    "F12 allowed for this van": Case(
        "", [Purchase(), Purchase(FOOD, key=ITEM_2, options={"allowed_products": "merchandise"})]
    ),
    # F13: the example of the domain reference
    "F13 9.8 after 13.6": one("P1:F13", intervals(13.3, 13.9, 13.6, 13.3, 13.9, 13.6, 9.8)),
    "F13 12.2 after 13.6": one("", intervals(13.3, 13.9, 13.6, 13.3, 13.9, 13.6, 12.2)),
    "F13 five before": one("", intervals(13.3, 13.9, 13.6, 13.3, 13.9, 9.8)),
    "F13 after a missed fill": one(
        "", intervals(13.3, 13.9, 13.6, 13.3, 13.9, 13.6, 9.8, quality_flags=["missed_fill"])
    ),
    "F13 of a part fill": one("", intervals(13.3, 13.9, 13.6, 13.3, 13.9, 13.6, 9.8, quality_flags=["not_full"])),
    "F13 all alike before": one("", intervals(13.6, 13.6, 13.6, 13.6, 13.6, 13.6, 12.6)),
    # F14: the example of the domain reference
    "F14 4.60 against 3.45": dear("P1:F14", 4.60, [3.45, 3.44, 3.46, 3.45]),
    "F14 3.85 against 3.45, others alike": dear("P1:F14", 3.85, [3.45, 3.44, 3.46, 3.45]),
    "F14 3.78 against 3.45": dear("", 3.78, [3.45, 3.44, 3.46, 3.45]),
    "F14 3.85 where prices differ": dear("", 3.85, [3.25, 3.35, 3.45, 3.65, 3.75]),
    "F14 three others only": dear("", 4.60, [3.45, 3.44, 3.46]),
    "F14 another state": dear("", 4.60, [3.45, 3.44, 3.46, 3.45], state="NY"),
    "F14 another product": dear("", 4.60, [3.45, 3.44, 3.46, 3.45], product="gasoline_mid"),
    "F14 another currency": dear("", 4.60, [3.45, 3.44, 3.46, 3.45], currency="CAD"),
    "F14 price of the state": priced_in("OH", "P1:F14", price_in("Ohio")),
    "F14 price of the district": priced_in("AL", "P1:F14", price_in("Gulf Coast")),
    "F14 24 % above it": priced_in(
        "UT", "", price_in("Rocky Mountain"), unit_price=4.27, price_per_l=4.27 / GALLON_L, gross=76.86
    ),
    "F14 old price of the region": priced_in("MN", "", price_in("Minnesota", 40)),
    "F14 price of the country only": priced_in("IA", "", price_in("U.S.")),
    "F14 premium against regular": one(
        "",
        price_in("Washington"),
        line=COSTLY | {"state": "WA", "product": "gasoline_premium"},
        options={"premium_allowed": "true"},
    ),
    # F15
    "F15 6 % more": one("P1:F15", line={"gross": 65.83, "net": 65.83}),
    "F15 1.5 % more": one(line={"gross": 63.03, "net": 63.03}),
    "F15 0.45 more of little": one(line={"quantity": 1, "gross": 3.90, "net": 3.90}, presence=QUIET_SENSOR),
    "F15 a discount": one(line={"gross": 58.50, "discount": -3.60, "net": 58.50}),
    "F15 tax": one(line={"gross": 66.10, "tax": 4.00, "net": 66.10}),
    "F15 a credit line": Case(
        "",
        [
            Purchase({"gross": 58.50, "net": 58.50}),
            Purchase(FOOD | {"line_kind": "credit", "gross": -3.60, "net": -3.60}, key=ITEM_2),
        ],
    ),
    "F15 held amount": one(line=PENDING | {"unit_price": 3.45, "quantity": 18}),
    "F15 no price": one(line={"unit_price": None, "gross": 99}),
    # F16
    "F16 one digit missing": one(
        "P1:F16",
        line={"odometer_typed": 5000},
        match={"odometer_valid": False, "odometer_reason": "digit_extra_or_missing"},
    ),
    "F16 nothing to compare with": one(match={"odometer_valid": None}),
    "F16 clock off": one(match={"odometer_valid": False, "odometer_reason": "other", "time_shift_h": 3}),
    "F16 zero, clock off": one(
        "P1:F16",
        line={"odometer_typed": 0},
        match={"odometer_valid": False, "odometer_reason": "zero", "time_shift_h": 3},
    ),
    # F17
    "F17 a date only, 20 miles": one(
        "P1:F17", line=DATE_ONLY, presence={"day_nearest_m": 32_000.0}, match=UNVERIFIABLE
    ),
    "F17 4.9 miles": one(line=DATE_ONLY, presence={"day_nearest_m": 7_900.0}, match=UNVERIFIABLE),
    "F17 with F4": one(
        "P1:F17 P1:F4", presence=AWAY | {"day_nearest_m": 32_000.0, "nearest_60_m": 33_000.0}, match=MISMATCH
    ),
    "F17 no GPS at the time": one(presence=SILENT | {"day_nearest_m": 32_000.0}, match=UNVERIFIABLE),
    "F17 day half heard": one(
        "", coverage(0.5), line=DATE_ONLY, presence={"day_nearest_m": 32_000.0}, match=UNVERIFIABLE
    ),
    "F17 a silence in which it could have gone there": one(
        presence=AWAY | {"day_nearest_m": 32_000.0}, match=UNVERIFIABLE
    ),
    "F17 few positions": one(
        line=DATE_ONLY, presence={"day_nearest_m": 32_000.0, "day_fix_count": 25}, match=UNVERIFIABLE
    ),
    "F17 coordinates of a city": one(
        line=DATE_ONLY | {"geo_quality": "city"}, presence={"day_nearest_m": 32_000.0}, match=UNVERIFIABLE
    ),
    # F18
    "F18 card": one("P1:F18", line={"is_card_known": False}),
    "F18 van": one("P1:F18", line={"is_vehicle_known": False, "vehicle_ref": "V999"}),
    "F18 driver": one("P1:F18", line={"is_driver_known": False, "driver_ref": "D99"}),
    "F18 none given": one(line={"is_card_known": None, "is_vehicle_known": None, "is_driver_known": None}),
    "F18 no lists": one(
        "", no_lists, line={"is_card_known": False, "is_driver_known": False, "is_vehicle_known": False}
    ),
    "F18 a decline": one(line=DECLINE | {"is_card_known": False}),
    # F19
    "F19 another id": two("P2:F19", fill(), fill(0.4)),
    "F19 a minute later": two("P2:F8", fill(), fill(1.1)),
    "F19 another volume": two("P2:F8", fill(), fill(0.4, 9.1)),
    "F19 lines of one ticket": Case("", [fill(gallons=4), fill(gallons=4, key=ITEM_2)]),
    "F19 date only": two("", fill(line=DATE_ONLY), fill(line=DATE_ONLY)),
    "F19 a repeat is asked nothing else": two(
        "P1:F4 P2:F19", fill(presence=AWAY, match=MISMATCH), fill(presence=AWAY, match=MISMATCH)
    ),
    # F20
    "F20 a quarter not accounted for": one("P1:F20", balance()),
    "F20 9 gal": one("", balance(gap_l=34.0, gap_share=0.2)),
    "F20 14 %": one("", balance(gap_l=42.0, gap_share=0.14)),
    "F20 level not known": one("", balance(level_change_l=None)),
    "F20 half the window heard": one("", balance(coverage=0.5)),
    "F20 window longer than the history": one("", balance(first_day_before=9)),
    # F21
    "F21 three in two hours": Case(
        "P3:F21",
        [Purchase(DECLINE | {"at_utc": after(60 * n)}, key={"provider_txn_id": f"P{n + 1}"}) for n in range(3)],
    ),
    "F21 five, said once": Case(
        "P3:F21",
        [Purchase(DECLINE | {"at_utc": after(60 * n)}, key={"provider_txn_id": f"P{n + 1}"}) for n in range(5)],
    ),
    "F21 two": Case(
        "", [Purchase(DECLINE | {"at_utc": after(60 * n)}, key={"provider_txn_id": f"P{n + 1}"}) for n in range(2)]
    ),
    "F21 three in 26 hours": Case(
        "", [Purchase(DECLINE | {"at_utc": after(780 * n)}, key={"provider_txn_id": f"P{n + 1}"}) for n in range(3)]
    ),
    "F21 three cards": Case(
        "", [Purchase(DECLINE | {"card_id": f"x{n}"}, key={"provider_txn_id": f"P{n + 1}"}) for n in range(3)]
    ),
}


@pytest.fixture(scope="module")
def judged():
    warehouse, rows = warehouse_of_rules(), Rows()
    for name, case in CASES.items():
        add_fleet(rows, name)
        case.setup(rows, name)
        for purchase in case.purchases:
            buy(rows, purchase, name)
    rows.put_into(warehouse)
    evaluate_rules(warehouse)
    return warehouse


@pytest.mark.parametrize("name", CASES)
def test_flags_are_those_of_the_case_and_no_other(judged, name):
    rows = judged.execute(
        "select provider_txn_id || ':' || rule_id from marts.fuel_exceptions where tenant_id = ? order by 1", [name]
    ).fetchall()
    assert " ".join(row[0] for row in rows) == CASES[name].flags


def test_every_rule_has_a_case_that_fires_and_one_that_does_not():
    for rule in listed_rules():
        cases = [case for name, case in CASES.items() if name.split()[0] == rule.rule_id]
        fires = [f":{rule.rule_id} " in f"{case.flags} " for case in cases]
        assert any(fires), rule.rule_id
        assert not all(fires), rule.rule_id


def test_rules_are_f1_to_f21_and_a_select_takes_each_threshold_of_its_rule():
    rules = listed_rules()
    assert [rule.rule_id for rule in rules] == [f"F{number}" for number in range(1, 22)]
    for rule in rules:
        assert rule_select(rule.rule_id).startswith(f"-- {rule.rule_id}, {rule.title[0].lower()}"), rule.rule_id
        assert set(re.findall(r"\$(\w+)", rule_select(rule.rule_id))) == set(rule.thresholds), rule.rule_id


@pytest.mark.parametrize(
    ("name", "rule_id", "sentence"),
    [
        (
            "F1 27.3 into 25",
            "F1",
            "27.3 gal (103.3 L) bought for van V1, whose tank holds 25.0 gal (94.6 L): 9 % more.",
        ),
        (
            "F4 van miles away",
            "F4",
            "In the 15 min around 2026-02-26 14:00 van V1 was never within 820 ft (250 m) of"
            " SHELL 12; within the hour its nearest position was 4.2 mi (6.8 km) away.",
        ),
        (
            "F8 three hours and 20 miles apart",
            "F8",
            "9.0 gal (34.1 L) bought for van V1 3.0 h after 9.0 gal (34.1 L) at"
            " 2026-02-26 14:00, with 20.0 mi (32.2 km) driven between.",
        ),
        (
            "F13 9.8 after 13.6",
            "F13",
            "9.8 mpg (24.0 L/100 km) since the fill before; the last 6 intervals of van V1 have"
            " a median of 13.6 mpg (17.3 L/100 km).",
        ),
        (
            "F14 4.60 against 3.45",
            "F14",
            "$4.60/gal for gasoline regular, 33 % more than the median of 5 purchases in NJ that day: $3.45/gal.",
        ),
        ("F15 6 % more", "F15", "$65.83 is charged; 18.000 gal at 3.450 are $62.10, $3.73 less."),
        ("F18 driver", "F18", "driver reference D99: in no list of the fleet at 2026-02-26 14:00."),
        (
            "F21 three in two hours",
            "F21",
            "Card ending in 0001 was declined 3 times within 2.0 h, last at 2026-02-26 16:00.",
        ),
    ],
)
def test_a_flag_says_in_one_sentence_what_was_seen(judged, name, rule_id, sentence):
    rows = judged.execute(
        "select explanation from marts.fuel_exceptions where tenant_id = ? and rule_id = ?", [name, rule_id]
    ).fetchall()
    assert rows == [(sentence,)]


def test_litres_and_kilometres_come_first_where_the_record_has_them():
    flags = found(
        Purchase({"quantity": 103.3, "quantity_l": 103.3, "unit": "L", "currency": "EUR", "unit_price": None})
    )
    assert flags[0]["explanation"].startswith(
        "103.3 L (27.3 gal) bought for van V1, whose tank holds 94.6 L (25.0 gal)"
    )


def test_evidence_holds_what_was_seen_and_the_thresholds_it_was_held_against():
    [flag] = found(Purchase(presence=AWAY, match=MISMATCH))
    evidence = json.loads(flag["evidence"])
    assert evidence["nearest_60_m"] == 6800
    assert evidence["fix_count_15"] == 30
    assert evidence["thresholds"] == {"match_m": 250, "probable_m": 805}
    assert (flag["severity"], flag["state"], flag["rule_version"], flag["is_provisional"]) == ("high", "open", 1, False)
    assert (flag["purchase_utc"], flag["cost"], flag["currency"]) == (AT, Decimal("62.1"), "USD")


@pytest.mark.parametrize(
    ("name", "rule_id", "severity", "cost"),
    [
        ("F11 diesel for gasoline", "F11", "high", 62.10),
        ("F11 premium", "F11", "low", 62.10),
        ("F1 27.3 into 25", "F1", "high", 2.3 * 3.45),
        ("F14 4.60 against 3.45", "F14", "low", 18 * 1.15),
        ("F7 engine on 200 s", "F7", "low", None),
        ("F9 18 and 9 gal within 8 min", "F9", "high", 27 * 3.45),
        ("F20 a quarter not accounted for", "F20", "high", 75 / GALLON_L * 3.45),
    ],
)
def test_severity_and_what_is_at_stake(judged, name, rule_id, severity, cost):
    [row] = judged.execute(
        "select severity, cost::double from marts.fuel_exceptions where tenant_id = ? and rule_id = ?", [name, rule_id]
    ).fetchall()
    assert row == (severity, None if cost is None else pytest.approx(cost, abs=0.01))


def test_a_flag_at_the_authorisation_is_provisional():
    [flag] = found(Purchase(line=PENDING, presence=AWAY | QUIET_SENSOR, match=MISMATCH))
    assert flag["is_provisional"] is True


def test_a_long_gap_of_volume_is_said_once_in_14_days():
    rows = Rows()
    add_fleet(rows)
    balance(first_day_before=40)(rows, "t1")
    for days in (1, 7, 13, 14, 15):
        day = DAY + timedelta(days=days)
        rows.add(
            "marts.fuel_balances", tenant_id="t1", vehicle_id="V1", to_date=day, from_date=day - timedelta(days=13),
            card_l=300.0, counter_l=220.0, level_change_l=5.0, gap_l=75.0, gap_share=0.25, coverage=0.96,
        )  # fmt: skip
        line = {"service_date": day, "at_utc": after(1440 * days)}
        buy(
            rows,
            Purchase(
                line, {"odometer_m": None}, key={"provider_txn_id": f"P{days}"}, options={"off_hours_allowed": "true"}
            ),
        )
    buy(rows, Purchase(key={"provider_txn_id": "P0"}))
    flags = flags_of(rows)
    assert [flag["provider_txn_id"] for flag in flags if flag["rule_id"] == "F20"] == ["P0", "P14"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[F1]\ntitle = "x"', "F1: missing guard; missing inputs; missing severity; missing source; missing wording"),
        (
            '[F1]\ntitle = "x"\nwording = "x"\nseverity = "grave"\ninputs = []\nguard = "x"\nsource = "x"\nlevel = 1\n'
            "thresholds.a = 3",
            "F1: unknown level; severity='grave', expected one of high, medium, low, info; a: expected value and unit",
        ),
    ],
)
def test_what_is_wrong_with_a_rule_is_said(text, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        parsed(text)


def test_the_page_on_fuel_lists_every_rule_with_its_thresholds():
    text = (Path(__file__).parents[2] / "docs" / "fuel.md").read_text()
    for rule in listed_rules():
        [row] = [line for line in text.splitlines() if line.startswith(f"| {rule.rule_id} |")]
        for said in (rule.title, rule.severity, *map(str, rule.thresholds.values())):
            assert said in row, (rule.rule_id, said)


def found(*purchases: Purchase) -> list[dict[str, Any]]:
    rows = Rows()
    add_fleet(rows)
    for purchase in purchases:
        buy(rows, purchase)
    return flags_of(rows)


def flags_of(rows: Rows) -> list[dict[str, Any]]:
    warehouse = warehouse_of_rules()
    rows.put_into(warehouse)
    evaluate_rules(warehouse)
    return warehouse.sql("from marts.fuel_exceptions order by rule_id, provider_txn_id").pl().to_dicts()
