"""The benchmark of decoding compares like with like; how fast anybody is, is no matter of a test."""

from flows.bench.figures import Section
from flows.bench.ingest.decoders import PEERS, decode_section
from flows.bench.ingest.vans import said
from flows.bench.ingest.whole import whole_section
from ingest.packed import unpack


def named(section: Section, begin: str) -> list[str]:
    return [figure.what for figure in section.figures if figure.what.startswith(begin)]


def test_everybody_finds_the_same_and_is_shown_in_every_size():
    section = decode_section(0.002)  # a decoder that finds something else ends it
    assert all(len(named(section, f"{name}, ")) == 6 for name in PEERS)
    assert [figure.goal for figure in section.figures if figure.unit == "bytes/point" and figure.goal] == [12.0]


def test_every_way_brings_every_row_to_disk():
    assert len(whole_section(0.002).figures) == 12


def test_packed_messages_say_what_the_others_say():
    sent = said(10, 5, is_full=True)
    assert all(unpack(packed).points[9]["odo_m"] > 48_212_345 for packed in sent.packed)
    assert sum(map(len, sent.packed)) < sum(map(len, sent.json)) / 8
