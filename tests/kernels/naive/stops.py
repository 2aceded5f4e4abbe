"""Where did the van stand: the twin of `stops`."""

from typing import NamedTuple

from kernels.stops import StopRules
from tests.kernels.naive.geometry import metres
from tests.kernels.tracks import Row

STANDING = {"off", "idle", "ready", "parked"}


class Stand(NamedTuple):
    """One park episode of one group."""

    first_row: int
    end_row: int
    place: tuple[int, int] | None
    engine_on_us: int
    off_us: int


def park_episodes(rows: list[Row], states: list[str], rules: StopRules) -> list[Stand]:
    """Return the park episodes of one group."""
    # Rows with a duration, and the rows of the next one: everything else is a tie.
    counted = [i for i in range(len(rows) - 1) if rows[i + 1].time_us > rows[i].time_us]
    episodes: list[list[int]] = []  # the counted rows of each, blips included
    votes: list[list[tuple[int, int]]] = []  # the fixes their centre is the mean of
    for row in counted:
        if states[row] not in STANDING:
            continue
        place = rows[row].place
        joined = False
        if episodes:
            blip = [i for i in counted if episodes[-1][-1] < i < row]
            joined = same_stand(rows, states, votes[-1], blip, row, rules)
        if not joined:
            episodes.append([])
            votes.append([])
        else:
            episodes[-1].extend(blip)
        episodes[-1].append(row)
        if place and near(votes[-1], place, rules):
            votes[-1].append(place)
    stands = [describe(rows, states, episode) for episode in episodes]
    return [stand for stand in stands if rows[stand.end_row].time_us - rows[stand.first_row].time_us >= rules.min_us]


def same_stand(
    rows: list[Row],
    states: list[str],
    votes: list[tuple[int, int]],
    blip: list[int],
    row: int,
    rules: StopRules,
) -> bool:
    if blip and rows[blip[-1] + 1].time_us - rows[blip[0]].time_us > rules.merge_us:
        return False
    seen = [rows[i].place for i in blip if rows[i].place]
    if not all(near(votes, place, rules) for place in seen):
        return False
    drove = any(states[i] == "drive" for i in blip)
    place = rows[row].place
    if place and not near(votes, place, rules):
        later = [other.place for other in rows[row + 1 :] if other.place and other.time_us > rows[row].time_us]
        return not blip and bool(later) and near(votes, later[0], rules)
    if drove:
        return bool(votes) and bool(place or seen)
    return True


def near(votes: list[tuple[int, int]], place: tuple[int, int], rules: StopRules) -> bool:
    return not votes or metres(mean(votes), place) <= rules.radius_m


def mean(places: list[tuple[int, int]]) -> tuple[int, int]:
    """Return the mean place, rounded half up from the first one."""
    count, (north, east) = len(places), places[0]
    return (
        north + (2 * sum(place[0] - north for place in places) + count) // (2 * count),
        east + (2 * sum(place[1] - east for place in places) + count) // (2 * count),
    )


def describe(rows: list[Row], states: list[str], episode: list[int]) -> Stand:
    standing = [i for i in episode if states[i] in STANDING]
    places = [place for i in standing if (place := rows[i].place)]
    spent = dict.fromkeys(STANDING, 0)
    for i in standing:
        spent[states[i]] += rows[i + 1].time_us - rows[i].time_us
    return Stand(
        first_row=episode[0],
        end_row=standing[-1] + 1,
        place=mean(places) if places else None,
        engine_on_us=spent["idle"] + spent["ready"],
        off_us=spent["off"],
    )
