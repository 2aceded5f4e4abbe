"""What is under test is started, killed and started again as faults ask for; and faults are what they are called."""

import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from types import SimpleNamespace

import pytest

from flows.chaos.clocks import Clocks
from flows.chaos.disk import SmallDisk
from flows.chaos.guarded import GuardedBroker
from flows.chaos.line import REFRESH, Line, Part, at_once, collector_names, collectors
from flows.chaos.publisher import message, trespass
from ingest.client import broker_address
from ingest.publisher import Publisher
from tests.ingest.running import eventually

NOBODY = SimpleNamespace(url="mqtt://127.0.0.1:1")


def line_of(folder, *programs: tuple[str, str], **given: object) -> Line:
    """A line of programs: kind and code of each."""
    parts = []
    for number, (kind, code) in enumerate(programs):
        (folder / f"program{number}.py").write_text(code)
        parts.append(Part(kind, f"{kind}-{number}", (f"program{number}",)))
    return Line(folder, NOBODY, Random(1), parts, **given)


def test_a_settings_file_of_the_callers_folder_does_not_reach_the_processes(tmp_path, monkeypatch):
    caller, folder = tmp_path / "caller", tmp_path / "folder"
    caller.mkdir()
    folder.mkdir()
    (caller / ".env").write_text("ODOGRAPH_LAKE_URL=postgresql://somebody/else\n")
    monkeypatch.chdir(caller)
    monkeypatch.setenv("ODOGRAPH_LAKE_URL", "postgresql://somebody/else")
    monkeypatch.setenv("PREFECT_API_URL", "http://somebody/else")
    code = "import os, flows.settings as s; print(s.Settings.read().lake_url, os.environ.get('PREFECT_API_URL'))"
    line = line_of(folder, ("refresh", code))
    assert line.end("refresh", None) == [0]
    assert (folder / "refresh-0.said").read_text().split() == ["None", "None"]


def test_what_ends_is_started_again_and_what_is_killed_too(tmp_path):
    line = line_of(tmp_path, ("refresh", "raise SystemExit(0)"), ("collector", "import time; time.sleep(60)"))
    pid = line.pid_of("collector")
    assert eventually(lambda: line.keep_going() or line.ended_well["refresh"] >= 2)
    assert line.pid_of("collector") == pid
    assert line.befall("collector killed") is at_once
    assert line.pid_of("collector") != pid
    assert line.peak_kib["collector"] > 1000
    line.stop()
    assert line.pid_of("refresh") is None


def test_somebody_watches_over_everybody_until_the_last_publisher_is_done(tmp_path):
    # The first start of the publisher ends badly, as one does that is killed, and the second well.
    publisher = "import os, sys\nif os.path.exists('here'): sys.exit(0)\nopen('here', 'w')\nsys.exit(3)"
    line = line_of(
        tmp_path,
        ("publisher", publisher),
        ("collector", "raise SystemExit(1)"),
        ("analyst", "import time; time.sleep(60)"),
    )
    assert line.drain("publisher", 20)
    assert line.ended_badly["collector"] >= 1
    assert not line.drain("analyst", 0.2)
    line.stop()


def test_what_needs_something_waits_for_it(tmp_path):
    (tmp_path / "later.py").write_text("import time; time.sleep(60)")
    line = Line(tmp_path, NOBODY, Random(1), [Part("analyst", "a", ("later",), needs=tmp_path / "copy")])
    assert line.pid_of("analyst") is None
    assert line.befall("analyst killed") is None
    (tmp_path / "copy").touch()
    line.keep_going()
    assert line.pid_of("analyst") is not None
    line.stop()


def test_faults_wait_for_what_has_to_be_there_first(tmp_path, monkeypatch):
    code = "import pathlib, time; time.sleep(0.2); pathlib.Path('copy').touch()"
    line = line_of(tmp_path, ("refresh", code))
    line.wait_for(tmp_path / "copy")
    assert line.ended_well["refresh"] <= 1
    monkeypatch.setattr("flows.chaos.line.LAST_S", 0.2)
    with pytest.raises(TimeoutError, match=r"no .*never"):
        line.wait_for(tmp_path / "never")
    line.stop()


def test_a_frozen_process_goes_on_when_the_fault_is_over(tmp_path):
    line = line_of(tmp_path, ("refresh", "import time\nwhile True: print('on', flush=True); time.sleep(0.01)"))
    said = tmp_path / "refresh-0.said"
    assert eventually(lambda: said.stat().st_size > 0)
    thaw = line.befall("refresh frozen")
    assert eventually(lambda: _state_of(line.pid_of("refresh")) == "T")
    size = said.stat().st_size
    thaw()
    assert eventually(lambda: said.stat().st_size > size)
    line.stop()


def _state_of(pid: int) -> str:
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0]


def test_collectors_share_by_group_or_by_parts_and_log_in_under_their_names(tmp_path):
    broker = GuardedBroker(tmp_path, ["acme"], collector_names(2))
    broker.port = 1
    shared = collectors(2, "fleet", broker)
    assert {part.environment["ODOGRAPH_SHARED_GROUP"] for part in shared} == {"fleet"}
    assert shared[0].environment["ODOGRAPH_BROKER_URL"] == "mqtt://odograph-main-1@127.0.0.1:1"
    assert [part.environment["ODOGRAPH_BUCKET"] for part in collectors(2, None, broker)] == ["1/2", "2/2"]
    assert [part.name for part in (*collectors(1, None, broker), REFRESH)] == ["main", "refresh"]


def test_a_gateway_is_refused_what_it_writes_for_another_and_nothing_else_of_it_is_held_up(tmp_path):
    with GuardedBroker(tmp_path, ["acme", "birch"], ["main"]) as broker:
        address = broker_address(broker.url_of("gateway-acme"))
        with Publisher(address, "gateway-acme", receipts=False) as publisher:
            before = [publisher.publish(message("acme", number, 0)) for number in range(50)]
            publisher.publish(trespass("birch", 0, 0))
            after = [publisher.publish(message("acme", number, 0)) for number in range(50, 100)]
            publisher.drain(20)
            assert all(held.is_confirmed for held in (*before, *after))
            assert (publisher.refused, publisher._connection.reconnect_count) == (1, 0)


def test_a_clock_jumps_for_one_process_and_its_waits_do_not(tmp_path):
    clocks = Clocks(tmp_path, may_jump=True)
    assert clocks.can_jump == (shutil.which("cc") is not None)
    if not clocks.can_jump:  # `.ci/run` installs a compiler
        assert clocks.environment("one") == {}
        return
    code = (
        "import time; m = time.monotonic(); print(time.time(), flush=True); input(); print(time.time());"
        " time.sleep(0.1); print(time.monotonic() - m < 20)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        env=clocks.environment("one"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        before_s = float(process.stdout.readline())
        clocks.set("one", -7200)
        after, is_soon = process.communicate("\n")[0].split()
    assert abs(before_s - time.time()) < 60
    assert abs(float(after) + 7200 - time.time()) < 60
    assert is_soon == "True"
    assert Clocks(tmp_path, may_jump=False).environment("one") == {}


def may_mount() -> bool:
    """Whether the system gives us CAP_SYS_ADMIN: root has it, but not in most containers."""
    granted = re.search(r"^CapEff:\s*(\w+)$", Path("/proc/self/status").read_text(), re.MULTILINE)
    return granted is not None and bool(int(granted[1], 16) >> 21 & 1)


def test_a_full_disk_takes_nothing_until_it_is_empty_again_and_what_was_on_it_is_kept(tmp_path):
    folder = tmp_path / "data"
    disk = SmallDisk(folder)
    assert disk.is_mounted == may_mount()
    if not disk.is_mounted:
        assert (disk.fill(), folder.is_mount()) == (False, False)
        return
    (folder / "before").write_bytes(b"b" * 100_000)
    assert disk.fill()
    with pytest.raises(OSError, match="No space left"):
        (folder / "late").write_bytes(b"l" * 100_000)
    disk.empty()
    (folder / "late").write_bytes(b"l" * 100_000)
    disk.close(keep=True)
    assert {path.name: path.stat().st_size for path in folder.iterdir()} == {"before": 100_000, "late": 100_000}
    assert not folder.is_mount()


def test_without_a_file_system_of_our_own_a_full_disk_is_no_fault(tmp_path):
    line = line_of(tmp_path, ("refresh", "import time; time.sleep(60)"))
    assert line.befall("everybody's disk full") is None
    assert line.befall("clock jumps") is None
    line.end("refresh", signal.SIGKILL)
