"""Which vans, depots, drivers and cards does a simulated fleet have?

Van `number` is the same whatever the size of the fleet: it draws from its own stream of random numbers.
Every twentieth van opens another depot, every tenth is a diesel, every second has a tracker on the CAN bus
(the others only an ignition wire), and half of the trackers reboot once a day.
"""

from typing import NamedTuple

import numpy as np

from ingest.simulation.city import AVENUE_M, STREET_M, Area, Depot, Station, stations_of

VANS_PER_DEPOT = 20
LITRES_PER_GALLON = 3.785411784
FUEL_BELOW_SHARE = 0.32  # a van fuels on its way home when its tank is lower than this
DAY_BURN_L = 19.0  # what a day takes, roughly; only used to decide in the morning who will fuel
FIRST_EXIT_S, WAVE_S, WAVES = 100 * 60, 300, 12  # 09:40 local, then every five minutes

# The first number of a stream says what it is for, so that streams never meet.
_VAN_STREAM, _DAY_STREAM, _DEPOT_STREAM = 1, 2, 3


class Van(NamedTuple):
    """What does not change about a van, and how its meters stood when the simulation began."""

    number: int
    vehicle_id: str
    device_id: str
    driver_id: str
    card_id: str
    card_last4: str
    route_id: str
    depot: Depot
    area: Area
    fuel_type: str
    tank_l: float
    idle_l_per_h: float
    drive_l_per_km: float  # on top of what the engine takes by running
    has_can: bool
    reboots: bool


class Meters(NamedTuple):
    """What a van and its tracker carry from one day to the next."""

    odometer_m: float
    fuel_l: float
    fuel_used_l: float
    boot: int
    seq: int

    def will_fuel(self, van: Van, below_share: float = FUEL_BELOW_SHARE) -> bool:
        """Say in the morning whether the van has to fuel tonight."""
        return self.fuel_l - DAY_BURN_L < below_share * van.tank_l


def van_random(seed: int, number: int) -> np.random.Generator:
    """Return the stream of what never changes about a van."""
    return np.random.default_rng(np.random.SeedSequence([seed, _VAN_STREAM, number]))


def day_random(seed: int, number: int, day_number: int) -> np.random.Generator:
    """Return the stream of one day of one van."""
    return np.random.default_rng(np.random.SeedSequence([seed, _DAY_STREAM, number, day_number]))


def depot_of(number: int) -> Depot:
    """Return the depot of van `number` (1 is the first van)."""
    place = (number - 1) // VANS_PER_DEPOT
    return Depot(f"nj{place + 1}", round(40.75 + 0.31 * (place % 5), 6), round(-74.05 - 0.37 * (place // 5), 6))


def depot_stations(seed: int, depot: Depot) -> list[Station]:
    """Return the fuel stations around a depot."""
    stream = np.random.SeedSequence([seed, _DEPOT_STREAM, int(depot.depot_id[2:])])
    return stations_of(depot, np.random.default_rng(stream))


def van_of(seed: int, number: int) -> tuple[Van, Meters]:
    """Return van `number` (1 is the first) and its meters before the first day."""
    random = van_random(seed, number)
    is_diesel = number % 10 == 0
    tank_l = (24.5 if is_diesel else 25.0) * LITRES_PER_GALLON
    van = Van(
        number=number,
        vehicle_id=f"V{number:03d}",
        device_id=f"8600000000{number:05d}",
        driver_id=f"D{number:03d}",
        card_id=f"card-{random.integers(16**8):08x}",
        card_last4=f"{random.integers(10_000):04d}",
        route_id=f"R{200 + number}",
        depot=depot_of(number),
        area=_area(random),
        fuel_type="diesel" if is_diesel else "gasoline",
        tank_l=round(tank_l, 1),
        idle_l_per_h=round((0.25 if is_diesel else 0.40) * LITRES_PER_GALLON, 3),
        drive_l_per_km=0.085 if is_diesel else 0.095,
        has_can=number % 2 == 0,
        reboots=number % 4 < 2,
    )
    meters = Meters(
        odometer_m=float(random.integers(30_000_000, 150_000_000)),
        fuel_l=float(random.uniform(0.36, 0.95)) * tank_l,
        fuel_used_l=float(random.integers(2_000, 12_000)),
        boot=int(random.integers(20, 60)),
        seq=int(random.integers(10_000, 900_000)),
    )
    return van, meters


def _area(random: np.random.Generator) -> Area:
    # About 16 km of arterials from the depot, in any quarter of the town.
    across_m = random.uniform(5_000, 11_000)
    along_m = 16_500 - across_m + random.uniform(-1_500, 1_500)
    x_m = round(across_m / AVENUE_M) * AVENUE_M * random.choice((-1, 1))
    y_m = round(along_m / STREET_M) * STREET_M * random.choice((-1, 1))
    return Area(float(x_m), float(y_m), 1_300.0)
