"""Which vans were near a purchase: the twin of `presence`, over lists of rows, one purchase and one van at a time."""

from itertools import pairwise
from math import isnan, nan
from statistics import median
from typing import NamedTuple

from tests.kernels.naive.geometry import metres
from tests.kernels.tracks import Row

MINUTE_US = 60_000_000


class Purchase(NamedTuple):
    """A purchase: when and where, either of them None where it is not known."""

    time_us: int | None
    place: tuple[int, int] | None
    day_us: tuple[int, int]


def presence(rows: list[Row], levels: list[float], purchase: Purchase, is_assigned: bool) -> dict[str, float] | None:
    """What is known of one van; None where it is no candidate."""
    away = [metres(row.place, purchase.place) if row.place and purchase.place else nan for row in rows]
    fixes = [index for index, row in enumerate(rows) if row.place]
    if not is_assigned:
        fixes = [index for index in fixes if away[index] <= 805]
    found = {"fix_count_60": 0, "fix_count_15": 0, "fix_count_3": 0}
    if purchase.time_us is not None:
        off_us = [row.time_us - purchase.time_us for row in rows]
        for minutes in (60, 15, 10, 3):
            within = [index for index in fixes if abs(off_us[index]) <= minutes * MINUTE_US]
            found[f"fix_count_{minutes}"] = len(within)
            found[f"nearest_{minutes}_m"] = min((away[index] for index in within), default=nan)
        if found["fix_count_60"] and purchase.place:
            in_hour = [index for index in fixes if abs(off_us[index]) <= 60 * MINUTE_US]
            best = min(in_hour, key=lambda index: (away[index], abs(off_us[index]), index))
            found["nearest_offset_s"] = off_us[best] / 1e6
        if not is_assigned and found["fix_count_60"] == 0:
            return None
    elif not is_assigned:
        return None
    if is_assigned:
        found |= day(rows, levels, away, purchase)
        if purchase.time_us is not None:
            found |= pump(rows, levels, away, off_us)
            if purchase.place:
                found["shift_h"] = shift(rows, away, purchase.time_us, found["nearest_15_m"])
                found["could_be_unseen"] = float(unseen(rows, away, purchase.time_us))
    return found


def day(rows: list[Row], levels: list[float], away: list[float], purchase: Purchase) -> dict[str, float]:
    start_us, end_us = purchase.day_us
    of_day = [index for index, row in enumerate(rows) if start_us <= row.time_us < end_us]
    placed = [index for index in of_day if rows[index].place]
    sent = [levels[index] for index in of_day if not isnan(levels[index])]
    return {
        "day_fix_count": len(placed),
        "day_nearest_m": min((away[index] for index in placed), default=nan),
        "level_count_day": len(set(sent)),
        "level_span_day_pct": max(sent) - min(sent) if sent else nan,
    }


def pump(rows: list[Row], levels: list[float], away: list[float], off_us: list[int]) -> dict[str, float]:
    sent = [index for index in range(len(rows)) if not isnan(levels[index])]
    before = [index for index in sent if -30 * MINUTE_US <= off_us[index] <= 0][-5:]
    after = [index for index in sent if 5 * MINUTE_US <= off_us[index] <= 30 * MINUTE_US][:5]
    slow = [row.speed_kmh for row, off in zip(rows, off_us, strict=True) if abs(off) <= 3 * MINUTE_US]
    read = [
        index for index, row in enumerate(rows) if not isnan(row.odometer_m) and abs(off_us[index]) <= 15 * MINUTE_US
    ]
    nearest = min(read, key=lambda index: (abs(off_us[index]), index), default=None)
    on_s, known = 0.0, False
    for index in range(len(rows) - 1):
        low, high = max(off_us[index], -15 * MINUTE_US), min(off_us[index + 1], 15 * MINUTE_US)
        at_site = rows[index].place and away[index] <= 250 and off_us[index + 1] - off_us[index] <= 300_000_000
        if high > low and at_site and rows[index].engine >= 0:
            known = True
            on_s += (high - low) / 1e6 if rows[index].engine == 1 else 0
    return {
        "level_before_pct": median(levels[index] for index in before) if before else nan,
        "level_before_age_s": -off_us[before[-1]] / 1e6 if before else nan,
        "level_after_pct": median(levels[index] for index in after) if after else nan,
        "level_after_age_s": off_us[after[0]] / 1e6 if after else nan,
        "min_speed_3_kmh": min((speed for speed in slow if not isnan(speed)), default=nan),
        "engine_on_site_s": on_s if known else nan,
        "odometer_m": nan if nearest is None else rows[nearest].odometer_m,
    }


def shift(rows: list[Row], away: list[float], time_us: int, nearest_15_m: float) -> float:
    if nearest_15_m <= 250:
        return nan
    for hours in sorted((hour for hour in range(-14, 15) if hour), key=lambda hour: (abs(hour), -hour)):
        moved_us = time_us + hours * 60 * MINUTE_US
        if any(abs(row.time_us - moved_us) <= 10 * MINUTE_US and m <= 100 for row, m in zip(rows, away, strict=True)):
            return hours
    return nan


def unseen(rows: list[Row], away: list[float], time_us: int) -> bool:
    """Fixes within two hours cut the time into silences; beyond them the van may be anywhere."""
    marks = [(time_us - 120 * MINUTE_US, None)]
    for row, metres_away in zip(rows, away, strict=True):
        if row.place and abs(row.time_us - time_us) <= 120 * MINUTE_US:
            marks.append((row.time_us, metres_away))
    marks.append((time_us + 120 * MINUTE_US, None))
    for (from_us, from_m), (to_us, to_m) in pairwise(marks):
        arrived_us = from_us + (0 if from_m is None else max(from_m - 250, 0) / 25 * 1e6)
        left_us = to_us - (0 if to_m is None else max(to_m - 250, 0) / 25 * 1e6)
        is_then = arrived_us <= time_us + 3 * MINUTE_US and left_us >= time_us - 3 * MINUTE_US
        if to_us - from_us > 300_000_000 and is_then and left_us - arrived_us >= 2 * MINUTE_US:
            return True
    return False
