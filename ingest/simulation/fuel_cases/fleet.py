"""How does a whole simulated fleet meet its cases: asked each morning, told each evening, written at the end?"""

import numpy as np

from ingest.simulation.city import Station
from ingest.simulation.fleet import Meters, Van
from ingest.simulation.fuel_cases import faults, innocent
from ingest.simulation.fuel_cases.agenda import DIES_BEFORE_S, KINDS, Agenda, Errand
from ingest.simulation.fuel_cases.habits import habits_of, rests_on
from ingest.simulation.fuel_cases.writing import Papers, Scene
from ingest.simulation.paperwork import Fill
from ingest.simulation.truth import DayTruth

_CASE_STREAM = 4  # of random numbers; see ingest.simulation.fleet
NY_STATIONS = 2  # of a depot's, the last ones
CHAINS, FIRST_SHOP = ("Crossroads Fuel", "Lantern", "Milepost Gas"), 1401  # invented
FAR_M = 40_000.0
LENDERS = ("plain", "option")  # roles whose volumes and consumption are disturbed anyway


def case_stations(stations: list[Station]) -> list[Station]:
    """Return a depot's stations: of several chains, some in another state, and one that no van comes near."""
    there = []
    for number, station in enumerate(stations):
        state = "NY" if number >= len(stations) - NY_STATIONS else "NJ"
        name = f"{CHAINS[number % len(CHAINS)]} #{FIRST_SHOP + number}"
        there.append(station._replace(name=name, state=state))
    return [*there, Station(f"{stations[0].station_id[:-1]}FAR", f"{CHAINS[0]} #{FIRST_SHOP - 1}", FAR_M, 0.0)]


class FuelCases:
    """Follows the vans through their days; every van in turn, its days in order."""

    def __init__(self, seed: int, tenant: str, timezone: str) -> None:
        self.papers = Papers(tenant, timezone)
        self._seed = seed
        self._agenda = Agenda()
        self._scenes: list[Scene] = []

    def morning(
        self, van: Van, meters: Meters, day_number: int, clock_s: float, stations: list[Station], station: Station
    ) -> Errand | None:
        """Say what a day has to do with fuel; None: the van stays in the yard."""
        habits = habits_of(van)
        if rests_on(van, habits, day_number):
            name = self._agenda.rest(van, habits)
            if name is not None:
                random = self._random(van, day_number)
                self._scenes.append(
                    Scene(name, van, habits, day_number, clock_s, None, meters.odometer_m, [], stations, None, random)
                )
            return None
        is_low = meters.will_fuel(van, habits.fuel_below_share)
        random = self._random(van, day_number)
        return self._agenda.working_day(van, habits, stations, station, random, is_low=is_low)

    def evening(
        self, truth: DayTruth, errand: Errand, day_number: int, fills: list[Fill], stations: list[Station]
    ) -> None:
        """Remember a day for when the records are written; its `truth` is there whether its GPS was sent or not."""
        van, random = truth.van, self._random(truth.van, -1 - day_number)
        silent_from_s = silence_s(errand, truth.day.fuellings[0].stand.arrived_s if truth.day.fuellings else None)
        self._scenes.append(
            Scene(
                errand.case_name,
                van,
                habits_of(van),
                day_number,
                truth.clock_s,
                truth.day,
                truth.odometer_m,
                fills,
                stations,
                silent_from_s,
                random,
            )
        )

    def write(self) -> Papers:
        """Write the records of all days, and what is true about them."""
        for scene in self._scenes:
            if scene.case_name == "other_van":
                self._lend_card(scene)
            elif scene.case_name:
                KINDS[scene.case_name].write(scene, self.papers)
        return self.papers

    def _lend_card(self, scene: Scene) -> None:
        """Find a van whose card may be in the wrong hands: heard, far away, and free of other cases that day."""
        fill = scene.fills[0]
        for whose in self._scenes:
            is_free = whose.day_number == scene.day_number and whose.habits.role in LENDERS and not whose.fills
            is_here = whose.van.depot == scene.van.depot and whose.is_heard(fill.time_s)
            if is_free and is_here and whose.is_away(fill.station, fill.time_s):
                faults.other_van(scene, self.papers, whose)
                return
        innocent.honest(scene, self.papers)

    def _random(self, van: Van, day_number: int) -> np.random.Generator:
        key = [self._seed, _CASE_STREAM, van.number, abs(day_number), int(day_number < 0)]
        return np.random.default_rng(np.random.SeedSequence(key))


def silence_s(errand: Errand, arrived_s: float | None) -> float | None:
    """Return from when on, on the day's own clock, a tracker sends nothing; None: it sends all day."""
    if errand.is_silent:
        return -1e9
    return arrived_s - DIES_BEFORE_S if errand.dies and arrived_s is not None else None
