"""How does a case write its records, and say what is true about them?"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from ingest.outbox import Outgoing
from ingest.simulation.city import Station
from ingest.simulation.day import Day
from ingest.simulation.fleet import LITRES_PER_GALLON, Van
from ingest.simulation.fuel_cases.habits import Habits
from ingest.simulation.paperwork import (
    CLEARED_AFTER_S,
    PRICES,
    PRODUCTS,
    PROVIDER,
    READ_AFTER_S,
    STATE_PRICE,
    Fault,
    Fill,
    Record,
    authorised,
    card_message,
    cleared,
    purchase_record,
    text_utc,
    utc,
)

GRADE_PRICE = {
    "gasoline_premium": Decimal("4.059"),
    "gasoline_e10_regular": PRICES["gasoline_regular"],
    "ulsd_2": PRICES["diesel_2"],
    "diesel_taxexempt": Decimal("3.599"),
    "def": Decimal("4.299"),
} | PRICES
PRICE_SPREAD = 0.02  # standard deviation between stations and days
LOOK_AROUND_S = 3_900.0  # longer than any rule looks around a purchase
AWAY_M = 1_500.0  # farther than any rule calls near


class Scene(NamedTuple):
    """A day of a van, at whose pumps (or without one) a case happens. A van that rests has no day."""

    case_name: str
    van: Van
    habits: Habits
    day_number: int
    clock_s: float  # Unix time at which the day's own clock is zero
    day: Day | None
    odometer_m: float  # in the morning
    fills: list[Fill]
    stations: list[Station]
    silent_from_s: float | None  # from then on, on the day's own clock, no GPS is sent
    random: np.random.Generator

    def is_away(self, station: Station, time_s: float) -> bool:
        """Say whether the van is far from a station, with its GPS sent, for longer than any rule looks around."""
        if self.day is None:
            return True
        journey = self.day.journey
        around_s = np.arange(time_s - LOOK_AROUND_S, time_s + LOOK_AROUND_S, 10.0) - self.clock_s
        sight = journey.at(np.clip(np.rint(around_s * 1000).astype(np.int64), journey.start_ms[0], journey.end_ms))
        return bool(np.hypot(sight.x_m - station.x_m, sight.y_m - station.y_m).min() > AWAY_M)

    def is_heard(self, time_s: float) -> bool:
        """Say whether the van's tracker sends its fixes around this instant."""
        if self.day is None:
            return False
        at_s = time_s - self.clock_s
        until_s = self.day.sleep_s if self.silent_from_s is None else self.silent_from_s
        return self.day.wake_s + 1_200 < at_s < until_s - 1_200

    def ghost(self, time_s: float, station: Station, gallons: float) -> Fill:
        """A purchase with this van's card of which nothing reaches its tank."""
        odometer_m = self.odometer_m
        if self.day is not None:
            journey = self.day.journey
            at_ms = np.clip(round((time_s - self.clock_s) * 1000), journey.start_ms[0], journey.end_ms)
            odometer_m += float(journey.at(np.array([at_ms])).distance_m[0])
        return Fill(self.van, time_s, station, gallons * LITRES_PER_GALLON, odometer_m)


class Papers:
    """Collects what the card provider sends, and the truth about it."""

    def __init__(self, tenant: str, timezone: str) -> None:
        self.messages: list[Outgoing] = []
        self.faults: list[Fault] = []
        self.consequences: list[Fault] = []
        self.decoys: list[Fault] = []
        self.tenant, self._timezone = tenant, timezone
        self._fault_no = 0

    def record(self, scene: Scene, fill: Fill, product: str | None = None, dearer: str = "1") -> Record:
        """Write a purchase as an honest terminal and an honest driver do: prices vary, miles are read in passing."""
        product = product or PRODUCTS[fill.van.fuel_type]
        spread = Decimal(1 + PRICE_SPREAD * float(np.clip(scene.random.normal(), -2, 2)))
        price = GRADE_PRICE[product] * STATE_PRICE[fill.station.state] * spread * Decimal(dearer)
        record = purchase_record(fill, product, price.quantize(Decimal("0.001")), self._timezone)
        record["site_name"] = fill.station.name.upper()
        record["odometer_typed"] += int(scene.random.integers(-1, 2))
        return record

    def buy(self, record: Record, time_s: float) -> None:
        """Send a purchase as most are: authorised at the pump, cleared later."""
        self.send(authorised(record), time_s + READ_AFTER_S)
        self.send(cleared(record), time_s + READ_AFTER_S + CLEARED_AFTER_S)

    def send(self, body: Record, time_s: float) -> None:
        """Send one version of a record."""
        self.messages.append(card_message(body, time_s, self.tenant))

    def fault(
        self,
        scene: Scene,
        rule_id: str,
        records: list[tuple[Record, float]],
        description: str,
        *,
        fault_no: int | None = None,
    ) -> None:
        """Say that these records are one fault, and which rule should notice; or part of the fault with that number."""
        if fault_no is None:
            self._fault_no += 1
        for record, time_s in records:
            row = self._row(scene, rule_id, record, time_s, description)
            self.faults.append(row._replace(fault_no=self._fault_no if fault_no is None else fault_no))

    def brings(self, scene: Scene, rule_ids: str, record: Record | None, time_s: float) -> None:
        """Say which rules may notice the fault too, at one record or (None) at any of the van."""
        for rule_id in rule_ids.split():
            self.consequences.append(self._row(scene, rule_id, record, time_s, "follows from a fault"))

    def decoy(self, scene: Scene, rule_id: str | None, record: Record, time_s: float, description: str) -> None:
        """Say that a record is innocent, of one rule or (None) of all."""
        self.decoys.append(self._row(scene, rule_id, record, time_s, description))

    def _row(self, scene: Scene, rule_id: str | None, record: Record | None, time_s: float, description: str) -> Fault:
        return Fault(
            self.tenant,
            scene.van.vehicle_id,
            PROVIDER,
            None if record is None else record["provider_txn_id"],
            utc(round(time_s)),
            rule_id,
            description,
            1 if record is None else record["item_no"],
            scene.case_name,
        )


def renamed(record: Record, ending: str) -> Record:
    """Return the record under another transaction id."""
    return record | {"provider_txn_id": f"{record['provider_txn_id']}{ending}"}


def moved(record: Record, by_s: float) -> Record:
    """Return the record with its time put so much later, in both of its clocks."""
    local = datetime.fromisoformat(record["ts_local"]) + timedelta(seconds=by_s)
    instant = datetime.fromisoformat(record["ts_utc"].replace("Z", "+00:00")).timestamp() + by_s
    return record | {"ts_utc": text_utc(instant), "ts_local": local.strftime("%Y-%m-%dT%H:%M:%S")}
