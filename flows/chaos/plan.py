"""What runs in a campaign, for how long, and what befalls it how often?"""

from collections.abc import Mapping
from typing import NamedTuple

# Seconds from the end of one fault of a kind to the next, uniform between the two.
PROCESS_FAULTS: Mapping[str, tuple[float, float]] = {
    "collector killed": (0.1, 4.0),
    "broker killed": (1.0, 6.0),
    "refresh killed": (0.3, 8.0),
    "publisher killed": (5.0, 20.0),
    "collector frozen": (15.0, 45.0),
    "collector's disk full": (15.0, 45.0),
    "session taken over": (10.0, 30.0),
    "broker restarted": (20.0, 60.0),
}
ALL_FAULTS: Mapping[str, tuple[float, float]] = {
    **PROCESS_FAULTS,
    # With so much else going on, what is killed as often as above would do nothing but start.
    "collector killed": (2.0, 10.0),
    "broker killed": (4.0, 20.0),
    "refresh killed": (3.0, 40.0),
    "analyst killed": (10.0, 40.0),
    "poster killed": (5.0, 20.0),
    "refresh frozen": (20.0, 60.0),
    "everybody's disk full": (20.0, 60.0),
    "clock jumps": (5.0, 20.0),
}
LASTS_S = (0.5, 3.0)  # of faults that have an end
CLOCK_LASTS_S = (2.0, 15.0)
# What was recorded days ago and not weeks keeps its judgement under such a clock: neither too new nor too old.
CLOCK_JUMP_S = 12 * 3600
TENANTS = ("acme", "birch")
DEVICES = 3  # of each tenant, each on a day of its own


class Plan(NamedTuple):
    """How long, how hard, and beside whom: it ends after `minutes`, or sooner after `kills`."""

    minutes: float
    seed: int
    messages_per_s: float
    kills: int | None = None
    collectors: int = 1
    shared_group: str | None = None
    analysts: int = 0
    has_mails: bool = False
    faults: Mapping[str, tuple[float, float]] = PROCESS_FAULTS
