"""How far did the van go in each interval: the twin of `distance`."""

from itertools import pairwise
from math import isnan

from kernels.distance import DistanceRules
from tests.kernels.naive.geometry import metres
from tests.kernels.tracks import Row


def distances(
    rows: list[Row], states: list[str], is_frozen: bool, rules: DistanceRules
) -> tuple[list[float], str, bool]:
    """Return the metres of every row of one group, their source, and whether the odometer was rejected."""
    steps_us = [b.time_us - a.time_us for a, b in pairwise(rows)] + [0]
    fixes = [index for index, row in enumerate(rows) if row.place]
    readings = [index for index, row in enumerate(rows) if not isnan(row.odometer_m)]
    gps_m, heard_m = [0.0] * len(rows), 0.0
    for a, b in pairwise(fixes):
        between = {states[index] for index in range(a, b) if steps_us[index] > 0}
        hop = metres(rows[a].place, rows[b].place)
        if hop / max(rows[b].time_us - rows[a].time_us, 1_000_000) * 3.6e6 > rules.hop_kmh:
            hop = 0.0
        if "drive" in between or "unknown" in between or states[b] == "drive":
            heard_m += hop
        if "unknown" in between:
            continue
        if "drive" in between:
            share(gps_m, hop, a, b, states, steps_us)
        elif states[b] == "drive":
            gps_m[b] += hop
    instants = {rows[index].time_us for index in readings}
    gps_found = len({rows[index].time_us for index in fixes}) >= 2
    if len(readings) >= 2:
        deltas = [rows[b].odometer_m - rows[a].odometer_m for a, b in pairwise(readings)]
        total_m = rows[readings[-1]].odometer_m - rows[readings[0]].odometer_m
        gps_judges = gps_found and not is_frozen and len(instants) >= 2
        driving = [index for index in range(len(rows)) if states[index] == "drive"]
        heard = [index for index in driving if readings[0] <= index < readings[-1]]
        enough = sum(steps_us[i] for i in heard) >= rules.odometer_share * sum(steps_us[i] for i in driving)
        too_near = gps_judges and enough and heard_m > rules.odometer_factor * total_m + rules.odometer_slack_m
        too_far = gps_judges and total_m > rules.odometer_factor * heard_m + rules.odometer_slack_m
        rejected = too_far or too_near or min(deltas) < 0 or max(deltas) > rules.odometer_jump_m
        if enough and len(instants) >= 2 and not rejected:
            odometer_m = [0.0] * len(rows)
            for a, b, delta in zip(readings, readings[1:], deltas, strict=False):
                share(odometer_m, delta, a, b, states, steps_us)
            return odometer_m, "odometer", False
    else:
        rejected = False
    if gps_found:
        return gps_m, "gps", rejected
    if all(isnan(row.speed_kmh) for row in rows):
        return [0.0] * len(rows), "none", rejected
    return trapezoids(rows, states), "speed", rejected


def share(step_m: list[float], hop: float, a: int, b: int, states: list[str], steps_us: list[int]) -> None:
    """Give the metres between rows a and b to the driving intervals between them."""
    driving = [index for index in range(a, b) if states[index] == "drive"]
    total_us = sum(steps_us[index] for index in driving)
    if total_us == 0:
        step_m[b - 1] += hop
    else:
        for index in driving:
            step_m[index] += hop * steps_us[index] / total_us


def trapezoids(rows: list[Row], states: list[str]) -> list[float]:
    step_m = [0.0] * len(rows)
    for index, (a, b) in enumerate(pairwise(rows)):
        if isnan(a.speed_kmh):
            continue
        end_kmh = a.speed_kmh if isnan(b.speed_kmh) else b.speed_kmh
        metres = (a.speed_kmh + end_kmh) / 2 / 3.6 * (b.time_us - a.time_us) / 1e6
        if states[index] == "drive":
            step_m[index] += metres
        elif states[index] in ("idle", "ready", "parked") and states[index + 1] == "drive":
            step_m[index + 1] += metres
    return step_m
