"""Send one consumer messages as a broker does, at its own pace under a window of QoS 1, at next to no cost.

    python -m flows.bench.ingest.server POINTS COUNT WINDOW FORM

Packets are made before the consumer comes and sent in pieces of many. Prints the port, then what was sent and
acknowledged in how long, and when it began. So nothing but the consumer limits the rate.
"""

import json
import select
import socket
import struct
import sys
from time import perf_counter, process_time, sleep

from flows.bench.ingest.traffic import Form, count_pubacks, packets
from flows.bench.ingest.vans import VANS

PIECE_BYTES = 65_536
CYCLE = 26_000  # packet ids repeat after so many, more than any window
QUIET_S = 0.5  # after the last question of a consumer that comes with several


def main() -> None:
    """Serve one consumer."""
    points, count, window = map(int, sys.argv[1:4])
    form = Form(sys.argv[4])
    cycle = min(CYCLE if points <= 10 else CYCLE // 4, count)
    encoded = {is_v5: packets(points, cycle, VANS, is_v5=is_v5, form=form) for is_v5 in (False, True)}
    # As many in a piece of either version, small enough to keep a window in motion.
    together = max(1, min(window // 8, PIECE_BYTES // max(map(len, encoded[True])), count))
    made = {is_v5: _pieces(one, together) for is_v5, one in encoded.items()}
    count -= count % together
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], count, flush=True)
        client, _ = listener.accept()
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    pieces = made[_greet(client)]
    began_s, began_cpu_s = perf_counter(), process_time()
    sent = acknowledged = turn = 0
    answers = bytearray()
    while acknowledged < count:
        room = min(window - (sent - acknowledged), count - sent)
        if room >= together:
            client.sendall(pieces[turn % len(pieces)])
            sent, turn = sent + together, turn + 1
            if room - together >= together and not select.select([client], [], [], 0)[0]:
                continue
        received = client.recv(1 << 18)
        if not received:
            break
        answers += received
        acknowledged += count_pubacks(answers)
    seconds, cpu_s = perf_counter() - began_s, process_time() - began_cpu_s
    took = {"acknowledged": acknowledged, "seconds": seconds, "cpu_s": cpu_s, "began_s": began_s}
    print(json.dumps(took), flush=True)
    sleep(0.2)
    client.close()


def _pieces(made: list[bytes], together: int) -> list[bytes]:
    firsts = range(0, len(made) - together + 1, together)
    return [b"".join(made[first : first + together]) for first in firsts]


def _greet(client: socket.socket) -> bool:
    """Answer CONNECT and whatever is subscribed to; return whether it is MQTT 5."""
    _, body = _packet(client)
    is_v5 = body[6] == 5
    client.sendall(b"\x20\x03\0\0\0" if is_v5 else b"\x20\x02\0\0")
    is_subscribed = False
    while True:
        readable, _, _ = select.select([client], [], [], QUIET_S if is_subscribed else None)
        if not readable:
            return is_v5
        kind, body = _packet(client)
        if kind == 0x80:
            is_subscribed = True
            count = _topic_count(body, is_v5)
            client.sendall(bytes([0x90, 2 + is_v5 + count]) + body[:2] + b"\0" * is_v5 + b"\1" * count)
        elif kind == 0xA0:
            client.sendall((b"\xb0\x04" if is_v5 else b"\xb0\x02") + body[:2] + (b"\0\0" if is_v5 else b""))


def _topic_count(body: bytes, is_v5: bool) -> int:
    count, place = 0, 2
    if is_v5:
        place += 1 + body[2]
    while place < len(body):
        place += 2 + struct.unpack(">H", body[place : place + 2])[0] + 1
        count += 1
    return count


def _packet(client: socket.socket) -> tuple[int, bytes]:
    kind = client.recv(1)[0] & 0xF0
    length = shift = 0
    while True:
        byte = client.recv(1)[0]
        length |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            break
    body = b""
    while len(body) < length:
        body += client.recv(length - len(body))
    return kind, body


if __name__ == "__main__":
    main()
