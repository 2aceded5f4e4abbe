"""Who makes generations while analysts read? A process that receives a little, refreshes, and begins again.

Run as `python -m flows.bench.readers.maker DATA FIRST_STEP`; prints the number of each step that ended. It may be
killed at any moment, and the next one goes on with what was left.
"""

import sys
import time
from itertools import count
from pathlib import Path

from flows.refresh import refresh
from flows.settings import Settings
from flows.upkeep import upkeep
from ingest.spool import Message, Spool

TENANTS = ("acme", "birch", "cedar")
UPKEEP_EVERY = 7
POINT = '{"ts":%d,"seq":%d,"lat":40.7,"lon":-74.0,"spd_kmh":%d,"ign":%s}'


def settings_of(data_dir: Path) -> Settings:
    """The defaults, whatever the caller's environment names."""
    return Settings(_env_file=None, data_dir=data_dir, lake_url=None)  # type: ignore[call-arg]


def step(settings: Settings, number: int) -> None:
    """Half an hour of one van of one tenant arrives, and is published."""
    tenant, device = TENANTS[number % len(TENANTS)], f"van-{number % 12}"
    start_s = time.time() // 86_400 * 86_400 - 86_400 + 60 * 30 * (number % 40)
    points = ",".join(
        POINT % (start_s + 60 * minute, minute, 40 * (minute % 5 > 2), "true" if minute % 7 else "false")
        for minute in range(30)
    )
    payload = f'{{"v":1,"dev":"{device}","boot":{number},"pts":[{points}]}}'.encode()
    with Spool.open(settings.spool_dir / "main") as spool:
        spool.append([Message(f"tm/v1/{tenant}/{device}/pos", payload, int(time.time() * 1e6), 1, False, None)])
    refresh(settings)
    if number % UPKEEP_EVERY == 0:
        upkeep(settings)


if __name__ == "__main__":
    for number in count(int(sys.argv[2])):
        step(settings_of(Path(sys.argv[1])), number)
        print(number, flush=True)
