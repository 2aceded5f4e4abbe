"""How right is an answer, point by point?

F1 is 2 tp / (2 tp + fp + fn), once with Driving as the positive class and once with OnFoot (parked). Neither class
alone tells everything, so both are shown, and their mean (macro F1) is what everybody is tuned by.
"""

from typing import NamedTuple

from flows.bench.stops.traces import Flags


class Counts(NamedTuple):
    """Points by what they are and what they were taken for."""

    drive_as_drive: int
    drive_as_parked: int
    parked_as_parked: int
    parked_as_drive: int


class ClassScore(NamedTuple):
    """How right an answer is about one class."""

    f1: float
    precision: float
    recall: float


def counts_of(is_parked: Flags, answer: Flags) -> Counts:
    """Compare an answer (True: parked) with the labels."""
    return Counts(
        drive_as_drive=int((~is_parked & ~answer).sum()),
        drive_as_parked=int((~is_parked & answer).sum()),
        parked_as_parked=int((is_parked & answer).sum()),
        parked_as_drive=int((is_parked & ~answer).sum()),
    )


def driving_score(counts: Counts) -> ClassScore:
    """Score with Driving as the positive class."""
    return _score(counts.drive_as_drive, counts.parked_as_drive, counts.drive_as_parked)


def parked_score(counts: Counts) -> ClassScore:
    """Score with OnFoot, the parked van, as the positive class."""
    return _score(counts.parked_as_parked, counts.drive_as_parked, counts.parked_as_drive)


def macro_f1(counts: Counts) -> float:
    """Return the mean of the F1 of both classes."""
    return (driving_score(counts).f1 + parked_score(counts).f1) / 2


def _score(right: int, wrongly_found: int, missed: int) -> ClassScore:
    """A share of nothing is 0: who finds nothing is not right about it."""
    return ClassScore(
        f1=_share(2 * right, 2 * right + wrongly_found + missed),
        precision=_share(right, right + wrongly_found),
        recall=_share(right, right + missed),
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
