"""What do the vans of a benchmark send? Messages as packets of MQTT, made before anything is timed."""

import struct
from enum import StrEnum

from flows.bench.ingest.vans import said

PROBE_TOPIC = "tm/v1/bench/probe/pos"  # its messages carry the instant they were sent


class Form(StrEnum):
    """What is in a message."""

    few = "few"  # native, ten keys a point
    full = "full"  # native, all a van can say
    packed = "packed"  # time, place, speed, heading, engine and numbers


def packets(points: int, count: int, vans: int, *, is_v5: bool, qos: int = 1, form: Form = Form.few) -> list[bytes]:
    """PUBLISH packets with the ids 1, 2, 3 and so on; each van says two different messages again and again."""
    sent = said(points, min(count, 2 * vans), is_full=form == Form.full, vans=vans)
    topics, bodies = sent.topics, sent.numbered if form == Form.packed else sent.json
    return [
        publish_packet(topics[number % len(topics)], bodies[number % len(topics)], number % 65_535 + 1, is_v5, qos)
        for number in range(count)
    ]


def publish_packet(topic: str, payload: bytes, packet_id: int, is_v5: bool, qos: int = 1) -> bytes:
    """One PUBLISH, without properties."""
    name = topic.encode()
    body = struct.pack(">H", len(name)) + name + (struct.pack(">H", packet_id) if qos else b"")
    body += (b"\0" if is_v5 else b"") + payload
    return bytes([0x30 | qos << 1]) + number(len(body)) + body


def number(value: int) -> bytes:
    """A number of one to four bytes, as MQTT writes lengths."""
    written = bytearray()
    while True:
        value, byte = divmod(value, 128)
        written.append(byte | (128 if value else 0))
        if not value:
            return bytes(written)


def connect_packet(client_id: str, *, receive_maximum: int | None = None) -> bytes:
    """CONNECT of a clean session: MQTT 5 with a window, 3.1.1 without."""
    is_v5 = receive_maximum is not None
    body = b"\0\4MQTT" + (b"\5" if is_v5 else b"\4") + b"\2" + struct.pack(">H", 600)
    body += b"\3\x21" + struct.pack(">H", receive_maximum) if is_v5 else b""
    body += struct.pack(">H", len(client_id)) + client_id.encode()
    return b"\x10" + number(len(body)) + body


def subscribe_packet(topic: str, *, is_v5: bool) -> bytes:
    """SUBSCRIBE at QoS 1."""
    body = b"\0\1" + (b"\0" if is_v5 else b"") + struct.pack(">H", len(topic)) + topic.encode() + b"\1"
    return b"\x82" + number(len(body)) + body


def count_pubacks(answers: bytearray) -> int:
    """Count the acknowledgements at the front and take all that is whole away; other packets are skipped."""
    count = place = 0
    while place + 2 <= len(answers):
        if answers[place : place + 2] == b"\x40\x02":
            # Nearly always there are only these.
            run = _run_of_pubacks(answers, place)
            if run:
                count += run
                place += 4 * run
                continue
            break
        length = shift = 0
        body = place + 1
        while body < len(answers):
            length |= (answers[body] & 127) << shift
            shift += 7
            body += 1
            if answers[body - 1] < 128:
                break
        else:
            break
        if body + length > len(answers):
            break
        place = body + length
    del answers[:place]
    return count


def _run_of_pubacks(answers: bytearray, place: int) -> int:
    import numpy as np

    whole = (len(answers) - place) // 4
    heads = np.frombuffer(bytes(answers[place : place + 4 * whole]), np.uint8).reshape(whole, 4)[:, 0]
    others = np.flatnonzero(heads != 0x40)
    return int(others[0]) if others.size else whole
