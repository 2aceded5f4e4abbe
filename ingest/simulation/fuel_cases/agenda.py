"""Which case does a van meet on which day, and how does it change the day?

Cases are handed out in turn, those least often met first, to the vans that can carry them. Between two faults that
change volumes a van fuels honestly, and nobody's first purchase is a case: rules that compare need something to compare
with.
"""

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ingest.simulation.city import Station
from ingest.simulation.day import FuelStop
from ingest.simulation.fleet import Van
from ingest.simulation.fuel_cases import faults, ghosts, innocent
from ingest.simulation.fuel_cases.habits import Habits, limit_l
from ingest.simulation.fuel_cases.writing import Papers, Scene

CLICK_OFF = (0.955, 0.985)  # where nozzles stop; of the tank
DIES_BEFORE_S = 2_400.0  # the tracker, before its van fuels
STEADY_CASES, OUTLIERS, MISSED = (2, 4, 6), (7, 11), 9  # which fills of a van that has a history of consumption

Write = Callable[[Scene, Papers], None]


class Kind(NamedTuple):
    """A case: who writes it, and which vans can carry it."""

    write: Write
    needs: str = ""  # can, gasoline, diesel, permitted

    def fits(self, van: Van, habits: Habits) -> bool:
        carried = {van.fuel_type, habits.option.name, "can" if van.has_can else ""}
        return all(need in carried for need in self.needs.split())


class Errand(NamedTuple):
    """What a day has to do with fuel."""

    case_name: str
    stops: tuple[FuelStop, ...] = ()
    is_silent: bool = False  # no GPS all day
    dies: bool = False  # no GPS from some time before fuelling
    is_short: bool = False  # home hours before the others


VOLUMES = {
    "over_tank": Kind(faults.over_tank),
    "over_room": Kind(faults.over_room, "can"),
    "no_rise": Kind(faults.no_rise, "can"),
    "other_van": Kind(innocent.honest),  # rewritten where another van is far away
    "driving_by": Kind(faults.driving_by),
    "two_stops": Kind(faults.two_stops),
    "split": Kind(faults.split),
    "duplicate": Kind(faults.duplicate),
}
RECORDS = {
    "wrong_fuel": Kind(faults.wrong_fuel),
    "engine_on": Kind(faults.engine_on),
    "merchandise": Kind(faults.merchandise),
    "dear": Kind(faults.dear),
    "arithmetic": Kind(faults.arithmetic),
    "odometer": Kind(faults.odometer),
    "unknown_card": Kind(faults.unknown_card),
    "zone_off": Kind(innocent.zone_off),
    "without_time": Kind(innocent.without_time),
    "city_coordinates": Kind(innocent.city_coordinates),
    "tracker_dies": Kind(innocent.tracker_dies),
    "site_clock": Kind(innocent.site_clock),
    "premium": Kind(faults.premium, "gasoline"),
    "dyed_diesel": Kind(faults.dyed_diesel, "diesel"),
    "unknown_driver": Kind(faults.unknown_driver),
    "unknown_vehicle": Kind(faults.unknown_vehicle),
    "wash": Kind(innocent.wash),
    "allowed_premium": Kind(innocent.allowed_premium, "permitted"),
    "exhaust_fluid": Kind(innocent.exhaust_fluid, "diesel"),
    "held_amount": Kind(innocent.held_amount),
    "voided": Kind(innocent.voided),
    "sister_grade": Kind(innocent.sister_grade),
    "repeated": Kind(innocent.repeated),
    "corrected": Kind(innocent.corrected),
    "repriced": Kind(innocent.repriced),
    "credited": Kind(innocent.credited),
    "discount_line": Kind(innocent.discount_line),
    "dear_state": Kind(innocent.dear_state),
}
GHOSTS = {
    "elsewhere": Kind(ghosts.elsewhere),
    "night": Kind(ghosts.night),
    "far": Kind(ghosts.far),
    "unheard": Kind(ghosts.unheard),
    "far_date_only": Kind(ghosts.far_date_only),
}
PAPER_ONLY = {
    "three_declines": Kind(ghosts.three_declines),
    "two_declines": Kind(ghosts.two_declines),
    "abandoned": Kind(ghosts.abandoned),
    "top_up": Kind(innocent.top_up),
}
OTHERS = {
    "honest": Kind(innocent.honest),
    "outlier": Kind(faults.outlier),
    "not_recorded": Kind(innocent.not_recorded),
    "after_missed": Kind(innocent.after_missed),
    "skimmed": Kind(faults.skimmed),
    "split_below_limit": Kind(faults.split_below_limit),
    "second_tank": Kind(innocent.second_tank),
    "canisters": Kind(innocent.canisters),
    "allowed_night": Kind(ghosts.allowed_night),
    "rest_day": Kind(ghosts.rest_day),
}
KINDS = VOLUMES | RECORDS | GHOSTS | PAPER_ONLY | OTHERS
# What leaves the history of a van's consumption alone.
STEADY = (
    "dear",
    "arithmetic",
    "odometer",
    "merchandise",
    "premium",
    "unknown_card",
    "unknown_driver",
    "unknown_vehicle",
)
OWN_CASES = {"second_tank": "second_tank", "canisters": "canisters", "limited": "split_below_limit"}


class Agenda:
    """Hands out cases; it is asked once for every day of every van, van by van, in the order of days."""

    def __init__(self) -> None:
        self._met: Counter[str] = Counter()
        self._fills: Counter[str] = Counter()
        self._free: Counter[str] = Counter()
        self._rests: Counter[str] = Counter()

    def rest(self, van: Van, habits: Habits) -> str | None:
        """Return the case of a day on which the van stays in the yard."""
        self._rests[van.vehicle_id] += 1
        is_used = habits.role == "plain" and self._rests[van.vehicle_id] % 2 == 0
        return "rest_day" if is_used else None

    def working_day(
        self,
        van: Van,
        habits: Habits,
        stations: list[Station],
        station: Station,
        random: np.random.Generator,
        *,
        is_low: bool,
    ) -> Errand:
        """Return what a working day has to do with fuel; `station` is the one on the way home."""
        if not is_low:
            self._free[van.vehicle_id] += 1
            name = self._free_case(van, habits, self._free[van.vehicle_id])
        else:
            name = self._fill_case(van, habits, self._fills[van.vehicle_id])
            self._fills[van.vehicle_id] += 1
        if name is None:
            return Errand("")
        fills = is_low or name == "top_up"
        stop = FuelStop(station, full_share=float(random.uniform(*CLICK_OFF)))
        return Errand(
            name,
            _stops(name, habits, stop, stations) if fills else (),
            is_silent=name == "unheard",
            dies=name == "tracker_dies",
            is_short=name == "other_van",
        )

    def _fill_case(self, van: Van, habits: Habits, ordinal: int) -> str:
        if habits.role == "skimmed":
            return "skimmed"
        if habits.option.name == "limited":
            return "split_below_limit"
        if habits.role == "steady":
            if ordinal in STEADY_CASES:
                return self._next({name: RECORDS[name] for name in STEADY}, van, habits)
            return "outlier" if ordinal in OUTLIERS else _around_missed(ordinal)
        if ordinal == 0:
            return "honest"
        if habits.role == "plain" and ordinal % 2 == 1:
            return self._next(VOLUMES, van, habits)
        if ordinal % 2 == 1 and habits.option.name in OWN_CASES:
            return OWN_CASES[habits.option.name]
        return self._next(RECORDS, van, habits)

    def _free_case(self, van: Van, habits: Habits, ordinal: int) -> str | None:
        if ordinal % 2 == 0:
            return None
        if habits.option.name == "nightly":
            return "allowed_night"
        if habits.role == "plain" and ordinal % 4 == 1:
            return self._next(GHOSTS, van, habits)
        return self._next(PAPER_ONLY, van, habits) if habits.role in ("plain", "control") else None

    def _next(self, kinds: dict[str, Kind], van: Van, habits: Habits) -> str:
        fitting = [name for name, kind in kinds.items() if kind.fits(van, habits)]
        name = min(fitting, key=lambda name: (self._met[name], fitting.index(name)))
        self._met[name] += 1
        return name


def _around_missed(ordinal: int) -> str:
    return {MISSED: "not_recorded", MISSED + 1: "after_missed"}.get(ordinal, "honest")


def _stops(name: str, habits: Habits, stop: FuelStop, stations: list[Station]) -> tuple[FuelStop, ...]:
    if name == "two_stops":
        other = next(found for found in stations if found != stop.station)
        return stop._replace(filled_share=0.5), stop._replace(station=other)
    if name == "dear_state":
        return (stop._replace(station=next(found for found in stations if found.state == "NY")),)
    changes: dict[str, dict[str, float | bool]] = {
        "no_rise": {"filled_share": 0.0},
        "driving_by": {"is_passed": True},
        "engine_on": {"engine_on": True},
        "split_below_limit": {"most_l": 2 * faults.BELOW_LIMIT * limit_l(habits)},
    }
    return (stop._replace(**changes.get(name, {})),)  # type: ignore[arg-type]
