"""Which messages are one collector's, where several collect side by side?

    alone      all of them
    bucket     those of the devices whose name falls into its bucket: `1/4` is the first of four. Every collector is
               sent everything and keeps its own part, so each message is in exactly one spool
    group      whatever the broker deals out to it among the members of one shared subscription (MQTT 5)

Each has its own spool, and loading takes repeats out. The broker goes on sending what an earlier role asked for as
long as it keeps that session: a collector that changes its role takes a new name.
A member of a group that is away keeps its session, and mosquitto goes on dealing to it: nothing is lost, and nothing
of its share is seen until it is back. So what a collector was told is written into its spool folder (`role`), where
`odograph status` sees a member that is gone and a part that nobody has.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Self
from zlib import crc32

from ingest.settings import IngestSettings
from ingest.topics import KINDS

ROLE = "role"
SENDER_LEVELS = 4  # of a topic: all kinds of messages of one sender belong together
RETAINED_KINDS = ("sta", "plan")  # a shared subscription is never sent what is retained


class Role(NamedTuple):
    """The part of one collector: bucket `number` of `count`, or a member of `group`, or neither."""

    number: int = 1
    of_parts: int = 1
    group: str | None = None

    @classmethod
    def of(cls, settings: IngestSettings) -> Self:
        """Read the part from the settings."""
        number, count = map(int, settings.bucket.split("/")) if settings.bucket else (1, 1)
        return cls(number, count, settings.shared_group)

    def keeps(self, topic: str) -> bool:
        """Whether a message of this topic is ours to keep."""
        if self.of_parts == 1:
            return True
        sender = "/".join(topic.split("/", SENDER_LEVELS)[:SENDER_LEVELS])
        return crc32(sender.encode()) % self.of_parts == self.number - 1

    def subscriptions(self, topics: Sequence[str]) -> tuple[str, ...]:
        """What to ask the broker for in place of `topics`."""
        if self.group is None:
            return tuple(topics)
        return tuple(topic if _is_retained(topic) else f"$share/{self.group}/{topic}" for topic in topics)

    def write(self, folder: Path) -> None:
        """Leave a note in the spool folder."""
        (folder / ROLE).write_text(json.dumps(self._asdict()))


ALONE = Role()


def role_of_spool(folder: Path) -> Role:
    """Read the note of the collector that last had this spool."""
    try:
        return Role(**json.loads((folder / ROLE).read_text()))
    except (OSError, ValueError, TypeError):
        return ALONE


def _is_retained(topic: str) -> bool:
    family, *_, kind = topic.split("/")
    return family in KINDS and kind in RETAINED_KINDS
