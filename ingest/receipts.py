"""How does a publisher learn that its message is on our disk?

A broker's own acknowledgement is not durability: a killed broker can forget what it accepted.
So after flushing, off the acknowledgement path, we read who sent what and publish at most
once a second for each sender, QoS 0, not retained:

    tm/v1/{tenant}/{device}/ack     {"v":1,"boot":41,"got":[[918233,918238],[918240,918240]]}
    fc/v1/{tenant}/{provider}/ack   {"v":1,"got":["T-1001/1/clear/7"]}
    rt/v1/{tenant}/{depot}/ack      {"v":1,"got":["2026-02-26/R207/2026-02-26T09:00:00Z"]}

Card numbers in a key are masked as in the lake. Points that decoding will reject count as
received. A receipt may be lost: publishers send again what is not confirmed. A message that
cannot be read gives no receipt and no error.
"""

import logging
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from time import monotonic, sleep
from typing import Any, NamedTuple, TypeVar
from zlib import crc32

import msgspec
import pyarrow as pa

from ingest.arrow_points import CONTINUATION
from ingest.arrow_points import numbered as arrow_numbered
from ingest.masking import masked_text
from ingest.numbering import Numbered, by_sender, numbered
from ingest.packed import MAGIC, unpack
from ingest.packets import PLAIN_TOOLS, PacketTools
from ingest.received import Undecodable
from ingest.topics import Topic, ack_topic, parse_topic

logger = logging.getLogger(__name__)

INTERVAL_S = 1.0
WAITING_BYTES = 32 << 20
TOGETHER_BYTES = 4 << 20  # read at once; less than that waits until receipts are due
ENTRIES_PER_RECEIPT = 1_000
RECEIPTS_TOGETHER = 400
PAUSE_S = 0.02

Publish = Callable[[str, bytes], None]
Entry = TypeVar("Entry")


class ReceiptKeys(NamedTuple):
    """What a receipt for one message lists: `seqs` of one boot, or `records`."""

    ack_topic: str
    boot: int | None
    seqs: tuple[int, ...]
    records: tuple[str, ...]


class Receipt(NamedTuple):
    """A receipt as it travels; `ranges` are inclusive."""

    boot: int | None
    ranges: tuple[tuple[int, int], ...]
    records: tuple[str, ...]


class _Numbered(msgspec.Struct):
    seq: Any = None


class _Sent(msgspec.Struct):
    boot: Any = None
    seq: Any = None
    pts: list[_Numbered] = []


class _Purchase(msgspec.Struct):
    provider_txn_id: str | int
    event_type: str
    item_no: str | int | None = None
    seq: str | int | None = None


class _Route(msgspec.Struct):
    route_id: str | int


class _Plan(msgspec.Struct):
    service_date: str
    routes: list[_Route] = []
    issued_utc: str | float | None = None


class _Acknowledgement(msgspec.Struct):
    got: list[tuple[int, int] | str]
    boot: int | None = None


_read_sent = msgspec.json.Decoder(_Sent).decode
_read_purchase = msgspec.json.Decoder(_Purchase).decode
_read_plan = msgspec.json.Decoder(_Plan).decode
_read_receipt = msgspec.json.Decoder(_Acknowledgement).decode


def receipt_keys(topic: str, payload: bytes) -> ReceiptKeys | None:
    """Name what a receipt for this message will list; None where there will be none."""
    parsed = parse_topic(topic)
    if parsed is None:
        return None
    try:
        keys = _keys(parsed, payload)
    except (msgspec.MsgspecError, ValueError, RecursionError, Undecodable):
        return None
    return keys if keys.seqs or keys.records else None


def _keys(topic: Topic, payload: bytes) -> ReceiptKeys:
    answer = ack_topic(topic)
    content = f"{crc32(payload):08x}"  # two versions of a record are two things to confirm
    if topic.family == "fc":
        # No receipt repeats a card number: not on a topic that holds one, and else as the lake shows it.
        if masked_text(topic.tenant) != topic.tenant or masked_text(topic.sender) != topic.sender:
            return ReceiptKeys(answer, None, (), ())
        purchase = _read_purchase(payload)
        names = (purchase.item_no or 1, purchase.event_type, purchase.seq or "")
        key = "/".join(
            [masked_text(str(purchase.provider_txn_id), "provider_txn_id"), *(masked_text(str(name)) for name in names)]
        )
        return ReceiptKeys(answer, None, (), (f"{key}/{content}",))
    if topic.family == "rt":
        plan = _read_plan(payload)
        records = tuple(
            f"{plan.service_date}/{route.route_id}/{plan.issued_utc or ''}/{content}" for route in plan.routes
        )
        return ReceiptKeys(answer, None, (), records)
    if payload.startswith(CONTINUATION):
        boot, numbers = arrow_numbered(payload)
        return ReceiptKeys(answer, boot, tuple(seq for seq in numbers if type(seq) is int), ())
    if payload.startswith(MAGIC):
        packed = unpack(payload)
        return ReceiptKeys(answer, packed.boot, tuple(point["seq"] for point in packed.points if "seq" in point), ())
    sent = _read_sent(payload)
    # `is int` leaves out true and false, which Python counts as integers.
    seqs = tuple(seq for seq in (sent.seq, *(point.seq for point in sent.pts)) if type(seq) is int)
    return ReceiptKeys(answer, sent.boot if type(sent.boot) is int else None, seqs, ())


def parse_receipt(payload: bytes) -> Receipt | None:
    """Read a receipt; None for anything else."""
    try:
        read = _read_receipt(payload)
    except (msgspec.MsgspecError, ValueError):
        return None
    ranges = tuple(entry for entry in read.got if isinstance(entry, tuple))
    return Receipt(read.boot, ranges, tuple(entry for entry in read.got if isinstance(entry, str)))


def merged_ranges(seqs: Iterable[int]) -> list[tuple[int, int]]:
    """Merge numbers to inclusive ranges without gaps, ascending; repeats do not matter."""
    ranges: list[tuple[int, int]] = []
    for seq in sorted(set(seqs)):
        if ranges and ranges[-1][1] == seq - 1:
            ranges[-1] = (ranges[-1][0], seq)
        else:
            ranges.append((seq, seq))
    return ranges


class ReceiptWriter:
    """Publishes receipts for batches that are on disk, on a thread of its own; some at a time, and then `flush`."""

    def __init__(
        self,
        publish: Publish,
        *,
        interval_s: float = INTERVAL_S,
        tools: Callable[[], PacketTools] = lambda: PLAIN_TOOLS,
        flush: Callable[[], None] = lambda: None,
    ) -> None:
        self._publish = publish
        self._flush = flush
        self._tools = tools
        self._interval_s = interval_s
        self._batches: deque[tuple[pa.RecordBatch, int]] = deque()
        self._should_read = threading.Event()
        self._is_closing = False
        # Each counter has one writing thread, so neither needs a lock.
        self._put_bytes = 0
        self._done_bytes = 0
        self._was_busy = False
        self.published_count = 0
        self._seqs: defaultdict[tuple[str, int | None], set[int]] = defaultdict(set)
        self._records: defaultdict[str, set[str]] = defaultdict(set)
        self._numbered: list[Numbered] = []
        self._thread = threading.Thread(target=self._run, name="receipts", daemon=True)
        self._thread.start()

    def landed(self, batch: pa.RecordBatch) -> None:
        """Hand over messages that are on disk; under pressure they get no receipt."""
        is_busy = self._put_bytes - self._done_bytes > WAITING_BYTES
        if is_busy and not self._was_busy:
            logger.warning("too busy for receipts; publishers will send again")
        self._was_busy = is_busy
        if not is_busy:
            size_bytes = batch.get_total_buffer_size()
            self._put_bytes += size_bytes
            self._batches.append((batch, size_bytes))
            if self._put_bytes - self._done_bytes >= TOGETHER_BYTES:
                self._should_read.set()

    def close(self) -> None:
        """Publish the receipts of what was handed over, and stop."""
        self._is_closing = True
        self._should_read.set()
        self._thread.join()

    def _run(self) -> None:
        next_s = monotonic() + self._interval_s
        while not self._is_closing:
            self._should_read.wait(max(0.0, next_s - monotonic()))
            self._should_read.clear()
            self._read_waiting()
            if monotonic() >= next_s:
                self._send()
                next_s = monotonic() + self._interval_s
        self._read_waiting()
        self._send(is_last=True)

    def _read_waiting(self) -> None:
        """Read what has been handed over, many group commits at once: each by itself costs more than its messages."""
        waiting = [self._batches.popleft() for _ in range(len(self._batches))]  # what comes meanwhile is for next time
        if waiting:
            batches, sizes = zip(*waiting, strict=True)
            self._note_all(pa.concat_batches(batches) if len(batches) > 1 else batches[0])
            self._done_bytes += sum(sizes)

    def _note_all(self, batch: pa.RecordBatch) -> None:
        found, rest = numbered(batch, self._tools())
        self._numbered += found
        if rest.size < batch.num_rows:
            batch = batch.take(pa.array(rest)) if rest.size else batch.slice(0, 0)
        for topic, payload in zip(batch["topic"].to_pylist(), batch["payload"].to_pylist(), strict=True):
            self._note(topic, payload)

    def _note(self, topic: str, payload: bytes) -> None:
        keys = receipt_keys(topic, payload)
        if keys is None:
            return
        if keys.seqs:
            self._seqs[keys.ack_topic, keys.boot].update(keys.seqs)
        if keys.records:
            self._records[keys.ack_topic].update(keys.records)

    def _send(self, *, is_last: bool = False) -> None:
        due = self._due()
        while portion := list(islice(due, RECEIPTS_TOGETHER)):
            for topic, receipt in portion:
                self._publish(topic, msgspec.json.encode(receipt))
            self.published_count += len(portion)
            self._flush()
            if len(portion) == RECEIPTS_TOGETHER and not is_last:
                sleep(PAUSE_S)  # or a broker with ten thousand of them would hold up everything else
        self._seqs.clear()
        self._records.clear()
        self._numbered.clear()

    def _due(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for topic, boot, found in by_sender(self._numbered):
            also = self._seqs.pop((topic, boot), None)
            if also:
                found = merged_ranges(also.union(*(range(one[0], one[1] + 1) for one in found)))
            for ranges in _portions(found):
                yield topic, {"v": 1, "boot": boot, "got": ranges}
        for (topic, boot), seqs in self._seqs.items():
            for ranges in _portions(merged_ranges(seqs)):
                yield topic, {"v": 1, "boot": boot, "got": ranges}
        for topic, records in self._records.items():
            for portion in _portions(sorted(records)):
                yield topic, {"v": 1, "got": portion}


def _portions(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    rest = iter(entries)
    while portion := list(islice(rest, ENTRIES_PER_RECEIPT)):
        yield portion
