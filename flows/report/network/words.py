"""What is the week of the network in one line, and in two sentences?"""

from flows.report.network.data import Depot, NetworkData
from flows.report.network.measures import Measure, measures, moved, ranked, ranking, side, text
from flows.report.style import Style


def subject(data: NetworkData, style: Style) -> str:
    """Return `Network · Mon 23 Feb to Sun 1 Mar · 12 depots · idle share 31.2 % · 3,400 van-days`."""
    parts = ["Network", when(data, style), style.counted(len(data.depots), "depot")]
    first = next((measure for measure in measures(style) if data.now(measure.key)), None)
    estimate = data.now(first.key) if first else None
    if first and estimate and estimate.value is not None:
        parts.append(f"{first.name.lower()} {text(first, estimate)}")
    parts.append(style.counted(data.sizes.van_days, "van-day"))
    return " ".join(" · ".join(parts).split())


def when(data: NetworkData, style: Style) -> str:
    """Return the days of the week."""
    return f"{style.day(data.period.first)} to {style.day(data.period.last)}"


def verdict(data: NetworkData, style: Style) -> str:
    """Return the largest change beyond chance, and how many depots stand apart from the network."""
    changes = [measure for measure in measures(style) if is_change(measure, data)]
    if changes:
        # The one that is farthest beyond its own uncertainty.
        first = max(changes, key=lambda measure: _distance(measure, data))
        sentence = change_sentence(first, data, style)
        more = len(changes) - 1
        if more:
            verb = "figure" if more == 1 else "figures"
            sentence += f" {style.number(more)} more {verb} changed beyond chance."
    elif any(data.before(measure.key) for measure in measures(style)):
        sentence = "No figure of the network changed beyond chance."
    else:
        sentence = "There is no week before to compare with."
    return f"{sentence} {_apart(data, style)}".strip()


def is_change(measure: Measure, data: NetworkData) -> bool:
    """Tell whether a figure of the network changed beyond chance."""
    now = data.now(measure.key)
    return now is not None and moved(now, data.before(measure.key))


def change_sentence(measure: Measure, data: NetworkData, style: Style) -> str:
    """Return `Idle share rose from 29.1 % to 31.2 %.`"""
    now, before = data.now(measure.key), data.before(measure.key)
    if now is None or before is None or now.value is None or before.value is None:
        return ""
    verb = "rose" if measure.read(now.value) > measure.read(before.value) else "fell"
    return f"{measure.name} {verb} from {text(measure, before)} to {text(measure, now)}."


def _distance(measure: Measure, data: NetworkData) -> float:
    now, before = data.now(measure.key), data.before(measure.key)
    if now is None or before is None or now.value is None or before.value is None or not now.standard_error:
        return 0.0
    return abs(now.value - before.value) / now.standard_error


def _apart(data: NetworkData, style: Style) -> str:
    found = ranked(data, style, 1)
    if not found:
        return "Too little is known to rank depots."
    measure = found[0]
    depots = ranking(measure, data)
    above, below = (len(beside(measure, data, depots, way)) for way in ("above", "below"))
    name = measure.name.lower()
    if not above + below:
        return f"None of {style.counted(len(depots), 'depot')} ranked by {name} stands apart from it."
    return (
        f"Of {style.counted(len(depots), 'depot')} ranked by {name}, {style.number(above)} are above and "
        f"{style.number(below)} below the network beyond chance."
    )


def beside(measure: Measure, data: NetworkData, depots: list[Depot], way: str) -> list[Depot]:
    """Return the depots above or below the network by a figure."""
    network = data.now(measure.key)
    return [depot for depot in depots if side(measure, depot.figures[measure.key], network) == way]
