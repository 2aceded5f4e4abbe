"""Do the decoders survive what nobody would send, and is every message accounted for?

    python -m tests.fuzz.decoders 1000000 --seed 1

Starts from good messages of every format, spoils them, and sends them on any topic. Four things must hold: nothing
raises; each message has left a row or a reject; no reject is the catch-all `undecodable`, which would be a gap; and a
native message that is not rejected as a whole has left a position or a reject for each of its points.
"""

import argparse
import json
import random
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

import pyarrow as pa

from ingest.adapters.sources import Sources
from ingest.columns import LAKE_TABLES
from ingest.decode import decode
from ingest.packed import pack
from ingest.received import Received, payload_hash
from ingest.topics import parse_topic
from tests.fuzz.sent import lost_points

NOW_US = 1_772_208_125_000_000
BATCH = 2_000
LONGEST = 70_000  # bytes; somewhat more than is decoded
PAYLOADS = Path(__file__).parents[1] / "data" / "payloads"
POINT = {"ts": NOW_US / 1e6 - 2, "seq": 918233, "lat": 40.748441, "lon": -73.985664, "alt_m": 18, "spd_kmh": 0.0,
         "hdg_deg": 271, "hdop": 0.8, "sat": 14, "acc_m": 4, "ign": True, "pto": False, "rpm": 690, "odo_m": 48212345,
         "fuel_pct": 62.4, "fuel_used_l": 10411.7, "batt_v": 14.1, "route_id": "R1"}  # fmt: skip
PLAN = {"v": 1, "service_date": "2026-02-27", "issued_utc": "2026-02-27T05:00:00Z",
        "routes": [{"route_id": "R207", "vehicle_id": "V12", "driver_id": "D7", "planned_exit_utc": NOW_US / 1e6,
                    "stops": [{"seq": 1, "lat": 40.7, "lon": -73.9, "packages": 2}]}]}  # fmt: skip
PURCHASE = {"v": 1, "event_type": "clear", "provider_txn_id": "A-17", "item_no": 1, "ts_utc": NOW_US / 1e6,
            "quantity": 27.3, "unit": "gal", "unit_price": 3.459, "gross": 94.43, "currency": "USD",
            "card_id": "4111111111111111", "tz": "America/New_York", "posted_date": "2026-02-27"}  # fmt: skip
NATIVE = {
    "tm/v1/t1/d1/pos": {"v": 1, "dev": "d1", "boot": 41, "sent": NOW_US / 1e6, "pts": [POINT, POINT]},
    "tm/v1/t1/d1/his": {"v": 1, "dev": "d1", "pts": [POINT | {"x": {"axle": 2}}]},
    "tm/v1/t1/d1/evt": {"v": 1, "dev": "d1", "ts": NOW_US / 1e6, "type": "harsh_brake", "val": 0.42, "unit": "g"},
    "tm/v1/t1/d1/sta": {"v": 1, "st": "online", "ts": NOW_US / 1e6, "boot": 41, "fw": "1.2"},
    "fc/v1/t1/wex/txn": PURCHASE,
    "rt/v1/t1/dax7/plan": PLAN,
}
VALUES = [
    b"null", b"true", b"0", b"-1", b"1e308", b"-1e308", b"1e400", b"NaN", b"Infinity", b"-0.0", b'""', b'"x"',
    b'"1e400"', b'"NaN"', b'"\\u0000"', b'"\\ud800"', b"[]", b"{}", b"[[[]]]", b"9223372036854775808",
    b"1" + b"0" * 400, b'"2026-02-27T16:02:03"', b'"9999-12-31T23:59:59Z"', b'"0001-01-01T00:00:00+14:00"',
    b"253402300800", b'"tm/v1/+/#"', b'"' + b"\xc3\xa9" * 90 + b'"', b"1772208123", b"1772208123000", b'"\xff\xfe"',
]  # fmt: skip
SCALARS: list[Any] = [
    None, True, False, 0, 1, -1, 2, 90, 91, 180, 181, 1e308, -1e308, 2**53, 2**63, -(2**63) - 1, 10**30, 0.1, -0.0,
    1e-320, "", "0", "-1", "1e400", "nan", "x", " 7 ", "1,5", "40.7,-73.9", "on", "off", "2026-02-27T16:02:03Z",
    "2026-02-27T16:02:03", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "2026-02-30", "a" * 300,
    "\0", "/", "+", "é" * 65, [], [1], [[]], {}, {"a": {}}, 1772208123, 1772208123000, 1772208123000000,
    946684800, 253402300800, 1e18,
]  # fmt: skip
_VALUE = re.compile(rb'(?:"[^"]*"|[^",}\]\n])*')


class Failure(NamedTuple):
    """A message that broke a promise."""

    topic: str
    payload: bytes
    content_type: str | None
    what: str


class Seed(NamedTuple):
    """A good message to start from."""

    topic: str
    payload: bytes
    content_type: str | None = None


def seeds() -> list[Seed]:
    """Good messages of every format that is understood."""
    manifest = json.loads((PAYLOADS / "manifest.json").read_text())
    mqtt = [item for item in manifest["items"] if item["transport"] == "mqtt"]
    found = [Seed(item["topic"], (PAYLOADS / item["file"]).read_bytes()) for item in mqtt]
    found += [Seed(topic, json.dumps(body).encode()) for topic, body in NATIVE.items()]
    columns = pa.Table.from_pylist([POINT | {"axle": 2, "note": "x"}, POINT | {"ts": POINT["ts"] - 5}, {"ts": 1.0}])
    found += [Seed("tm/v1/t1/d1/pos", _stream(columns, None), "application/vnd.apache.arrow.stream")]
    found += [Seed("tm/v1/t1/d1/his", _stream(columns, "zstd"), None)]
    later = POINT | {"ts": POINT["ts"] + 1, "lat": 40.7485, "seq": POINT["seq"] + 1, "spd_kmh": None}
    found += [Seed("tm/v1/t1/d1/pos", pack("d1", [POINT, later], boot=41), None)]
    return found


def _stream(table: pa.Table, compression: str | None) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def spoiled(seed: Seed, all_seeds: list[Seed], chance: random.Random) -> Seed:
    """Spoil a message in one to four ways."""
    topic, payload, content_type = seed
    for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 4))):
        payload = chance.choice(SPOILERS)(payload, all_seeds, chance)[:LONGEST]
    if chance.random() < 0.1:
        topic = chance.choice(all_seeds).topic
    if chance.random() < 0.02:
        topic = _flip(topic.encode(), all_seeds, chance).decode(errors="replace")
    if chance.random() < 0.03:
        content_type = chance.choice(all_seeds).content_type
    return Seed(topic, payload, content_type)


def _flip(payload: bytes, _: list[Seed], chance: random.Random) -> bytes:
    spoilt = bytearray(payload)
    for _ in range(chance.choice((1, 1, 2, 8))):
        if spoilt:
            spoilt[chance.randrange(len(spoilt))] ^= 1 << chance.randrange(8)
    return bytes(spoilt)


def _cut(payload: bytes, _: list[Seed], chance: random.Random) -> bytes:
    return payload[: chance.randrange(len(payload) + 1)]


def _take_out(payload: bytes, _: list[Seed], chance: random.Random) -> bytes:
    start = chance.randrange(len(payload) + 1)
    return payload[:start] + payload[start + chance.randrange(1, 20) :]


def _splice(payload: bytes, all_seeds: list[Seed], chance: random.Random) -> bytes:
    other = chance.choice(all_seeds).payload
    return payload[: chance.randrange(len(payload) + 1)] + other[chance.randrange(len(other)) :]


def _swap_value(payload: bytes, _: list[Seed], chance: random.Random) -> bytes:
    """Put another value behind a colon."""
    start = payload.find(b":", chance.randrange(len(payload) + 1)) + 1
    if not start:
        return payload + chance.choice(VALUES)
    found = _VALUE.match(payload, start)
    return payload[:start] + chance.choice(VALUES) + payload[found.end() if found else start :]


def _change(payload: bytes, all_seeds: list[Seed], chance: random.Random) -> bytes:
    """Change one value of a document, or leave it out; the rest stays JSON."""
    try:
        document = json.loads(payload)
    except (ValueError, RecursionError):
        return _swap_value(payload, all_seeds, chance)
    places = list(_places(document))
    if not places:
        return payload
    holder, key = chance.choice(places)
    if chance.random() < 0.15:
        del holder[key]
    else:
        holder[key] = chance.choice(SCALARS)
    return json.dumps(document).encode()


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    keys = list(value) if isinstance(value, dict) else range(min(len(value), 20)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        if isinstance(value[key], dict | list):
            yield from _places(value[key])


def _double_key(payload: bytes, _: list[Seed], chance: random.Random) -> bytes:
    """Say a part of an object again."""
    start = max(payload.find(b",", chance.randrange(len(payload) + 1)), 0)
    end = max(payload.find(b",", start + 1), start)
    return payload[:end] + payload[start:]


def _nest(payload: bytes, _: list[Seed], chance: random.Random) -> bytes:
    depth = chance.choice((3, 50, 400, 900, 1_100, 5_000))
    start = chance.randrange(len(payload) + 1)
    opening, closing = chance.choice(((b"[", b"]"), (b'{"a":', b"}")))
    return payload[:start] + opening * depth + b"1" + closing * depth + payload[start:]


def _array(payload: bytes, _: list[Seed], chance: random.Random) -> bytes:
    count = chance.choice((1, 2, 501))
    return b"[" + b",".join([payload[: 10 * LONGEST // count]] * count) + b"]"


def _begin_otherwise(payload: bytes, _: list[Seed], chance: random.Random) -> bytes:
    return chance.choice((b"\xef\xbb\xbf", b"\xff\xfe", b"\0", b" ", b"\xff\xff\xff\xff")) + payload


def _join(payload: bytes, all_seeds: list[Seed], chance: random.Random) -> bytes:
    """Two messages in one, or something behind the end of one."""
    return payload + chance.choice((payload, b"\0" * 8, b"junk", chance.choice(all_seeds).payload))


def _noise(payload: bytes, _: list[Seed], chance: random.Random) -> bytes:
    return chance.randbytes(chance.choice((0, 1, 8, 200)))


SPOILERS = (_flip, _cut, _take_out, _splice, _swap_value, _swap_value, *[_change] * 12, _double_key, _nest, _array,
            _begin_otherwise, _join, _join, _noise)  # fmt: skip


def received(number: int, seed: Seed, *, retain: bool = False) -> Received:
    """A message as the spool would have kept it, in a segment of its own."""
    topic, payload, content_type = seed
    return Received(
        topic, parse_topic(topic), payload, NOW_US, retain, "fuzz", number, payload_hash(payload), content_type
    )


def failures(messages: list[Received], sources: Sources, max_age_days: float, reasons: Counter[str]) -> list[Failure]:
    """Decode messages; name those that broke a promise."""
    try:
        decoded = decode(messages, max_age_days=max_age_days, sources=sources)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        if len(messages) == 1:
            (message,) = messages
            return [Failure(message.topic_text, message.payload, message.content_type, repr(error))]
        half = len(messages) // 2
        parts = (messages[:half], messages[half:])
        found = [one for part in parts for one in failures(part, sources, max_age_days, reasons)]
        return found or [Failure("", b"", None, f"only together: {error!r}")]
    reasons.update(decoded.rejects["reason"].to_pylist())
    for table in LAKE_TABLES[:-1]:
        reasons[f"rows of {table.name}"] += getattr(decoded, table.name).num_rows
    seen = {number for table in LAKE_TABLES for number in getattr(decoded, table.name)["segment_no"].to_pylist()}
    caught = {row["segment_no"] for row in decoded.rejects.to_pylist() if row["reason"] == "undecodable"}
    lost = lost_points(messages, decoded)
    return [
        Failure(message.topic_text, message.payload, message.content_type, what)
        for message in messages
        for what, is_broken in (
            (lost.get(message.segment_no, ""), message.segment_no in lost),
            ("left nothing", message.segment_no not in seen),
            ("undecodable", message.segment_no in caught),
        )
        if is_broken
    ]


def batches(count: int, seed: int) -> Iterator[list[Received]]:
    """Spoilt messages, the same for the same seed."""
    chance = random.Random(seed)
    all_seeds = seeds()
    for start in range(0, count, BATCH):
        yield [
            received(number, spoiled(chance.choice(all_seeds), all_seeds, chance), retain=chance.random() < 0.01)
            for number in range(start, min(count, start + BATCH))
        ]


def fuzz(count: int, seed: int, *, most_failures: int = 20) -> tuple[list[Failure], Counter[str]]:
    """Decode so many spoilt messages; return what broke a promise, and what became of the rest."""
    reasons: Counter[str] = Counter()
    found: list[Failure] = []
    sources = Sources()
    for number, batch in enumerate(batches(count, seed)):
        found += failures(batch, sources, 30.0 if number % 2 else 0.0, reasons)
        if len(found) >= most_failures:
            break
    return found, reasons


def main() -> int:
    """Fuzz, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    start_s = monotonic()
    found, reasons = fuzz(arguments.count, arguments.seed)
    for name, count in reasons.most_common():
        print(f"{count:>10,}  {name}")
    for failure in found:
        print(failure)
    print(f"{arguments.count:,} messages, {len(found)} failures, {monotonic() - start_s:.0f} s")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
