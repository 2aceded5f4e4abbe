"""What was found of a network, by subject; what a point takes at each size stands beside the smallest size.

A ratio of more than one there is where the line bends.
"""

from collections.abc import Callable, Sequence

from flows.bench.figures import Figure, Section
from flows.bench.network.campaign import Found, Outcome, Step

MB, GB, US = 1e6, 1e9, 1e6

Each = Callable[[Outcome], float]


def sections(outcomes: Sequence[Outcome]) -> list[Section]:
    """All but the capacity."""
    made = [
        *_by_size(outcomes, "points made up", "M points/s", lambda one: one.day.points / one.day.made_s / MB),
        *_by_size(outcomes, "points", "M", lambda one: one.points / MB),
        *_by_size(outcomes, "van-days", "", lambda one: one.van_days),
    ]
    found = [Section("The network", made, ["Making up is no claim: it is not part of the line."])]
    if outcomes[0].day.load is not None:
        found.append(_loaded(outcomes))
    return [*found, _marts(outcomes), _late(outcomes), _merged(outcomes), _memory(outcomes), _bytes(outcomes)]


def _loaded(outcomes: Sequence[Outcome]) -> Section:
    return Section(
        "Spool to lake",
        [
            *_by_size(outcomes, "decoded and loaded", "M points/s", lambda one: _rate(one.day, one.day.load)),
            *_per_point(outcomes, "processor time", lambda one: _cpu_us(one.day.load, one.day.points)),
            *_by_size(outcomes, "sealed segments", "", lambda one: one.segments),
            *_per_point(outcomes, "the spool", lambda one: one.spool_bytes / one.points, "bytes a point"),
        ],
    )


def _marts(outcomes: Sequence[Outcome]) -> Section:
    return Section(
        "Lake to marts and a published copy",
        [
            *_by_size(
                outcomes, "from files as they were loaded", "M points/s", lambda one: _rate(one.day, one.day.marts)
            ),
            *_per_point(outcomes, "processor time of that", lambda one: _cpu_us(one.day.marts, one.day.points)),
            *_by_size(
                outcomes,
                "all made anew, from merged files",
                "M points/s",
                lambda one: one.points / one.afresh["seconds"] / MB,
            ),
            *_per_point(outcomes, "processor time of that", lambda one: _cpu_us(one.afresh, one.points)),
            *(figure for name in ("noted_s", "rebuilt_s", "published_s") for figure in _stage(outcomes, name)),
        ],
    )


def _stage(outcomes: Sequence[Outcome], name: str) -> list[Figure]:
    said = {"noted_s": "note what arrived", "rebuilt_s": "rebuild the date", "published_s": "publish"}[name]
    return _per_point(outcomes, said, lambda one: one.day.marts[name] / one.day.points * US, "us a point")


def _late(outcomes: Sequence[Outcome]) -> Section:
    figures = [
        *_by_size(outcomes, "one late van-day, to a published copy", "s", lambda one: one.one_late.seconds),
        *_by_size(outcomes, "processor time of that", "s", lambda one: one.one_late.cpu_s),
    ]
    for outcome in outcomes:
        size, reopened = _size(outcome), outcome.one_late.marts["reopened"]
        figures.append(Figure(f"vehicle-dates it measured anew, {size}", reopened, "", goal=1, most=True))
        if outcome.late is not None:
            figures += [
                Figure(f"the other {outcome.late.vans} late van-days together, {size}", outcome.late.seconds, "s"),
                Figure(
                    f"vehicle-dates they measured anew, {size}",
                    outcome.late.marts["reopened"],
                    "",
                    goal=outcome.late.vans,
                    most=True,
                ),
            ]
    return Section("Van-days that arrive a day or more late", figures)


def _merged(outcomes: Sequence[Outcome]) -> Section:
    return Section(
        "Files of positions, and merging them",
        [
            *_by_size(outcomes, "files before", "", lambda one: one.before.files),
            *_by_size(outcomes, "files after", "", lambda one: one.after.files),
            *_by_size(outcomes, "merging", "s", lambda one: one.merge["seconds"]),
            *_per_point(outcomes, "processor time of merging", lambda one: _cpu_us(one.merge, one.points)),
            *_by_size(outcomes, "commits", "", lambda one: one.after.commits),
            *_by_size(outcomes, "files of the log", "", lambda one: one.after.log_files),
            *_by_size(outcomes, "size of the log", "MB", lambda one: one.after.log_bytes / MB),
        ],
    )


def _memory(outcomes: Sequence[Outcome]) -> Section:
    stages: list[tuple[str, Callable[[Outcome], Found | None]]] = [
        ("loading", lambda one: one.day.load),
        ("to marts", lambda one: one.day.marts),
        ("merging", lambda one: one.merge),
        ("made anew", lambda one: one.afresh),
    ]
    figures = []
    for name, said in stages:
        for outcome in outcomes:
            found, first = said(outcome), said(outcomes[0])
            if found is None or first is None:
                continue
            figures += [
                Figure(
                    f"most resident, {name}, {_size(outcome)}", found["peak_bytes"] / GB, "GB", goal=2.147, most=True
                ),
                Figure(
                    f"most anonymous, {name}, {_size(outcome)}",
                    found["anonymous_bytes"] / GB,
                    "GB",
                    _size(outcomes[0]),
                    found["anonymous_bytes"] / first["anonymous_bytes"],
                ),
            ]
    return Section("Memory", figures)


def _bytes(outcomes: Sequence[Outcome]) -> Section:
    return Section(
        "Bytes",
        [
            *_per_point(outcomes, "lake, as loaded", lambda one: one.before.file_bytes / one.points, "bytes a point"),
            *_per_point(outcomes, "lake, merged", lambda one: one.after.file_bytes / one.points, "bytes a point"),
            *_per_point(outcomes, "warehouse", lambda one: one.warehouse_bytes / one.van_days, "bytes a van-day"),
            *_per_point(outcomes, "published copy", lambda one: one.published_bytes / one.van_days, "bytes a van-day"),
        ],
    )


def _by_size(outcomes: Sequence[Outcome], what: str, unit: str, each: Each) -> list[Figure]:
    return [Figure(f"{what}, {_size(outcome)}", each(outcome), unit) for outcome in outcomes]


def _per_point(outcomes: Sequence[Outcome], what: str, each: Each, unit: str = "us a point") -> list[Figure]:
    """Beside the smallest size."""
    first = each(outcomes[0])
    return [
        Figure(f"{what}, {_size(outcome)}", each(outcome), unit, _size(outcomes[0]), each(outcome) / first)
        for outcome in outcomes
    ]


def _rate(step: Step, found: Found | None) -> float:
    assert found is not None
    return float(step.points / found["seconds"] / MB)


def _cpu_us(found: Found | None, points: int) -> float:
    assert found is not None
    return float(found["cpu_s"] / points * US)


def _size(outcome: Outcome) -> str:
    return f"{outcome.points / MB:,.0f} M points"
