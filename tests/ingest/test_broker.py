import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import ingest.broker
from ingest.broker import LOOPBACK_ACCESS, LOOPBACK_LOG, BrokerFailed, MosquittoChild, broker_conf, embedded_broker
from ingest.outbox import publish_all
from tests.ingest.running import PROJECT, eventually, point_message, spooled_seqs


def test_the_line_works_on_either_broker(broker, collector_on):
    collector = collector_on(broker.url, clean_session=broker.clean_session).start()
    messages = [point_message(seq) for seq in range(1_000)]
    sent = publish_all(messages, url=broker.url, client_id="vans", clean_session=broker.clean_session)
    assert (sent.messages, sent.unconfirmed) == (1_000, 0)
    assert collector.stop() == 0
    assert set(spooled_seqs(collector.spool_folder)) == set(range(1_000))


def test_mosquitto_is_preferred_where_it_is_installed(mosquitto, tmp_path):
    with embedded_broker(tmp_path / "auto") as broker:
        assert (broker.kind, broker.clean_session) == ("mosquitto", False)


def test_without_mosquitto_amqtt_takes_its_place(tmp_path, monkeypatch):
    monkeypatch.setattr(ingest.broker, "find_mosquitto", lambda: None)
    lines: list[str] = []
    with embedded_broker(tmp_path / "auto", log=lines.append) as broker:
        assert (broker.kind, broker.clean_session) == ("amqtt", True)
        assert broker.url in lines[0]
    with pytest.raises(BrokerFailed, match="not installed"):
        MosquittoChild(tmp_path / "none").start()


def test_a_broker_listens_on_loopback_only(broker):
    assert broker.url.startswith("mqtt://127.0.0.1:")


def test_a_broker_that_cannot_start_says_why(mosquitto, tmp_path):
    with pytest.raises(BrokerFailed, match="is in use"):
        MosquittoChild(tmp_path / "other", port=mosquitto.port).start()


def test_the_queue_survives_a_restart_and_once_saved_a_crash(mosquitto, collector_on):
    collector = collector_on(mosquitto.url).start()
    collector.stop()
    messages = [point_message(seq) for seq in range(300)]
    publish_all(messages, url=mosquitto.url, client_id="vans", receipts=False)
    published_at = time.time()
    os.kill(mosquitto.pid, signal.SIGUSR1)  # save now, as it does by itself every autosave_interval
    assert eventually(lambda: _saved_after(mosquitto.folder, published_at))
    mosquitto.kill()
    mosquitto.start()
    mosquitto.stop()
    mosquitto.start()
    collector.start()
    time.sleep(0.5)
    collector.stop()
    assert set(spooled_seqs(collector.spool_folder)) == set(range(300))


def _saved_after(folder: Path, moment: float) -> bool:
    database = folder / "mosquitto.db"
    return database.exists() and database.stat().st_mtime > moment


def test_a_message_above_our_limit_gets_through_so_that_it_can_be_rejected(broker, collector_on):
    collector = collector_on(broker.url, clean_session=broker.clean_session).start()
    large = point_message(1)._replace(payload=point_message(1).payload + b" " * 200_000)
    sent = publish_all([large], url=broker.url, client_id="vans", clean_session=broker.clean_session)
    assert sent.unconfirmed == 0
    collector.stop()
    assert spooled_seqs(collector.spool_folder) == [1]


@pytest.mark.parametrize("kind", ["mosquitto", "amqtt"])
def test_a_broker_dies_with_the_process_that_started_it(kind, tmp_path, request):
    if kind == "mosquitto":
        request.getfixturevalue("mosquitto")
    script = (
        "import sys, time; from pathlib import Path; from ingest.broker import *\n"
        "child = {'mosquitto': MosquittoChild, 'amqtt': AmqttChild}[sys.argv[1]](Path(sys.argv[2])).start()\n"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", script, kind, str(tmp_path / "orphan")]
    parent = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert eventually(lambda: not _is_alive(pid), 5)


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_configuration_keeps_the_promises_of_the_queue():
    text = broker_conf(access=LOOPBACK_ACCESS.format(port=1), state=Path("/s"), user="u", log=LOOPBACK_LOG)
    options = dict(re.findall(r"^(\w+) (.+)$", text, re.MULTILINE))
    assert int(options["max_queued_messages"]) > 1e9
    assert int(options["max_queued_bytes"]) == 512 << 20
    assert options["persistence"] == "true"
    assert int(options["autosave_interval"]) <= 60
    assert int(options["persistent_client_expiration"].removesuffix("d")) >= 7
    assert int(options["max_packet_size"]) > 64 << 10
    assert options["listener"].endswith("127.0.0.1"), "nobody is asked for a password"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is turned into another user")
def test_as_root_the_broker_can_still_write_its_folder(mosquitto):
    mosquitto.stop()
    assert (mosquitto.folder / "mosquitto.db").stat().st_uid == 0
