"""Which stop served which plan, in which context and phase: twins of `matching`, `kinds` and `phases`."""

from math import isnan, nan

from tests.kernels.naive.geometry import metres
from tests.kernels.tracks import Row

Place = tuple[int, int]


def nearest(place: Place | None, others: list[Place | None], radius_m: float) -> tuple[int, float]:
    """Return the index of the nearest other within the radius, the first of equals, and its metres."""
    found = [
        (metres(place, other), index) for index, other in enumerate(others) if place is not None and other is not None
    ]
    within = [pair for pair in found if pair[0] <= radius_m]
    return (min(within)[1], min(within)[0]) if within else (-1, nan)


def match_plan(
    stops: list[Place | None], doubtful: list[bool], planned: list[Place], radius_m: float
) -> tuple[list[tuple[int, float]], list[tuple[int, float, bool]]]:
    """Return stop and metres of each planned stop, and planned stop, metres and whether paired of each stop."""
    pairs = [
        (away_m + (radius_m / 2 if doubtful[stop] else 0), number, stop, away_m)
        for number, door in enumerate(planned)
        for stop, place in enumerate(stops)
        if place is not None and (away_m := metres(door, place)) <= radius_m
    ]
    served: dict[int, tuple[int, float]] = {}
    own: dict[int, tuple[int, float, bool]] = {}
    while free := [pair for pair in pairs if pair[1] not in served and pair[2] not in own]:
        _, number, stop, away_m = min(free)
        served[number], own[stop] = (stop, away_m), (number, away_m, True)
    for number in set(range(len(planned))) - set(served):
        if near := [pair for pair in pairs if pair[1] == number]:
            served[number] = min(near)[2:]
    for stop in set(range(len(stops))) - set(own):
        own[stop] = (*nearest(stops[stop], list(planned), radius_m), False)
    return [served.get(number, (-1, nan)) for number in range(len(planned))], [own[stop] for stop in range(len(stops))]


def context(state: str, kind: str | None) -> str:
    """Return the context of an interval within an episode of a kind, or outside all episodes."""
    if state == "drive":
        return "drive"
    if kind is None:
        return "traffic" if state in ("idle", "ready") else "other"
    return {"planned": "hand_off", "unplanned": "hand_off"}.get(kind, kind)


def route_phases(
    rows: list[Row], stops: list[tuple[int, int, str]], depot: Place, radius_m: float, fence_m: float
) -> tuple[list[str], list[int | None], int]:
    """Return the phase of every row of one group; exit, first stop, last stop and return; and the segments.

    `stops` holds arrival, departure and what it was of each stop: "served", "depot" or "other".
    """
    segments: list[list[tuple[int, int]]] = []
    stands: list[int] = []  # the first stand at the depot after each segment; the last may lack one
    waiting: int | None = None
    for arrived_us, departed_us, what in stops:
        if what == "depot" and segments and waiting is None:
            waiting = arrived_us
        elif what == "served":
            if waiting is not None:
                stands.append(waiting)
            if waiting is not None or not segments:
                segments.append([])
            segments[-1].append((arrived_us, departed_us))
            waiting = None
    if not segments:
        return ["none"] * len(rows), [None] * 4, 0
    if waiting is not None:
        stands.append(waiting)
    phases: list[str] = []
    instants: list[list[int | None]] = []
    for number, served in enumerate(segments):
        is_last = number == len(segments) - 1
        # Without a depot nobody returns to it, whatever was called a stand there.
        stand_us = stands[number] if number < len(stands) and not (is_last and isnan(radius_m)) else None
        rest = rows[len(phases) :]
        found, of_segment = one_segment(rest, served, stand_us, depot, radius_m, fence_m, in_depot=number > 0)
        phases += found if is_last else found[: sum(row.time_us < of_segment[3] for row in rest)]
        instants.append(of_segment)
    return phases, [*instants[0][:2], *instants[-1][2:]], len(segments)


def one_segment(
    rows: list[Row],
    served: list[tuple[int, int]],
    stand_us: int | None,
    depot: Place,
    radius_m: float,
    fence_m: float,
    *,
    in_depot: bool,
) -> tuple[list[str], list[int | None]]:
    first_us, last_us = served[0][0], served[-1][1]
    if isnan(radius_m):
        middle = ["on_route" if first_us <= row.time_us < last_us else "none" for row in rows]
        return middle, [None, first_us, last_us, stand_us]
    before = [row for row in rows if row.place and row.time_us <= first_us]
    after = [row for row in rows if row.place and row.time_us >= last_us]
    exit_us, seen = last_exit(before, depot, radius_m, fence_m, in_depot)
    returns = [row.time_us for row in after if metres(depot, row.place) <= radius_m]
    returns += [] if stand_us is None else [stand_us]
    return_us = min(returns) if returns else None
    phases = []
    for row in rows:
        if exit_us is not None and row.time_us < exit_us:
            phases.append("pre")
        elif row.time_us < first_us:
            phases.append("pre" if exit_us is None and seen else "stem_out")
        elif row.time_us < last_us:
            phases.append("on_route")
        elif return_us is None or row.time_us < return_us:
            phases.append("stem_back")
        else:
            phases.append("post")
    return phases, [exit_us, first_us, last_us, return_us]


def last_exit(
    fixes: list[Row], depot: Place, radius_m: float, fence_m: float, in_depot: bool
) -> tuple[int | None, bool]:
    """Return when the van last left the depot, and whether it was there; `in_depot`: it is when the fixes begin."""
    exit_us, present, seen = None, in_depot, in_depot
    for index, fix in enumerate(fixes):
        out_m = metres(depot, fix.place) - radius_m
        if out_m <= 0:
            present = seen = True
        elif present:
            # The fixes outside since the last one inside, up to this one.
            outside = []
            for other in reversed(fixes[: index + 1]):
                if metres(depot, other.place) <= radius_m:
                    break
                outside.insert(0, other.time_us)
            if out_m > fence_m or fix.time_us > outside[0]:
                exit_us, present = outside[0], False
    return exit_us, seen
