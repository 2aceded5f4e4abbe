"""What all tests share: kernels are compiled once, before processes that run tests side by side would each compile."""

import tempfile
from pathlib import Path

import pytest

from flows.refresh import refresh
from tests.builders import collected, golden_points, positions, settings_in, yesterday_at


def pytest_configure(config: pytest.Config) -> None:
    """Take a golden trace through the line where tests run in several processes; what is compiled is cached on disk."""
    is_leader = not hasattr(config, "workerinput")
    if is_leader and getattr(config.option, "numprocesses", None) and not config.option.collectonly:
        with tempfile.TemporaryDirectory() as folder:
            settings = settings_in(Path(folder))
            collected(settings, [positions(golden_points(yesterday_at(15)))])
            refresh(settings)
