"""What would a mapping file make of a message, before any collector uses it?"""

import re
import time
from collections.abc import Iterable
from pathlib import Path

from ingest.adapters.mapped import MappedSource
from ingest.adapters.mapping import read_mappings
from ingest.adapters.sources import Sources
from ingest.decode import Decoded, decode
from ingest.received import Received, payload_hash


def checked(path: Path, payloads: Iterable[bytes], *, topic: str | None = None) -> Decoded:
    """Decode payloads by a mapping file, with the age rule off; raise MappingError if the file does not fit.

    Without a topic they count as sent on the first pattern of the file, each level called by its own name.
    """
    mappings = read_mappings(path)
    where = topic or example_topic(mappings[0].topics[0])
    now_us = time.time_ns() // 1000
    messages = [
        Received(where, None, payload, now_us, False, "check", number, payload_hash(payload))
        for number, payload in enumerate(payloads)
    ]
    return decode(messages, max_age_days=0, sources=Sources(map(MappedSource, mappings)))


def example_topic(pattern: str) -> str:
    """A topic that fits a pattern: `{device}/data` becomes `device/data`."""
    return re.sub(r"[{}]", "", pattern).replace("+", "any").replace("#", "any")


def notes(path: Path) -> list[str]:
    """What fits and may still surprise."""
    return [
        f'source "{mapping.name}": {key}: times without an offset will be rejects wrong_type, because zone is not given'
        for mapping in read_mappings(path)
        for key, clock in (
            ("time", mapping.time),
            ("time.agrees_with", mapping.time.agrees_with),
            ("time.sent", mapping.time.sent),
        )
        if clock is not None and clock.format == "iso" and clock.zone is None
    ]
