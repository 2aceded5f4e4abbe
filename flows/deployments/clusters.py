"""How do Prefect's task runners for Dask and Ray map the work of a refresh over a cluster?

Each item is a task of the flow run: it has its own line on the run's page, and is tried again alone where its worker
died. Only a few more items than the cluster has workers are under way at once, so memory here does not grow with the
day. Without an address a cluster on this machine lives as long as the block.
"""

import logging
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from importlib.util import find_spec
from typing import Any

import cloudpickle
from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture

from flows.runners import HERE, Runner, runner_over
from flows.settings import Settings

TRIES, PAUSE_S = 3, 2
ANSWER_S = 10  # a scheduler has this long to answer
AHEAD = 2  # items under way for each worker
# Each worker is a process of its own, so a kernel in it gets one thread; Ray would tell its makers that it is used.
WORKER_ENVIRONMENT = {"NUMBA_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}
QUIET_RAY = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DEDUP_LOGS": "0"}


# Not handed to tasks: what a task is handed travels to workers with the items, and a runner cannot.
_CHOSEN: ContextVar[Runner] = ContextVar("runner", default=HERE)


class NoCluster(Exception):
    """The cluster that settings ask for cannot be used; the message says why and what helps."""


@task(name="partition", task_run_name="{label}", retries=TRIES, retry_delay_seconds=PAUSE_S, cache_policy=NO_CACHE)
def partition_task(label: str, package: bytes) -> Any:
    """One item, on whichever worker it is; function and item are packed, so that Prefect need not look into them."""
    function, item = cloudpickle.loads(package)
    return function(item)


def chosen_runner() -> Runner:
    """The runner of this flow run."""
    return _CHOSEN.get()


@contextmanager
def runner_of(settings: Settings) -> Iterator[None]:
    """While the block runs, `chosen_runner` is the one that settings ask for; raise NoCluster."""
    if settings.runner == "threads":
        yield
        return
    if find_spec(f"prefect_{settings.runner}") is None:
        raise NoCluster(f"ODOGRAPH_RUNNER={settings.runner} needs a package: pip install 'odograph[{settings.runner}]'")
    make, workers_of = {"dask": (_dask, _dask_workers), "ray": (_ray, _ray_workers)}[settings.runner]
    where = settings.runner_address or "this machine"
    try:
        task_runner = make(settings.runner_address)
        started = task_runner.__enter__()
        workers = workers_of(started)
    except (OSError, TimeoutError, ConnectionError) as error:
        raise NoCluster(f"no {settings.runner} cluster answers at {where}: {error}") from error
    token = _CHOSEN.set(runner_over(partial(_mapped, started, AHEAD * max(workers, 1))))
    try:
        yield
    finally:
        _CHOSEN.reset(token)
        task_runner.__exit__(None, None, None)


def _mapped(task_runner: Any, under_way: int, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
    name = getattr(function, "func", function).__name__.strip("_").replace("_", " ")
    waiting: deque[PrefectFuture[Any]] = deque()
    for number, item in enumerate(items):
        if len(waiting) == under_way:
            yield waiting.popleft().result()
        given = {"label": f"{name} {number}", "package": cloudpickle.dumps((function, item))}
        waiting.append(task_runner.submit(partition_task, given))
    while waiting:
        yield waiting.popleft().result()


def _dask(address: str | None) -> Any:
    from prefect_dask.task_runners import DaskTaskRunner

    logging.getLogger("distributed").setLevel(logging.WARNING)

    if address:
        return DaskTaskRunner(address=address, client_kwargs={"timeout": ANSWER_S})
    given = {
        "n_workers": os.cpu_count(),
        "threads_per_worker": 1,
        "dashboard_address": "127.0.0.1:0",
        "silence_logs": logging.WARNING,
        "env": WORKER_ENVIRONMENT,
    }
    return DaskTaskRunner(cluster_kwargs=given)


def _dask_workers(task_runner: Any) -> int:
    return len(task_runner.client.scheduler_info()["workers"])


def _ray(address: str | None) -> Any:
    os.environ.update(QUIET_RAY)
    from prefect_ray.task_runners import RayTaskRunner

    given = {"runtime_env": {"env_vars": WORKER_ENVIRONMENT}, "include_dashboard": False, "log_to_driver": False}
    return RayTaskRunner(init_kwargs=given) if address is None else RayTaskRunner(address=address)


def _ray_workers(_task_runner: Any) -> int:
    import ray

    return int(ray.cluster_resources().get("CPU", 1))
