"""The benchmark of decoding compares like with like; how fast anybody is, is no matter of a test."""

import json

import pytest

from flows.bench.figures import Section
from flows.bench.ingest.decoders import PEERS, SEVEN, SIZES, decode_section
from flows.bench.ingest.pipelines import PIPELINES, Asked, digest
from flows.bench.ingest.runs import serving
from flows.bench.ingest.vans import said
from flows.bench.ingest.whole import lake_figures
from ingest.packed import unpack

pytestmark = pytest.mark.campaign


def named(section: Section, begin: str) -> list[str]:
    return [figure.what for figure in section.figures if figure.what.startswith(begin)]


def test_everybody_finds_the_same_and_is_shown_in_every_size():
    section = decode_section(0.002)  # a decoder that finds something else ends it
    assert all(len(named(section, f"{name}, ")) == 2 * len(SIZES) for name in PEERS)
    assert [figure.goal for figure in section.figures if figure.unit == "bytes/point" and figure.goal] == [12.0]


def test_every_pipeline_acknowledges_every_message_and_writes_the_same_columns(tmp_path):
    found: dict[str, str] = {}
    for kind, pipeline in PIPELINES.items():
        folder = tmp_path / kind
        folder.mkdir()
        with serving(3, 500, 100) as (server, port, count):
            pipeline(Asked(port, count, folder, SEVEN, lambda: None))
            assert json.loads(server.communicate(timeout=20)[0])["acknowledged"] == count
        rows, found[kind] = digest(folder, SEVEN)
        assert rows == 3 * count
    assert len(set(found.values())) == 1


def test_ways_to_the_lake_are_compared():
    assert [figure.beside for figure in lake_figures(10, 20)] == ["the same with ODOGRAPH_PLAIN"]


def test_packed_messages_say_what_the_others_say():
    sent = said(10, 5, is_full=True)
    assert all(unpack(packed).points[9]["odo_m"] > 48_212_345 for packed in sent.packed)
    assert sum(map(len, sent.packed)) < sum(map(len, sent.json)) / 8
