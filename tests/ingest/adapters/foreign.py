"""Foreign messages for the tests of the adapters."""

import json
from datetime import datetime
from pathlib import Path

from ingest.adapters.mapped import MappedSource
from ingest.adapters.mapping import read_mappings
from ingest.adapters.readings import Fix
from ingest.adapters.sources import Sources
from ingest.received import Received, payload_hash
from ingest.topics import parse_topic

DATA = Path(__file__).parents[2] / "data"
NOW_S = 1_772_208_125.0  # 2026-02-27 16:02:05 UTC


def foreign(topic: str, payload: object, *, at_s: float = NOW_S, retain: bool = False) -> Received:
    content = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Received(topic, parse_topic(topic), content, round(at_s * 1e6), retain, "s", 1, payload_hash(content))


def epoch_s(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def sources_of(*files: Path, tenant: str = "default") -> Sources:
    return Sources([MappedSource(mapping) for file in files for mapping in read_mappings(file)], tenant)


def fixes(sources: Sources, topic: str, payload: bytes) -> list[Fix]:
    found = sources.find(topic)
    assert found is not None
    return [one for one in found.source.read(payload, found.levels) if isinstance(one, Fix)]
