import numpy as np
import pytest

from kernels.track import Track, checked
from tests.kernels.tracks import Row, track_of

ROWS = [Row(0), Row(1), Row(1), Row(5)]


def test_a_track_that_fits_comes_back_read_only():
    track = checked(track_of(ROWS, [], ROWS))
    assert track.starts.tolist() == [0, 4, 4, 8]
    with pytest.raises(ValueError, match="read-only"):
        track.time_us[0] = 1


def test_checking_does_not_freeze_the_columns_of_the_caller():
    track = track_of(ROWS)
    checked(track)
    track.time_us[0] = -1


def test_an_empty_track_fits():
    assert checked(track_of()).starts.tolist() == [0]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"speed_kmh": np.zeros(4)}, TypeError, "speed_kmh: expected float32, got float64"),
        ({"speed_kmh": [0.0] * 4}, TypeError, "speed_kmh: expected a numpy array, got list"),
        ({"engine": np.zeros(3, np.int8)}, ValueError, r"engine: expected shape \(4,\), got \(3,\)"),
        ({"engine": np.full(4, 2, np.int8)}, ValueError, "engine: expected -1, 0 or 1"),
        ({"time_us": np.arange(8)[::2]}, ValueError, "time_us: expected contiguous"),
        ({"time_us": np.array([0, 2, 1, 3])}, ValueError, "time_us: decreases within a group"),
        ({"starts": np.array([0, 5])}, ValueError, "starts: expected to rise from 0 to the row count, 4"),
        ({"starts": np.array([0, 3, 2, 4])}, ValueError, "starts: expected to rise"),
        ({"starts": np.array([], np.int64)}, ValueError, "starts: expected at least one element"),
    ],
)
def test_a_column_that_does_not_fit_is_named(change, error, message):
    track: Track = track_of(ROWS)._replace(**change)
    with pytest.raises(error, match=message):
        checked(track)


def test_time_may_go_back_from_one_group_to_the_next():
    checked(track_of([Row(10), Row(20)], [Row(0), Row(5)]))
