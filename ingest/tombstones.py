"""What was erased and must not come back, wherever it comes from?

A tombstone is a line of the register of kind `erase`. It names nobody: drivers, vehicles, devices and purchases stand
there as keyed digests, and the key lies beside the register (`privacy/key`), so that a copy of the register alone tells
nothing. Whoever loads messages or imports files asks here whether a row is under one of them.
"""

import json
import secrets
from collections.abc import Iterable
from datetime import date
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

from ingest.durable import FOLDER_MODE, replace_file
from ingest.register import read_register, register_path

KEY_BYTES = 32
Range = tuple[int, int]  # Unix microseconds, the second exclusive


class KeyMissing(Exception):
    """The register holds tombstones, and without its key nobody can tell what they cover."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(f"{path} is missing: without it erased data cannot be told from other data; restore it first")


class Tombstone(NamedTuple):
    """One erasure: `kind` is vehicle or driver, the dates of its periods are inclusive.

    `subjects` are keyed digests of its id and names; `is_whole`: all there was of it, its registration too.
    """

    erasure_id: str
    tenant_id: str
    kind: str
    subjects: frozenset[str]
    is_whole: bool
    periods: list[tuple[date, date]]
    devices: dict[str, list[Range]]
    purchases: frozenset[str]

    def covers(self, kind: str, tenant_id: str, subject: str, day: date | None) -> bool:
        """Whether it is about this subject, and the day is one of its days; no day: whether it is whole."""
        if (self.kind, self.tenant_id) != (kind, tenant_id) or subject not in self.subjects:
            return False
        if day is None:
            return self.is_whole
        return any(first <= day <= last for first, last in self.periods)


class Tombstones:
    """All of them, and the key to ask with; false where there are none."""

    def __init__(self, key: bytes, stones: Iterable[Tombstone]) -> None:
        self._key = key
        self.stones = list(stones)
        self.drivers_of = {stone.tenant_id for stone in self.stones if stone.kind == "driver"}
        self._ranges: dict[tuple[str, str], list[Range]] = {}

    def __bool__(self) -> bool:
        return bool(self.stones)

    def digest(self, *parts: object) -> str:
        """The keyed digest of what a tombstone may not say in the clear."""
        return keyed_digest(self._key, *parts)

    def ranges(self, tenant_id: str, device_id: str) -> list[Range]:
        """From when to when nothing of this device may be kept."""
        known = self._ranges.get((tenant_id, device_id))
        if known is None:
            digest = self.digest("device", tenant_id, device_id)
            known = [found for stone in self.stones for found in stone.devices.get(digest, [])]
            self._ranges[tenant_id, device_id] = known
        return known

    def is_covered(self, tenant_id: str, device_id: str, at_us: int) -> bool:
        """Whether an instant of a device is erased."""
        return any(start <= at_us < end for start, end in self.ranges(tenant_id, device_id))

    def is_driver(self, tenant_id: str, driver: str | None, day: date | None) -> bool:
        """Whether this text is the id, or the name, of a driver who is erased on that day."""
        return self._is("driver", tenant_id, driver, day)

    def is_vehicle(self, tenant_id: str, vehicle_id: str | None, day: date | None) -> bool:
        """Whether this van is erased on that day."""
        return self._is("vehicle", tenant_id, vehicle_id, day)

    def periods(self, kind: str, tenant_id: str, subject_id: str) -> list[tuple[date, date]]:
        """The periods for which a subject is erased, both dates inclusive."""
        digest = self.digest(kind, tenant_id, subject_id) if self.stones else ""
        return [
            period
            for stone in self.stones
            if (stone.kind, stone.tenant_id) == (kind, tenant_id) and digest in stone.subjects
            for period in stone.periods
        ]

    def of_purchase(self, tenant_id: str, provider: str, provider_txn_id: str) -> set[str]:
        """The kinds of subjects with which the place of this purchase was erased; empty: it was not."""
        digest = self.digest("purchase", tenant_id, provider, provider_txn_id)
        return {stone.kind for stone in self.stones if digest in stone.purchases}

    def _is(self, kind: str, tenant_id: str, subject_id: str | None, day: date | None) -> bool:
        if subject_id is None or not any(stone.kind == kind for stone in self.stones):
            return False
        digest = self.digest(kind, tenant_id, subject_id)
        return any(stone.covers(kind, tenant_id, digest, day) for stone in self.stones)


def read_tombstones(data_dir: Path) -> Tombstones:
    """The tombstones of a data directory; raise KeyMissing where there are some and their key is gone."""
    entries = [entry for entry in read_register(register_path(data_dir)) if entry.kind == "erase"]
    if not entries:
        return Tombstones(b"", [])
    path = _key_path(data_dir)
    if not path.exists():
        raise KeyMissing(path)
    return Tombstones(path.read_bytes(), [_tombstone(f"E{entry.number}", entry.facts) for entry in entries])


def own_key(data_dir: Path) -> bytes:
    """The key of a data directory, made once."""
    path = _key_path(data_dir)
    if path.exists():
        return path.read_bytes()
    path.parent.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
    replace_file(path, secrets.token_bytes(KEY_BYTES))
    return path.read_bytes()


def keyed_digest(key: bytes, *parts: object) -> str:
    """Tells equal subjects apart from others, for those who have the key only."""
    return blake2b(json.dumps(parts).encode(), key=key, digest_size=16).hexdigest()


def _key_path(data_dir: Path) -> Path:
    return data_dir / "privacy" / "key"


def _tombstone(erasure_id: str, facts: dict[str, Any]) -> Tombstone:
    devices: dict[str, list[Range]] = {}
    for device, start, end in facts["devices"]:
        devices.setdefault(device, []).append((start, end))
    return Tombstone(
        erasure_id,
        facts["tenant_id"],
        facts["kind"],
        frozenset([facts["subject"], *facts["names"]]),
        facts["is_whole"],
        [(date.fromisoformat(first), date.fromisoformat(last)) for first, last in facts["periods"]],
        devices,
        frozenset(facts["purchases"]),
    )
