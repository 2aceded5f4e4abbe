"""Who is in the network, how often does each van report, and which of them are heard days late?

Three vans in four report every second, the others every ten; all send a message every ten seconds by day, and a fix
every half an hour while they are parked at night. A third of the lives has a dead zone: what is measured in it is sent
afterwards. The day of one van in a hundred arrives one to three days late, as a whole.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from flows.bench.line.fleet import BATCH, POINTS, Van

TENANT_VANS = (8, 20, 40, 40, 60, 150, 600)  # sizes of tenants, in turn: most have a depot, few have many
LIVES = 64  # that are made up; further vans live them again later, elsewhere, under names of their own
LATER_MS = 61_000  # from one van to the next that lives the same
MOST_LATER_MS = 3_600_000
SLOW_EVERY = 4
LATE_EVERY = 100
MOST_LATE_DAYS = 3
NIGHT_FIXES = 10
FAST_POINTS = POINTS + NIGHT_FIXES
SLOW_POINTS = POINTS // BATCH + NIGHT_FIXES
MEAN_POINTS = ((SLOW_EVERY - 1) * FAST_POINTS + SLOW_POINTS) / SLOW_EVERY

Ints = NDArray[np.int64]


class Network(NamedTuple):
    """Its vans in the order of their names; arrays have a row for each.

    names      who they are
    life       which life each lives
    later_ms   how much later than it was made up
    elsewhere  how many hundredths of a degree further north
    is_slow    reports every ten seconds
    late_days  days after which all of it arrives; 0: at once
    """

    names: list[Van]
    life: Ints
    later_ms: Ints
    elsewhere: Ints
    is_slow: NDArray[np.bool_]
    late_days: Ints

    @property
    def points(self) -> Ints:
        """How many positions each sends."""
        return np.where(self.is_slow, SLOW_POINTS, FAST_POINTS)

    @property
    def on_time(self) -> Ints:
        """The vans that are heard on the day."""
        return np.flatnonzero(self.late_days == 0)

    @property
    def late(self) -> Ints:
        """The vans that are not."""
        return np.flatnonzero(self.late_days > 0)


def network_of(vans: int) -> Network:
    """A network of so many vans, at least one of them late."""
    numbers = np.arange(vans)
    again = numbers // LIVES
    late_days = np.where(numbers % LATE_EVERY == LATE_EVERY // 2, 1 + numbers // LATE_EVERY % MOST_LATE_DAYS, 0)
    if not late_days.any():
        late_days[-1] = 1
    return Network(
        names=_names(vans),
        life=numbers % LIVES,
        later_ms=again * LATER_MS % MOST_LATER_MS,
        elsewhere=again % LIVES,
        is_slow=(again + numbers) % SLOW_EVERY == SLOW_EVERY - 1,
        late_days=late_days,
    )


def vans_for(points: int) -> int:
    """How many vans send about so many positions."""
    return max(2, round(points / MEAN_POINTS))


def _names(vans: int) -> list[Van]:
    names: list[Van] = []
    tenant = 0
    while len(names) < vans:
        size = min(TENANT_VANS[tenant % len(TENANT_VANS)], vans - len(names))
        first = len(names)
        names += [Van(f"t{tenant:04}", f"V{number:06}", f"D{number:06}") for number in range(first, first + size)]
        tenant += 1
    return names
