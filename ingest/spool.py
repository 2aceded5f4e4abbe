"""Where do raw messages wait, safe on disk, until they are decoded?

    spool/<collector>/id               name of this spool, made once
    spool/<collector>/lock             held by the collector that writes here
    spool/<collector>/number           the highest segment number ever given out
    spool/<collector>/<number>.open    the segment being written
    spool/<collector>/<number>.parquet sealed segments, never changed again
    spool/<collector>/<number>.torn    what a crash left behind the last whole batch; never acknowledged
    spool/<collector>/<number>.damaged what the disk spoiled, which may have been acknowledged; for a person to look at

`append` returns when its messages are on disk, or raises and leaves nothing behind.
Segments are sealed one after the other on a thread of their own, in ascending order,
because a loader that has seen number 7 never asks for number 6 again.
"""

import fcntl
import logging
import os
import secrets
import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import SimpleQueue
from time import monotonic, sleep
from typing import Self

import pyarrow as pa

from ingest.durable import FILE_MODE, FOLDER_MODE, PART_SUFFIX, replace_file
from ingest.listing import (
    IMPORTS,
    OPEN_SUFFIX,
    SEALED_SUFFIX,
    Segment,
    is_unused,
    numbered,
    sealed_segments,
    spool_folders,
)
from ingest.open_segment import Message, OpenSegment, message_batch
from ingest.segments import read_segment, seal

__all__ = [
    "IMPORTS",
    "Message",
    "Segment",
    "Spool",
    "SpoolBusy",
    "is_unused",
    "read_segment",
    "recover",
    "sealed_segments",
    "spool_folders",
]

logger = logging.getLogger(__name__)

MIB = 1 << 20
RETRY_SEAL_S = 1.0
# macOS has no fdatasync.
flush_to_disk: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)


class SpoolBusy(Exception):
    """Another process holds the spool in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        super().__init__(f"the spool {folder} is in use by another collector")


class Spool:
    """The spool one collector writes; use `Spool.open`."""

    def __init__(self, folder: Path, lock: int, *, seal_bytes: int, seal_s: float, sync: Callable[[int], None]) -> None:
        self.folder = folder
        self.spool_id = (folder / "id").read_text().strip()
        self._lock = lock
        self._seal_bytes = seal_bytes
        self._seal_s = seal_s
        self._sync = sync
        self.written_bytes = 0
        self.sealed_count = 0
        self._unsealed_since_s: deque[float] = deque()  # of what the sealer has not done yet, oldest first
        self._current: OpenSegment | None = None
        self._to_seal: SimpleQueue[OpenSegment | None] = SimpleQueue()
        self._closing = threading.Event()
        self._sealer = threading.Thread(target=self._seal_in_order, name="sealer", daemon=True)
        self._sealer.start()

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        seal_mib: float = 64,
        seal_s: float = 5,
        wait_s: float = 0,
        sync: Callable[[int], None] = flush_to_disk,
    ) -> Self:
        """Take the spool in `folder`, made if need be, and seal what a crash left open.

        Raises SpoolBusy when another process still holds it after `wait_s`.
        """
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        lock = _locked(folder, wait_s)
        try:
            _name_spool(folder)
            _seal_leftovers(folder)
            return cls(folder, lock, seal_bytes=int(seal_mib * MIB), seal_s=seal_s, sync=sync)
        except BaseException:
            os.close(lock)
            raise

    def append(self, messages: Sequence[Message]) -> None:
        """Put messages on disk as one batch; they are there when this returns.

        Raises OSError when they are not (the disk is full); nothing of them is kept then,
        and the same call may be made again.
        """
        self.append_batch(message_batch(messages))

    def append_batch(self, batch: pa.RecordBatch) -> None:
        """Put a batch of messages on disk as `append` does."""
        if not batch.num_rows:
            return
        if self._current is None:
            self._current = OpenSegment(self.folder, _next_number(self.folder))
        before = self._current.end_byte
        try:
            self._current.append(batch, self._sync)
        except OSError:
            if not self._current.is_clean:
                self._set_aside()
            raise
        self.written_bytes += self._current.end_byte - before
        self.seal_if_due()

    def seal_if_due(self) -> None:
        """Hand the open segment to the sealer when it is large or old enough."""
        current = self._current
        if current is None or current.end_byte == 0:
            return
        if current.end_byte >= self._seal_bytes or monotonic() - current.started_s >= self._seal_s:
            self._set_aside()

    @property
    def unsealed_age_s(self) -> float:
        """How long the oldest message that no refresh can see yet has been on disk; 0 where all is sealed."""
        current = self._current
        try:
            since_s = self._unsealed_since_s[0]
        except IndexError:
            if current is None or current.end_byte == 0:
                return 0.0
            since_s = current.started_s
        return monotonic() - since_s

    def close(self) -> None:
        """Seal everything and let go of the spool."""
        if self._current is not None:
            self._set_aside()
        self._closing.set()
        self._to_seal.put(None)
        self._sealer.join()
        os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _set_aside(self) -> None:
        assert self._current is not None
        self._current.close()
        self._unsealed_since_s.append(self._current.started_s)
        self._to_seal.put(self._current)
        self._current = None

    def _seal_in_order(self) -> None:
        while (waiting := self._to_seal.get()) is not None:
            while not self._sealed(waiting):
                if self._closing.wait(RETRY_SEAL_S):
                    return  # what is left open is sealed at the next start
            self._unsealed_since_s.popleft()

    def _sealed(self, waiting: "OpenSegment") -> bool:
        try:
            segment = seal(waiting.path, spool_id=self.spool_id, end_byte=waiting.end_byte)
        except (OSError, ValueError) as error:  # pyarrow's errors are ValueErrors too
            logger.error("segment %d cannot be sealed yet: %s", waiting.number, error)
            return False
        if segment is not None:
            self.sealed_count += 1
            logger.info(
                "segment sealed: %s %d, %d messages, %d bytes, %d sealed",
                self.spool_id,
                waiting.number,
                waiting.message_count,
                waiting.end_byte,
                segment.path.stat().st_size,
            )
        return True


def recover(folder: Path) -> list[Segment]:
    """Seal what a collector that died left open; return what was sealed, in ascending order.

    Where a collector holds the spool nothing is torn, nothing is done and the list is empty.
    """
    try:
        lock = _locked(folder, wait_s=0)
    except SpoolBusy:
        return []
    try:
        _name_spool(folder)
        return _seal_leftovers(folder)
    finally:
        os.close(lock)


def _locked(folder: Path, wait_s: float) -> int:
    descriptor = os.open(folder / "lock", os.O_CREAT | os.O_RDWR, FILE_MODE)
    give_up_s = monotonic() + wait_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError:
            if monotonic() >= give_up_s:
                os.close(descriptor)
                raise SpoolBusy(folder) from None
            sleep(0.05)


def _name_spool(folder: Path) -> None:
    if not (folder / "id").exists():
        replace_file(folder / "id", (f"{folder.name}-{secrets.token_hex(4)}").encode())


def _next_number(folder: Path) -> int:
    """Give out a segment number that was never given out before, also where old segments are gone."""
    counter = folder / "number"
    known = numbered(folder.iterdir())
    number = 1 + max(int(counter.read_text()) if counter.exists() else 0, *known, 0)
    replace_file(counter, str(number).encode())
    return number


def _seal_leftovers(folder: Path) -> list[Segment]:
    for part_path in folder.glob(f"*{PART_SUFFIX}"):
        part_path.unlink()
    spool_id = (folder / "id").read_text().strip()
    sealed = []
    for open_path in sorted(folder.glob(f"*{OPEN_SUFFIX}")):
        if open_path.with_suffix(SEALED_SUFFIX).exists():
            open_path.unlink()  # the crash came between the rename and this line
            continue
        segment = seal(open_path, spool_id=spool_id)
        if segment is not None:
            sealed.append(segment)
            logger.warning("segment %d was left open and is sealed now", segment.number)
    return sealed
