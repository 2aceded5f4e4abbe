"""Publish to a broker at QoS 1, flat out or at a rate, from packets made before.

    python -m flows.bench.ingest.generator PORT POINTS COUNT VANS RATE FORM

RATE is messages a second, 0 is flat out. At a rate, every fourth tick carries one more message that says when it was
sent.
Prints what was sent and what that cost itself.
"""

import json
import select
import socket
import sys
from time import perf_counter, process_time, sleep, time_ns

from flows.bench.ingest.traffic import PROBE_TOPIC, Form, connect_packet, count_pubacks, packets, publish_packet

CYCLE = 20_000  # messages made; ids of marked messages are above
WINDOW = 2_000
TICK_S = 0.01
MARK_TICKS = 4
TOGETHER_BYTES = 65_536


def main() -> None:
    """Publish."""
    port, points, count, vans, rate = map(int, sys.argv[1:6])
    form = Form(sys.argv[6])
    cycle = min(CYCLE, count, 200_000 // points)
    made = packets(points, cycle, vans, is_v5=False, form=form)
    with socket.create_connection(("127.0.0.1", port)) as broker:
        broker.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        broker.sendall(connect_packet("bench-generator"))
        broker.recv(4)
        together = max(1, TOGETHER_BYTES // len(made[0])) if not rate else max(1, round(rate * TICK_S))
        pieces = [made[first : first + together] for first in range(0, cycle, together)]
        ready = [(len(piece), b"".join(piece)) for piece in pieces]
        began_s, began_cpu_s = perf_counter(), process_time()
        sent = acknowledged = marked = turn = 0
        answers = bytearray()
        while sent < count:
            size, piece = ready[turn % len(ready)]
            turn += 1
            if rate:
                wait_s = began_s + sent / rate - perf_counter()
                if wait_s > 0:
                    sleep(wait_s)
                if turn % MARK_TICKS == 0:
                    payload = json.dumps({"v": 1, "sent_ns": time_ns()}).encode()
                    piece += publish_packet(PROBE_TOPIC, payload, CYCLE + 1 + marked % 40_000, False)
                    marked += 1
            broker.sendall(piece)
            sent += size
            while sent + marked - acknowledged > WINDOW or select.select([broker], [], [], 0)[0]:
                acknowledged += _heard(broker, answers)
        while acknowledged < sent + marked:
            acknowledged += _heard(broker, answers)
        seconds, cpu_s = perf_counter() - began_s, process_time() - began_cpu_s
    print(json.dumps({"sent": sent + marked, "seconds": seconds, "cpu_s": cpu_s}), flush=True)


def _heard(broker: socket.socket, answers: bytearray) -> int:
    received = broker.recv(1 << 16)
    if not received:
        raise ConnectionError("the broker hung up")
    answers += received
    return count_pubacks(answers)


if __name__ == "__main__":
    main()
