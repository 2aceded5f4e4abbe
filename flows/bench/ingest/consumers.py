"""How many messages a second does one consumer take at QoS 1, and what does each cost it and the broker?

First packets that were made before, so that nothing but the consumer is the limit; then through mosquitto, which then
is. Runs of the same message size are repeated in turns and the best of each is taken: what else the machine does only
takes away.
"""

from collections.abc import Callable

from flows.bench.figures import Figure, Section
from flows.bench.ingest.runs import DefaultMosquitto, Plan, Taken, has_mosquitto_sub, pre_encoded, through_mosquitto
from ingest.broker import find_mosquitto

REPEATS = 2
# Messages of each run by points a message: enough for a second or so.
PAHO_COUNTS = {1: 40_000, 10: 30_000, 60: 15_000}
FAST_COUNTS = {1: 3_000_000, 10: 500_000, 60: 100_000}
DURABLE_COUNTS = {1: 400_000, 10: 150_000, 60: 40_000}
BROKER_COUNTS = {1: 100_000, 10: 60_000, 60: 20_000}
NAMES = {
    "paho": "stock paho, callback",
    "bare": "bare socket scanner",
    "at-once": "ours, acknowledges at once",
    "durable": "ours, on disk first, commit 5 ms",
    "durable 10": "ours, on disk first, commit 10 ms",
    "plain": "ours with ODOGRAPH_PLAIN, on disk first",
    "mosquitto_sub": "mosquitto_sub (C)",
}

Runs = dict[str, Taken]


def consumers(plan: Plan) -> Section:
    """Measure all consumers."""
    figures: list[Figure] = []
    notes = [
        "Pre-encoded: window of 2,000, best of each way's runs. CPU is the consumer's, the broker's where it says so."
    ]
    for points in (1, 10, 60):
        found = _in_turns(_pre_encoded_runs(points, plan.share), REPEATS if points == 1 else 1)
        figures += _pre_encoded_figures(points, found)
    if find_mosquitto() is None:
        return Section("Consumers", figures, [*notes, "mosquitto is not installed: nothing was measured through it."])
    if not has_mosquitto_sub():
        notes.append("mosquitto_sub is not installed (apt-get install mosquitto-clients): nobody to compare with.")
    for points in (1, 10, 60):
        found = _in_turns(_mosquitto_runs(points, plan.share), REPEATS if points == 1 else 1)
        figures += _mosquitto_figures(points, found)
    return Section("Consumers", figures, notes)


def _in_turns(runs: dict[str, Callable[[], Taken]], repeats: int) -> Runs:
    best: Runs = {}
    for _ in range(repeats):
        for kind, run in runs.items():
            taken = run()
            if kind not in best or taken.a_second > best[kind].a_second:
                best[kind] = taken
    return best


def _pre_encoded_runs(points: int, share: float) -> dict[str, Callable[[], Taken]]:
    def of(kind: str, counts: dict[int, int], commit_ms: float = 5) -> Callable[[], Taken]:
        return lambda: pre_encoded(kind, points, round(counts[points] * share), commit_ms=commit_ms)

    return {
        "paho": of("paho", PAHO_COUNTS),
        "bare": of("bare", FAST_COUNTS),
        "at-once": of("at-once", FAST_COUNTS),
        "durable": of("durable", DURABLE_COUNTS),
        "durable 10": of("durable", DURABLE_COUNTS, 10),
        "plain": of("plain", PAHO_COUNTS),
    }


def _mosquitto_runs(points: int, share: float) -> dict[str, Callable[[], Taken]]:
    count = round(BROKER_COUNTS[points] * share)
    runs: dict[str, Callable[[], Taken]] = {}
    if has_mosquitto_sub():
        runs["mosquitto_sub"] = lambda: through_mosquitto("mosquitto_sub", points, count)
    runs["at-once"] = lambda: through_mosquitto("at-once", points, count)
    runs["durable"] = lambda: through_mosquitto("durable", points, count)
    if points == 1:
        runs["default"] = lambda: through_mosquitto("durable", points, count, broker=DefaultMosquitto)
    return runs


def _pre_encoded_figures(points: int, found: Runs) -> list[Figure]:
    paho, bare = found["paho"], found["bare"]
    size = f"{points} a message, pre-encoded"
    figures = []
    for kind, taken in found.items():
        ratio = None if kind == "paho" else taken.a_second / paho.a_second
        goal = 150.0 if kind == "at-once" and points == 1 else None
        figures.append(
            Figure(
                f"{NAMES[kind]}, {size}", taken.a_second, "msg/s", "" if ratio is None else "stock paho", ratio, goal
            )
        )
    at_once = found["at-once"].a_second
    least = 0.7 if points == 1 else None
    figures.append(
        Figure(f"{NAMES['at-once']}, {size}", at_once, "msg/s", "bare scanner", at_once / bare.a_second, least)
    )
    # On a machine that does other things as well this says more than the rates.
    for kind in ("at-once", "durable"):
        used_us = found[kind].cpu_us
        figures.append(
            Figure(f"CPU saved: {NAMES[kind]}, {size}", used_us, "us/msg", "stock paho / ours", paho.cpu_us / used_us)
        )
    return [*figures, *_costs(size, points, found)]


def _mosquitto_figures(points: int, found: Runs) -> list[Figure]:
    size = f"{points} a message, mosquitto"
    at_once, durable, peer = found["at-once"], found["durable"], found.get("mosquitto_sub")
    is_single = points == 1
    figures = [Figure(f"{NAMES[kind]}, {size}", found[kind].a_second, "msg/s") for kind in found if kind != "default"]
    if peer is not None:
        ratio, cpu_ratio = at_once.a_second / peer.a_second, at_once.cpu_us / peer.cpu_us
        figures += [
            Figure(
                f"rate of {NAMES['at-once']}, {size}",
                at_once.a_second,
                "msg/s",
                "mosquitto_sub",
                ratio,
                1.3 if is_single else None,
            ),
            Figure(
                f"CPU of {NAMES['at-once']}, {size}",
                at_once.cpu_us,
                "us/msg",
                "mosquitto_sub",
                cpu_ratio,
                1 / 8 if is_single else None,
                True,
            ),
        ]
    figures.append(
        Figure(
            f"{NAMES['durable']}, {size}",
            durable.a_second,
            "msg/s",
            "at once",
            durable.a_second / at_once.a_second,
            0.95 if is_single else None,
        )
    )
    if "default" in found:
        default = found["default"]
        lost = "" if default.messages >= durable.messages else f", {durable.messages - default.messages} lost"
        figures.append(
            Figure(
                f"default broker{lost}, {size}",
                default.a_second,
                "msg/s",
                "tuned broker",
                default.a_second / durable.a_second,
                0.9,
            )
        )
    return [*figures, *_costs(size, points, found)]


def _costs(size: str, points: int, found: Runs) -> list[Figure]:
    """CPU of each message and point."""
    figures = []
    for kind, taken in found.items():
        name = NAMES.get(kind, "default broker")
        figures.append(Figure(f"CPU a point: {name}, {size}", taken.cpu_us / points, "us"))
        if taken.broker_cpu_us:
            figures.append(Figure(f"CPU a point: the broker, for {name}, {size}", taken.broker_cpu_us / points, "us"))
    return figures
