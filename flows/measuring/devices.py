"""Which fixes count where several devices report from one van?

One device leads each vehicle-date: the one with most fixes that know the engine, then with most good fixes, then the
smallest id. Antennas sit apart and not every device knows the ignition, so fixes of two devices in turn would make
motion and engine flicker. Fixes of the others count where the leader is silent: before its first fix, after its last,
and in silences longer than the van's gap whose engine was not off (a leader that is off sleeps, and its interval is
known). The lake keeps all of them, and `marts.data_health` counts them.

A device whose good fixes are elsewhere than the leader's at the same time rides in another van than it is assigned to
(Q11): none of its fixes counts.
"""

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kernels.geometry import metres_between

TOGETHER_MS = 60_000  # fixes no further apart in time are compared
APART_M, APART_M_PER_MS = 200.0, 0.05  # metres, and what a van drives in the time between two fixes at 180 km/h

Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]


class Voices(NamedTuple):
    """Which rows count, and what the devices of each group were found to be."""

    counts: Flags  # (n_rows,)
    several: Flags  # (n_groups,) more than one device sent fixes
    apart: Flags  # (n_groups,) one of them was elsewhere


class _Fixes(NamedTuple):
    """The rows of one group, in order of time."""

    device: NDArray[np.str_]
    fix_ms: Ints
    engine: NDArray[np.int8]
    good: Flags
    latitude_e7: NDArray[np.int32]
    longitude_e7: NDArray[np.int32]


def voices(rows: pl.DataFrame, starts: Ints, engine: NDArray[np.int8], interval_s: pl.Series, gap_s: float) -> Voices:
    """Choose the rows that count.

    interval_s  registered reporting interval of each group, null where there is none: the leader's median then
    gap_s       the shortest silence, which is at least twice the interval
    """
    counts = np.ones(rows.height, np.bool_)
    several, apart = np.zeros(starts.size - 1, np.bool_), np.zeros(starts.size - 1, np.bool_)
    for group in _groups_with_several(rows, starts):
        within = slice(int(starts[group]), int(starts[group + 1]))
        of_group = rows[within]
        good = (of_group["latitude_e7"].is_not_null() & (of_group["quality"] == "good")).to_numpy()
        fixes = _Fixes(
            of_group["device_id"].to_numpy(),
            of_group["fix_ms"].to_numpy(),
            engine[within],
            good,
            *(np.ascontiguousarray(of_group[name].fill_null(0).to_numpy()) for name in ("latitude_e7", "longitude_e7")),
        )
        several[group] = True
        counts[within], apart[group] = _heard(fixes, interval_s[group], gap_s)
    return Voices(counts, several, apart)


def _groups_with_several(rows: pl.DataFrame, starts: Ints) -> list[int]:
    """The groups in which some row has another device than the row before it."""
    changes = (rows["device_id"] != rows["device_id"].shift()).fill_null(value=False).to_numpy().copy()
    changes[starts[:-1]] = False
    return sorted(set((np.searchsorted(starts, np.flatnonzero(changes), side="right") - 1).tolist()))


def _heard(fixes: _Fixes, registered_s: float | None, gap_s: float) -> tuple[Flags, bool]:
    """Which rows of a group count, and whether a device was elsewhere."""
    by_rank = sorted(set(fixes.device.tolist()), key=lambda device: _rank(fixes, device))
    leads = fixes.device == by_rank[0]
    steps_ms = np.diff(fixes.fix_ms[leads])
    median_s = float(np.median(steps_ms[steps_ms > 0])) / 1000 if (steps_ms > 0).any() else 0.0
    gap_ms = 1000 * max(gap_s, 2 * (median_s if registered_s is None else registered_s))
    counts, is_apart = leads.copy(), False
    for device in by_rank[1:]:
        of_device = fixes.device == device
        if _is_elsewhere(fixes, of_device, leads):
            is_apart = True
        else:
            counts |= of_device & _in_silence(fixes, counts, gap_ms)
    return counts, is_apart


def _rank(fixes: _Fixes, device: str) -> tuple[int, int, str]:
    of_device = fixes.device == device
    knows_engine = int((fixes.engine[of_device] >= 0).sum())
    return -knows_engine, -int(fixes.good[of_device].sum()), device


def _in_silence(fixes: _Fixes, heard: Flags, gap_ms: float) -> Flags:
    """Which rows lie in a silence of the rows heard so far."""
    heard_ms, engine = fixes.fix_ms[heard], fixes.engine[heard]
    following = np.searchsorted(heard_ms, fixes.fix_ms, side="right")
    before = np.maximum(following - 1, 0)
    after = np.minimum(following, heard_ms.size - 1)
    is_end = (following == 0) | (following == heard_ms.size)
    is_gap = (heard_ms[after] - heard_ms[before] > gap_ms) & (engine[before] != 0)
    return np.asarray((is_end | is_gap) & (fixes.fix_ms != heard_ms[before]), dtype=np.bool_)


def _is_elsewhere(fixes: _Fixes, of_device: Flags, leads: Flags) -> bool:
    """Whether most good fixes of a device are further from the leader's nearest in time than a van could be."""
    leader, other = np.flatnonzero(leads & fixes.good), np.flatnonzero(of_device & fixes.good)
    if not leader.size:
        return False
    following = np.searchsorted(fixes.fix_ms[leader], fixes.fix_ms[other])
    before, after = leader[np.maximum(following - 1, 0)], leader[np.minimum(following, leader.size - 1)]
    is_after = np.abs(fixes.fix_ms[after] - fixes.fix_ms[other]) < np.abs(fixes.fix_ms[before] - fixes.fix_ms[other])
    nearest = np.where(is_after, after, before)
    apart_ms = np.abs(fixes.fix_ms[nearest] - fixes.fix_ms[other])
    metres = metres_between(
        fixes.latitude_e7[nearest], fixes.longitude_e7[nearest], fixes.latitude_e7[other], fixes.longitude_e7[other]
    )
    compared = apart_ms <= TOGETHER_MS
    elsewhere = compared & (metres > APART_M + APART_M_PER_MS * apart_ms)
    return int(elsewhere.sum()) > 1 and int(elsewhere.sum()) * 2 > int(compared.sum())
