"""Do other lines with the same messages come to the same tables? In order, shuffled, or the whole spool once more."""

import random
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from flows.refresh import refresh
from flows.settings import Settings
from ingest.listing import IMPORTS
from ingest.outbox import Outgoing
from ingest.spool import Message, Spool

BATCH = 1000
REPEATED = 10  # of a shuffled line every so manieth message comes twice


def settings_in(folder: Path) -> Settings:
    """The defaults, whatever lake or copies the caller's environment names."""
    return Settings(  # type: ignore[call-arg]
        _env_file=None, data_dir=folder, lake_url=None, spool_url=None, tenant_copies="all", network_copy=True
    )


def tidy(folder: Path, messages: Iterable[Outgoing]) -> Settings:
    """Hand the messages to a line to which nothing happens, in the order they were sent."""
    settings = settings_in(folder)
    _spool(settings, "main", messages)
    refresh(settings)
    return settings


def shuffled(folder: Path, messages: Iterable[Outgoing], seed: int) -> Settings:
    """Hand them over in any order, in two parts with a refresh between them, some of them twice."""
    settings = settings_in(folder)
    chance = random.Random(seed)
    mixed = list(messages)
    mixed += chance.sample(mixed, len(mixed) // REPEATED)
    chance.shuffle(mixed)
    for name, part in (("one", mixed[::2]), ("two", mixed[1::2])):
        _spool(settings, name, part)
        refresh(settings)
    return settings


def replayed(folder: Path, line: Settings) -> Settings:
    """Hand the whole spool of a line, with all its repeats, to one that has nothing."""
    settings = settings_in(folder)
    shutil.copytree(line.spool_dir, settings.spool_dir, ignore=shutil.ignore_patterns(IMPORTS))
    refresh(settings)
    return settings


def _spool(settings: Settings, name: str, messages: Iterable[Outgoing]) -> None:
    received_us = int(datetime.now(UTC).timestamp() * 1e6)
    with Spool.open(settings.spool_dir / name) as spool:
        batch: list[Message] = []
        for outgoing in messages:
            batch.append(Message(outgoing.topic, outgoing.payload, received_us, 1, False, None))
            if len(batch) == BATCH:
                spool.append(batch)
                batch = []
        spool.append(batch)
