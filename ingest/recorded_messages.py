"""How are recorded native messages sent again?

A `.jsonl` file holds one message to a line: its topic, its payload, and when it was sent if that is known. A
payload is sent byte for byte where times are kept; where they move, every native key that says when
something happened moves with them, and nothing else. Messages in a foreign format are never changed; a
payload that is no JSON stands in the line as a string.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from ingest.outbox import Outgoing
from ingest.recording import DAY_US, Recording, UnknownRecording, instant, whole_days_us
from ingest.topics import parse_topic

UNDERSTOOD_LINES = (
    'Understood are .jsonl files of messages, one {"topic": ..., "payload": {...}, "due_utc": ...} to a line'
    " (due_utc may be left out)."
)

# Keys of native payloads, at any depth, by how they say when.
EPOCH_KEYS = frozenset({"ts", "sent"})
INSTANT_KEYS = frozenset({"ts_utc", "ts_local", "issued_utc", "planned_exit_utc", "planned_return_utc"})
DATE_KEYS = frozenset({"service_date", "posted_date"})
NOTE = "native messages"

encode = msgspec.json.Encoder().encode


class _Line(msgspec.Struct):
    """One recorded message; the names of the broker's properties are those of `Outgoing`."""

    topic: str
    payload: msgspec.Raw
    due_utc: datetime | float | None = None
    qos: int = 1
    retain: bool = False
    content_type: str | None = None


class _Heard(NamedTuple):
    line: _Line
    body: Any  # the payload, parsed
    times_us: list[int]  # every time in it at which something was measured or bought


def read_messages(path: Path, *, keep_time: bool, last_date: date | None, timezone: str) -> Recording:
    """Read a `.jsonl` file of messages; see `ingest.recorded.read_recording`."""
    heard = [_heard(line) for line in _lines(path)]
    times_us = [time_us for one in heard for time_us in one.times_us]
    if not times_us:
        raise UnknownRecording(path, "no native message in it says when something was measured", UNDERSTOOD_LINES)
    shift_us = 0 if keep_time else whole_days_us(max(times_us), timezone, last_date)
    messages = []
    due_us = min(times_us)
    for one in heard:
        line = one.line
        due_us = _due_us(line) or max(one.times_us, default=due_us)
        payload = _payload(one, shift_us)
        topic, qos, retain = line.topic, line.qos, line.retain
        messages.append(Outgoing(due_us + shift_us, topic, payload, qos, retain, line.content_type))
    first, last = (instant(time_us + shift_us) for time_us in (min(times_us), max(times_us)))
    return Recording(path.stem, messages, first, last, NOTE)


def _lines(path: Path) -> Iterator[_Line]:
    decoder = msgspec.json.Decoder(_Line)
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        if not line.strip():
            continue
        try:
            yield decoder.decode(line)
        except msgspec.DecodeError as error:
            found = f"line {number} is not a message ({error})"
            raise UnknownRecording(path, found, UNDERSTOOD_LINES) from error


def _due_us(line: _Line) -> int | None:
    if isinstance(line.due_utc, datetime):
        return round(line.due_utc.timestamp() * 1e6)
    return None if line.due_utc is None else round(line.due_utc * 1e6)


def _heard(line: _Line) -> _Heard:
    body = msgspec.json.decode(line.payload)
    return _Heard(line, body, list(_times_us(body)) if parse_topic(line.topic) else [])


def _payload(heard: _Heard, shift_us: int) -> bytes:
    if isinstance(heard.body, str):
        return heard.body.encode()
    if shift_us and parse_topic(heard.line.topic):
        return encode(_moved(heard.body, shift_us))
    return bytes(heard.line.payload)


def _times_us(value: Any) -> Iterator[int]:
    """Walk over every time a native payload says something was measured or bought."""
    if isinstance(value, list):
        for item in value:
            yield from _times_us(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "ts" and isinstance(item, int | float) and not isinstance(item, bool):
                yield round(item * 1e6)
            elif key == "ts_utc" and isinstance(item, str) and (at := _parsed(item)) is not None:
                yield round(at.timestamp() * 1e6)
            else:
                yield from _times_us(item)


def _moved(value: Any, shift_us: int) -> Any:
    if isinstance(value, list):
        return [_moved(item, shift_us) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: _moved_key(key, item, shift_us) for key, item in value.items()}


def _moved_key(key: str, value: Any, shift_us: int) -> Any:
    if key in EPOCH_KEYS | INSTANT_KEYS and isinstance(value, int | float) and not isinstance(value, bool):
        # In microseconds, so that a sum of floats does not change the fraction.
        return (round(value * 1e6) + shift_us) / 1e6
    if key in INSTANT_KEYS and isinstance(value, str) and (at := _parsed(value)) is not None:
        moved = (at + timedelta(microseconds=shift_us)).isoformat()
        return moved.replace("+00:00", "Z") if value.endswith("Z") else moved
    if key in DATE_KEYS and isinstance(value, str):
        try:
            return (date.fromisoformat(value) + timedelta(days=shift_us // DAY_US)).isoformat()
        except ValueError:
            return value
    return _moved(value, shift_us)


def _parsed(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
