"""What did the vans of a network live and send, and when did it arrive?

Everything is in arrays, and messages come a stretch of time at a time, so that memory does not grow with the network.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from flows.bench.line.fleet import BATCH, DAY_MS, POINTS, Lives, lives
from flows.bench.network.vans import LIVES, NIGHT_FIXES, Ints, Network

ROWS = POINTS + NIGHT_FIXES  # of a life: its day, then its night
DAY_MESSAGES = POINTS // BATCH
MESSAGES = DAY_MESSAGES + NIGHT_FIXES
NIGHT_STEP_MS = 1_800_000
DEAD_ZONE_EVERY = 3
DRAIN_US = 200_000  # between messages of a backlog
STRETCH_POINTS = 600_000  # arrive together; about what a loader decodes and commits at once
MOST_STRETCH_US = 600_000_000
DAY_US, HOUR_US = 86_400_000_000, 3_600_000_000
LATE_FROM_US = 60 * HOUR_US  # after the midnight of the day: the last fix of a night is before the 34th hour


class Stretch(NamedTuple):
    """Messages in the order in which they arrived; a row for each."""

    van: Ints
    first_row: Ints  # of its points, among all rows of all lives
    points: Ints
    received_us: Ints
    is_backlog: NDArray[np.bool_]


class Days(NamedTuple):
    """Lives with their nights, one after the other, and when the messages of each arrive.

    lived        ROWS rows a life
    number       int64 (LIVES, MESSAGES)  messages in the order of arrival
    received_us  int64 (LIVES, MESSAGES)  rising
    is_backlog   bool  (LIVES, MESSAGES)
    """

    lived: Lives
    number: Ints
    received_us: Ints
    is_backlog: NDArray[np.bool_]


def lived_days(network: Network) -> Days:
    """Make up the lives that the vans of a network live."""
    count = min(LIVES, len(network.names))
    lived = _with_nights(lives(0, count), count)
    received_us = lived.received_us.reshape(count, ROWS)
    received_us = np.concatenate([received_us[:, BATCH - 1 : POINTS : BATCH], received_us[:, POINTS:]], axis=1)
    is_backlog = np.zeros(received_us.shape, np.bool_)
    random = np.random.default_rng(11)
    for life in range(0, count, DEAD_ZONE_EVERY):
        begin, length = random.integers(300, DAY_MESSAGES - 600), random.integers(30, 270)  # five to 45 minutes
        silent = slice(begin, begin + length)
        is_backlog[life, silent] = True
        received_us[life, silent] = received_us[life, begin + length] + DRAIN_US * (1 + np.arange(length))
    number = np.argsort(received_us, axis=1, kind="stable")
    return Days(
        lived,
        number,
        np.take_along_axis(received_us, number, axis=1),
        np.take_along_axis(is_backlog, number, axis=1),
    )


def stretches(network: Network, days: Days) -> Iterator[Stretch]:
    """All that is heard on the day, oldest first; each message once."""
    begin_us, end_us = int(days.received_us.min()), int(days.received_us.max() + network.later_ms.max() * 1000) + 1
    on_time = network.on_time
    points_per_us = network.points[on_time].sum() / (POINTS * 1e6)
    step_us = max(int(STRETCH_POINTS / points_per_us), 10_000_000)
    from_us, wide_us = begin_us, step_us
    while from_us < end_us:
        found = _arriving(network, days, on_time, from_us, from_us + wide_us)
        if found.points.sum() > 2 * STRETCH_POINTS and wide_us > step_us:
            wide_us = step_us  # it is morning
            continue
        if found.van.size:
            yield found
        from_us += wide_us
        if found.points.sum() < STRETCH_POINTS // 4:  # at night a loader has less to do, not the same more often
            wide_us = min(2 * wide_us, max(step_us, MOST_STRETCH_US))


def late_stretches(network: Network, days: Days, vans: Ints) -> Iterator[Stretch]:
    """All that these late vans send when they are heard at last, some vans at a time."""
    together = STRETCH_POINTS // ROWS
    for first in range(0, vans.size, together):
        van = np.repeat(vans[first : first + together], MESSAGES)
        place = np.tile(np.arange(MESSAGES), van.size // MESSAGES)
        begins_us = DAY_MS * 1000 + LATE_FROM_US + (network.late_days[van] - 1) * DAY_US
        yield _stretch(
            network, days, van, place, begins_us + network.later_ms[van] * 1000 + DRAIN_US * place, late=True
        )


def _arriving(network: Network, days: Days, vans: Ints, from_us: int, until_us: int) -> Stretch:
    first, end = np.zeros(vans.size, np.int64), np.zeros(vans.size, np.int64)
    for life, received_us in enumerate(days.received_us):
        those = np.flatnonzero(network.life[vans] == life)
        later_us = network.later_ms[vans[those]] * 1000
        first[those] = np.searchsorted(received_us, from_us - later_us)
        end[those] = np.searchsorted(received_us, until_us - later_us)
    counts = end - first
    van = np.repeat(vans, counts)
    place = np.arange(van.size) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(first, counts)
    received_us = days.received_us[network.life[van], place] + network.later_ms[van] * 1000
    return _stretch(network, days, van, place, received_us, late=False)


def _stretch(network: Network, days: Days, van: Ints, place: Ints, received_us: Ints, *, late: bool) -> Stretch:
    """The messages at these places of the arrivals of vans; a slow van sends the last point of each."""
    order = np.argsort(received_us, kind="stable")
    van, place, received_us = van[order], place[order], received_us[order]
    life = network.life[van]
    number = days.number[life, place]
    by_day = number < DAY_MESSAGES
    is_batch = by_day & ~network.is_slow[van]
    row = np.where(by_day, number * BATCH + np.where(is_batch, 0, BATCH - 1), POINTS + number - DAY_MESSAGES)
    is_backlog = np.ones(van.size, np.bool_) if late else days.is_backlog[life, place]
    return Stretch(van, life * ROWS + row, np.where(is_batch, BATCH, 1), received_us, is_backlog)


def _with_nights(lived: Lives, count: int) -> Lives:
    """Behind each day the night: parked where the day ended, with the engine off."""
    night = np.arange(1, NIGHT_FIXES + 1) * NIGHT_STEP_MS
    columns = {}
    for name, values in lived._asdict().items():
        by_life = values.reshape(count, POINTS)
        nights = np.repeat(by_life[:, -1:], NIGHT_FIXES, axis=1)
        if name == "fix_ms":
            nights = nights + night
        elif name == "received_us":
            nights = lived.fix_ms.reshape(count, POINTS)[:, -1:] * 1000 + night * 1000 + 90_000
        elif name in ("speed_ckmh", "ignition", "point_index"):
            nights = np.zeros_like(nights)
        elif name == "payload_hash":
            nights = nights + night
        columns[name] = np.concatenate([by_life, nights], axis=1).ravel()
    return Lives(**columns)
