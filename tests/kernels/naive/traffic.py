"""Was it a wait in traffic: the twin of `traffic`, and of `sampling`."""

from math import inf, log, nan
from typing import NamedTuple

from tests.kernels.naive.geometry import metres
from tests.kernels.tracks import Row


class Episode(NamedTuple):
    """What the weighing of one park episode reads."""

    place: tuple[int, int] | None
    seconds: float
    engine_on: bool
    off: bool
    on_round: bool
    side: str  # partner, left_over, away or no_plan
    pace_kmh: float


WAITS = {"partner": 0.1, "left_over": 0.2, "away": 0.7}


def wait_odds(episodes: list[Episode], certain_s: float) -> list[float]:
    """Return the log odds of each episode of one group."""
    certain = [e for e in episodes if e.on_round and (e.off or e.seconds >= certain_s)]
    away_m = {id(e): nearest_m(e, [other for other in certain if other is not e]) for e in episodes}

    def elsewhere(e: Episode) -> bool:
        usual_m = sorted(away_m[id(other)] for other in certain)[len(certain) // 2]
        paces = sorted(other.pace_kmh for other in certain)
        return away_m[id(e)] > max(5 * usual_m, 300) or e.pace_kmh > 1.1 * paces[len(paces) * 9 // 10]

    odds = []
    for e in episodes:
        points = log(1 / 5) + (45 - e.seconds) / 25
        if len(certain) >= 5:
            points += 2.2 if elsewhere(e) else -0.7
        if e.engine_on:
            alike = [
                other
                for other in episodes
                if other.on_round
                and (other.engine_on or other.off)
                and e.seconds / 1.5 <= other.seconds <= e.seconds * 1.5
                and (other.off or len(certain) < 5 or not elsewhere(other))
            ]
            points -= log(1 - sum(other.off for other in alike) / (len(alike) + 2))
        if e.side != "no_plan":
            points += log(WAITS[e.side] * (3 + len(certain)) / (1 + sum(other.side == e.side for other in certain)))
        odds.append(-inf if e.off else points)
    return odds


def nearest_m(e: Episode, others: list[Episode]) -> float:
    return min((metres(e.place, other.place) for other in others if e.place and other.place), default=inf)


def pace_kmh(rows: list[Row], arrived: int, departed: int) -> float:
    """The greatest speed in the minute before row `arrived` and in that after row `departed`; the lower of the two."""
    last = {row.time_us: row for row in rows}
    before = [r for t, r in last.items() if 0 < rows[arrived].time_us - t <= 60_000_000]
    after = [r for t, r in last.items() if 0 <= t - rows[departed].time_us <= 60_000_000]
    return min(max([0.0, *(r.speed_kmh for r in side if r.speed_kmh > 0)]) for side in (before, after))


def coarse_share(rows: list[Row], states: list[str], coarse_us: int, radius_m: float) -> float:
    """Return the share of the time under way in longer intervals of one group."""
    coarse = under_way = 0
    for i in range(len(rows) - 1):
        step_us = rows[i + 1].time_us - rows[i].time_us
        fixes = [row.place for row in rows[: i + 1] if row.place]
        after = rows[i + 1].place
        left = bool(fixes and after) and metres(fixes[-1], after) > radius_m
        if states[i] == "drive" or (states[i] in ("idle", "ready", "parked") and left):
            under_way += step_us
            coarse += step_us if step_us > coarse_us else 0
    return coarse / under_way if under_way else nan
