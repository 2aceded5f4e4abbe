"""Every mail arrives, and once, whatever a real mail server does and whenever the sender is killed."""

import subprocess
import sys
from pathlib import Path

import pytest

from flows.bench.mail.client import SENDER, batch_report
from flows.bench.mail.client import main as client
from flows.bench.mail.server import FAULTS, FaultyServer, first_time, kill, running
from flows.post.mail import message
from flows.post.outbox import read_entries
from flows.post.patience import MOST_UNKNOWN

ROOT = Path(__file__).parents[2]


def message_id(recipient: str) -> str:
    return str(message(batch_report(0), sender=SENDER, recipient=recipient)["Message-ID"])


def states(mail_dir: Path) -> dict[str, str]:
    return {entry.recipient: entry.state for entry in read_entries(mail_dir / "sent.jsonl").values()}


def test_each_mail_arrives_once_but_for_those_a_server_took_without_a_word(tmp_path):
    plan = {
        "ok@a.example": [],
        "grey@a.example": ["450 at RCPT"],
        "hangs-up@a.example": ["421 at RCPT"],
        "busy@a.example": ["451 at DATA", "451 at DATA"],
        "slow@a.example": ["slow"],
        "lost@a.example": ["dropped before the mail was taken"],
        "taken@a.example": ["dropped after the mail was taken"],
        "gone@a.example": [],
    }
    server = FaultyServer(first_time(plan))
    with running(server) as port:
        client(tmp_path, port, 0, list(plan))
        client(tmp_path, port, 0, list(plan))
    arrived = {recipient: server.accepted[message_id(recipient)] for recipient in plan}
    once = dict.fromkeys(plan, 1)
    assert arrived == once | {"gone@a.example": 0, "taken@a.example": 2}
    assert server.in_window == {message_id("taken@a.example")}
    assert states(tmp_path) == dict.fromkeys(plan, "sent") | {"gone@a.example": "refused"}
    assert [path.name.split(".")[0] for path in (tmp_path / "outbox").glob("*.eml")] == ["daily"]  # of who is gone


def test_a_server_that_takes_a_mail_and_never_says_so_gets_it_three_times_and_no_more(tmp_path):
    server = FaultyServer(lambda address: "dropped after the mail was taken")
    with running(server) as port:
        client(tmp_path, port, 0, ["owner@a.example"])
        client(tmp_path, port, 0, ["owner@a.example"])
    assert list(server.accepted.values()) == [MOST_UNKNOWN]
    assert states(tmp_path) == {"owner@a.example": "unknown"}


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.startswith("client killed")])
def test_a_killed_sender_leaves_no_mail_behind(tmp_path, fault):
    recipients = ["first@a.example", "killed@a.example", "last@a.example"]
    server = FaultyServer(first_time({"killed@a.example": [fault]}))
    with running(server) as port:
        command = [sys.executable, "-m", "flows.bench.mail.client", str(tmp_path), str(port), "0", *recipients]
        with subprocess.Popen(command, cwd=ROOT) as killed:
            server.kill = lambda: kill(killed.pid)
        assert killed.returncode == -9
        client(tmp_path, port, 0, recipients)
    arrived = [server.accepted[message_id(recipient)] for recipient in recipients]
    is_in_window = fault != "client killed before the mail was taken"
    assert arrived in ([[1, 1, 1], [1, 2, 1]] if is_in_window else [[1, 1, 1]])
    assert set(states(tmp_path).values()) == {"sent"}
