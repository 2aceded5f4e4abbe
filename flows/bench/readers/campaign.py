"""Analysts open, ask and compare while a maker of generations is killed again and again: what did they see?

The maker refreshes without a pause; at random moments it is killed (-9) and started anew. Analysts are processes that
know the links only. Everything they find wrong is an error: a refused open, a missing file, a sum that is not that of
the ledger, a generation that changes under a connection or is older than the one before.
"""

import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import Any, NamedTuple

import numpy as np

from flows.bench.readers.maker import settings_of, step

KILLED_AFTER_S = (0.2, 8.0)  # after the first generation of a maker
ENDS_IN_S = 60.0  # an analyst who is not back by then waits for something


class Readings(NamedTuple):
    """What a campaign saw; `generations` counts those that were seen, by link."""

    seconds: float
    opens: int
    queries: int
    open_ms: dict[str, float]  # p50, p99, max: from the link to the first answer
    refreshes: int
    kills: int
    generations: dict[str, int]
    errors: list[str]


def run_campaign(folder: Path, minutes: float, analysts: int, seed: int, tell: Callable[[float], None]) -> Readings:
    """Let analysts read and makers die for so many minutes. `tell` hears which share is done."""
    settings = settings_of(folder / "data")
    step(settings, 0)  # there is something to open
    seconds, chance = 60 * minutes, random.Random(seed)
    began_s = monotonic()
    reading = [
        _started("analyst", str(settings.published_dir), str(seconds), str(seed + number)) for number in range(analysts)
    ]
    steps, kills = [0], 0
    while (left_s := seconds - (monotonic() - began_s)) > 0:
        tell(1 - left_s / seconds)
        kills += _killed(_started("maker", str(settings.data_dir), str(steps[-1] + 1)), steps, chance, left_s)
    said = [_said(analyst) for analyst in reading]
    opens_ms = 1000 * np.concatenate([answer["open_s"] or [0.0] for answer in said])
    seen: dict[str, set[str]] = {}
    for answer in said:
        for link, generations in answer["generations"].items():
            seen.setdefault(link, set()).update(generations)
    return Readings(
        seconds=monotonic() - began_s,
        opens=sum(len(answer["open_s"]) for answer in said),
        queries=sum(answer["query_count"] for answer in said),
        open_ms={
            "p50": float(np.percentile(opens_ms, 50)),
            "p99": float(np.percentile(opens_ms, 99)),
            "max": float(opens_ms.max()),
        },
        refreshes=len(steps) - 1,
        kills=kills,
        generations={link: len(found) for link, found in sorted(seen.items())},
        errors=[error for answer in said for error in answer["errors"]],
    )


def _started(module: str, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", f"flows.bench.readers.{module}", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def _killed(maker: subprocess.Popen[str], steps: list[int], chance: random.Random, left_s: float) -> bool:
    """Let a maker work for a while and kill it; `steps` gains those it ended. False: time was over."""
    began = len(steps)
    counting = Thread(target=_count, args=(maker, steps))
    counting.start()
    until_s, dies_s = monotonic() + left_s, None
    while monotonic() < min(until_s, dies_s or until_s) and maker.poll() is None:
        if dies_s is None and len(steps) > began:
            dies_s = monotonic() + chance.uniform(*KILLED_AFTER_S)
        sleep(0.02)
    maker.kill()
    maker.wait()
    counting.join()
    return dies_s is not None and monotonic() >= dies_s


def _count(maker: subprocess.Popen[str], steps: list[int]) -> None:
    assert maker.stdout is not None
    steps.extend(int(line) for line in maker.stdout)


def _said(analyst: subprocess.Popen[str]) -> dict[str, Any]:
    try:
        text, _ = analyst.communicate(timeout=ENDS_IN_S)
        answer: dict[str, Any] = json.loads(text)
    except (subprocess.TimeoutExpired, json.JSONDecodeError) as error:
        analyst.kill()
        return {
            "open_s": [],
            "query_count": 0,
            "generations": {},
            "errors": [f"an analyst did not come back: {error!r}"],
        }
    return answer
