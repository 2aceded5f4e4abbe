"""Order does not matter on recorded days either: any split, shuffle, repeat and restart gives the tidy tables."""

import random
from collections.abc import Sequence
from importlib.resources import as_file, files

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from flows.refresh import refresh
from ingest.recorded import read_recording
from ingest.spool import Message
from tests.builders import examples, rebuilt, settings_in
from tests.flows.test_order import TABLES, spooled, tables

pytestmark = pytest.mark.campaign

BUS_COUNT = 6
RECORDINGS = ("capmetro_2016-11-25.parquet", "nrel_4115957_1_2007-04-09.parquet")


@pytest.fixture(scope="module")
def recorded() -> Sequence[Message]:
    """A bus day of a few buses and a day of a car at 1 Hz, in the order their vehicles sent them."""
    messages: list[Message] = []
    for name in RECORDINGS:
        with as_file(files("ingest") / "recordings" / name) as path:
            sent = read_recording(path).messages
        devices = sorted({found.topic for found in sent})[:: max(1, len({found.topic for found in sent}) // BUS_COUNT)]
        chosen = [found for found in sent if found.topic in devices]
        received_us = max(found.due_us for found in sent)
        messages += [Message(found.topic, found.payload, received_us, 1, False, None) for found in chosen]
    return messages


@pytest.fixture(scope="module")
def tidy(recorded, tmp_path_factory):
    line = settings_in(tmp_path_factory.mktemp("tidy"))
    spooled(line, recorded)
    refresh(line)
    return tables(line)


@settings(max_examples=examples(2), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32 - 1),
    part_count=st.integers(2, 4),
    repeated_share=st.floats(0.1, 0.5),
    restarts=st.booleans(),
)
def test_any_split_shuffle_repeat_and_restart_gives_the_tidy_tables(
    recorded, tidy, tmp_path_factory, seed, part_count, repeated_share, restarts
):
    chance = random.Random(seed)
    sent = [*recorded, *chance.sample(recorded, int(len(recorded) * repeated_share))]
    chance.shuffle(sent)
    cuts = sorted(chance.randrange(len(sent) + 1) for _ in range(part_count - 1))
    line = settings_in(tmp_path_factory.mktemp("untidy"))
    for number, (begin, end) in enumerate(zip([0, *cuts], [*cuts, len(sent)], strict=True)):
        # A collector that lost its folder starts a spool of another name.
        spooled(line, sent[begin:end], collector=f"main{number}" if restarts else "main")
        rebuilt(line)
    refresh(line)
    found = tables(line)
    for name in TABLES:
        assert_frame_equal(found[name], tidy[name], check_exact=True)
    assert tidy["core.ledger"].height > 500
