"""The containers come up, take messages over TLS from who may send them, and publish what they measured."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from time import monotonic

import pytest

from tests.test_house_rules import ROOT

# The first time the image is built.
pytestmark = [pytest.mark.campaign, pytest.mark.timeout(1800)]

SEALED_WITHIN_S = 60.0


class Containers:
    """A project of its own, on free ports."""

    def __init__(self) -> None:
        self.env = {**os.environ, "COMPOSE_PROJECT_NAME": f"odograph-test-{os.getpid()}", "COMPOSE_PROFILES": "dev"}
        for name in ("BROKER_PORT", "BROKER_PASSWORD_PORT", "PREFECT_PORT", "SMTP_PORT"):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.env[name] = str(probe.getsockname()[1])
        has_plugin = subprocess.run(["docker", "compose", "version"], capture_output=True).returncode == 0
        self.compose = ["docker", "compose"] if has_plugin else ["docker-compose"]

    def make(self, command: str) -> "subprocess.CompletedProcess[str]":
        program = [sys.executable, ROOT / "deploy" / "up.py", command]
        return subprocess.run(program, env=self.env, capture_output=True, text=True)

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run([*self.compose, *arguments], cwd=ROOT, env=self.env, capture_output=True, text=True)

    def ids(self) -> list[str]:
        return self.run("ps", "--all", "--quiet").stdout.split()


@pytest.fixture(scope="module")
def containers() -> Iterator[Containers]:
    if shutil.which("docker") is None or subprocess.run(["docker", "info"], capture_output=True).returncode != 0:
        pytest.skip("no docker daemon answers")
    running = Containers()
    started = running.make("up")
    try:
        assert started.returncode == 0, started.stdout + started.stderr
        assert "all healthy" in started.stdout
        yield running
    finally:
        running.run("down", "--volumes")


def test_nobody_is_root_and_nobody_can_write_what_they_run(containers):
    asked = subprocess.run(["docker", "inspect", *containers.ids()], capture_output=True, text=True, check=True)
    found = json.loads(asked.stdout)
    assert len(found) == 7
    assert all(container["HostConfig"]["ReadonlyRootfs"] for container in found)
    assert all(int(container["Config"]["User"].split(":")[0]) > 0 for container in found)
    assert all(container["HostConfig"]["Memory"] and container["HostConfig"]["NanoCpus"] for container in found)
    password = containers.run("exec", "-T", "database", "cat", "/keys/database/password").stdout
    assert len(password) == 48
    assert password not in asked.stdout


def test_a_day_goes_from_a_certificate_to_the_published_copy(containers):
    without = ("-e", "ODOGRAPH_BROKER_CERT_FILE=", "-e", "ODOGRAPH_BROKER_KEY_FILE=", "--entrypoint", "timeout")
    asked = containers.run("run", "--rm", "-T", *without, "simulate", "20", "odograph", "simulate", "--vans", "1")
    assert "does it take our certificate?" in asked.stdout + asked.stderr
    sent = containers.run("run", "--rm", "-T", "simulate", "--vans", "1", "--truth", "/data/truth")
    assert sent.returncode == 0, sent.stderr
    assert "0 of them sent again" in sent.stdout
    query = "select count(*) as vans, sum(drive_s) > 0 as drove from marts.vehicle_days"
    # A refresh loads what is sealed, which a message is five seconds after it came.
    until_s = monotonic() + SEALED_WITHIN_S
    while True:
        assert containers.run("exec", "-T", "worker", "odograph", "refresh").returncode == 0
        asked = containers.run("exec", "-T", "worker", "odograph", "query", query, "--format", "csv")
        if asked.stdout.split() == ["vans,drove", "1,true"]:
            break
        assert monotonic() < until_s, asked.stdout


def test_make_down_stops_all_and_keeps_the_data(containers):
    volumes = subprocess.run(["docker", "volume", "ls", "--quiet"], capture_output=True, text=True).stdout
    assert containers.make("down").returncode == 0
    assert containers.ids() == []
    assert subprocess.run(["docker", "volume", "ls", "--quiet"], capture_output=True, text=True).stdout == volumes
