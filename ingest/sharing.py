"""Which messages are one collector's, where several collect side by side?

    alone      all of them
    bucket     those of the devices whose name falls into its bucket: `1/4` is the first of four. Every collector is
               sent everything and keeps its own part, so each message is in exactly one spool
    group      whatever the broker deals out to it among the members of one shared subscription (MQTT 5)

Each has its own spool, and loading takes repeats out.
A member of a group that is away keeps its session, and mosquitto goes on dealing to it: nothing is lost, and nothing
of its share is seen until it is back. So what a collector was told is written into its spool folder (`role`), where
`odograph status` sees a member that is gone and a part that nobody has. A file `retired` beside the note says that
nobody waits for this collector; it goes when the collector starts again.

A collector may change its role. The broker goes on sending what the earlier role asked for as long as it keeps that
session, and holds a queue of it, so the note also says what was asked for. That is taken back, and what was queued is
kept whoever's part it is now: nobody else may have been there.
"""

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Self
from zlib import crc32

from ingest.durable import replace_file
from ingest.listing import is_unused
from ingest.settings import IngestSettings
from ingest.topics import FOREIGN_SUBSCRIPTIONS, KINDS, SUBSCRIPTIONS

logger = logging.getLogger(__name__)

ROLE = "role"
RETIRED = "retired"
MOST_PARTS = 10_000
SHARED = "$share/"
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

    @property
    def identifier(self) -> int | None:
        """The number of our subscriptions: messages without it were queued for another role. Only a part asks."""
        return None if self.of_parts == 1 else self.number * MOST_PARTS + self.of_parts

    def subscriptions(self, topics: Sequence[str]) -> tuple[str, ...]:
        """What to ask the broker for in place of `topics`."""
        if self.group is None:
            return tuple(topics)
        return tuple(topic if _is_retained(topic) else f"{SHARED}{self.group}/{topic}" for topic in topics)


ALONE = Role()


class Note(NamedTuple):
    """What stands in the spool folder: the role, all that was asked for and may not be taken back yet, and whether
    that is done and all that an earlier role had queued has come.
    """

    role: Role
    asked: tuple[str, ...]
    is_settled: bool


class Asked:
    """What a collector asks the broker for, and what it has to take back because an earlier role asked for it."""

    def __init__(self, folder: Path, role: Role, subscriptions: Sequence[str]) -> None:
        """Leave a note of both roles, so that a crash before `settle` forgets none."""
        self.role = role
        self._folder = folder
        self._subscriptions = tuple(subscriptions)
        self._earlier = _read_note(folder)
        before = self._earlier or Note(ALONE, _all_of(ALONE), is_settled=False)
        asked = tuple(dict.fromkeys((*self._subscriptions, *before.asked)))
        is_settled = before.is_settled and before.role == role and set(asked) == set(self._subscriptions)
        self._note = Note(role, asked, is_settled)
        (folder / RETIRED).unlink(missing_ok=True)
        if self._note != self._earlier:
            _write_note(folder, self._note)

    @property
    def is_settled(self) -> bool:
        """Whether nothing is queued that an earlier role asked for."""
        return self._note.is_settled

    def outdated(self) -> tuple[str, ...]:
        """What to take back."""
        return tuple(one for one in self._note.asked if one not in self._subscriptions)

    def settle(self) -> None:
        """Note that what was to be taken back is, and that what was queued for an earlier role has come."""
        settled = Note(self.role, self._subscriptions, is_settled=True)
        if self._note == settled:
            return
        self._note = settled
        try:
            _write_note(self._folder, settled)
        except OSError as error:  # the next start does it all again
            logger.warning("no note of the new role in %s: %s", self._folder, error)


def role_of_spool(folder: Path) -> Role:
    """Read the note of the collector that last had this spool."""
    note = _read_note(folder)
    return ALONE if note is None else note.role


def is_dealt_to(folder: Path) -> bool:
    """Whether the broker may still deal messages of a shared group to the collector of this spool."""
    note = _read_note(folder)
    return note is not None and any(one.startswith(SHARED) for one in note.asked)


def is_member(folder: Path) -> bool:
    """Whether the broker may hold something for the collector of this spool that nobody else will keep.

    Not where it never got as far as a subscription, for a wrong name or password, and not where it is retired.
    """
    if (folder / RETIRED).exists():
        return False
    note = _read_note(folder)
    return (note is not None and note.is_settled) or not is_unused(folder)


def _read_note(folder: Path) -> Note | None:
    try:
        found = json.loads((folder / ROLE).read_text())
        role = Role(found["number"], found["of_parts"], found["group"])
        # Earlier versions did not note what they asked for, nor whether an earlier role left something.
        return Note(role, tuple(found.get("asked", _all_of(role))), found.get("is_settled", False))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _write_note(folder: Path, note: Note) -> None:
    said = note.role._asdict() | {"asked": note.asked, "is_settled": note.is_settled}
    replace_file(folder / ROLE, json.dumps(said).encode())


def _all_of(role: Role) -> tuple[str, ...]:
    return role.subscriptions((*SUBSCRIPTIONS, *FOREIGN_SUBSCRIPTIONS))


def _is_retained(topic: str) -> bool:
    family, *_, kind = topic.split("/")
    return family in KINDS and kind in RETAINED_KINDS
