"""Was the van sampled finely enough while it was under way for its hand-offs to be seen?

Under way is an interval of driving, and one of standing with the engine not off that ends more than `radius_m` away:
the van left in it. How rarely a parked van reports does not matter; a silence is unknown time already.
"""

import numpy as np
from numba import prange

from kernels.compiled import kernel
from kernels.geometry import hop_m
from kernels.states import DRIVE, NO_STATE, OFF, UNKNOWN, States, checked_states
from kernels.track import Ints, Metres, Track, checked, shaped


def coarse_share(track: Track, states: States, coarse_us: int, radius_m: float) -> Metres:
    """Return float64 (n_groups,): the share of the time under way in intervals longer than `coarse_us`.

    NaN for a group that was never under way.
    """
    track = checked(track)
    states = checked_states(states, track.time_us.size)
    share = np.full(track.starts.size - 1, np.nan)
    _coarse_share(track, states, int(coarse_us), float(radius_m), share)
    return share


def longest_steps_us(track: Track) -> Ints:
    """Return int64 (n_groups,): the longest time between two rows; 0 for a group of one."""
    track = shaped(track)
    longest_us = np.zeros(track.starts.size - 1, np.int64)
    _longest_steps(track.starts, track.time_us, longest_us)
    return longest_us


@kernel
def _longest_steps(starts, time_us, longest_us):
    for group in prange(longest_us.size):
        longest = np.int64(0)
        # Without negative row numbers to think of, the loop is done on whole registers.
        for row in range(np.uintp(starts[group] + 1), np.uintp(starts[group + 1])):
            longest = max(longest, time_us[row] - time_us[row - np.uintp(1)])
        longest_us[group] = longest


@kernel
def _coarse_share(track, states, coarse_us, radius_m, share):
    for group in prange(share.size):
        coarse = under_way = np.int64(0)
        fix = np.int64(-1)  # the last good fix
        for row in range(track.starts[group], track.starts[group + 1]):
            state, step_us = states.state[row], states.step_us[row]
            if track.placed[row]:
                fix = np.int64(row)
            if step_us == 0 or state in (OFF, UNKNOWN, NO_STATE):
                continue
            moves = state == DRIVE
            if not moves and fix >= 0 and track.placed[row + 1]:
                moves = radius_m < hop_m(
                    track.latitude_e7[fix],
                    track.longitude_e7[fix],
                    track.latitude_e7[row + 1],
                    track.longitude_e7[row + 1],
                )
            if moves:
                under_way += step_us
                if step_us > coarse_us:
                    coarse += step_us
        if under_way > 0:
            share[group] = coarse / under_way
