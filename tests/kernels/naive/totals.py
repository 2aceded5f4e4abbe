"""What does a group of positions add up to: the twin of `totals`."""

from math import inf

from kernels.states import STATE_NAMES, StateRules
from tests.kernels.naive.geometry import metres
from tests.kernels.naive.states import classify
from tests.kernels.tracks import Row, Van


def totals(rows: list[Row], van: Van, move_kmh: float, idle_us: int) -> tuple[list[int], float, list[int]]:
    """Return the time in each state, metres driven, and how long each idle event was; every row has a place."""
    states, _ = classify(rows, van, StateRules(move_kmh, inf, inf, 0))
    spent_us = dict.fromkeys(STATE_NAMES, 0)
    drive_m = 0.0
    idle_us_of_runs = [0]
    for row, following, state in zip(rows, rows[1:], states, strict=False):
        if not state:
            continue
        spent_us[state] += following.time_us - row.time_us
        if state == "drive":
            drive_m += metres(row.place, following.place)
        if state == "idle":
            idle_us_of_runs[-1] += following.time_us - row.time_us
        else:
            idle_us_of_runs.append(0)
    events_us = [duration_us for duration_us in idle_us_of_runs if duration_us >= idle_us]
    return list(spent_us.values()), drive_m, events_us
