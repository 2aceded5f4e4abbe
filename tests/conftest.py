"""What all tests share: kernels are compiled once, before processes that run tests side by side would each compile."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import hypothesis
import pytest

from flows.refresh import refresh
from kernels.compiled import STAMP
from tests.builders import ONE_COPY, collected, golden_points, positions, settings_in, yesterday_at

ROOT = Path(__file__).parents[1]
# Files by the CPU time they took (2026-11), so that no long one is begun when the other processes have nothing left.
LONGEST_FIRST = (
    "tests/flows/test_orchestration.py",
    "tests/flows/test_refresh.py",
    "tests/flows/test_copies.py",
    "tests/test_whole_line.py",
    "tests/ingest/test_sharing.py",
    "tests/flows/test_explain.py",
    "tests/flows/test_report.py",
    "tests/report/test_weekly.py",
    "tests/flows/test_querying.py",
    "tests/ingest/test_outbox.py",
    "tests/flows/test_backfill.py",
    "tests/kernels/test_compiled.py",
    "tests/flows/test_erasing.py",
    "tests/flows/test_fuel_presence.py",
    "tests/flows/test_order.py",
    "tests/flows/test_windows.py",
    "tests/flows/test_cookbook.py",
    "tests/flows/test_hand_offs.py",
)

COMPILED = "odograph/compiled"
# Told to keep no bytecode, pytest rewrites all test modules in each of its processes: 7 s of 13 CPU s (2026-11).
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ |= ONE_COPY
# How long an example takes says how busy the machine is.
# `pytest --hypothesis-profile=long`: see `tests.builders.examples`.
for profile in ("usual", "long"):
    hypothesis.settings.register_profile(profile, deadline=None)
hypothesis.settings.load_profile("usual")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Half as many processes again as processors: a third of the time a test waits for a broker or another process."""
    return (os.cpu_count() or 2) * 3 // 2


def pytest_configure(config: pytest.Config) -> None:
    """Compile kernels on two cores where tests run in several processes; what is compiled is cached on disk.

    The cache of pytest remembers for which kernels that was done: to load them all takes ten seconds.
    """
    is_leader = not hasattr(config, "workerinput")
    kept = getattr(config, "cache", None)
    if kept is not None and kept.get(COMPILED, None) == STAMP:
        return
    if is_leader and getattr(config.option, "numprocesses", None) and not config.option.collectonly:
        later_half = subprocess.Popen([sys.executable, "-m", "tests.compiling"], cwd=ROOT)
        with tempfile.TemporaryDirectory() as folder:
            settings = settings_in(Path(folder))
            collected(settings, [positions(golden_points(yesterday_at(15)))])
            refresh(settings)
        assert later_half.wait() == 0
        if kept is not None:
            kept.set(COMPILED, STAMP)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put long files first; the others stay in their order."""
    ranks = {name: rank for rank, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: ranks.get(item.nodeid.partition("::")[0], len(ranks)))
