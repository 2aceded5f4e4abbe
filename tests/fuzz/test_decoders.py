"""A short run of the fuzzer; the long one is a command, see the README here."""

from collections import Counter

import pytest

from ingest.adapters.sources import Sources
from tests.fuzz.decoders import NATIVE, Seed, failures, fuzz, received, seeds


def test_no_spoilt_message_raises_or_gets_lost():
    found, reasons = fuzz(3_000, 7)
    assert found == []
    # The fuzzer is worth something only while it reaches most of what decoding can say.
    assert len(reasons) >= 25
    assert reasons["rows of positions"] > 100


@pytest.mark.parametrize(
    ("error", "what"), [(KeyError("a gap"), "undecodable"), (SystemError("worse"), "SystemError('worse')")]
)
def test_a_gap_in_the_rules_is_found(monkeypatch: pytest.MonkeyPatch, error: Exception, what: str):
    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr("ingest.decode.event_row", fails)
    messages = [received(number, Seed("tm/v1/t1/d1/evt", b'{"v":1}')) for number in range(2)]
    assert [failure.what for failure in failures(messages, Sources(), 30, Counter())] == [what, what]


def test_every_good_message_of_our_own_is_read():
    messages = [received(number, seed) for number, seed in enumerate(seeds()) if seed.topic in NATIVE]
    reasons: Counter[str] = Counter()
    assert failures(messages, Sources(), 30, reasons) == []
    assert {name for name in reasons if not name.startswith("rows")} == {"bad_arrow", "clock_unset"}
