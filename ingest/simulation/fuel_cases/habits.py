"""How does each van of a fleet with fuel cases buy fuel, and what is its driver allowed?

Numbers decide, so that a van has its part in a fleet of any size. `plain` vans meet faults that change volumes,
`control` vans only such that do not, `steady` ones buy often enough to have a history of consumption, of `skimmed`
ones a share of every purchase goes somewhere else, and `option` vans have a permission or a limit of their own.
"""

from typing import Any, NamedTuple

from ingest.simulation.fleet import LITRES_PER_GALLON, Van

ROLES = ("plain", "plain", "plain", "option", "control", "steady", "skimmed", "option")  # by number modulo 8
REST_EVERY = 7  # days; steady vans work every day


class Option(NamedTuple):
    """A permission or limit: further columns of the vehicle's and of the card's row."""

    name: str
    vehicle: dict[str, Any]
    card: dict[str, Any]


NO_OPTION = Option("", {}, {})
OPTIONS = (
    Option("second_tank", {"tank2_l": 60}, {}),
    Option("canisters", {"canisters_allowed": "true"}, {}),
    Option("permitted", {"premium_allowed": "true", "allowed_products": "car_wash;wash;102;def;062"}, {}),
    Option("nightly", {"off_hours_allowed": "true"}, {}),
    Option("limited", {}, {"limit_gal": 6.5}),
)


class Habits(NamedTuple):
    """How one van buys fuel."""

    role: str
    fuel_below_share: float  # fuels tonight when the tank would be lower than this
    rests: bool  # one day in seven
    option: Option


def habits_of(van: Van) -> Habits:
    """Return the habits of a van."""
    role = ROLES[van.number % len(ROLES)]
    option = OPTIONS[van.number // 4 % len(OPTIONS)] if role == "option" else NO_OPTION
    below = 0.68 if role == "steady" else 0.42 if option.name == "limited" else 0.50
    return Habits(role, below, role != "steady", option)


def rests_on(van: Van, habits: Habits, day_number: int) -> bool:
    """Say whether a van stays in the yard that day; the first two days all of them work."""
    return habits.rests and day_number > 1 and (day_number + van.number) % REST_EVERY == 0


def limit_l(habits: Habits) -> float:
    """Return how many litres the card gives at once."""
    return float(habits.option.card.get("limit_gal", 1e6)) * LITRES_PER_GALLON
