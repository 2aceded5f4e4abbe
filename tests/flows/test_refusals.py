import pytest

import flows.refusals
from flows.refusals import NOT_THEIRS, NOT_THEIRS_TO_HEAR, read_refusals
from flows.settings import Settings
from flows.status import _refused
from ingest import access
from ingest.access import access_rules, read_rules, sender

NOW_S = 1_795_254_000
DENIED = "Denied PUBLISH from {} (d0, q1, r0, m1, 'tm/v1/acme/van-2/pos', ... (1 bytes))"


def log_of(tmp_path, *lines):
    path = tmp_path / "mosquitto.log"
    path.write_text("".join(f"{second}: {line}\n" for second, line in lines))
    return path


def test_refusals_of_the_last_day_are_counted_by_kind_and_client(tmp_path):
    path = log_of(
        tmp_path,
        (NOW_S - 90_000, DENIED.format("van-0")),
        (NOW_S - 80_000, DENIED.format("van-1")),
        (NOW_S - 70_000, DENIED.format("van-1")),
        (NOW_S - 60_000, "OpenSSL Error[0]: error:0A000086:SSL routines::certificate verify failed"),
        (NOW_S - 60_000, "Client <unknown> disconnected: Protocol error."),
        (NOW_S - 50_000, "Client van-3 disconnected due to oversize packet."),
        (NOW_S - 40_000, "Client van-4 disconnected."),
    )
    refused = read_refusals(path, now_s=NOW_S)
    assert refused.counts == {
        NOT_THEIRS: 2,
        "certificates that are foreign, expired or revoked": 1,
        "packets that were too large": 1,
    }
    assert refused.names == {NOT_THEIRS: {"van-1": 2}, "packets that were too large": {"van-3": 1}}
    assert refused.since_s == NOW_S - 86_400


def test_subscriptions_are_judged_by_the_rules_of_who_asked(tmp_path):
    users = [
        sender("device", "acme", "van-1", "van-1", "certificate"),
        access.collector(["acme"], ["probe/+"], "odograph-main", "certificate"),
    ]
    (tmp_path / "acl").write_text(access_rules(users))
    asked = ["van-1 1 tm/v1/acme/van-1/cmd", "van-1 0 fc/v1/+/+/ack", "van-1 0 rt/v1/acme/+/ack"]
    asked += ["odograph-main 1 tm/v1/+/+/pos", "odograph-main 1 $share/g/tm/v1/+/+/pos"]
    refused = ["van-1 1 tm/v1/+/+/pos", "odograph-main 1 new/+", "left 0 tm/v1/acme/left/cmd", "van-1 1 $share/g/#"]
    refused += ["van-1 0 tm/v1/other/+/ack", "van-1 0 tm/v1/acme/van-2/ack"]
    lines = [*asked, *refused, "Client 1 closed its connection.", "probe/+ 1"]
    path = log_of(tmp_path, *((NOW_S - 10, line) for line in lines))
    assert read_refusals(path, now_s=NOW_S).counts == {}
    found = read_refusals(path, rules=read_rules(tmp_path / "acl"), now_s=NOW_S)
    assert found.names == {NOT_THEIRS_TO_HEAR: {"van-1": 4, "odograph-main": 1, "left": 1}}


def test_of_a_long_log_the_end_is_read_and_it_is_said_from_when(tmp_path, monkeypatch):
    path = log_of(tmp_path, *((NOW_S - 1_000 + number, DENIED.format("van-1")) for number in range(500)))
    monkeypatch.setattr(flows.refusals, "READ_BYTES", 10_000)
    refused = read_refusals(path, now_s=NOW_S)
    assert 0 < refused.counts[NOT_THEIRS] < 120
    assert refused.since_s == NOW_S - 500 - refused.counts[NOT_THEIRS]


def test_a_name_cannot_write_on_the_screen(tmp_path):
    path = log_of(tmp_path, (NOW_S, DENIED.format("\x1b[31m[bold]van")), (NOW_S, DENIED.format("x" * 500)))
    names = read_refusals(path, now_s=NOW_S).names[NOT_THEIRS]
    assert set(names) == {"?[31m[bold]van", "x" * 60}


@pytest.mark.parametrize(
    ("line", "says", "needs_person"),
    [
        (None, "not known", False),
        ("Client van-4 disconnected.", "nobody; messages to topics of others are refused and not in this log", False),
        ("Sending PUBACK to van-1 (m1, rc0)", "UTC: nobody", False),
        (DENIED.format("van-1"), "1 messages to topics that are not theirs (van-1 1)", True),
        ("Client <unknown> disconnected, not authorised.", "1 bad or missing passwords", False),
    ],
)
def test_status_asks_for_a_person_where_one_of_ours_writes_as_another(tmp_path, monkeypatch, line, says, needs_person):
    monkeypatch.setattr(flows.refusals, "time", lambda: NOW_S)
    path = None if line is None else log_of(tmp_path, (NOW_S - 10, line))
    (finding,) = _refused(Settings.read(broker_log=path, data_dir=tmp_path, _env_file=None))
    assert says in finding.text
    assert finding.needs_person == needs_person


def test_a_log_that_is_named_and_not_there_needs_a_person(tmp_path):
    (finding,) = _refused(Settings.read(broker_log=tmp_path / "none", data_dir=tmp_path, _env_file=None))
    assert (finding.needs_person, "cannot read" in finding.text) == (True, True)
