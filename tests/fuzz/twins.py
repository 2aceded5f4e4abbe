"""Does the fast decoder give the rows of the slow one, whatever arrives?

    python -m tests.fuzz.twins 200000 --seed 1

Takes the spoilt messages of `tests.fuzz.decoders`, and as many of vans that say ordinary things in unordinary ways, and
decodes them both ways. Every table must be equal, in whatever order its rows are.
"""

import argparse
import json
import random
import sys
from collections.abc import Iterator
from time import monotonic
from typing import Any, NamedTuple

import polars as pl
import pyarrow as pa

from flows.fast_ingest import scanners
from ingest.adapters.sources import built_in_only
from ingest.decode import Decoded, decode
from ingest.native import Point
from ingest.open_segment import SCHEMA
from ingest.received import received_messages
from ingest.scanned import SegmentRows, decode_segments
from ingest.settings import IngestSettings
from tests.fuzz.decoders import BATCH, NOW_US, POINT, batches

NUMBERS = (
    "0", "-0", "0.0", "-0.0", "1", "-7", "00", "01", "1.", ".5", "-", "+1", "1e3", "1E-2", "90", "-180", "40.7",
    "-73.985664", "40.748441000000001", "9007199254740992", "9007199254740993", "900719925474099.25",
    "123456789012345678", "1234567890123456789", "0.000000000000000001", "0.1234567890123456789", "12345678",
    "123456789", "1.2345678", "1.23456789", "12345678.12345678", "null", "true", '"1"', "1 ", " 1", "1\t", "8001",
    "200.01", "999", "1000", "-1", "-2", "1772208123.25", "1772208123250", "1e400", "NaN", "[1]", "1_0",
)  # fmt: skip
SWITCHES = ("true", "false", "true ", "0", "1", "2", "null", "True", "tru", "truefalse", '"true"', "falsey")
TEXTS = ('"R1"', '""', '"R 1"', '"\\u0052"', '"é"', '"a\tb"', '"\x7f"', '"{"', '"}"', "null", "1", '"x', '"d1"')
BLANKS = ("", "", "", "", " ", "\n", "\t\r ", "\x0b", "\x00")


class Difference(NamedTuple):
    """A message that the two read differently."""

    payload: bytes
    table: str
    fast: list[dict[str, Any]]
    slow: list[dict[str, Any]]


def differences(segment: pa.Table, max_age_days: float) -> list[Difference]:
    """Decode a segment both ways; of what differs, the first of the smallest part that still does."""
    rows = SegmentRows(segment, "fuzz", 1)
    slow = decode(received_messages(*rows), max_age_days=max_age_days)
    fast = decode_segments(
        [rows], max_age_days=max_age_days, sources=built_in_only(), scanners=scanners(IngestSettings(plain=False))
    )
    unlike = [name for name in Decoded._fields if not are_equal(getattr(fast, name), getattr(slow, name))]
    if not unlike:
        return []
    if segment.num_rows > 1:
        half = segment.num_rows // 2
        parts = (segment.slice(0, half), segment.slice(half))
        found = [one for part in parts for one in differences(part, max_age_days)]
        if found:
            return found[:1]
    (payload, *_) = segment["payload"].to_pylist()
    return [Difference(payload, unlike[0], *(getattr(one, unlike[0]).to_pylist() for one in (fast, slow)))]


def are_equal(one: pa.Table, other: pa.Table) -> bool:
    """Whether two tables have the same rows in any order."""
    if one.schema != other.schema or one.num_rows != other.num_rows:
        return False
    frames = [pl.DataFrame(table).sort(table.schema.names) for table in (one, other)]
    return frames[0].equals(frames[1])


def segment_of(messages: list[tuple[str, bytes, bool, str | None]]) -> pa.Table:
    """Messages (topic, payload, whether retained, content type) as the spool would have kept them."""
    rows = [(topic, payload, NOW_US, 1, retain, kind) for topic, payload, retain, kind in messages]
    columns = list(zip(*rows, strict=True)) or [()] * len(SCHEMA)
    return pa.table([pa.array(values, field.type) for values, field in zip(columns, SCHEMA, strict=True)], SCHEMA)


def odd_message(chance: random.Random) -> bytes:
    """What a van says, with keys in any order and values that are at the edge of what a number or a text may be."""
    oddness = chance.choice((0.0, 0.0, 0.02, 0.1))

    def blank() -> str:
        return chance.choice(BLANKS) if chance.random() < oddness else ""

    def pair(key: str, value: str) -> str:
        return f'{blank()}"{key}"{blank()}:{blank()}{value}{blank()}'

    def value_of(key: str) -> str:
        if chance.random() >= oddness:
            usual = json.dumps(POINT.get(key, 1))
            return chance.choice((usual, usual[:-1] + str(chance.randrange(10)))) if usual[-1].isdigit() else usual
        return chance.choice(NUMBERS + SWITCHES + TEXTS)

    def point() -> str:
        keys = chance.sample(list(Point.__struct_fields__), chance.randrange(3, 20))
        keys += [key for key in ("ts", "lat", "lon") if key not in keys and chance.random() < 0.95]
        if chance.random() < oddness:
            keys += chance.choice((["x"], ["spd"], keys[:1], ["latitude"], ["fuel_pctx"], ["energy_out_kwhx"], ["v"]))
        switches = {"nofix": "false", "valid": "true", "charging": "false", "his": "true", "private": "false"}
        return "{" + ",".join(pair(key, switches.get(key) or value_of(key)) for key in keys) + blank() + "}"

    count = chance.choice((1, 1, 2, 5))
    pairs = [pair("v", "1"), pair("dev", '"d1"'), pair("pts", f"[{blank()}{','.join(point() for _ in range(count))}]")]
    if chance.random() < 0.5:
        pairs.append(pair("boot", chance.choice(("41", *NUMBERS)) if chance.random() < oddness else "41"))
    if chance.random() < 0.5:
        pairs.append(pair("sent", chance.choice(NUMBERS) if chance.random() < oddness else "1772208123.5"))
    if chance.random() < oddness:
        pairs.append(pair(chance.choice(("v", "dev", "pts", "fleet", "lat")), chance.choice(NUMBERS + TEXTS)))
    if chance.random() < 0.5:
        chance.shuffle(pairs)
    return (blank() + "{" + ",".join(pairs) + "}" + blank()).encode()


def segments(count: int, seed: int) -> Iterator[pa.Table]:
    """Half of the messages spoilt, half odd; the same for the same seed."""
    chance = random.Random(seed)
    for spoilt in batches(count // 2, seed):
        messages = [(one.topic_text, one.payload, one.retain, one.content_type) for one in spoilt]
        messages += [
            (f"tm/v1/t1/d1/{chance.choice(('pos', 'his'))}", odd_message(chance), chance.random() < 0.01, None)
            for _ in spoilt
        ]
        chance.shuffle(messages)
        yield segment_of(messages)


def main() -> int:
    """Compare, and print what differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    start_s = monotonic()
    found: list[Difference] = []
    for number, segment in enumerate(segments(arguments.count, arguments.seed)):
        found += differences(segment, 30.0 if number % 2 else 0.0)
        print(f"{(number + 1) * 2 * BATCH:>10,} messages, {monotonic() - start_s:.0f} s", flush=True)
        if found:
            break
    for one in found:
        print(one)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
