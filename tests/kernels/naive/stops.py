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
    spots: list[Spot] = []
    for row in counted:
        if states[row] not in STANDING:
            continue
        place = rows[row].place
        joined = False
        if episodes:
            blip = [i for i in counted if episodes[-1][-1] < i < row]
            after = [i for i in (*counted, len(rows) - 1) if i > row]
            joined = same_stand(rows, states, spots[-1], blip, row, after, rules)
        if not joined:
            episodes.append([])
            spots.append(Spot([], None))
        else:
            episodes[-1].extend(blip)
        episodes[-1].append(row)
        if place and here(spots[-1], place, rules):
            settled = rows[row].time_us - rows[episodes[-1][0]].time_us >= rules.settle_us
            spots[-1] = Spot([*spots[-1].votes, place], place if settled else spots[-1].settled_at)
    stands = [describe(rows, states, episode) for episode in episodes]
    return [stand for stand in stands if rows[stand.end_row].time_us - rows[stand.first_row].time_us >= rules.min_us]


class Spot(NamedTuple):
    """Where an episode is: its fixes so far, and the last of them once it has settled."""

    votes: list[tuple[int, int]]
    settled_at: tuple[int, int] | None


def same_stand(
    rows: list[Row],
    states: list[str],
    spot: Spot,
    blip: list[int],
    row: int,
    after: list[int],
    rules: StopRules,
) -> bool:
    if blip and rows[blip[-1] + 1].time_us - rows[blip[0]].time_us > rules.merge_us:
        return False
    seen = [rows[i].place for i in blip if rows[i].place]
    if not all(here(spot, place, rules) for place in seen):
        return False
    drove = any(states[i] == "drive" for i in blip)
    place = rows[row].place
    if place and not here(spot, place, rules):
        return not blip and comes_back(rows, states, spot, row, after, rules)
    if drove:
        return bool(spot.votes) and bool(place or seen)
    return True


def comes_back(rows: list[Row], states: list[str], spot: Spot, row: int, after: list[int], rules: StopRules) -> bool:
    """Whether the next fix is back, or one within `merge_us` of the row without a drive before it."""
    fixes = [i for i in after if rows[i].place]
    for back in fixes:
        soon = rows[back].time_us - rows[row].time_us <= rules.merge_us
        drove = any(states[i] == "drive" for i in after if fixes[0] <= i < back)
        if here(spot, rows[back].place, rules) and (back == fixes[0] or (soon and not drove)):
            return True
    return False


def here(spot: Spot, place: tuple[int, int] | None, rules: StopRules) -> bool:
    assert place
    near = not spot.votes or metres(mean(spot.votes), place) <= rules.radius_m
    return near or (spot.settled_at is not None and metres(spot.settled_at, place) <= rules.radius_m / 2)


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
