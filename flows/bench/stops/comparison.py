"""Ours and the peers side by side: same points, same labels, same split, tuned on the same half."""

from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from flows.bench.stops.methods import Family, Result, results_of
from flows.bench.stops.moving_pandas import moving_pandas_methods
from flows.bench.stops.ours import our_methods
from flows.bench.stops.recorded import Measured, as_frame, recorded_peers
from flows.bench.stops.track_intel import track_intel_methods
from flows.progress import Tell

OUR_PACKAGE = "odograph"
PEERS: dict[str, Family] = {"movingpandas": moving_pandas_methods, "trackintel": track_intel_methods}


class Comparison(NamedTuple):
    """Rows, ours first; `missing` peers are not installed (or were not asked for): theirs are the recorded rows."""

    rows: list[Measured]
    missing: list[str]

    def write_csv(self, path: Path) -> None:
        as_frame(self.rows).write_csv(path)


def compare(*, measure_peers: bool, tell: Tell) -> Comparison:
    """Measure ours, and the peers that are here; take the others from the record."""
    ours = results_of(our_methods, tell)
    our_seconds = ours[-1].seconds
    rows = [_measured(result, OUR_PACKAGE, our_seconds) for result in ours]
    missing = []
    for package, family in PEERS.items():
        if measure_peers and find_spec(package) is not None:
            rows += [_measured(result, package, our_seconds) for result in results_of(family, tell)]
        else:
            missing.append(package)
    return Comparison(rows + [one for one in recorded_peers() if one.package in missing], missing)


def _measured(result: Result, package: str, our_seconds: float) -> Measured:
    try:
        installed = version(package)
    except PackageNotFoundError:  # run from a checkout that is not installed
        installed = ""
    return Measured(result, package, installed, datetime.now(UTC).date(), result.seconds / our_seconds)
