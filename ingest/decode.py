"""Bytes to rows: what did each message of the spool say?

Decoding is total: whatever arrives becomes rows or a reject with its reason, and nothing raises.
Only what one message shows is judged here; rules that need neighbours are computed on each rebuild.

    topic -> envelope -> typed points (positions.py) or records (records.py, purchases.py) -> tables of the lake
                 foreign formats (adapters/) -> points and events like our own
"""

import logging
from collections.abc import Iterable
from typing import Any, NamedTuple

import pyarrow as pa

from ingest.adapters.readings import Fix, Happening, Reading, Unread
from ingest.adapters.sources import Found, Sources, built_in_only
from ingest.arrow_points import is_arrow, read_arrow
from ingest.columns import EVENTS, PLANS, PURCHASES, REJECTS
from ingest.envelope import json_object
from ingest.judging import Judged, nothing_judged
from ingest.masking import masked, masked_document, masked_text
from ingest.native import MAX_PAYLOAD_BYTES
from ingest.packed import is_packed, read_packed
from ingest.positions import PointBatch
from ingest.purchases import purchase_row
from ingest.received import Received, Undecodable, reject_row, rejects_table, table_of
from ingest.records import event_row, happening_row, plan_rows, status_row
from ingest.topics import Topic, parse_topic

logger = logging.getLogger(__name__)

# No fault of a message. Whatever else is raised is one: a panic of polars is no Exception, and it would end the load,
# and the next one at the same message.
NOT_OURS = (KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError)


_TOPIC, _PAYLOAD = (REJECTS.schema.get_field_index(name) for name in ("topic", "payload"))


class Decoded(NamedTuple):
    """One table for each of the lake's, by its name."""

    positions: pa.Table
    events: pa.Table
    purchases: pa.Table
    plans: pa.Table
    rejects: pa.Table


def decode(messages: Iterable[Received], *, max_age_days: float, sources: Sources | None = None) -> Decoded:
    """Decode messages into tables; one message, one point or one route that is bad costs nobody else.

    Without `sources` only the foreign formats that come with Odograph are understood.
    """
    sources = sources or built_in_only()
    points = PointBatch()
    rows: dict[str, list[tuple[Any, ...]]] = {"events": [], "purchases": [], "plans": [], "rejects": []}
    for received in messages:
        is_readable = True
        if received.topic_text.startswith("fc/"):  # also where the rest of the topic is not ours
            received, is_readable = _without_card_numbers(received)
        found = sources.find(received.topic_text) if received.topic is None else None
        if found is not None:
            received = received._replace(topic=_place(found, ""))
        try:
            _check_size(received)
            if not is_readable:
                raise Undecodable("not_json")
            if found is None:
                _decode_one(received, points, rows)
            else:
                _decode_foreign(received, found, points, rows, max_age_days)
        except Undecodable as problem:
            rows["rejects"].append(reject_row(received, problem.reason))
        except RecursionError:  # brackets nested deeper than any vehicle has a reason to send
            rows["rejects"].append(reject_row(received, "not_json"))
        except NOT_OURS:
            raise
        except BaseException:
            rows["rejects"].append(_undecodable(received))
    judged = _judged(points, max_age_days)
    return Decoded(
        positions=judged.positions,
        events=pa.concat_tables([table_of(rows["events"], EVENTS.schema), judged.status_events]),
        purchases=table_of(rows["purchases"], PURCHASES.schema),
        plans=table_of(rows["plans"], PLANS.schema),
        rejects=rejects_table(_without_cards(rows["rejects"] + judged.reject_rows)),
    )


def _undecodable(received: Received) -> tuple[Any, ...]:
    """A gap in our rules must cost one message, not the fleet; the log says where to mend it."""
    logger.exception("a message of topic %s could not be decoded", received.topic_text)
    return reject_row(received, "undecodable")


def _judged(points: PointBatch, max_age_days: float) -> Judged:
    """Judge all points together or, if that fails, by halves, until the messages it fails at stand alone."""
    try:
        return points.judged(max_age_days)
    except NOT_OURS:
        raise
    except BaseException:
        messages = points.messages()
        if len(messages) == 1:
            return nothing_judged()._replace(reject_rows=[_undecodable(messages[0])])
    parts = [_judged(half, max_age_days) for half in points.halves()]
    return Judged(
        pa.concat_tables([part.positions for part in parts]),
        pa.concat_tables([part.status_events for part in parts]),
        [row for part in parts for row in part.reject_rows],
    )


def _without_card_numbers(received: Received) -> tuple[Received, bool]:
    """A message of a card bridge without card numbers, in its payload or in a level of its topic."""
    payload, is_json = masked(received.payload)
    topic = "/".join(masked_text(level, "provider_txn_id") for level in received.topic_text.split("/"))
    placed = parse_topic(topic) if received.topic else None
    size_bytes = len(received.payload)
    return received._replace(topic_text=topic, topic=placed, payload=payload, size_bytes=size_bytes), is_json


def _may_hold_cards(topic: str) -> bool:
    """Whether card numbers may stand beside what we read: in events, and where others tell of fuel.

    Such messages are read as they were sent, because the number of a tracker may look like that of a card; only what
    is kept of them in their own words is masked.
    """
    levels = topic.split("/")
    return levels[-1] == "evt" if levels[0] == "tm" else levels[0] != "rt" and "fuel" in levels


def _without_cards(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Reject rows as they may be kept."""
    return [
        (*row[:_PAYLOAD], masked(row[_PAYLOAD]).payload, *row[_PAYLOAD + 1 :]) if _may_hold_cards(row[_TOPIC]) else row
        for row in rows
    ]


def _check_size(received: Received) -> None:
    if received.topic is None:
        raise Undecodable("unknown_topic")
    if not received.payload:
        raise Undecodable("empty")
    if received.size_as_sent > MAX_PAYLOAD_BYTES:
        raise Undecodable("too_large")


def _decode_foreign(
    received: Received, found: Found, points: PointBatch, rows: dict[str, list[tuple[Any, ...]]], max_age_days: float
) -> None:
    """Take what a source read, device by device: each row says whose it is."""
    readings = found.source.read(received.payload, found.levels)
    if _may_hold_cards(received.topic_text):
        readings = [
            one if isinstance(one, Unread) else one._replace(extra=masked_document(dict(one.extra))) for one in readings
        ]
    number: int | None = None
    by_device: dict[str, list[tuple[int, Reading]]] = {}
    for index, reading in enumerate(readings):
        by_device.setdefault(reading.device_id, []).append((index, reading))
    for device_id, indexed in by_device.items():
        placed = received._replace(topic=_place(found, device_id))
        fixes = [(index, one) for index, one in indexed if isinstance(one, Fix)]
        unread = [(index, one) for index, one in indexed if isinstance(one, Unread)]
        events = [happening_row(placed, one, max_age_days) for _, one in indexed if isinstance(one, Happening)]
        if fixes or unread:
            number = points.add_foreign(placed, fixes, unread, found.source, found.levels, with_number=number)
        rows["events"] += events


def _place(found: Found, device_id: str) -> Topic:
    return Topic("tm", "v1", found.tenant_id, device_id, "pos")


def _decode_one(received: Received, points: PointBatch, rows: dict[str, list[tuple[Any, ...]]]) -> None:
    topic = received.topic
    assert topic is not None
    if topic.family == "tm" and topic.kind in ("pos", "his"):
        if is_arrow(received):
            points.add_columns(received, *read_arrow(received), source_format="arrow")
        elif is_packed(received):
            points.add_columns(received, *read_packed(received), source_format="packed")
        elif not points.add_typed(received):
            points.add_loose(received, json_object(received))
        return
    document = json_object(received)
    if topic.kind == "evt" and received.retain:
        raise Undecodable("retained_event")
    if topic.family == "tm":
        rows["events"].append((event_row if topic.kind == "evt" else status_row)(received, document))
    elif topic.family == "fc":
        rows["purchases"].append(purchase_row(received, document))
    else:
        plans, bad_routes = plan_rows(received, document)
        rows["plans"] += plans
        rows["rejects"] += bad_routes
