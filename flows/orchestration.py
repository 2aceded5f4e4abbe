"""How does Prefect run the line, and how does the line run without it?

Without PREFECT_API_URL the plain functions are called and Prefect is not imported. With it they are flow runs: one
task a stage, retried where waiting helps. `serve` keeps the scheduled deployments, with a Prefect server of our own
on loopback unless an API URL is set. Nothing is reported to anyone outside.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from datetime import date
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.request import urlopen

from ingest.children import end_with_parent, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flows.backfill import Backfilled
    from flows.progress import Tell
    from flows.refresh import Refreshed
    from flows.settings import Settings
    from warehouse.backfills import Range

SERVER_START_S = 120.0
QUIET = {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}


class ServerFailed(Exception):
    """The Prefect server did not start."""


def has_api() -> bool:
    """Whether flows are to be runs of a Prefect server."""
    return bool(os.environ.get("PREFECT_API_URL"))


def is_flow_run(settings: "Settings") -> bool:
    """Whether Prefect runs the line: where an API is set, and for its task runners, which ask clusters."""
    return has_api() or settings.runner != "threads"


def run_refresh(settings: "Settings", *, day: date | None, full: bool, progress: "Tell | None" = None) -> "Refreshed":
    """Refresh, as a flow run where a Prefect API is set or a cluster is to work."""
    if is_flow_run(settings):
        with _prefect(settings):
            from flows.deployments.refreshing import refresh_flow

            return refresh_flow(day=day, full=full)
    from flows.refresh import refresh

    return refresh(settings, day=day, full=full, progress=progress)


def run_backfill(settings: "Settings", asked: "Range", *, anew: bool, progress: "Tell | None" = None) -> "Backfilled":
    """Measure a range of service dates anew, as a flow run where a Prefect API is set or a cluster is to work."""
    if is_flow_run(settings):
        with _prefect(settings):
            from flows.deployments.backfilling import backfill_flow

            return backfill_flow(asked.first, asked.last, asked.tenant, anew=anew)
    from flows.backfill import backfill

    return backfill(settings, asked, anew=anew, progress=progress)


def run_server(settings: "Settings") -> int:
    """Serve the scheduled deployments until stopped; returns the exit status."""
    os.environ.update(QUIET)
    signal.signal(signal.SIGTERM, _interrupt)
    with _server(settings), unsubscribe_page(settings):
        from flows.deployments.served import serve_deployments

        try:
            serve_deployments(settings)
        except KeyboardInterrupt:
            print("stopped", file=sys.stderr)
    return 0


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


@contextmanager
def _server(settings: "Settings") -> "Iterator[None]":
    """A Prefect server on a free loopback port for as long as the block runs; nothing where an API URL is set."""
    if has_api():
        yield
        return
    home = settings.data_dir.resolve() / "prefect"
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    port = free_port()
    os.environ |= {
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
    }
    if settings.prefect_database_url:
        driver, _, rest = settings.prefect_database_url.partition("://")
        os.environ["PREFECT_SERVER_DATABASE_CONNECTION_URL"] = f"{driver}+asyncpg://{rest}"
    with (home / "server.log").open("a") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)],
            stdout=log,
            stderr=log,
            preexec_fn=end_with_parent,
        )
    try:
        _wait_for(f"http://127.0.0.1:{port}/api/health", lambda: server.poll() is None)
        print(
            f"Prefect server: http://127.0.0.1:{port} (log {home / 'server.log'})",
            file=sys.stderr,
            flush=True,
        )
        yield
    finally:
        server.terminate()
        server.wait(30)


@contextmanager
def _prefect(settings: "Settings") -> "Iterator[None]":
    """A server for one run by hand; its log lines are sent before one of our own ends."""
    os.environ.update(QUIET)
    with _server(settings):
        from prefect.logging.handlers import APILogHandler

        try:
            yield
        finally:
            APILogHandler().flush()


@contextmanager
def unsubscribe_page(settings: "Settings") -> "Iterator[None]":
    """The page that takes people off the list, where it has an address; the line goes on without it."""
    if settings.base_url is None:
        yield
        return
    from flows.post.unsubscribe_server import AddressTaken, unsubscribe_served
    from flows.post.unsubscribing import NoKey

    with ExitStack() as stack:
        try:
            stack.enter_context(unsubscribe_served(settings))
        except (AddressTaken, NoKey) as fault:
            print(f"nobody can unsubscribe by one click: {fault}", file=sys.stderr, flush=True)
        yield


def _wait_for(url: str, is_alive: Callable[[], bool]) -> None:
    give_up = monotonic() + SERVER_START_S
    while is_alive() and monotonic() < give_up:
        try:
            with urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    return
        except (URLError, OSError):
            sleep(0.2)
    raise ServerFailed(f"the Prefect server did not answer at {url}")
