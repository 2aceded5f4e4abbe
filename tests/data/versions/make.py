"""What does a data directory of this version look like? Run by the Python and in the checkout of that version.

    git archive VERSION | tar x -C /tmp/version && cp tests/data/versions/make.py /tmp/version && cd /tmp/version
    PYTHONPATH=. python -m make /tmp/made/data
    tar c --exclude=reports --exclude='*.eml' --exclude=published -C /tmp/made data | xz -9e > VERSION.tar.xz

Messages go into its spool by its own spool, everything else is done by its own commands; a command that a version does
not have yet is left out. Nothing here may need what only later versions have.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from os import environ
from pathlib import Path
from typing import Any

from ingest.spool import Message, Spool

DAY = "2026-11-18"
START_S = datetime(2026, 11, 18, 14, 0, tzinfo=UTC).timestamp()  # nine in the morning in New York
TENANT = "northwind"
FILES = {
    "vehicles": "tenant_id,vehicle_id,fuel_type,tank_l,gvwr_lb,idle_l_per_h,fixed_cost_per_day\n"
    "northwind,V1,diesel,90,9350,1.9,41.50\nnorthwind,V2,gasoline,95,10360,,39.00\n",
    "depots": "tenant_id,depot_id,timezone,latitude,longitude,radius_m,window_start,window_end,wage_per_h\n"
    "northwind,D1,America/New_York,40.70,-74.00,150,08:00,18:00,24.00\n",
    "drivers": "tenant_id,driver_id,name\nnorthwind,N1,Wren\nnorthwind,N2,Alder\n",
    "assignments": "tenant_id,kind,id,vehicle_id,from_utc,to_utc\n"
    "northwind,device,d1,V1,2026-01-01T00:00:00Z,\nnorthwind,card,C1,V1,2026-01-01T00:00:00Z,\n"
    "northwind,driver,N1,V1,2026-01-01T00:00:00Z,\nnorthwind,depot,D1,V1,2026-01-01T00:00:00Z,\n",
    "stations": "station_id,name,latitude,longitude,state,timezone\nS1,Quay Fuel,40.72,-74.0,NJ,America/New_York\n",
    "prices": "region,product,from_date,price,unit,currency\nUS,diesel,2026-11-01,3.80,gal,USD\n",
}


def message(kind: str, device: str, payload: object, at_s: float) -> Message:
    """A message of the tenant, received at that second of the day's work."""
    content = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    topics = {"txn": f"fc/v1/{TENANT}/{device}/txn", "plan": f"rt/v1/{TENANT}/{device}/plan"}
    topic = topics.get(kind, f"tm/v1/{TENANT}/{device}/{kind}")
    return Message(topic, content, round((START_S + at_s) * 1e6), 1, False, None)


def trip(device: str, first: int, last: int) -> list[dict[str, Any]]:
    """Fixes each ten seconds: at the depot, out, standing with the engine on, then off, power take-off, and back."""
    points = []
    for seq in range(first, last):
        at_s = 10 * seq
        out = min(max(at_s - 300, 0), 600) - min(max(at_s - 2400, 0), 600)  # seconds of driving away
        is_moving = 300 <= at_s < 900 or 2400 <= at_s < 3000
        points.append(
            {
                **{"ts": START_S + at_s, "seq": seq, "lat": round(40.70 + out * 1e-4, 6), "lon": -74.0},
                **{"spd_kmh": 40.0 if is_moving else 0.0, "hdg_deg": 0 if at_s < 1200 else 180, "alt_m": 12},
                **{"ign": not 1500 <= at_s < 2100, "rpm": 1400 if is_moving else 700, "hdop": 0.8, "sat": 11},
                **{"odo_m": 48_000_000 + 11 * (at_s if at_s < 900 else 900), "fuel_used_l": 900 + seq / 50},
                **{"fuel_pct": round(60 - seq / 40, 1), "batt_v": 14.1, "pto": device == "d2" and 1200 <= at_s < 1400},
            }
        )
    return points


def positions(device: str, first: int, last: int, late_s: float = 5, kind: str = "pos") -> Iterator[Message]:
    """These fixes, sixty in a message."""
    for begin in range(first, last, 60):
        points = trip(device, begin, min(begin + 60, last))
        body = {"v": 1, "dev": device, "boot": 3, "pts": points}
        yield message(kind, device, body, points[-1]["ts"] - START_S + late_s)


def purchase(txn: str, event_type: str, seq: str, gross: str, **more: object) -> Message:
    """A version of a purchase."""
    body = {
        **{"v": 1, "event_type": event_type, "provider": "wex", "provider_txn_id": txn, "seq": seq, "card_id": "C1"},
        **{"vehicle_ref": "V1", "driver_ref": "N1", "ts_utc": f"{DAY}T14:20:00Z", "ts_quality": "exact"},
        **{"site_id": "S1", "site_name": "Quay Fuel", "lat": 40.72, "lon": -74.0, "geo_quality": "provider"},
        **{"product": "diesel", "product_raw": "DIESEL #2", "quantity": "30", "unit": "L", "unit_price": "1.20"},
        **{"gross": gross, "net": gross, "currency": "USD", "odometer_typed": 48010, "odometer_unit": "km"},
    }
    return message("txn", "wex", body | more, 1400 + 10 * int(seq))


def plan() -> Message:
    """Two stops on the way."""
    stops = [{"seq": n, "lat": 40.70 + n * 0.03, "lon": -74.0, "planned_service_s": 60, "packages": 2} for n in (1, 2)]
    route = {
        **{"route_id": "R1", "vehicle_id": "V1", "driver_id": "N1", "planned_exit_utc": START_S + 300},
        **{"planned_return_utc": START_S + 3000, "planned_stops": 2, "planned_packages": 4, "stops": stops},
    }
    return message("plan", "D1", {"v": 1, "service_date": DAY, "issued_utc": START_S - 3600, "routes": [route]}, -3600)


def on_time() -> list[Message]:
    """What arrives before the first refresh."""
    return [
        plan(),
        message("sta", "d1", {"v": 1, "st": "online", "ts": START_S, "boot": 3, "fw": "2.1"}, 1),
        *positions("d1", 0, 240),
        *positions("d2", 0, 360),
        *positions("d3", 0, 30),
        *positions("d1", 60, 120),  # once more
        message("evt", "d1", {"v": 1, "dev": "d1", "ts": START_S + 700, "type": "harsh_brake", "val": 0.5}, 701),
        message("pos", "d1", b'{"v": 1, "dev": "d1", "pts": [', 800),
        message("pos", "d1", {"v": 2, "dev": "d1", "pts": []}, 801),
        message("pos", "d2", {"v": 1, "dev": "d2", "pts": [{"ts": START_S + 5, "lat": 91, "lon": 0}]}, 802),
        purchase("W1", "clear", "1", "36.00"),
        purchase("W2", "clear", "1", "12.00", product="car_wash", product_raw="CAR WASH", quantity="1", unit="each"),
        purchase("W3", "clear", "1", "240.00", quantity="200", ts_utc=f"{DAY}T15:40:00Z", card_id="4111111111111111"),
    ]


def late() -> list[Message]:
    """What arrives after it, and moves what it measured."""
    return [*positions("d1", 240, 360, late_s=7200, kind="his"), purchase("W1", "post", "2", "35.50")]


def run(data_dir: Path, *words: str) -> None:
    """Run a command of this version; one that it does not know, or does not know so, is left out."""
    environment = {name: value for name, value in environ.items() if not name.startswith("ODOGRAPH_")}
    done = subprocess.run(
        [sys.executable, "-m", "flows", *words],
        env=environment | {"ODOGRAPH_DATA_DIR": str(data_dir), "ODOGRAPH_MAIL_TO": "dispatch@example.com"},
        capture_output=True,
        text=True,
    )
    print(f"{done.returncode} {' '.join(words)}", *done.stdout.splitlines()[:2], sep="\n    ")
    if done.returncode == 1:
        raise SystemExit(done.stderr)


def spooled(data_dir: Path, messages: list[Message]) -> None:
    """Messages of one collector, sealed when it stops."""
    with Spool.open(data_dir / "spool" / "main") as spool:
        for found in messages:
            spool.append([found])


def main(data_dir: Path) -> None:
    """Make it."""
    data_dir.mkdir(parents=True)
    for name, text in FILES.items():
        path = data_dir.with_name(f"{name}.csv")
        path.write_text(text)
        run(data_dir, "import", name, str(path))
    spooled(data_dir, on_time())
    run(data_dir, "refresh")
    spooled(data_dir, late())
    run(data_dir, "refresh")
    run(data_dir, "report", "daily", "--date", DAY, "--tenant", TENANT, "--send")
    run(data_dir, *("fuel", "review", "W3", "--rule", "F1", "--state", "explained", "--note", "two vans", "--by", "Al"))
    of_tenant = ("--tenant", TENANT, "--by", "Al")
    run(data_dir, "privacy", "hold", *of_tenant, "--vehicle", "V1", "--reason", "case 88")
    run(data_dir, "privacy", "erase", *of_tenant, "--vehicle", "d3", "--reason", "request 5", "--yes")
    spooled(data_dir, [*positions("d4", 0, 60)])  # sealed and not loaded
    left_open = Spool.open(data_dir / "spool" / "main")  # as a collector that was killed leaves it
    left_open.append(list(positions("d5", 0, 60)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
