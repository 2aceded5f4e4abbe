"""Is the comparison of stops on labelled traces fair, readable and reproducible?"""

from typing import NamedTuple

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from flows.bench.stops import comparison as compared
from flows.bench.stops.methods import Method, Reading, read, results_of
from flows.bench.stops.ours import Thresholds, our_methods
from flows.bench.stops.recorded import as_frame, recorded_peers
from flows.bench.stops.scores import Counts, counts_of, driving_score, macro_f1, parked_score
from flows.bench.stops.traces import Traces, halves, labelled_traces, of_held_out
from flows.cli import app

pytestmark = pytest.mark.campaign

SECOND_US = 1_000_000
PLAIN = Thresholds(3.0, 5.0, 20.0, 25.0, 20.0, drive_kmh=0.0, hop_speeds=1)


def traces_of(*traces: list[tuple[float, float, str]]) -> Traces:
    """Build traces of (second, metres east, D or P), all on one line."""
    points = [point for trace in traces for point in trace]
    return Traces(
        np.cumsum([0, *map(len, traces)]).astype(np.int64),
        np.array([round(second * SECOND_US) for second, _, _ in points], np.int64),
        np.array([east_m for _, east_m, _ in points], np.float64),
        np.zeros(len(points)),
        np.array([label == "P" for _, _, label in points], np.bool_),
    )


def told(answer: np.ndarray) -> str:
    return "".join("P" if is_parked else "D" for is_parked in answer)


def our_answer(traces: Traces, thresholds: Thresholds) -> str:
    return told(our_methods(traces)[0].answer(thresholds))


def test_the_labelled_points_are_those_that_were_published():
    traces = labelled_traces()
    assert traces.starts.tolist() == list(range(0, 28_801, 72))
    assert (int(traces.is_parked.sum()), int((~traces.is_parked).sum())) == (16_508, 12_292)
    assert (np.diff(traces.time_us)[np.diff(np.repeat(np.arange(400), 72)) == 0] > 0).all()


def test_no_trace_is_tuned_on_and_held_out():
    traces = labelled_traces()
    tuning, held_out = halves(traces)
    assert tuning.time_us.size + held_out.time_us.size == traces.time_us.size
    assert held_out.x_m.tolist() == traces.x_m[of_held_out(traces)].tolist()
    assert tuning.x_m[:72].tolist() == traces.x_m[:72].tolist()
    assert held_out.x_m[:72].tolist() == traces.x_m[72:144].tolist()


def test_scores_worked_out_by_hand():
    labels, answer = (np.array([letter == "P" for letter in word]) for word in ("DDDDPPPPPP", "DDPPPPPPPD"))
    counts = counts_of(labels, answer)
    assert counts == Counts(drive_as_drive=2, drive_as_parked=2, parked_as_parked=5, parked_as_drive=1)
    assert driving_score(counts) == pytest.approx((4 / 7, 2 / 3, 1 / 2))
    assert parked_score(counts) == pytest.approx((10 / 13, 5 / 7, 5 / 6))
    assert macro_f1(counts) == pytest.approx((4 / 7 + 10 / 13) / 2)
    assert driving_score(Counts(0, 4, 6, 0)) == (0, 0, 0)


def test_a_reading_lengthens_driving_within_its_trace_only():
    traces = traces_of([(0, 0, "P")] * 5, [(0, 0, "P")] * 4)
    answer = np.array([letter == "P" for letter in "PPDPP" + "PPPD"])
    assert told(read(traces, answer, Reading(0, 0))) == "PPDPP" + "PPPD"
    assert told(read(traces, answer, Reading(1, 0))) == "PDDPP" + "PPDD"
    assert told(read(traces, answer, Reading(0, 2))) == "PPDDD" + "PPPD"
    ends = np.array([letter == "P" for letter in "PPPPD" + "PPPP"])
    assert told(read(traces, ends, Reading(2, 2))) == "PPDDD" + "PPPP"
    begins = np.array([letter == "P" for letter in "PPPPP" + "DPPP"])
    assert told(read(traces, begins, Reading(2, 2))) == "PPPPP" + "DDDP"


# A stand of 40 s, a drive of 300 m in 30 s, a stand of 40 s.
STAND_DRIVE_STAND = [(5 * i, 0.0, "P") for i in range(8)]
STAND_DRIVE_STAND += [(40 + 5 * i, 50.0 * i, "D") for i in range(6)]
STAND_DRIVE_STAND += [(70 + 5 * i, 300.0, "P") for i in range(9)]


def test_our_answer_is_parked_within_park_episodes():
    traces = traces_of(STAND_DRIVE_STAND)
    assert our_answer(traces, PLAIN) == "PPPPPPPPDDDDDDPPPPPPPPP"
    assert our_answer(traces, PLAIN._replace(stop_min_s=45.0)) == "D" * 23


def test_a_walk_is_a_drive_unless_its_speed_is_asked_for():
    walk = [(second, east_m / 5, label) for second, east_m, label in STAND_DRIVE_STAND]  # 60 m at 7.2 km/h
    traces = traces_of(walk, STAND_DRIVE_STAND)
    assert our_answer(traces, PLAIN) == 2 * "PPPPPPPPDDDDDDPPPPPPPPP"
    assert our_answer(traces, PLAIN._replace(drive_kmh=12.0)) == "P" * 23 + "PPPPPPPPDDDDDDPPPPPPPPP"


class Truthful(NamedTuple):
    """Settings of a method that knows the labels."""

    share: float


def test_a_method_is_tuned_on_the_even_traces_and_reported_on_the_odd_ones_and_on_all():
    given = []

    def family(traces: Traces) -> list[Method]:
        given.append(traces)
        chance = np.random.default_rng(1).random(traces.time_us.size)
        lies = [Truthful(0.5), Truthful(1.0), Truthful(0.7)]
        return [Method("liar", lies, lambda settings: traces.is_parked ^ (chance > settings.share))]

    (result,) = results_of(family, lambda *_: None)
    traces = labelled_traces()
    assert given[0].x_m.tolist() == halves(traces).tuning.x_m.tolist()
    assert {one.time_us.size for one in given[1:]} == {traces.time_us.size}
    assert (result.settings, result.setting_count) == ("share=1 lead=0 lag=0", 3)
    assert (sum(result.held_out), sum(result.all)) == (14_400, 28_800)
    assert (macro_f1(result.held_out), macro_f1(result.all)) == (1, 1)


@pytest.fixture(scope="module")
def printed(tmp_path_factory) -> tuple[str, pl.DataFrame]:
    path = tmp_path_factory.mktemp("bench") / "rows.csv"
    result = CliRunner().invoke(app, ["bench", "stops", "--no-peers", "--out", str(path)])
    assert result.exit_code == 0, result.output
    return result.stdout, pl.read_csv(path)


def test_ours_is_at_least_the_best_recorded_peer_on_traces_that_nobody_was_tuned_on(printed):
    _, rows = printed
    counts = rows.select("package", pl.concat_list("^held_out_.*$").alias("counts"))
    ours, peers = (
        [Counts(*row["counts"]) for row in counts.iter_rows(named=True) if (row["package"] == "odograph") == is_ours]
        for is_ours in (True, False)
    )
    assert len(ours) == 3
    assert len(peers) == len(recorded_peers()) == 6
    for score in (macro_f1, lambda one: driving_score(one).f1, lambda one: parked_score(one).f1):
        assert max(map(score, ours)) >= max(map(score, peers))


def test_without_the_peers_their_recorded_rows_are_shown_with_version_date_and_how_to_measure(printed):
    text, rows = printed
    recorded = recorded_peers()
    assert rows.filter(pl.col("package") != "odograph").select(as_frame(recorded).columns).height == len(recorded)
    for one in recorded:
        assert one.result.name in text
        assert f"{one.package} {one.version}, as recorded on {one.measured_date}" in text
    assert "pip install -e '.[peers]'" in text


def test_a_peer_that_is_installed_is_measured_and_not_read_from_the_record(monkeypatch):
    def family(traces: Traces) -> list[Method]:
        return [Method("always parked", [Reading(0, 0)], lambda _: np.ones(traces.time_us.size, np.bool_))]

    monkeypatch.setattr(compared, "our_methods", family)
    monkeypatch.setattr(compared, "PEERS", {"polars": family, "a_package_that_is_not_here": family})
    comparison = compared.compare(measure_peers=True, tell=lambda *_: None)
    assert [(one.package, one.result.name) for one in comparison.rows] == [
        ("odograph", "always parked"),
        ("polars", "always parked"),
    ]
    assert comparison.rows[1].version == pl.__version__
    assert comparison.missing == ["a_package_that_is_not_here"]


def test_moving_pandas_is_asked_rightly_where_it_is_installed():
    pytest.importorskip("movingpandas")
    from flows.bench.stops import moving_pandas as peer

    detector, stop_splitter, speed_splitter, add_speed = peer.moving_pandas_methods(
        traces_of(STAND_DRIVE_STAND, STAND_DRIVE_STAND)
    )
    assert told(detector.answer(peer.StopDetector(30.0, 20.0))) == 2 * "PPPPPPPPPDDDDDPPPPPPPPP"
    assert told(stop_splitter.answer(peer.StopSplitter(30.0, 20.0, 0.0))) == 2 * "PPPPPPPPDDDDDDDPPPPPPPP"
    assert told(stop_splitter.answer(peer.StopSplitter(30.0, 20.0, 500.0))) == 2 * 23 * "P"
    assert told(speed_splitter.answer(peer.SpeedSplitter(2.0, 20.0, 0.0))) == 2 * "PPPPPPPPPDDDDDDPPPPPPPP"
    assert told(add_speed.answer(peer.AddSpeed(2.0))) == 2 * "PPPPPPPPPDDDDDDPPPPPPPP"


def test_trackintel_is_asked_rightly_where_it_is_installed():
    pytest.importorskip("trackintel")
    from flows.bench.stops import track_intel as peer

    walk = [(second, east_m / 5, label) for second, east_m, label in STAND_DRIVE_STAND]  # 60 m at 7.2 km/h
    staypoints, modes = peer.track_intel_methods(traces_of(STAND_DRIVE_STAND, walk))
    answer = told(staypoints.answer(peer.Staypoints(30.0, 0.5, 15.0)))
    assert answer == "PPPPPPPPPDDDDDPPPPPPPPP" + "PPPPPPPPPPPDDDPPPPPPPPP"
    assert told(modes.answer(peer.Modes(30.0, 0.5, 15.0, 4.0))) == "PPPPPPPPPDDDDDPPPPPPPPP" + 23 * "P"
