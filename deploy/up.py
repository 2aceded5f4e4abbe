"""What does `make up` do? It starts the containers of docker-compose.yml and says what it does, and what to do next.

Needs Docker and its compose, and Python for this file; nothing of the project has to be installed.
`make down` stops them again; state stays in volumes.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryFile
from time import monotonic, sleep
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PROFILES = ("dev", "s3", "simulate")
WAIT_S = 300.0
# A step of the classic builder, or of BuildKit without those that only look what there is to do.
STEP = re.compile(r"Step \d|#\d+ \[(?![^]]*\binternal\])")
# What compose 2 says of each thing that goes as it should.
PROGRESS = re.compile(r" (?:Network|Volume|Container) \S+ +(?!Error)\w+$")
LOG_LINES, SAID_LINES, SHOWN = "15", 30, 100
ABOUT = {
    "keys": "certificates, passwords and the broker's rules, made where they are missing; then it ends",
    "broker": "MQTT with TLS; nobody without a certificate or password",
    "collector": "messages from the broker to disk",
    "database": "PostgreSQL for Prefect",
    "prefect": "Prefect server: schedules, and pages of runs",
    "worker": "refresh, reports and upkeep on schedule",
    "mail": "catches every mail and sends nothing on",
    "store": "SeaweedFS: object store, for the lake",
}
OF_PROFILE = {"mail": "dev", "store": "s3"}
# What a profile points the line at, where nothing else is set.
POINTED_AT = {
    "dev": {"ODOGRAPH_SMTP_URL": "smtp://mail:1025"},
    "s3": {
        "ODOGRAPH_LAKE_URL": "s3://odograph/lake",
        "AWS_ENDPOINT_URL": "http://store:8333",
        "AWS_ALLOW_HTTP": "true",  # on the network of the containers
        "AWS_REGION": "us-east-1",
    },
}


class CannotStart(Exception):
    """Something that a person has to see to; the message says what to do."""


class Container(NamedTuple):
    """One service as it is now: its container's state, and what its health check says."""

    service: str
    state: str
    health: str | None
    exit_code: int

    @property
    def shown(self) -> str:
        if self.state == "exited":
            return "done" if self.exit_code == 0 else f"failed with status {self.exit_code}"
        return self.health or self.state

    @property
    def is_ready(self) -> bool:
        return self.shown in ("healthy", "done")


class Port(NamedTuple):
    """A port of this machine that a service wants, and the variable that names it."""

    service: str
    address: str
    number: int
    variable: str


def read_env(path: Path) -> dict[str, str]:
    """The lines `NAME=value` of an env file as compose reads them, without quotes and what is said beside a value."""
    if not path.exists():
        return {}
    found: dict[str, str] = {}
    for line in path.read_text().splitlines():
        name, is_set, value = line.strip().removeprefix("export ").partition("=")
        if is_set and not name.startswith("#"):
            quoted = re.match(r"""(['"])(.*?)\1""", value.strip())
            found[name.strip()] = quoted[2] if quoted else re.sub(r"(^|\s)#.*", "", value).strip()
    return found


def wanted_ports(env: Mapping[str, str], profiles: list[str]) -> list[Port]:
    """What docker-compose.yml publishes."""

    def port(service: str, variable: str, default: int, address: str = "127.0.0.1") -> Port:
        text = env.get(variable) or str(default)
        if not text.isdigit() or not 0 < int(text) < 65536:
            raise CannotStart(f"{variable}={text!r}: expected a port, 1 to 65535")
        return Port(service, address, int(text), variable)

    address = env.get("BROKER_ADDRESS") or "127.0.0.1"
    ports = [
        port("broker", "BROKER_PORT", 8883, address),
        port("broker", "BROKER_PASSWORD_PORT", 8884, address),
        port("prefect", "PREFECT_PORT", 4200),
    ]
    of_profiles = [port("mail", "SMTP_PORT", 1025), port("store", "STORE_PORT", 8333)]
    return [*ports, *(found for found in of_profiles if OF_PROFILE[found.service] in profiles)]


def taken(port: Port) -> str | None:
    """Why a port cannot be had; None where it can."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((port.address, port.number))
        except OSError as error:
            return error.strerror
    return None


def compose_command() -> list[str]:
    """Compose 2 where it is there, else compose 1; raises CannotStart where there is no engine to talk to."""
    if shutil.which("docker") is None:
        raise CannotStart("docker is not installed: apt-get install docker.io docker-compose, or see docs.docker.com")
    asked = subprocess.run(["docker", "version", "--format", "{{.Server.Version}}"], capture_output=True, text=True)
    if asked.returncode != 0:
        said = asked.stderr.strip().splitlines()[-1:] or ["no answer"]
        if "permission denied" in said[0].lower():
            raise CannotStart("docker's socket is not open to you: join the group docker, or run this as root")
        raise CannotStart(f"the docker daemon does not answer; start it (systemctl start docker). It said: {said[0]}")
    if subprocess.run(["docker", "compose", "version"], capture_output=True).returncode == 0:
        return ["docker", "compose"]
    if shutil.which("docker-compose") is not None:
        return ["docker-compose"]
    raise CannotStart("docker is there but compose is not: apt-get install docker-compose")


def containers(compose: list[str], env: Mapping[str, str]) -> list[Container]:
    """The newest container of each of our services; those of `run` are left out.

    There are two while compose 2 replaces one: it makes the new one before it stops the one of before.
    """
    listed = subprocess.run([*compose, "ps", "--all", "--quiet"], cwd=ROOT, env=env, capture_output=True, text=True)
    ids = listed.stdout.split()
    if not ids:
        return []
    asked = subprocess.run(["docker", "inspect", *ids], capture_output=True, text=True)
    newest: dict[str, Container] = {}
    for found in sorted(json.loads(asked.stdout or "[]"), key=lambda found: found["Created"].rstrip("Z")):
        labels, state = found["Config"]["Labels"], found["State"]
        if labels.get("com.docker.compose.oneoff") != "True":
            service, health = labels["com.docker.compose.service"], state.get("Health", {}).get("Status")
            newest[service] = Container(service, state["Status"], health, state["ExitCode"])
    return list(newest.values())


def up(compose: list[str], env: Mapping[str, str], profiles: list[str]) -> None:
    """Build, start, wait until everything is healthy, and say where it is."""
    services = [name for name in ABOUT if OF_PROFILE.get(name) in (None, *profiles)]
    print(f"Odograph in containers, with {' '.join(compose)}:")
    for name in services:
        print(f"  {name:<10} {ABOUT[name]}")
    has_file = (ROOT / ".env").exists()
    print(f"settings: {'.env' if has_file else 'defaults; copy .env.example to .env to change them'}")

    before = {found.service: found for found in containers(compose, env)}
    ports = wanted_ports(env, profiles)
    for port in ports:
        is_ours = port.service in before and before[port.service].state == "running"
        why = None if is_ours else taken(port)
        if why is not None:
            raise CannotStart(
                f"{port.address}:{port.number} for {port.service}: {why}. Choose another by {port.variable} in .env"
            )
    print("building the image; the first time takes minutes", flush=True)
    build(compose, env)
    print("starting", flush=True)
    started_s = monotonic()
    with TemporaryFile("w+") as said:
        starting = subprocess.Popen([*compose, "up", "--detach"], cwd=ROOT, env=env, stdout=said, stderr=said)
        waited = wait_until_ready(compose, env, starting, services)
        if waited is not None:
            said.seek(0)
            print(shortened(said.read()), file=sys.stderr)
            explain(compose, env, waited)
    if "broker" in before and before["broker"].state == "running":
        # It has been running all the while: it reads rules, passwords and certificates anew, and keeps its connections.
        subprocess.run([*compose, "kill", "-s", "HUP", "broker"], cwd=ROOT, env=env, capture_output=True)
    print(f"all healthy after {monotonic() - started_s:.0f} s\n")
    tell_next(compose, ports, profiles)


def build(compose: list[str], env: Mapping[str, str]) -> None:
    """Build the image and show its steps; all it said only where that fails."""
    said: list[str] = []
    shown: set[str] = set()
    with subprocess.Popen(
        [*compose, "build", "worker"],
        cwd=ROOT,
        env={**env, "BUILDKIT_PROGRESS": "plain"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as building:
        assert building.stdout is not None
        for line in building.stdout:
            said.append(line)
            # BuildKit runs steps side by side and names one again whenever it goes on to speak of it.
            if STEP.match(line) and line not in shown:
                shown.add(line)
                print(f"  {line.strip()[:SHOWN]}", flush=True)
    if building.returncode != 0:
        print("".join(said[-SAID_LINES:]), file=sys.stderr)
        raise CannotStart("the image could not be built, the lines above say why. docs/deployment.md, 'The image'")


def wait_until_ready(
    compose: list[str], env: Mapping[str, str], starting: "subprocess.Popen[bytes]", services: list[str]
) -> list[Container] | None:
    """Show each service as its state changes; None once all are ready, else those that are not."""
    shown: dict[str, str] = {}
    started_s = monotonic()
    while True:
        status = starting.poll()
        found = [container for container in containers(compose, env) if container.service in services]
        for container in found:
            if shown.get(container.service) != container.shown:
                shown[container.service] = container.shown
                print(f"  {container.service:<10} {container.shown:<12} {monotonic() - started_s:4.0f} s", flush=True)
        late = [container for container in found if not container.is_ready]
        if status == 0 and not late and len(found) == len(services):
            return None
        # While compose is at work a container may be the one of before.
        is_hopeless = status == 0 and any(container.shown.startswith("failed") for container in late)
        if status not in (None, 0) or is_hopeless or monotonic() - started_s > WAIT_S:
            starting.wait()
            return late
        sleep(1)


def shortened(said: str) -> str:
    """What compose said, without the lines of what went well."""
    return "\n".join(line for line in said.splitlines() if not PROGRESS.match(line))


def explain(compose: list[str], env: Mapping[str, str], late: list[Container]) -> None:
    """Show the last lines of what did not come up, and give up."""
    # Compose 2 makes all containers before it starts the first; those that were never started wait for another.
    late = [container for container in late if container.state != "created"] or late
    for container in late:
        print(f"--- {container.service} ({container.shown})", file=sys.stderr, flush=True)
        subprocess.run([*compose, "logs", "--tail", LOG_LINES, container.service], cwd=ROOT, env=env, stdout=sys.stderr)
    names = ", ".join(container.service for container in late) or "compose"
    raise CannotStart(f"not up: {names}. `make down` stops the rest; the lines above say why")


def tell_next(compose: list[str], ports: list[Port], profiles: list[str]) -> None:
    """Addresses, and commands to go on with."""
    by_variable = {port.variable: port for port in ports}
    broker, by_password = by_variable["BROKER_PORT"], by_variable["BROKER_PASSWORD_PORT"]
    run = " ".join(compose)
    print(f"broker     mqtts://{broker.address}:{broker.number} by certificate, {by_password.number} by password")
    print(f"Prefect    http://127.0.0.1:{by_variable['PREFECT_PORT'].number}")
    if "dev" in profiles:
        print(f"mail       smtp://127.0.0.1:{by_variable['SMTP_PORT'].number}; {run} exec mail ls /mail/box/new")
    if "s3" in profiles:
        port = by_variable["STORE_PORT"].number
        print(f"store      http://127.0.0.1:{port}; {run} exec worker cat /keys/store/credentials")
    print("\nnext:")
    if "dev" in profiles:
        print(f"  {run} run --rm simulate --vans 2 --truth /data/truth    # a day of two vans, over TLS")
        print(f"  {run} exec worker sh -c 'odograph import vehicles /data/truth/vehicles.csv && odograph refresh'")
    else:
        print(f"  {run} exec worker odograph import --help         # vehicles, devices, depots; then `make up` again")
        print(f"  {run} run --rm -T keys certificate NAME | tar x  # a device's certificate (docs/deployment.md)")
    print(f"  {run} exec worker odograph status")
    print("  make down                                               # stops all of it and keeps the data")


def main(command: str) -> int:
    """Run `up` or `down`; return the exit status."""
    env = {**read_env(ROOT / ".env"), **os.environ}
    profiles = [name for name in env.get("COMPOSE_PROFILES", "").split(",") if name]
    unknown = [name for name in profiles if name not in PROFILES]
    try:
        if unknown:
            raise CannotStart(f"no profile {', '.join(unknown)}: there are dev and s3")
        compose = compose_command()
        if command == "down":
            done = subprocess.run([*compose, "down"], cwd=ROOT, env={**env, "COMPOSE_PROFILES": ",".join(PROFILES)})
            print("stopped; the data is kept in volumes, and `make up` goes on with it")
            return done.returncode
        for name in profiles:
            for variable, value in POINTED_AT.get(name, {}).items():
                env[variable] = env.get(variable) or value
        up(compose, env, profiles)
    except CannotStart as error:
        print(f"cannot start: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped waiting; what has started goes on, `make down` stops it", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
