"""What is a method, and how are all of them tuned and timed alike?

Methods find stretches of time; the labels are of points. To which side the points at the ends of a stretch belong
is a convention: of the method, which may speak of the hop to a point or from it, and of the person who labelled,
who drives until they are out of the van. So that nobody wins or loses by that, every method is tuned over the same
readings of its stretches, too: driving begins up to three points earlier and ends up to three points later.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from time import perf_counter
from typing import Any, NamedTuple

from flows.bench.stops.scores import Counts, counts_of, macro_f1
from flows.bench.stops.traces import Flags, Traces, halves, labelled_traces, of_held_out, trace_of_points
from flows.progress import Tell

Settings = Any  # a NamedTuple of the method's own, its fields named as its author names them
TIMED_RUNS, TIMED_S = 3, 1.0  # a quick method is timed by the best of its runs, a slow one by its first


class Reading(NamedTuple):
    """By how many points driving begins earlier and ends later than the method's own stretches say."""

    lead: int
    lag: int


AS_IT_IS = Reading(0, 0)
READINGS = tuple(Reading(lead, lag) for lead, lag in product(range(4), range(4)))


class Method(NamedTuple):
    """A way to tell parked points from driven ones on the traces it was made for.

    grid      settings to choose from
    answer    bool (n_points,) for a setting: the point is parked. Work that settings share may be kept
              from one call to the next.
    readings  to choose from as well
    """

    name: str
    grid: Sequence[Settings]
    answer: Callable[[Settings], Flags]
    readings: Sequence[Reading] = READINGS


class Choice(NamedTuple):
    """What a method was tuned to."""

    settings: Settings
    reading: Reading

    def __str__(self) -> str:
        named = self.settings._asdict() | self.reading._asdict()
        return " ".join(f"{name}={value:g}" for name, value in named.items())


Family = Callable[[Traces], list[Method]]  # methods of one origin, ready for these traces, always in one order


class Result(NamedTuple):
    """What a method gave with the settings it was tuned to.

    settings       as text
    setting_count  how many were tried, readings not counted
    seconds        for all traces, from objects of the method's own kind to the answer, without loading or compiling
    """

    name: str
    settings: str
    setting_count: int
    held_out: Counts
    all: Counts
    seconds: float


def results_of(family: Family, tell: Tell) -> list[Result]:
    """Tune every method of a family on the one half; answer for all traces with what was best there."""
    traces = labelled_traces()
    tuning = halves(traces).tuning
    return [
        _result(family, traces, number, method, _best(method, tuning, tell))
        for number, method in enumerate(family(tuning))
    ]


def read(traces: Traces, is_parked: Flags, reading: Reading) -> Flags:
    """Let driving begin `lead` points earlier and end `lag` points later, within each trace."""
    trace = trace_of_points(traces)
    drives = ~is_parked
    longer = drives.copy()
    for lag in range(1, reading.lag + 1):
        longer[lag:] |= drives[:-lag] & (trace[lag:] == trace[:-lag])
    for lead in range(1, reading.lead + 1):
        longer[:-lead] |= drives[lead:] & (trace[:-lead] == trace[lead:])
    return ~longer


def _best(method: Method, tuning: Traces, tell: Tell) -> Choice:
    """The choice with the greatest macro F1; of equal ones the first."""
    scores: dict[Choice, float] = {}
    for done, settings in enumerate(method.grid, start=1):
        answer = method.answer(settings)
        for reading in method.readings:
            counts = counts_of(tuning.is_parked, read(tuning, answer, reading))
            scores[Choice(settings, reading)] = macro_f1(counts)
        tell(method.name, done, len(method.grid))
    return max(scores, key=scores.__getitem__)


def _result(family: Family, traces: Traces, number: int, method: Method, choice: Choice) -> Result:
    seconds: list[float] = []
    for fresh in _fresh(family, traces, number, seconds):
        started = perf_counter()
        answer = fresh.answer(choice.settings)
        seconds.append(perf_counter() - started)
    answer = read(traces, answer, choice.reading)
    held_out = of_held_out(traces)
    return Result(
        method.name,
        str(choice),
        len(method.grid),
        counts_of(traces.is_parked[held_out], answer[held_out]),
        counts_of(traces.is_parked, answer),
        min(seconds),
    )


def _fresh(family: Family, traces: Traces, number: int, seconds: list[float]) -> Iterator[Method]:
    """A method that has worked nothing out yet, as often as its time should be taken."""
    while not seconds or (len(seconds) < TIMED_RUNS and sum(seconds) < TIMED_S):
        yield family(traces)[number]
