"""Collectors side by side: each message in one spool at least, and after loading in the lake once."""

import json
from collections import Counter

import pytest

from flows.findings import Finding, spools
from flows.loading import load
from flows.opening import opened_line
from flows.status import print_status
from ingest.broker import AmqttChild
from ingest.collector import run
from ingest.outbox import publish_all
from ingest.settings import IngestSettings, SettingsError
from ingest.sharing import ALONE, Asked, Role, role_of_spool
from ingest.topics import SUBSCRIPTIONS
from tests.builders import settings_in
from tests.ingest.running import CollectorProcess, eventually, point_message, spooled_seqs

DEVICES, MESSAGES = 8, 400


def messages(first: int = 0):
    """Messages of several devices, numbered across all of them; old fixes are fine for these tests."""
    return [point_message(seq, device=f"van-{seq % DEVICES}") for seq in range(first, first + MESSAGES)]


def members(tmp_path, url, **environment: str):
    made = {}
    for name, bucket in (("one", "1/2"), ("two", "2/2")):
        more = {key: bucket if value == "part" else value for key, value in environment.items()}
        made[name] = CollectorProcess(tmp_path / "data", url, collector=name, **more).start()
    return made


def loaded(tmp_path) -> list[int]:
    settings = settings_in(tmp_path / "data", max_age_days=0)
    load(settings)
    with opened_line(settings) as opened:
        return [seq for (seq,) in opened.warehouse.sql("select seq from lake.positions order by seq").fetchall()]


def test_buckets_cover_every_sender_exactly_once_and_keep_a_sender_together():
    roles = [Role(number, 3) for number in (1, 2, 3)]
    topics = [f"tm/v1/t/{device}/{kind}" for device in range(60) for kind in ("pos", "his", "sta")]
    kept = {topic: [role.number for role in roles if role.keeps(topic)] for topic in topics}
    assert {len(numbers) for numbers in kept.values()} == {1}
    assert {number for numbers in kept.values() for number in numbers} == {1, 2, 3}
    for device in range(60):
        assert len({kept[f"tm/v1/t/{device}/{kind}"][0] for kind in ("pos", "his", "sta")}) == 1
    assert all(ALONE.keeps(topic) for topic in topics)


def test_two_buckets_split_the_senders_and_lose_and_double_nothing(tmp_path, mosquitto):
    collectors = members(tmp_path, mosquitto.url, bucket="part")
    sent = publish_all(messages(), url=mosquitto.url, client_id="test-publisher", resend_s=2)
    assert (sent.unconfirmed, sent.resent) == (0, 0)
    for collector in collectors.values():
        assert collector.stop() == 0
    parts = [spooled_seqs(collector.spool_folder) for collector in collectors.values()]
    assert Counter(parts[0] + parts[1]) == Counter(range(MESSAGES))
    assert all(parts)
    assert not {seq % DEVICES for seq in parts[0]} & {seq % DEVICES for seq in parts[1]}
    assert loaded(tmp_path) == list(range(MESSAGES))


def kept(*collectors: CollectorProcess) -> set[int]:
    return {seq for collector in collectors for seq in spooled_seqs(collector.spool_folder)}


def test_a_shared_group_loses_and_doubles_nothing_when_a_member_dies_and_comes_back(tmp_path, mosquitto):
    one, two = members(tmp_path, mosquitto.url, shared_group="fleet", seal_s="0.2").values()
    publish_all(messages(), url=mosquitto.url, client_id="test-publisher", resend_s=1)
    assert all(role_of_spool(found.spool_folder).group == "fleet" for found in (one, two))
    two.kill()
    # No receipts: what the broker deals to the dead member is sent once only, and must wait for it there.
    publish_all(messages(MESSAGES), url=mosquitto.url, client_id="test-publisher", receipts=False)
    two.start()
    everything = set(range(2 * MESSAGES))
    assert eventually(lambda: kept(one, two) == everything)
    assert kept(one)
    assert kept(two)
    for collector in (one, two):
        assert collector.stop() == 0
    assert loaded(tmp_path) == sorted(everything)


def test_a_member_that_leaves_a_shared_group_as_status_says_takes_nothing_with_it(tmp_path, mosquitto):
    settings = settings_in(tmp_path / "data", broker_url=mosquitto.url)
    one, two = members(tmp_path, mosquitto.url, shared_group="fleet", seal_s="0.2").values()
    two.kill()
    publish_all(messages(), url=mosquitto.url, client_id="test-publisher", receipts=False)
    (two.spool_folder / "retired").touch()
    (found,) = [found for found in spools(settings) if found.topic == "collector two"]
    assert (found.text[:17], found.needs_person) == ("retired too early", True)
    two = CollectorProcess(tmp_path / "data", mosquitto.url, collector="two", seal_s="0.2").start()
    assert eventually(lambda: kept(one, two) == set(range(MESSAGES)))
    assert kept(two)
    assert two.stop() == 0
    (two.spool_folder / "retired").touch()
    publish_all(messages(MESSAGES), url=mosquitto.url, client_id="test-publisher", receipts=False)
    assert Finding("collector two", "retired") in spools(settings)
    assert eventually(lambda: kept(one, two) == set(range(2 * MESSAGES)))
    assert one.stop() == 0
    assert loaded(tmp_path) == list(range(2 * MESSAGES))


def test_a_shared_group_needs_a_broker_of_mqtt_5(tmp_path, capsys):
    with AmqttChild(tmp_path / "broker") as amqtt:
        settings = IngestSettings.read(
            _env_file=None, data_dir=tmp_path / "data", broker_url=amqtt.url, shared_group="fleet"
        )
        assert run(settings) == 1
    assert "shared subscriptions need MQTT 5" in capsys.readouterr().err


ALL, SHARED, HALF, THIRD = {}, {"shared_group": "fleet"}, {"bucket": "1/2"}, {"bucket": "3/3"}
V311 = "?version=3.1.1"


def note(folder) -> dict[str, object]:
    return json.loads((folder / "role").read_text())


def queue(url: str, first: int = 0) -> None:
    """Publish without receipts: what the broker took is the collector's to keep."""
    publish_all(messages(first), url=url, client_id="test-publisher", receipts=False)


@pytest.mark.campaign
@pytest.mark.parametrize(
    ("before", "after", "version"),
    [
        (ALL, HALF, ""),
        pytest.param(ALL, HALF, V311, marks=pytest.mark.campaign),
        (THIRD, HALF, ""),
        pytest.param(THIRD, HALF, V311, marks=pytest.mark.campaign),
        (SHARED, HALF, ""),
        (ALL, SHARED, ""),
        (SHARED, ALL, ""),
        (HALF, ALL, V311),
    ],
)
def test_a_collector_that_changes_its_role_keeps_what_was_queued_for_the_old_one(
    tmp_path, mosquitto, before, after, version
):
    url = mosquitto.url + version
    assert CollectorProcess(tmp_path / "data", url, **before).start().stop() == 0
    queue(mosquitto.url)
    changed = CollectorProcess(tmp_path / "data", url, seal_s=0.2, **after).start()
    assert eventually(lambda: note(changed.spool_folder)["is_settled"])
    queue(mosquitto.url, MESSAGES)
    role = role_of_spool(changed.spool_folder)
    later = [seq for seq in range(MESSAGES, 2 * MESSAGES) if role.keeps(f"tm/v1/acme/van-{seq % DEVICES}/pos")]
    assert eventually(lambda: set(later) <= set(spooled_seqs(changed.spool_folder)))
    assert changed.stop() == 0
    kept = Counter(spooled_seqs(changed.spool_folder))
    assert kept.keys() >= set(range(MESSAGES))
    # Nothing of the old subscription is left: what came later came once, and only our part of it is here.
    assert {seq: count for seq, count in kept.items() if seq >= MESSAGES} == dict.fromkeys(later, 1)


@pytest.mark.campaign
@pytest.mark.parametrize("version", ["", pytest.param(V311, marks=pytest.mark.campaign)])
def test_a_change_of_role_that_is_killed_in_between_loses_nothing(tmp_path, mosquitto, version):
    url = mosquitto.url + version
    assert CollectorProcess(tmp_path / "data", url).start().stop() == 0
    queue(mosquitto.url)
    changing = CollectorProcess(tmp_path / "data", url, seal_s=0.2, **HALF)
    for line in ("connected to", "ready", "ready"):
        changing.log.clear()
        changing.start(wait=False)
        assert eventually(lambda line=line: any(line in found for found in changing.log))
        changing.kill()
    changing.start()
    assert eventually(lambda: set(spooled_seqs(changing.spool_folder)) == set(range(MESSAGES)))
    changing.stop()


def test_what_was_asked_for_is_taken_back_also_after_a_crash(tmp_path):
    first = Asked(tmp_path, Role(group="a"), ["$share/a/x"])
    first.settle()
    assert first.outdated() == ()
    Asked(tmp_path, Role(group="b"), ["$share/b/x"])  # and it dies before the broker answers
    third = Asked(tmp_path, ALONE, ["x"])
    assert set(third.outdated()) == {"$share/a/x", "$share/b/x"}
    assert not third.is_settled
    third.settle()
    assert note(tmp_path)["asked"] == ["x"]
    again = Asked(tmp_path, ALONE, ["x"])
    assert (again.outdated(), again.is_settled) == ((), True)
    without_a_mapping = Asked(tmp_path, ALONE, ["y"])
    assert (without_a_mapping.outdated(), without_a_mapping.is_settled) == (("x",), False)


@pytest.mark.parametrize("old", [None, '{"number": 2, "of_parts": 3, "group": null}', "{", "[]", '{"asked": 1}'])
def test_a_spool_of_an_earlier_version_or_with_a_spoiled_note_takes_back_what_its_collector_asked_for(tmp_path, old):
    if old is not None:
        (tmp_path / "role").write_text(old)
    now = Asked(tmp_path, Role(group="g"), Role(group="g").subscriptions(SUBSCRIPTIONS))
    assert "tm/v1/+/+/pos" in now.outdated()
    assert not now.is_settled


def test_status_sees_a_part_that_nobody_keeps_and_a_member_that_is_gone(tmp_path, mosquitto, capsys):
    settings = settings_in(tmp_path / "data", broker_url=mosquitto.url)
    one = CollectorProcess(tmp_path / "data", mosquitto.url, collector="one", bucket="1/2").start()
    print_status(settings)
    assert "nobody keeps part 2 of 2" in " ".join(capsys.readouterr().out.split())
    two = CollectorProcess(tmp_path / "data", mosquitto.url, collector="two", bucket="2/2").start()
    two.kill()
    assert eventually(lambda: not two.is_running)
    print_status(settings)
    shown = " ".join(capsys.readouterr().out.split())
    assert "nobody keeps" not in shown
    assert "not running, keeps part 2 of 2; the broker keeps its part until it is back" in shown
    one.stop()


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"bucket": "3/2"}, "expected a number and a count"),
        ({"bucket": "0/2"}, "ODOGRAPH_BUCKET"),
        ({"bucket": "1/2", "shared_group": "g"}, "cannot be in a shared group as well"),
    ],
)
def test_parts_that_make_no_sense_are_refused(tmp_path, given, complaint):
    with pytest.raises(SettingsError, match=complaint):
        IngestSettings.read(_env_file=None, data_dir=tmp_path, **given)
