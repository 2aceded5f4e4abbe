"""Rows of the lake lead back to the bytes they came from."""

from ingest.lake import load_spool
from ingest.lineage import Source, raw_messages
from ingest.received import payload_hash
from tests.builders import collected, golden_points, positions, settings_in, yesterday_at


def test_the_message_of_a_row_is_found_in_its_segment_once(tmp_path):
    settings = settings_in(tmp_path)
    points = golden_points(yesterday_at(12))
    first, second = positions(points[:8]), positions(points[8:])
    collected(settings, [first, second, first])
    collected(settings, [first], collector="other")
    load_spool(settings)
    spool_ids = {path.parent.name: path.read_text().strip() for path in settings.spool_dir.glob("*/id")}
    wanted = Source(spool_ids["main"], 1, payload_hash(first.payload))
    found = raw_messages(settings.spool_dir, [wanted])
    assert [(received.payload, received.topic_text) for received in found] == [(first.payload, first.topic)]
    assert raw_messages(settings.spool_dir, [wanted._replace(payload_hash=1)]) == []
    assert raw_messages(settings.spool_dir, [wanted._replace(spool_id="gone")]) == []
    both = raw_messages(settings.spool_dir, [wanted, Source(spool_ids["other"], 1, payload_hash(first.payload))])
    assert {received.spool_id for received in both} == set(spool_ids.values())
