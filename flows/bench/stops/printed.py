"""How does a person read the comparison? As two tables, the settings behind them, and what to know beside them."""

from collections.abc import Iterator

from flows.bench.stops.comparison import OUR_PACKAGE, Comparison
from flows.bench.stops.recorded import Measured
from flows.bench.stops.scores import Counts, driving_score, macro_f1, parked_score
from flows.bench.stops.traces import halves, labelled_traces

NAME_WIDTH = 40
HEAD = ("macro F1", "driving F1", "precision", "recall", "parked F1", "precision", "recall")
HOW_TO_INSTALL = (
    "To measure them here, install them beside the project, best in an environment of their own:",
    "  python3 -m venv peers && peers/bin/pip install -e '.[peers]' && peers/bin/odograph bench stops",
)


def table(comparison: Comparison) -> Iterator[str]:
    """Yield the lines."""
    traces = labelled_traces()
    tuning, held_out = halves(traces)
    yield (
        f"{traces.starts.size - 1} labelled Amazon traces, {traces.time_us.size} points:"
        f" {(~traces.is_parked).sum()} Driving, {traces.is_parked.sum()} OnFoot (the van is parked)."
    )
    yield f"Tuned by macro F1 on the {tuning.starts.size - 1} even traces ({tuning.time_us.size} points)."
    yield ""
    yield f"Held out: the {held_out.starts.size - 1} odd traces ({held_out.time_us.size} points)"
    yield from _scores(comparison, [one.result.held_out for one in comparison.rows])
    yield ""
    yield "All traces"
    yield from _scores(comparison, [one.result.all for one in comparison.rows])
    yield ""
    yield "Settings, how many were tried (each with its readings), and time against our last row"
    for one in comparison.rows:
        yield f"{one.result.name:<{NAME_WIDTH}} {one.result.setting_count:>5,} {_times(one.seconds_ratio):>8}"
        yield f"    {one.result.settings}"
    yield ""
    ours, peers = _best(comparison, of_ours=True), _best(comparison, of_ours=False)
    yield f"Best on the held-out half: ours {ours:.4f}, peers {peers:.4f} (macro F1)."
    yield from _provenance(comparison)


def _scores(comparison: Comparison, counts: list[Counts]) -> Iterator[str]:
    yield " " * NAME_WIDTH + "".join(f"{name:>11}" for name in HEAD)
    for one, counted in zip(comparison.rows, counts, strict=True):
        values = (macro_f1(counted), *driving_score(counted), *parked_score(counted))
        yield f"{one.result.name:<{NAME_WIDTH}}" + "".join(f"{value:>11.4f}" for value in values)


def _best(comparison: Comparison, *, of_ours: bool) -> float:
    return max(macro_f1(one.result.held_out) for one in comparison.rows if _is_ours(one) == of_ours)


def _times(ratio: float) -> str:
    """A ratio of times is known to a digit or two."""
    return f"{ratio:.1f}x" if ratio < 10 else f"{ratio:,.0f}x"


def _is_ours(one: Measured) -> bool:
    return one.package == OUR_PACKAGE


def _provenance(comparison: Comparison) -> Iterator[str]:
    for package in sorted({one.package for one in comparison.rows if not _is_ours(one)}):
        row = next(one for one in comparison.rows if one.package == package)
        how = "as recorded on" if package in comparison.missing else "measured here on"
        yield f"{package} {row.version}, {how} {row.measured_date}."
    if comparison.missing:
        yield from HOW_TO_INSTALL
