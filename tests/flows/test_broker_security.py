"""Nobody in who does not belong: real clients at a real mosquitto with the files of `odograph broker-config`."""

import json
import os
import re
import shutil
import signal
import socket
import ssl
import traceback
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from deltalake import DeltaTable

from flows.refusals import NOT_THEIRS, NOT_THEIRS_TO_HEAR, read_refusals
from flows.settings import Settings
from flows.status import print_status
from ingest.access import rules_of_broker
from ingest.client import broker_address, shown_address
from ingest.lake import LAKE_TABLES, load_spool
from ingest.outbox import Outgoing
from ingest.publisher import Publisher
from ingest.settings import SettingsError
from tests.flows.secured import SecuredBroker, arguments_of_all_processes, position
from tests.ingest.conftest import require_mosquitto
from tests.ingest.running import CollectorProcess, eventually, spooled

POSITIONS = "tm/v1/acme/van-1/pos"
PLAN = {"v": 1, "service_date": "2026-02-26", "issued_utc": "2026-02-26T08:00:00Z"}
PURCHASE = {"v": 1, "provider_txn_id": "T-1", "event_type": "clear"}


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredBroker]:
    require_mosquitto()
    if shutil.which("openssl") is None:
        assert "CI" not in os.environ, "openssl must be installed in continuous integration"
        pytest.skip("openssl is not installed")
    with SecuredBroker(tmp_path_factory.mktemp("secured")) as running:
        yield running


@pytest.fixture(scope="module")
def collector(broker: SecuredBroker) -> Iterator[CollectorProcess]:
    running = broker.collector(broker.settings.data_dir).start()
    yield running
    if running.is_running:
        running.stop()


def arrived(collector: CollectorProcess, *expected: str) -> list[str]:
    """Whose messages the collector has once these are among them, told by their payload.

    It is stopped to see, and started again: what comes while it stops, the broker keeps until it is back.
    """
    found: list[str] = []

    def has_all() -> bool:
        collector.stop()
        found[:] = [message.payload.decode() for message in spooled(collector.spool_folder)]
        collector.start()
        return {*expected} <= {*found}

    assert eventually(has_all), (expected, found)
    return found


@pytest.mark.parametrize(
    "attempt",
    [
        pytest.param({}, id="no certificate"),
        pytest.param({"certificate": "foreign"}, id="a certificate of another authority"),
        pytest.param({"certificate": "expired"}, id="an expired certificate"),
        pytest.param({"certificate": "stolen"}, id="a revoked certificate"),
        pytest.param({"tls": False}, id="no TLS"),
        pytest.param({"at_password_port": True}, id="no password"),
        pytest.param({"at_password_port": True, "login": ("traccar", "guess")}, id="a wrong password"),
        pytest.param({"at_password_port": True, "login": ("van-1", "")}, id="a user who has no password"),
        pytest.param({"at_password_port": True, "certificate": "van-1"}, id="a certificate in place of a password"),
        pytest.param({"at_password_port": True, "login": ("traccar", "x"), "tls": False}, id="a password without TLS"),
    ],
)
def test_a_stranger_does_not_come_in(broker, attempt):
    assert broker.attempt(**attempt, publish=[POSITIONS]).connected in (None, "Not authorized")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
def test_old_tls_is_refused(broker):
    context = broker.context("van-1")
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        socket.create_connection(("localhost", broker.port)) as plain,
        pytest.raises(ssl.SSLError, match="protocol version"),
    ):
        context.wrap_socket(plain, server_hostname="localhost")


@pytest.mark.parametrize(
    ("certificate", "topic"),
    [
        ("van-1", "tm/v1/acme/van-2/pos"),
        ("van-1", "tm/v1/other/van-1/pos"),
        ("van-1", "tm/v1/acme/van-1/cmd"),
        ("van-1", "tm/v1/acme/van-1/ack"),
        ("van-1", "fc/v1/acme/wex/txn"),
        ("van-1", "traccar/positions"),
        ("van-1", "$SYS/broker/version"),
        ("acme-fuel", "fc/v1/other/wex/txn"),
        ("acme-fuel", POSITIONS),
        ("acme-plans", "rt/v1/acme/south/plan"),
        ("acme-screen", POSITIONS),
        ("acme-dispatch", "tm/v1/other/van-9/cmd"),
    ],
)
def test_nobody_writes_what_is_not_theirs(broker, collector, certificate, topic):
    heard = broker.attempt(certificate, publish=[topic], payload=b'{"v":1,"dev":"forged"}')
    assert (heard.connected, heard.answers) == ("Success", ["Not authorized"])


def test_a_collector_writes_receipts_only(broker):
    second = {"login": ("second", broker.password("second")), "at_password_port": True}
    assert broker.attempt(**second, publish=["tm/v1/other/van-9/ack"]).answers != ["Not authorized"]
    assert broker.attempt(**second, publish=[POSITIONS], payload=b"forged").answers == ["Not authorized"]


def test_what_was_refused_did_not_arrive_and_what_is_allowed_did(broker, collector):
    # The collector also comes back to its session: a queue with nothing forged in it.
    broker.attempt("van-1", publish=["tm/v1/acme/van-2/pos"], payload=b'{"v":1,"dev":"forged"}')
    assert broker.attempt("van-2", publish=["tm/v1/acme/van-2/pos"], payload=b'{"v":1,"dev":"own"}').answers == [
        "Success"
    ]
    login = ("traccar", broker.password("traccar"))
    forwarded = {"login": login, "at_password_port": True, "client_id": "a-random-one"}
    assert broker.attempt(**forwarded, publish=["traccar/positions"], payload=b"forwarded").answers == ["Success"]
    payloads = arrived(collector, '{"v":1,"dev":"own"}', "forwarded")
    assert [payload for payload in payloads if "forged" in payload] == []


@pytest.mark.parametrize(
    ("topic", "answer"),
    [
        ("/device-1/report", "Success"),
        ("860000000000013/data", "Success"),
        ("fleet/van-1/telemetry", "Success"),
        ("device-1/report", "Not authorized"),
        ("/a/b/report", "Not authorized"),
        ("fleet/telemetry", "Not authorized"),
        (POSITIONS, "Not authorized"),
    ],
)
def test_a_forwarder_writes_any_device_of_its_own_topics_and_nothing_else(broker, collector, topic, answer):
    login = {"login": ("gateway", broker.password("gateway")), "at_password_port": True}
    assert broker.attempt(**login, publish=[topic]).answers == [answer]


def test_those_who_belong_get_their_receipts(broker, collector):
    sent = {
        "van-1": (POSITIONS, position("van-1", 1)),
        "acme-fuel": ("fc/v1/acme/wex/txn", json.dumps(PURCHASE).encode()),
        "acme-plans": ("rt/v1/acme/north/plan", json.dumps(PLAN | {"routes": [{"route_id": "R1"}]}).encode()),
    }
    with ExitStack() as stack:
        publishers = {}
        for user, (topic, payload) in sent.items():
            address = broker_address(broker.tls_url, **broker.certificate(user))
            publishers[user] = stack.enter_context(Publisher(address, user))
            publishers[user].publish(Outgoing(0, topic, payload))
        assert {user: found.drain(10) for user, found in publishers.items()} == dict.fromkeys(sent, 0)


def test_a_reader_hears_its_own_tenant_and_no_card_records(broker):
    heard = broker.attempt(
        "acme-screen",
        subscribe=["#", "tm/v1/+/+/pos", "tm/v1/other/#", "fc/v1/acme/#"],
        meanwhile=[
            ("van-9", "tm/v1/other/van-9/pos"),
            ("acme-fuel", "fc/v1/acme/wex/txn"),
            ("acme-dispatch", "tm/v1/acme/van-1/cmd"),
            ("van-1", POSITIONS),
        ],
        wait_for=1,
    )
    assert {topic for topic, _ in heard.messages} == {POSITIONS}


def test_a_device_hears_its_own_commands_only(broker):
    commands = [("acme-dispatch", "tm/v1/acme/van-2/cmd"), ("acme-dispatch", "tm/v1/acme/van-1/cmd")]
    heard = broker.attempt("van-1", subscribe=["tm/v1/#"], meanwhile=commands, wait_for=1)
    assert [topic for topic, _ in heard.messages] == ["tm/v1/acme/van-1/cmd"]


def test_a_device_cannot_take_over_the_session_of_the_collector(broker, collector):
    seen = len(collector.log)
    assert broker.attempt("van-1", client_id="odograph-main", publish=[POSITIONS]).answers == ["Success"]
    broker.attempt("van-2", publish=["tm/v1/acme/van-2/pos"], payload=b"still heard")
    arrived(collector, "still heard")
    assert not [line for line in collector.log[seen:] if "lost" in line]


def test_a_device_that_leaves_the_registry_or_is_revoked_loses_its_rights_at_a_reload(broker, collector):
    def answers() -> list[str] | None:
        heard = broker.attempt("van-7", publish=["tm/v1/acme/van-7/pos"])
        return heard.answers if heard.connected else None

    broker.authority.client("van-7")
    broker.register([("acme", "van-7")])
    broker.reconfigure()
    assert eventually(lambda: answers() == ["Success"])
    broker.register([("acme", "van-7")], until="2026-02-01")
    broker.reconfigure()
    assert eventually(lambda: answers() == ["Not authorized"])
    broker.authority.revoke("van-7")
    broker.reconfigure()
    assert eventually(lambda: answers() is None)


def test_status_shows_who_was_refused_and_why(broker, capsys, monkeypatch):
    broker.attempt("van-1", publish=["tm/v1/acme/van-2/pos"])
    broker.attempt("expired")
    broker.attempt()
    broker.attempt(tls=False)
    broker.attempt(at_password_port=True, login=("traccar", "guess"))
    refused = read_refusals(broker.log)
    assert {
        NOT_THEIRS,
        "certificates that are foreign, expired or revoked",
        "connections without a certificate",
        "connections without TLS",
        "bad or missing passwords",
    } <= refused.counts.keys()
    assert refused.names[NOT_THEIRS]["van-1"] >= 1
    assert refused.denied_are_logged
    monkeypatch.setenv("COLUMNS", "1000")
    assert not print_status(broker.settings.model_copy(update={"broker_log": broker.log}))
    line = next(line for line in capsys.readouterr().out.splitlines() if " refused " in line)
    assert line.startswith("attention")
    assert "van-1" in line


@pytest.mark.parametrize(
    "asked", ["tm/v1/+/+/pos", "#", "$share/g/tm/v1/acme/+/pos", "$SYS/#", "tm/v1/other/van-2/cmd"]
)
def test_status_shows_who_asked_for_topics_of_others_and_heard_nothing(broker, collector, asked, capsys, monkeypatch):
    def counts() -> tuple[int, int]:
        refused = read_refusals(broker.log, rules=rules_of_broker(broker.files / "mosquitto.conf"))
        named = refused.names.get(NOT_THEIRS_TO_HEAR, {})
        return refused.counts[NOT_THEIRS_TO_HEAR], named.get("van-2", 0)

    before = counts()
    own = ["tm/v1/acme/van-2/cmd", "tm/v1/acme/van-2/ack"]
    heard = broker.attempt("van-2", subscribe=[asked, *own], meanwhile=[("van-1", POSITIONS)])
    assert (heard.connected, heard.messages) == ("Success", [])
    assert eventually(lambda: counts() == (before[0] + 1, before[1] + 1))
    monkeypatch.setenv("COLUMNS", "1000")
    files = {"broker_log": broker.log, "broker_conf": broker.files / "mosquitto.conf"}
    assert not print_status(broker.settings.model_copy(update=files))
    line = next(line for line in capsys.readouterr().out.splitlines() if " refused " in line)
    assert line.startswith("attention")
    hearers = line.partition(f"{NOT_THEIRS_TO_HEAR} (")[2].partition(")")[0]
    assert "van-2" in hearers
    assert "odograph-main" not in hearers


def test_a_collector_warns_where_the_rules_do_not_know_a_new_mapping(broker, tmp_path):
    (tmp_path / "mappings").mkdir()
    source = '[[source]]\nname = "new"\ntopics = ["new/{device}"]\n[source.time]\npath = "t"\nformat = "epoch_s"\n'
    (tmp_path / "mappings" / "new.toml").write_text(source + '[source.fields]\nlat = "a"\nlon = "b"\n')
    for user, collector in {
        "odograph-main": broker.collector(tmp_path).start(),
        "second": CollectorProcess(
            tmp_path,
            f"mqtts://second:{broker.password('second')}@localhost:{broker.password_port}",
            collector="other",
            broker_ca_file=broker.authority.folder / "ca.crt",
            broker_conf=broker.files / "mosquitto.conf",
        ).start(),
    }.items():
        warned = [line for line in collector.log if "withhold" in line]
        assert [line.partition("rules ")[2].partition(":")[0] for line in warned] == ["withhold new/+"], user
        collector.stop()


def test_the_collector_comes_with_a_password_and_the_password_is_nowhere(broker, tmp_path):
    password = broker.password("second")
    url = f"mqtts://second:{password}@localhost:{broker.password_port}"
    ca_file = broker.authority.folder / "ca.crt"
    collector = CollectorProcess(tmp_path, url, broker_ca_file=ca_file).start()
    with Publisher(broker_address(broker.tls_url, **broker.certificate("van-1")), "van-1") as publisher:
        publisher.publish(Outgoing(0, POSITIONS, position("van-1", 9)))
        assert publisher.drain(10) == 0
    assert password not in arguments_of_all_processes()
    assert collector.stop() == 0
    settings = Settings.read(data_dir=tmp_path, broker_url=url, _env_file=None)
    assert load_spool(settings).positions == 1
    assert password not in repr(settings) + str(settings) + repr(broker_address(url)) + shown_address(url)
    assert collector.log
    assert not [line for line in collector.log if password in line]
    kept = [path for folder in (tmp_path, broker.log.parent) for path in folder.rglob("*") if path.is_file()]
    assert len(kept) > len(LAKE_TABLES)
    assert [path.name for path in kept if password.encode() in path.read_bytes()] == ["new-passwords"]


def test_a_collector_with_a_wrong_password_says_so_without_it(broker, tmp_path):
    url = f"mqtts://second:wrong-guess@localhost:{broker.password_port}"
    collector = CollectorProcess(tmp_path, url, broker_ca_file=broker.authority.folder / "ca.crt")
    collector.start(wait=False)
    assert collector.wait() == 1
    assert eventually(lambda: any("Not authorized" in line for line in collector.log))
    assert "wrong-guess" not in "\n".join(collector.log)


def test_a_collector_whose_certificate_is_refused_says_what_it_may_be(broker, tmp_path):
    files = {f"broker_{name}": path for name, path in broker.certificate("expired").items()}
    collector = CollectorProcess(tmp_path, broker.tls_url, **files)
    collector.start(wait=False)
    assert eventually(lambda: any("does it take our certificate?" in line for line in collector.log))
    collector.end(signal.SIGTERM)


def test_settings_that_do_not_fit_do_not_show_the_password():
    with pytest.raises(SettingsError) as raised:
        Settings.read(broker_url="mqttx://user:secret@example", smtp_url="x://user:secret@example", _env_file=None)
    causes = f"{raised.value!r}{raised.value}{raised.value.__cause__!r}{raised.value.__cause__}"
    assert len(raised.value.problems) == 2
    assert "secret" not in causes


@pytest.mark.parametrize("password", ["s3cr/et99", "zq1x?wv2y", "7418#xk9", "7418/xk9", "7418?xk9", "zq[wv"])
def test_a_password_that_is_not_percent_encoded_is_not_shown_in_part(password):
    host = "@127.0.0.1"
    urls = {"broker_url": f"mqtt://fleet:{password}{host}", "smtp_url": f"smtp://fleet:{password}{host}"}
    with pytest.raises(SettingsError) as raised:
        Settings.read(**urls, _env_file=None)
    shown = "".join(traceback.format_exception(raised.value))
    problems = raised.value.problems
    assert [problem.split(":")[0] for problem in problems] == ["ODOGRAPH_BROKER_URL", "ODOGRAPH_SMTP_URL"]
    assert all("user and password percent-encoded, port 1 to 65535" in problem for problem in problems)
    for part in re.split(r"\W", password):
        assert len(part) == 1 or part not in shown


@pytest.mark.parametrize("rest", [":99999", ":0", ":x", "/path", "#x", "?a=b"])
def test_a_broker_is_named_by_host_and_port_only(rest):
    with pytest.raises(SettingsError, match="port 1 to 65535"):
        Settings.read(broker_url=f"mqtt://127.0.0.1{rest}", _env_file=None)
    assert Settings.read(broker_url="mqtt://u:a%2Fb@[::1]:1883/?version=3.1.1", _env_file=None).broker_url


def test_a_broker_without_the_private_key_of_its_name_is_not_trusted(broker, tmp_path):
    # The collector checks whom it talks to: 127.0.0.2 is not in the broker's certificate.
    url = f"mqtts://127.0.0.2:{broker.port}"
    files = {f"broker_{name}": path for name, path in broker.certificate("odograph-main").items()}
    collector = CollectorProcess(tmp_path, url, **files)
    collector.start(wait=False)
    assert eventually(lambda: any("certificate" in line for line in collector.log))
    collector.end(signal.SIGTERM)
    assert not any(line == "ready" for line in collector.log)


def test_a_retained_position_event_or_backlog_is_set_aside(broker, collector):
    event = json.dumps({"v": 1, "dev": "van-9", "ts": 1772208123.0, "type": "harsh_brake", "st": "online"}).encode()
    sent = {"pos": position("van-9", 3), "his": position("van-9", 4), "evt": event, "sta": event}
    for kind, payload in sent.items():
        heard = broker.attempt("van-9", publish=[f"tm/v1/other/van-9/{kind}"], payload=payload, retain=True)
        assert heard.answers == ["Success"]
    collector.stop()
    load_spool(broker.settings)
    collector.start()
    rejects = lake_rows(broker.settings, "rejects")
    assert {(row["topic"], row["reason"]) for row in rejects if row["kind"] == "quarantine"} == {
        ("tm/v1/other/van-9/pos", "retained_position"),
        ("tm/v1/other/van-9/his", "retained_position"),
        ("tm/v1/other/van-9/evt", "retained_event"),
    }
    assert [row for row in lake_rows(broker.settings, "positions") if row["device_id"] == "van-9"] == []


def lake_rows(settings: Settings, table: str) -> list[dict[str, object]]:
    return DeltaTable(f"{settings.lake_root}/{table}").to_pyarrow_table().to_pylist()


def test_the_files_are_for_nobody_else_and_stay_as_they_are(broker):
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in files_of(broker)} == dict.fromkeys(
        ("acl", "mosquitto.conf", "new-passwords", "passwords"), "0o600"
    )
    broker.configure()
    before = {path.name: path.read_bytes() for path in files_of(broker)}
    assert all(line.endswith("unchanged") for line in broker.configure()[:4])
    assert {path.name: path.read_bytes() for path in files_of(broker)} == before


def files_of(broker: SecuredBroker) -> list[Path]:
    return [path for path in broker.files.iterdir() if path.suffix not in (".crt", ".key", ".pem")]
