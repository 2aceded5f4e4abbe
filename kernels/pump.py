"""What does the van that was charged say about a purchase: its levels, speed, engine and odometer at the pump?

Also the columns that `presence` fills, one for each measure of a purchase and a van.
"""

import numpy as np

from kernels.compiled import part
from kernels.gauge import median_of
from kernels.geometry import hop_m
from kernels.searching import first_at

MINUTE_US = np.int64(60_000_000)
SITE_M = 250.0  # within this a van is at the site
LEVELS = 5  # fuel levels that a median is taken of
GAP_US = np.int64(300_000_000)  # a longer silence is not known to be what came before it

(
    FIX_COUNT_60,
    FIX_COUNT_15,
    FIX_COUNT_3,
    NEAREST_10_M,
    NEAREST_15_M,
    NEAREST_60_M,
    NEAREST_OFFSET_S,
    DAY_NEAREST_M,
    DAY_FIX_COUNT,
    MIN_SPEED_3_KMH,
    ENGINE_ON_SITE_S,
    LEVEL_BEFORE_PCT,
    LEVEL_BEFORE_AGE_S,
    LEVEL_AFTER_PCT,
    LEVEL_AFTER_AGE_S,
    LEVEL_COUNT_DAY,
    LEVEL_SPAN_DAY_PCT,
    ODOMETER_M,
    SHIFT_H,
    COULD_BE_UNSEEN,
) = range(20)
MEASURES = (
    *("fix_count_60", "fix_count_15", "fix_count_3", "nearest_10_m", "nearest_15_m", "nearest_60_m"),
    *("nearest_offset_s", "day_nearest_m", "day_fix_count", "min_speed_3_kmh", "engine_on_site_s"),
    *("level_before_pct", "level_before_age_s", "level_after_pct", "level_after_age_s", "level_count_day"),
    *("level_span_day_pct", "odometer_m", "shift_h", "could_be_unseen"),
)


@part
def site_m(track, purchases, purchase, row):
    return hop_m(
        track.latitude_e7[row],
        track.longitude_e7[row],
        purchases.latitude_e7[purchase],
        purchases.longitude_e7[purchase],
    )


@part
def over_the_day(track, level_pct, purchases, purchase, van, found):
    end = track.starts[van + 1]
    first = first_at(track.time_us, track.starts[van], end, purchases.day_from_us[purchase])
    last = first_at(track.time_us, first, end, purchases.day_to_us[purchase])
    found[DAY_FIX_COUNT] = 0.0
    levels = np.empty(last - first, dtype=np.float64)
    level_count = 0
    for row in range(first, last):
        if track.placed[row]:
            found[DAY_FIX_COUNT] += 1
            if purchases.placed[purchase]:
                metres = site_m(track, purchases, purchase, row)
                if not found[DAY_NEAREST_M] <= metres:
                    found[DAY_NEAREST_M] = metres
        if not np.isnan(level_pct[row]):
            levels[level_count] = level_pct[row]
            level_count += 1
    ordered = levels[:level_count]
    ordered.sort()  # as median_of does: sorting one type of array is compiled once
    different = 0
    for place in range(level_count):
        different += place == 0 or ordered[place] != ordered[place - 1]
    found[LEVEL_COUNT_DAY] = different
    if level_count:
        found[LEVEL_SPAN_DAY_PCT] = ordered[level_count - 1] - ordered[0]


@part
def at_the_pump(track, level_pct, purchases, purchase, van, found):
    """What the van itself says: levels before and after, speed, engine and odometer."""
    at_us, start, end = purchases.time_us[purchase], track.starts[van], track.starts[van + 1]
    levels, level_count = np.empty(LEVELS, dtype=np.float64), 0
    row = first_at(track.time_us, start, end, at_us + 1) - 1
    while row >= start and track.time_us[row] >= at_us - 30 * MINUTE_US and level_count < LEVELS:
        if not np.isnan(level_pct[row]):
            if level_count == 0:
                found[LEVEL_BEFORE_AGE_S] = (at_us - track.time_us[row]) / 1e6
            levels[level_count] = level_pct[row]
            level_count += 1
        row -= 1
    if level_count:
        found[LEVEL_BEFORE_PCT] = median_of(levels, level_count)
    level_count = 0
    row = first_at(track.time_us, start, end, at_us + 5 * MINUTE_US)
    while row < end and track.time_us[row] <= at_us + 30 * MINUTE_US and level_count < LEVELS:
        if not np.isnan(level_pct[row]):
            if level_count == 0:
                found[LEVEL_AFTER_AGE_S] = (track.time_us[row] - at_us) / 1e6
            levels[level_count] = level_pct[row]
            level_count += 1
        row += 1
    if level_count:
        found[LEVEL_AFTER_PCT] = median_of(levels, level_count)

    from_us, until_us = at_us - 15 * MINUTE_US, at_us + 15 * MINUTE_US
    nearest_us = 15 * MINUTE_US + 1
    row = max(first_at(track.time_us, start, end, from_us) - 1, start)
    while row < end and track.time_us[row] <= until_us:
        after_us = track.time_us[row] - at_us
        is_slower = not np.isnan(track.speed_kmh[row]) and not found[MIN_SPEED_3_KMH] <= track.speed_kmh[row]
        if is_slower and abs(after_us) <= 3 * MINUTE_US:
            found[MIN_SPEED_3_KMH] = track.speed_kmh[row]
        if not np.isnan(track.odometer_m[row]) and abs(after_us) < nearest_us:
            nearest_us = abs(after_us)
            found[ODOMETER_M] = track.odometer_m[row]
        is_at_site = purchases.placed[purchase] and track.placed[row] and track.engine[row] >= 0
        if row + 1 < end and is_at_site and track.time_us[row + 1] - track.time_us[row] <= GAP_US:
            within_us = min(track.time_us[row + 1], until_us) - max(track.time_us[row], from_us)
            if within_us > 0 and site_m(track, purchases, purchase, row) <= SITE_M:
                if np.isnan(found[ENGINE_ON_SITE_S]):
                    found[ENGINE_ON_SITE_S] = 0.0
                if track.engine[row] == 1:
                    found[ENGINE_ON_SITE_S] += within_us / 1e6
        row += 1
