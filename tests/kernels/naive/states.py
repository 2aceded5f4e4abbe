"""What was the van doing in each interval: the twin of `states`."""

from math import isnan

from kernels.states import StateRules
from tests.kernels.naive.geometry import metres
from tests.kernels.tracks import Row, Van


def classify(rows: list[Row], van: Van, rules: StateRules) -> tuple[list[str], bool]:
    """Return the name of the state of every row of one group ("" for none), and whether the wire lies."""
    fast = wrongly_wired(rows, van, rules)
    states: list[str] = []
    motion = "break"
    for index, row in enumerate(rows[:-1]):
        step_us = rows[index + 1].time_us - row.time_us
        if step_us == 0:
            states.append("tie")
            continue
        gap = step_us > van.gap_max_us
        if gap and row.engine != 0:
            state = "unknown"
        elif index in fast and not gap:
            state = "drive"
        elif row.engine == 0 and towed(rows, index, rules):
            state = "unknown"
        elif row.engine == 0:
            state = "off"
        elif isnan(row.speed_kmh):
            state = "unknown"
        elif is_moving(row.speed_kmh, motion, van, rules):
            state = "drive"
        elif row.engine == -1:
            state = "parked"
        else:
            state = "ready" if van.electric else "idle"
        motion = {"off": "break", "unknown": "break", "drive": "moving"}.get(state, "standing")
        states.append(state)
    return with_ties(states) + [""] * bool(rows), bool(fast)


def is_moving(speed_kmh: float, motion: str, van: Van, rules: StateRules) -> bool:
    if speed_kmh <= van.stop_kmh:
        return False
    if speed_kmh >= rules.move_kmh:
        return True
    return motion != "standing"


def towed(rows: list[Row], index: int, rules: StateRules) -> bool:
    """Is the next fix far from the last fix of this stretch of engine-off rows?"""
    start = index
    while start > 0 and rows[start - 1].engine == 0:
        start -= 1
    before = [row.place for row in rows[start : index + 1] if row.place]
    after = [row.place for row in rows[index + 1 :] if row.place]
    return bool(before and after) and metres(before[-1], after[0]) > rules.tow_m


def wrongly_wired(rows: list[Row], van: Van, rules: StateRules) -> set[int]:
    """Return the rows of all stretches that are fast with the engine off for too long."""
    found: set[int] = set()
    for a in range(len(rows)):
        for b in range(a, len(rows)):
            if rows[b].engine != 0 or not rows[b].speed_kmh > rules.wiring_kmh:
                break
            if b > a and rows[b].time_us - rows[b - 1].time_us > van.gap_max_us:
                break
            if rows[b].time_us - rows[a].time_us > rules.wiring_us:
                found |= set(range(a, b + 1))
    return found


def with_ties(states: list[str]) -> list[str]:
    """Give ties the state that follows; at the end, the one before."""
    for index in reversed(range(len(states))):
        if states[index] == "tie" and index + 1 < len(states) and states[index + 1] != "tie":
            states[index] = states[index + 1]
    for index in range(len(states)):
        if states[index] == "tie":
            states[index] = states[index - 1] if index > 0 else ""
    return states
