"""What a publisher wrote down is what it sends, also after it was killed; and by what was sent the line is checked."""

from itertools import pairwise

import pytest

from flows.chaos.publisher import (
    PURCHASE_EVERY,
    SILENT_EVERY,
    SILENT_S,
    Outbox,
    message,
    point,
)
from flows.chaos.truth import read_sent, sent_messages, silence_count
from ingest.unconfirmed import Held


def put(outbox, first, count):
    held = []
    for number in range(first, first + count):
        outgoing = message("acme", number, 1_700_000_000)
        outbox.put(outgoing)
        held.append(Held(outgoing, 0, 1.0))
        outbox.watch(held[-1])
    return held


def test_a_killed_publisher_sends_again_what_was_not_confirmed_and_goes_on(tmp_path):
    outbox = Outbox(tmp_path, "acme")
    held = put(outbox, 0, 6)
    for confirmed in (0, 1, 4):
        held[confirmed].is_confirmed = True
    outbox.note(now=True)
    with (tmp_path / "sent-acme.tsv").open("ab") as sent:
        sent.write(b"tm/v1/acme/van-0/pos\t{torn")
    again = Outbox(tmp_path, "acme")
    assert again.unconfirmed() == [message("acme", number, 1_700_000_000) for number in (2, 3, 4, 5)]
    assert (again.sent_count, again.confirmed_count) == (6, 2)
    put(again, 6, 1)
    assert [sent.payload for sent in sent_messages(tmp_path, ["acme"])] == [
        message("acme", number, 1_700_000_000).payload for number in range(7)
    ]


def test_what_was_sent_is_read_back_with_its_keys_and_states(tmp_path):
    outbox = Outbox(tmp_path, "acme")
    for held in put(outbox, 0, PURCHASE_EVERY):
        held.is_confirmed = True
    outbox.note(now=True)
    (tmp_path / "trespassed-acme").write_text("0\n100\n")
    sent = read_sent(tmp_path, ["acme"])
    assert (sent.messages, sent.confirmed, sent.trespasses) == (PURCHASE_EVERY, PURCHASE_EVERY, 2)
    assert sent.purchases.rows() == [("acme", "T0")]
    assert sent.points.height == 3 * (PURCHASE_EVERY - 1)
    assert sent.points.select("device_id", "seq").is_unique().all()
    assert silence_count(sent.points) == 3


@pytest.mark.parametrize("first", [0, SILENT_EVERY, 10 * SILENT_EVERY])
def test_a_van_drives_without_jumps_and_falls_silent_while_driving(first):
    points = [point(0, seq) for seq in range(first, first + SILENT_EVERY)]
    steps = [(there["ts"] - here["ts"], abs(there["lat"] - here["lat"])) for here, there in pairwise(points)]
    assert [after_s for after_s, _ in steps if after_s != 1] == [1 + SILENT_S]
    assert max(degrees for _, degrees in steps) < 0.00011
    silent = next(at for at, (after_s, _) in enumerate(steps) if after_s > 1)
    assert points[silent]["ign"]
    assert points[silent]["spd_kmh"] == 40
