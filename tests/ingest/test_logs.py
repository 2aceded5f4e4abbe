"""Lines of the log: for people, or one JSON object each; never with a secret or a payload."""

import json
import logging
import os
import subprocess
import sys

from ingest.logs import JsonFormatter
from ingest.outbox import publish_all
from tests.ingest.running import PROJECT, CollectorProcess, eventually, point_message


def formatted(message: str, *values: object, **more: object) -> dict[str, object]:
    record = logging.getLogger("x").makeRecord("x.y", logging.INFO, "file.py", 1, message, values, None, **more)
    record.created = 1_772_208_123.25
    line = JsonFormatter().format(record)
    assert "\n" not in line
    return json.loads(line)


def test_a_record_is_one_object_with_the_fields_it_was_given():
    assert formatted("%d came\nover", 3, extra={"received": 3, "path": PROJECT}) == {
        "ts": "2026-02-27T16:02:03.250+00:00",
        "level": "INFO",
        "logger": "x.y",
        "message": "3 came\nover",
        "received": 3,
        "path": str(PROJECT),
    }


def test_a_field_cannot_take_the_place_of_one_of_ours():
    assert formatted("said", extra={"level": "made up", "ts": "never"})["level"] == "INFO"


def test_a_collector_logs_json_and_says_ready_on_a_line_of_its_own(tmp_path, mosquitto):
    url = mosquitto.url.replace("mqtt://", "mqtt://odo:hush@")
    collector = CollectorProcess(tmp_path / "data", url, log_format="json", seal_s="0.1").start()
    publish_all([point_message(1)], url=mosquitto.url, client_id="vans", clean_session=True)
    assert eventually(lambda: any("segment sealed" in line for line in collector.log))
    assert collector.stop() == 0
    lines = [json.loads(line) for line in collector.log if line != "ready"]
    assert collector.log.count("ready") == 1
    assert {line["level"] for line in lines} == {"INFO"}
    assert all(line["ts"].endswith("+00:00") and line["logger"].startswith("ingest.") for line in lines)
    (told,) = [line for line in lines if "received" in line]
    assert (told["received"], told["acknowledged"]) == (1, 1)
    assert told["spooled_bytes"] > 100
    assert told["fsync_p95_ms"] > 0
    assert told["message"].startswith("received 1, acknowledged 1, spooled ")
    everything = "\n".join(collector.log)
    assert "hush" not in everything
    assert "40.748" not in everything


def test_a_command_logs_json_too(tmp_path):
    # A refresh of an empty folder succeeds and logs nothing of its own at INFO; a broken mail URL is not needed for it.
    environment = {"PATH": os.environ["PATH"], "ODOGRAPH_DATA_DIR": str(tmp_path), "ODOGRAPH_LOG_FORMAT": "json"}
    code = "import logging, flows.cli as cli\nwith cli.settings_or_exit(): logging.getLogger('x').error('seen')"
    told = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, env=environment, capture_output=True, text=True)
    assert json.loads(told.stderr)["message"] == "seen"
