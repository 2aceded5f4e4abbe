"""Which fixes can be true, and which speeds do they give: the twins of `places` and `speeds`."""

from fractions import Fraction
from math import floor, isnan

from kernels.speeds import BASELINE_US, HOP_US, SPARSE_US, SURE_M
from tests.kernels.naive.geometry import metres
from tests.kernels.tracks import Row


def good_places(rows: list[Row], max_kmh: float) -> list[bool]:
    """Judge the fixes of one group, one distinct fix of one instant after the other."""
    fixes: list[tuple[int, tuple[int, int]]] = []
    for row in rows:
        if row.place and (row.time_us, row.place) not in fixes:
            fixes.append((row.time_us, row.place))
    good: set[tuple[int, tuple[int, int]]] = set()
    anchor, doubted, first_is_alone = None, None, True
    for fix in fixes:
        if anchor is None:
            anchor = fix
            good.add(fix)
        elif agree(anchor, fix, max_kmh):
            if fix[0] > fixes[0][0]:
                first_is_alone = False
            anchor, doubted = fix, None
            good.add(fix)
        elif doubted and fix[0] > doubted[0] and agree(doubted, fix, max_kmh):
            if first_is_alone:
                good.remove(fixes[0])
                first_is_alone = False
            good |= {doubted, fix}
            anchor, doubted = fix, None
        elif doubted is None or fix[0] > doubted[0]:
            doubted = fix
    return [(row.time_us, row.place) in good for row in rows]


def agree(a: tuple[int, tuple[int, int]], b: tuple[int, tuple[int, int]], max_kmh: float) -> bool:
    """Could a van have been at both?"""
    hours = max(b[0] - a[0], 1_000_000) / 3.6e9
    return metres(a[1], b[1]) / 1000 <= max_kmh * hours


def known_speeds(rows: list[Row], gap_max_us: int) -> list[float]:
    """Return the speeds sent, and derived ones where fixes allow."""
    return [
        derived(rows, index, gap_max_us) if isnan(row.speed_kmh) else row.speed_kmh for index, row in enumerate(rows)
    ]


def derived(rows: list[Row], index: int, gap_max_us: int) -> float:
    """Return the speed of the hop around a row."""
    here = [row for row in rows[: index + 1] if row.place]
    if not here:
        return float("nan")
    last = here[-1]
    later = [row for row in rows[index + 1 :] if row.place and row.time_us > rows[index].time_us]
    earlier = [row for row in here if row.time_us < last.time_us]
    hops = [(last, later[0])] if later else []
    if rows[index].place and earlier:
        hops.append((earlier[-1], last))
    for a, b in hops:
        step_us = b.time_us - a.time_us
        if step_us <= gap_max_us:
            return smoothed(rows, a, b) if step_us < HOP_US else sparse(rows, a, b)
    return float("nan")


def sparse(rows: list[Row], a: Row, b: Row) -> float:
    """Return the speed of a hop if it is motion beyond doubt, else the lesser of it and that between pairs of fixes."""
    hop_kmh = metres(a.place, b.place) / (b.time_us - a.time_us) * 3.6e6
    if b.time_us - a.time_us >= SPARSE_US:
        return hop_kmh
    fixes = fixes_of(rows)
    before = chained([us for us in sorted(fixes, reverse=True) if us < a.time_us], a.time_us)
    after = chained([us for us in sorted(fixes) if us > b.time_us], b.time_us)
    middle = b.time_us
    if not before and len(after) == 2:
        oldest, middle, newest = a.time_us, *after
    elif not after and len(before) == 2:
        oldest, middle, newest = before[1], a.time_us, b.time_us
    else:
        oldest, newest = [*before, a.time_us][0], [*after, b.time_us][0]
    (a_us, a_place), (b_us, b_place) = (
        mean_fix({us: place for us, place in fixes.items() if oldest <= us <= newest and (us < middle) is is_first})
        for is_first in (True, False)
    )
    away_m = metres(a_place, b_place)
    return hop_kmh if away_m >= SURE_M else min(hop_kmh, away_m / float(b_us - a_us) * 3.6e6)


def chained(instants: list[int], from_us: int) -> list[int]:
    """Return the next two instants, each less than SPARSE_US from the one before it."""
    found: list[int] = []
    for us in instants[:2]:
        if abs(us - [from_us, *found][-1]) < SPARSE_US:
            found.append(us)
        else:
            break
    return found


def fixes_of(rows: list[Row]) -> dict[int, tuple[int, int]]:
    """Return the place of each instant, of several the first."""
    fixes: dict[int, tuple[int, int]] = {}
    for row in rows:
        if row.place:
            fixes.setdefault(row.time_us, row.place)
    return fixes


def smoothed(rows: list[Row], a: Row, b: Row) -> float:
    """Return the speed between the means of the fixes in the first and the second half around a short hop."""
    fixes = fixes_of(rows)
    oldest = min(us for us in fixes if us > a.time_us - BASELINE_US)
    newest = max(us for us in fixes if us < oldest + 2 * BASELINE_US)
    oldest = min(us for us in fixes if us > newest - 2 * BASELINE_US)
    around = [us for us in fixes if oldest <= us <= newest]
    (a_us, a_place), (b_us, b_place) = (
        mean_fix({us: fixes[us] for us in around if (2 * us <= oldest + newest) is is_first})
        for is_first in (True, False)
    )
    return metres(a_place, b_place) / float(b_us - a_us) * 3.6e6


def mean_fix(fixes: dict[int, tuple[int, int]]) -> tuple[Fraction, tuple[int, int]]:
    """Return the mean time and place, the place in whole units, halves rounded up."""
    north, east = (
        floor(Fraction(sum(degrees), len(fixes)) + Fraction(1, 2)) for degrees in zip(*fixes.values(), strict=True)
    )
    return Fraction(sum(fixes), len(fixes)), (north, east)


def frozen_speeds(rows: list[Row], frozen_us: int) -> list[bool]:
    """Return which rows repeat a speed on one spot for too long; an odometer that turns begins a new stretch."""
    stretches: list[list[int]] = []
    reading = float("nan")
    for index, row in enumerate(rows):
        before = stretches[-1] if stretches and stretches[-1] else []
        if not (row.place and row.speed_kmh > 0 and row.engine != 1):
            stretches.append([])
            continue
        turned = not isnan(row.odometer_m) and not isnan(reading) and row.odometer_m != reading
        same = before and (rows[before[0]].place, rows[before[0]].speed_kmh) == (row.place, row.speed_kmh)
        if same and not turned:
            before.append(index)
        else:
            stretches.append([index])
            reading = float("nan")
        reading = reading if isnan(row.odometer_m) else row.odometer_m
    found = [False] * len(rows)
    for stretch in stretches:
        if stretch and rows[stretch[-1]].time_us - rows[stretch[0]].time_us > frozen_us:
            for index in stretch:
                found[index] = True
    return found


def stuck_speeds(rows: list[Row], away_m: float) -> list[bool]:
    """Which zeros does a tracker send while its fixes move on?"""
    stuck = [False] * len(rows)
    for zeros in consecutive([row.speed_kmh == 0 for row in rows]):
        fixes = [index for index in zeros if rows[index].place]
        moved: list[tuple[int, int]] = []  # each fix that moved, after the one it moved from
        for place, index in enumerate(fixes[1:], 1):
            earlier = [other for other in fixes[:place] if rows[other].time_us <= rows[index].time_us - 10_000_000]
            back = earlier[-1] if earlier else fixes[0]
            step_us = rows[index].time_us - rows[back].time_us
            if not (0 < step_us <= 30_000_000 and metres(rows[back].place, rows[index].place) > away_m):
                moved = []
                continue
            moved.append((back, index))
            since = moved[0][0]
            lasted_us = rows[index].time_us - rows[since].time_us
            far = metres(rows[since].place, rows[index].place) > 3 * away_m
            if len(moved) >= 3 and lasted_us >= 30_000_000 and far:
                stuck[since : index + 1] = [True] * (index + 1 - since)
    return stuck


def consecutive(truths: list[bool]) -> list[list[int]]:
    """The indices of each maximal stretch of true values."""
    stretches: list[list[int]] = []
    for index, truth in enumerate(truths):
        if truth and index and truths[index - 1]:
            stretches[-1].append(index)
        elif truth:
            stretches.append([index])
    return stretches
