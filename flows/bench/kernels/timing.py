"""How long do several ways take, side by side?"""

from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any


def best_seconds(ways: Mapping[str, Callable[[], Any]], runs: int) -> dict[str, float]:
    """Run all ways in turn, `runs` times, and return the least time of each: others use the machine as well."""
    seconds = dict.fromkeys(ways, float("inf"))
    for _ in range(runs):
        for name, way in ways.items():
            began_s = perf_counter()
            way()
            seconds[name] = min(seconds[name], perf_counter() - began_s)
    return seconds
