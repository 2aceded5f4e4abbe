"""How full was the tank: the twin of `fuel_levels`."""

from itertools import pairwise
from math import isnan, nan, sqrt
from statistics import median
from typing import NamedTuple

from kernels.fuel_levels import LevelRules
from tests.kernels.tracks import Row


class Followed(NamedTuple):
    """What is known of one group; refuels are (first row, end row, stand row, from, to)."""

    first_pct: float = nan
    last_pct: float = nan
    used_pct: float = nan
    sigma_pct: float = nan
    first_row: int = -1
    last_row: int = -1
    smooth_pct: tuple[float, ...] = ()
    refuels: tuple[tuple[int, int, int, float, float], ...] = ()


def fuel_levels(rows: list[Row], drives: list[bool], level_pct: list[float], rules: LevelRules) -> Followed:
    """Return the levels of one group; `drives` says of each interval whether it is a drive."""
    smooth_pct = [nan] * len(rows)
    readings = moving(rows, drives, level_pct, rules, counted(rows, level_pct))
    if not readings:
        return Followed(smooth_pct=tuple(smooth_pct))
    values = [level_pct[row] for row in readings]
    steps = [abs(b - a) for a, b in pairwise(values) if a != b]
    quantum = min([12.5, *steps]) if len(steps) >= 3 else 0.0
    slots: dict[int, list[int]] = {}
    for row in readings:
        slots.setdefault(rows[row].time_us // rules.slot_us, []).append(row)
    members = list(slots.values())
    level = [median(level_pct[row] for row in member) for member in members]
    at_us = [rows[member[0]].time_us for member in members]
    jumps = [abs(b - a) for a, b in pairwise(level)]
    noise = 1.4826 / sqrt(2) * median(jumps) if jumps else 0.0
    bound = max(rules.rise_pct, 4 * noise, 2 * quantum)
    count = len(level)

    def near(fixed: int, others: list[int]) -> list[int]:
        """Of the slots beside `fixed`, the nearest first, those that make a level with it."""
        chosen = [fixed]
        for other in others:
            is_far = abs(at_us[other] - at_us[fixed]) > 2 * rules.window * rules.slot_us
            if len(chosen) == rules.window or (is_far and len(chosen) >= rules.least):
                break
            chosen.append(other)
        return sorted(chosen)

    def before(cut: int, low: int = 0) -> list[int]:
        return near(cut, list(range(cut - 1, low - 1, -1)))

    def after(cut: int, high: int = count) -> list[int]:
        return near(cut + 1, list(range(cut + 2, high)))

    def of(chosen: list[int]) -> float:
        return median(level[slot] for slot in chosen)

    open_cuts = [
        cut
        for cut in range(rules.least - 1, count - rules.least)
        if of(after(cut)) - of(before(cut)) > bound
        and stood(rows, drives, members[cut][0], members[cut + 1][0], rules.stand_us)
    ]
    cuts = []
    while open_cuts:
        best = max(open_cuts, key=lambda cut: (level[cut + 1] - level[cut], -cut))
        cuts.append(best)
        open_cuts = [cut for cut in open_cuts if abs(cut - best) >= rules.window]
    cuts.sort()

    ramps: list[tuple[int, int]] = []
    for cut in cuts:
        before_all = ramps[-1][1] if ramps else 0
        if ramps and cut < before_all:
            continue
        foot = next((at for at in range(cut, before_all, -1) if level[at] - level[at - 1] <= bound / 8), before_all)
        top = next((at for at in range(cut + 1, count - 1) if level[at + 1] - level[at] <= bound / 8), count - 1)
        ramps.append((foot, top))
    kept: list[tuple[int, int]] = []
    refuels = []
    for (foot, top), (following, _) in zip(ramps, [*ramps[1:], (count - 1, 0)], strict=False):
        from_pct = of(near(foot, list(range(foot - 1, (kept[-1][1] if kept else 0) - 1, -1))))
        to_pct = of(near(top, list(range(top + 1, following + 1))))
        if to_pct - from_pct > bound:
            refuels.append((*described(drives, rows, members[foot], members[top]), from_pct, to_pct))
            kept.append((foot, top))
    firsts = near(0, list(range(1, kept[0][0] + 1 if kept else (count + 1) // 2)))
    lasts = near(count - 1, list(range(count - 2, (kept[-1][1] if kept else count // 2) - 1, -1)))
    first_pct, last_pct = of(firsts), of(lasts)
    drove = any(drive and step_us(rows, row) > 0 for row, drive in enumerate(drives))
    is_known = count >= 2 * rules.least and (steps or not drove)
    used_pct = first_pct - last_pct + sum(refuel[4] - refuel[3] for refuel in refuels)
    segments = [0, *(edge for foot, top in kept for edge in (foot + 1, top)), count]
    for low, high in pairwise(segments):
        for slot in range(low, high):
            around = range(max(low, slot - rules.window // 2), min(high, slot + (rules.window + 1) // 2))
            for row in members[slot]:
                smooth_pct[row] = of(list(around))
    return Followed(
        first_pct,
        last_pct,
        used_pct if is_known else nan,
        sqrt((1.2533 * noise) ** 2 / min(len(firsts), len(lasts)) + quantum**2 / 12),
        members[(firsts[-1]) // 2][0],
        members[(lasts[0] + count) // 2][0],
        tuple(smooth_pct),
        tuple(refuels),
    )


def counted(rows: list[Row], level_pct: list[float]) -> list[int]:
    """The last reading of each instant, without those that say nothing."""
    by_instant = {rows[row].time_us: row for row, pct in enumerate(level_pct) if not isnan(pct) and pct > 0}
    return sorted(by_instant.values())


def moving(
    rows: list[Row], drives: list[bool], level_pct: list[float], rules: LevelRules, readings: list[int]
) -> list[int]:
    """Without the readings that stay the same through a long drive."""
    kept: list[int] = []
    stretch: list[int] = []
    for row in [*readings, -1]:
        if stretch and (row == -1 or level_pct[row] != level_pct[stretch[0]]):
            driven = sum(step_us(rows, at) for at in range(stretch[0], stretch[-1]) if drives[at])
            kept += stretch if driven < rules.stuck_us else []
            stretch = []
        stretch.append(row)
    return kept


def stood(rows: list[Row], drives: list[bool], begin: int, until: int, stand_us: int) -> bool:
    stand: list[int] = []
    for row in range(len(rows)):
        stand = [] if drives[row] else [*stand, row]
        if any(begin <= at < until for at in stand) and sum(step_us(rows, at) for at in stand) >= stand_us:
            return True
        if stand and stand[0] >= until:
            return False
    return False


def described(drives: list[bool], rows: list[Row], foot: list[int], top: list[int]) -> tuple[int, int, int]:
    stands = [row for row in range(foot[0], top[0]) if not drives[row]]
    longest = max(stands, key=lambda row: (step_us(rows, row), -row), default=foot[0])
    return foot[-1], top[0], longest


def step_us(rows: list[Row], row: int) -> int:
    return rows[row + 1].time_us - rows[row].time_us if row + 1 < len(rows) else 0
