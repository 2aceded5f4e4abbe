"""A refresh on a cluster gives the tables of one machine, and a worker that dies costs its items a retry."""

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from flows.loading import load
from flows.measuring.partitions import inputs_of, partitioned, without_secrets
from flows.opening import opened_line
from flows.refresh import rebuild, stale_dates
from flows.runners import HERE, runner_over
from ingest.children import end_with_parent, free_port
from ingest.simulation import simulate
from tests.builders import ONE_COPY, in_warehouse, settings_in, simulated
from warehouse.work import VehicleDate

ROOT = Path(__file__).parents[2]
CORE = ("vehicle_dates", "ledger", "stops", "planned_stops", "route_phases", "refuels", "place_guards", "fuel_presence")
MARTS = ("vehicle_days", "route_days", "stops", "idle_events", "fuel_purchases", "fleet_days", "data_health")
TABLES = [*(f"core.{name}" for name in CORE), *(f"marts.{name}" for name in MARTS)]
KILLS, EVERY_S = 3, 4  # a worker needs some seconds to start and load what it runs
WHEN = ("rebuilt_utc", "received_utc", "published_utc", "evaluated_utc")


def tables(settings):
    select = f"select columns(lambda name: name not in {WHEN})"
    return {name: in_warehouse(settings, f"{select} from {name} order by all") for name in TABLES}


def assert_equal(found, expected):
    for name in TABLES:
        assert_frame_equal(found[name], expected[name])
    assert expected["core.ledger"].height > 100
    assert expected["core.fuel_presence"].height > 0


def anywhere(function, items):
    """What a cluster does to functions, items and answers: each goes there and back as bytes."""
    for item in items:
        there, given = pickle.loads(pickle.dumps((function, item)))
        yield pickle.loads(pickle.dumps(there(given)))


def refreshed_by(runner, settings):
    from flows.fuel.evaluating import evaluate_fuel

    load(settings)
    with opened_line(settings) as opened:
        for day in stale_dates(settings, opened=opened):
            rebuild(settings, day, opened, runner=runner)
        evaluate_fuel(opened.warehouse, settings, runner.map)


@pytest.fixture(scope="module")
def fleet():
    return simulate(vans=3, days=1, seed=5)


@pytest.fixture(scope="module")
def expected(fleet, tmp_path_factory):
    folder = tmp_path_factory.mktemp("here")
    settings = settings_in(folder / "data")
    simulated(settings, fleet, folder / "truth")
    refreshed_by(HERE, settings)
    return tables(settings)


@pytest.mark.campaign
def test_partitions_measured_elsewhere_give_the_tables_of_one_machine(fleet, expected, tmp_path):
    settings = settings_in(tmp_path / "data", partitions=2)
    simulated(settings, fleet, tmp_path / "truth")
    refreshed_by(runner_over(anywhere), settings)
    assert_equal(tables(settings), expected)


def test_a_van_is_in_one_partition_by_its_name_alone():
    vans = [VehicleDate("t", f"van-{number}", None) for number in range(40)]
    parts = partitioned(vans, 8)
    assert sorted(van for part in parts for van in part) == sorted(vans)
    assert len(parts) > 4
    alone = partitioned(vans[3:5], 8)
    for part in alone:
        assert any(set(part) <= set(whole) for whole in parts)


def test_who_measures_is_given_no_password(tmp_path):
    settings = settings_in(tmp_path, smtp_url="smtp://u:hidden-word@h", broker_url="mqtt://u:hidden-word@h", stop_kmh=2)
    bare = without_secrets(settings)
    assert b"hidden-word" not in pickle.dumps(bare)
    assert (bare.stop_kmh, bare.data_dir) == (2, settings.data_dir)
    with opened_line(settings) as (warehouse, lake):
        from datetime import date

        assert b"hidden-word" not in pickle.dumps(inputs_of(warehouse, lake, settings, date(2026, 3, 2)))


def test_a_runner_whose_package_is_missing_says_which(tmp_path, monkeypatch):
    from flows.deployments import clusters

    monkeypatch.setattr(clusters, "find_spec", lambda name: None)
    settings = settings_in(tmp_path, runner="ray")
    with pytest.raises(clusters.NoCluster, match=r"pip install 'odograph\[ray\]'"), clusters.runner_of(settings):
        pass


@pytest.mark.campaign
def test_a_cluster_that_does_not_answer_is_named(tmp_path, monkeypatch):
    from flows.deployments import clusters

    monkeypatch.setattr(clusters, "ANSWER_S", 0.5)
    address = f"tcp://127.0.0.1:{free_port()}"
    settings = settings_in(tmp_path, runner="dask", runner_address=address)
    with pytest.raises(clusters.NoCluster, match=f"no dask cluster answers at {address}"), clusters.runner_of(settings):
        pass


def odograph_refresh(data_dir: Path, **settings: str) -> None:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment = kept | ONE_COPY | {"ODOGRAPH_DATA_DIR": str(data_dir), "ODOGRAPH_PARTITIONS": "3"} | settings
    done = subprocess.run(
        [sys.executable, "-m", "flows", "refresh"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "published:" in done.stdout


@pytest.mark.campaign
@pytest.mark.parametrize("runner", ["dask", "ray"])
def test_a_local_cluster_gives_the_tables_of_one_machine(fleet, expected, tmp_path, runner):
    if find_spec(f"prefect_{runner}") is None:
        assert "CI" not in os.environ, "`make campaign` must have installed it in continuous integration"
        pytest.skip(f"prefect-{runner} is not installed")
    settings = settings_in(tmp_path / "data")
    simulated(settings, fleet, tmp_path / "truth")
    odograph_refresh(settings.data_dir, ODOGRAPH_RUNNER=runner)
    assert_equal(tables(settings), expected)


@pytest.mark.campaign
def test_workers_that_are_killed_again_and_again_change_nothing(fleet, expected, tmp_path):
    settings = settings_in(tmp_path / "data")
    simulated(settings, fleet, tmp_path / "truth")
    address = f"tcp://127.0.0.1:{free_port()}"
    with ExitStack() as stack:

        def started(*command: str) -> subprocess.Popen[bytes]:
            process = subprocess.Popen(
                [sys.executable, "-m", "distributed.cli." + command[0], *command[1:]],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT), "NUMBA_NUM_THREADS": "1"},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                preexec_fn=end_with_parent,
            )
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        def worker() -> subprocess.Popen[bytes]:
            return started("dask_worker", address, "--no-nanny", "--nthreads", "1", "--no-dashboard")

        started("dask_scheduler", "--host", "127.0.0.1", "--port", address.rpartition(":")[2], "--no-dashboard")
        workers = [worker(), worker()]
        is_over, killed = threading.Event(), 0

        def kill_in_turn() -> None:
            nonlocal killed
            while killed < KILLS and not is_over.wait(EVERY_S):
                workers.pop(0).send_signal(signal.SIGKILL)
                workers.append(worker())
                killed += 1
            is_over.wait()  # a process ends with the thread that started it

        killer = threading.Thread(target=kill_in_turn)
        time.sleep(3)
        killer.start()
        try:
            odograph_refresh(settings.data_dir, ODOGRAPH_RUNNER="dask", ODOGRAPH_RUNNER_ADDRESS=address)
        finally:
            is_over.set()
            killer.join()
    assert killed >= 1
    assert_equal(tables(settings), expected)
