"""A process that ran flows ends without DuckDB's list of leaks, and with everything else it had to say."""

import subprocess
import sys

BINDING_AND_DAEMON = """
import importlib, sys, threading, time
import duckdb
importlib.import_module(sys.argv[1])
threading.Thread(target=lambda: time.sleep(60), daemon=True).start()
with duckdb.connect() as connection:
    connection.execute("select 1").fetchall()
print("said before", file=sys.stderr, end="")
raise SystemExit(3)
"""


def ended(with_module: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", BINDING_AND_DAEMON, with_module], capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stderr


def test_a_process_with_daemon_threads_ends_with_what_it_said_itself():
    assert ended("flows.deployments") == (3, "said before")


def test_it_is_the_binding_that_would_have_said_more():
    status, said = ended("flows")
    assert (status, said.startswith("said before")) == (3, True)
    assert "nanobind: leaked" in said, "DuckDB ends quietly by itself: flows.deployments.ending can go"
