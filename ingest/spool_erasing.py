"""How does the spool lose what was erased, and keep everything else?

A sealed segment is written anew beside itself, flushed, and put in its place: same name, same number, same order of
messages, so that the lake's record of how far it has come still holds. A message goes when all it says is erased. When
it holds others' data as well, only the concerned points, routes or fields are cut out of it, and the digest of the
payload as received is kept beside it, so that rows of the lake still find their message. A batch in a format that we
cannot cut goes whole; its other points stay in the lake.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from ingest.adapters.sources import Sources, read_sources
from ingest.arrow_points import is_arrow
from ingest.decode import Decoded, decode
from ingest.erasing import json_of, kept_rows, mentions, said_of
from ingest.listing import DAMAGED_SUFFIX, TORN_SUFFIX
from ingest.native import Purchase, Route
from ingest.positions import ERASED_POINT
from ingest.received import Received, received_messages
from ingest.segments import write_whole
from ingest.settings import IngestSettings
from ingest.spool import Segment, read_segment, sealed_segments, spool_folders
from ingest.tombstones import Tombstones

_CANONICAL = {"site_latitude": "lat", "site_longitude": "lon"}  # what a record calls these columns


class SpoolErased(NamedTuple):
    """Counts: segments written anew, messages that went, and messages of which a part went."""

    segments: int
    removed: int
    cut: int


def erase_from_spools(settings: IngestSettings, tombstones: Tombstones) -> SpoolErased:
    """Bring every sealed segment of every spool to what the tombstones leave."""
    sources = read_sources(settings)
    total = SpoolErased(0, 0, 0)
    for folder in spool_folders(settings.spool_dir):
        for segment in sealed_segments(folder):
            done = erase_from_segment(segment, tombstones, sources)
            total = SpoolErased(*(a + b for a, b in zip(total, done, strict=True)))
    return total


def erase_from_segment(segment: Segment, tombstones: Tombstones, sources: Sources) -> SpoolErased:
    """Write one segment anew where something in it is erased."""
    table = read_segment(segment.path)
    payloads: list[bytes | None] = []  # null: the message goes
    hashes: list[int] = []
    removed = cut = 0
    for received in received_messages(table, segment.spool_id, segment.number):
        left = remainder(received, tombstones, sources)
        removed += left is None
        cut += left is not None and left is not received.payload
        payloads.append(left)
        hashes.append(received.payload_hash)
    if not removed + cut:
        return SpoolErased(0, 0, 0)
    stays = pa.array([payload is not None for payload in payloads], pa.bool_())
    columns = {name: table[name] for name in table.column_names}
    columns |= {"payload": pa.array(payloads, pa.binary()), "payload_hash": pa.array(hashes, pa.int64())}
    rewritten = pa.table(columns).filter(stays).replace_schema_metadata(table.schema.metadata)
    times = segment.path.stat()
    write_whole(segment.path, rewritten)
    os.utime(segment.path, ns=(times.st_atime_ns, times.st_mtime_ns))  # raw messages expire by their age
    return SpoolErased(1, removed, cut)


def unreadable_leftovers(settings: IngestSettings) -> Iterator[Path]:
    """Files of the spools that hold raw bytes nobody can read message by message."""
    for folder in spool_folders(settings.spool_dir):
        yield from sorted(path for path in folder.iterdir() if path.suffix in (TORN_SUFFIX, DAMAGED_SUFFIX))


def remainder(received: Received, tombstones: Tombstones, sources: Sources) -> bytes | None:
    """What is left of a message: its very payload, a payload with less in it, or nothing."""
    if not _may_concern(received, tombstones, sources):
        return received.payload
    decoded = decode([received], max_age_days=0, sources=sources)
    kept = Decoded(*(kept_rows(name, getattr(decoded, name), tombstones) for name in Decoded._fields))
    if all(after is before for after, before in zip(kept, decoded, strict=True)):
        return received.payload
    family = received.topic.family if received.topic else None
    if family == "fc":
        return _cut_purchase(received, decoded, tombstones)
    if family == "rt":
        return _cut_plan(received, decoded, tombstones)
    is_gone = not any(after.num_rows for after in kept)
    if is_gone or family != "tm" or is_arrow(received):
        return None
    return _cut_points(received, decoded, kept)


def concerned_part(received: Received, wanted: Tombstones, sources: Sources) -> bytes | None:
    """What of a message is about somebody, as an export shows it: all of it, or only those points or routes.

    `wanted` names the subject as a tombstone would; None where the message is about others only.
    """
    left = remainder(received, wanted, sources)
    if left is received.payload:
        return None
    before, after = json_of(received.payload), json_of(left)
    for part in ("pts", "routes"):
        if isinstance(before, dict) and isinstance(after, dict) and part in before and part in after:
            others = [found for found in after[part] if found != ERASED_POINT]
            shown = [found for found in before[part] if found not in others]
            return json.dumps(before | {part: shown}, ensure_ascii=False).encode()
    return received.payload


def _may_concern(received: Received, tombstones: Tombstones, sources: Sources) -> bool:
    """Spare most messages the decoding."""
    topic = received.topic
    if topic is None:
        return sources.find(received.topic_text) is not None
    if topic.family == "tm":
        return bool(tombstones.ranges(topic.tenant, topic.sender))
    return any(stone.tenant_id == topic.tenant for stone in tombstones.stones)


def _cut_points(received: Received, decoded: Decoded, kept: Decoded) -> bytes | None:
    document = json_of(received.payload)
    if not isinstance(document, dict) or not isinstance(document.get("pts"), list):
        return None
    before, after = _indexes(decoded), _indexes(kept)
    points = [ERASED_POINT if index in before - after else point for index, point in enumerate(document["pts"])]
    return json.dumps(document | {"pts": points}, ensure_ascii=False).encode()


def _indexes(decoded: Decoded) -> set[int]:
    """The places in their message of all points that left a row."""
    found = decoded.positions["point_index"].to_pylist() + decoded.rejects["point_index"].to_pylist()
    return {index for index in found if index is not None}


def _cut_plan(received: Received, decoded: Decoded, tombstones: Tombstones) -> bytes | None:
    document = json_of(received.payload)
    assert received.topic is not None
    tenant_id = received.topic.tenant
    if not isinstance(document, dict) or not isinstance(document.get("routes"), list):
        return None
    days = decoded.plans["service_date"].to_pylist()
    routes = []
    for route in document["routes"]:
        if not days or not isinstance(route, dict):
            if not mentions(route, tenant_id, tombstones):
                routes.append(route)
        elif tombstones.is_vehicle(tenant_id, _text(route.get("vehicle_id")), days[0]):
            continue
        elif tombstones.is_driver(tenant_id, _text(route.get("driver_id")), days[0]):
            routes.append(
                {key: value for key, value in route.items() if key in Route.__struct_fields__} | {"driver_id": None}
            )
        else:
            routes.append(route)
    return json.dumps(document | {"routes": routes}, ensure_ascii=False).encode() if routes else None


def _cut_purchase(received: Received, decoded: Decoded, tombstones: Tombstones) -> bytes | None:
    document: Any = json_of(received.payload)
    if not isinstance(document, dict) or not decoded.purchases.num_rows:
        return None
    said = {_CANONICAL.get(name, name) for name in said_of(decoded.purchases.to_pylist()[0], tombstones)}
    left = {key: value for key, value in document.items() if key in Purchase.__struct_fields__ and key not in said}
    # Where the provider numbers nothing, the place was part of the identity.
    left["provider_txn_id"] = decoded.purchases["provider_txn_id"][0].as_py()
    assert received.topic is not None
    if mentions(left, received.topic.tenant, tombstones):
        return None
    return json.dumps(left, ensure_ascii=False).encode()


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
