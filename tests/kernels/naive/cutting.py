"""What was said of the arrival of each group, by sorting everything."""

from itertools import pairwise

import numpy as np


def arrivals(times_us: list[int], received_us: list[int]) -> tuple[bool, float, float, float, int]:
    steps = [after - before for before, after in pairwise(times_us)]
    later = [step for step in steps if step > 0]
    delays_s = np.subtract(received_us, times_us) / 1e6
    minutes: dict[int, set[int]] = {}
    for instant in received_us:
        minutes.setdefault(instant // 60_000_000, set()).add(instant)
    return (
        all(step > 0 for step in steps),
        float(np.median(later)) if later else float("nan"),
        float(np.quantile(delays_s, 0.5)),
        float(np.quantile(delays_s, 0.95)),
        max(map(len, minutes.values())),
    )
