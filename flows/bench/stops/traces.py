"""Which labelled points is the answer compared with, and which half of them is it tuned on?"""

from importlib.resources import as_file, files
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
RECORDING = "amazon_goal.parquet"


class Traces(NamedTuple):
    """Points of traces, one trace after the other.

    starts     int64 (n_traces + 1,)  first point of each trace, then the point count
    time_us    int64 (n_points,)      only differences within a trace mean anything
    x_m, y_m   float64 (n_points,)    metres east and north of an arbitrary centre of the trace
    is_parked  bool (n_points,)       the label is OnFoot, which includes sitting in the parked van; else Driving
    """

    starts: Ints
    time_us: Ints
    x_m: NDArray[np.float64]
    y_m: NDArray[np.float64]
    is_parked: Flags


class Halves(NamedTuple):
    """The even traces for tuning, the odd ones held out."""

    tuning: Traces
    held_out: Traces


def labelled_traces() -> Traces:
    """Read the traces that come with the project; see ingest/recordings/README.md."""
    with as_file(files("ingest") / "recordings" / RECORDING) as path:
        rows = pl.read_parquet(path).sort("trace_id", "timestamp_rel", maintain_order=True)
    first_rows = rows["trace_id"].rle_id().to_numpy()
    starts = np.searchsorted(first_rows, np.arange(rows["trace_id"].n_unique() + 1)).astype(np.int64)
    return Traces(
        starts,
        rows["timestamp_rel"].dt.epoch("us").to_numpy(),
        rows["x_m"].to_numpy(),
        rows["y_m"].to_numpy(),
        (rows["label"] == "OnFoot").to_numpy(),
    )


def halves(traces: Traces) -> Halves:
    """Split by trace, so that no trace is in both."""
    number = np.arange(traces.starts.size - 1)
    return Halves(_only(traces, number % 2 == 0), _only(traces, number % 2 == 1))


def of_held_out(traces: Traces) -> Flags:
    """Which points belong to the held-out half."""
    return np.equal(trace_of_points(traces) % 2, 1)


def trace_of_points(traces: Traces) -> Ints:
    """Return int64 (n_points,): the number of each point's trace."""
    return np.repeat(np.arange(traces.starts.size - 1), np.diff(traces.starts))


def _only(traces: Traces, chosen: Flags) -> Traces:
    sizes = np.diff(traces.starts)
    keep = np.repeat(chosen, sizes)
    starts = np.concatenate([[0], np.cumsum(sizes[chosen])]).astype(np.int64)
    return Traces(starts, traces.time_us[keep], traces.x_m[keep], traces.y_m[keep], traces.is_parked[keep])
