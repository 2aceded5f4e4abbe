"""Which broker does the line use where none is given by URL?

mosquitto as a child process where it is installed, else amqtt, which comes with the project.
amqtt speaks MQTT 3.1.1 only and loses what it queued for an absent client, so with it the collector
uses a clean session and publishers keep an outbox.
Both listen on a free loopback port and end with the process that started them.
"""

import asyncio
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from string import Template
from time import monotonic, sleep
from typing import Any, Literal, NamedTuple, Self

from ingest.children import end_with_parent, free_port

logger = logging.getLogger(__name__)

START_S = 10.0
STOP_S = 10.0
START_ATTEMPTS = 3

LOOPBACK_ACCESS = """\
# Loopback only, which is why no password is asked for.
listener {port} 127.0.0.1
allow_anonymous true"""
LOOPBACK_LOG = """\
log_dest stdout
log_type error
log_type warning
log_type notice
connection_messages false"""

Kind = Literal["mosquitto", "amqtt"]


class BrokerFailed(Exception):
    """A broker of ours did not start; the message holds the end of its log."""


class Broker(NamedTuple):
    """A broker that runs; `clean_session` says that it cannot keep messages for an absent client."""

    url: str
    kind: Kind
    description: str
    clean_session: bool


def find_mosquitto() -> str | None:
    """Find mosquitto on the path and where Debian puts it; None when it is not installed."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
    return shutil.which("mosquitto", path=path)


@contextmanager
def embedded_broker(
    folder: Path,
    *,
    prefer: Literal["auto", "mosquitto", "amqtt"] = "auto",
    log: Callable[[str], None] = logger.info,
) -> Iterator[Broker]:
    """Run a broker whose state lies in `folder`, and stop it at the end.

    Raises BrokerFailed when the one asked for does not start.
    """
    if prefer == "mosquitto" or (prefer == "auto" and find_mosquitto() is not None):
        child: _Child = MosquittoChild(folder)
        broker = Broker("", "mosquitto", "mosquitto as a child process", clean_session=False)
    else:
        child = AmqttChild(folder)
        broker = Broker("", "amqtt", "amqtt as a child process, MQTT 3.1.1", clean_session=True)
    with child:
        broker = broker._replace(url=child.url)
        log(f"broker: {broker.description}, {broker.url}")
        yield broker


class _Child(ABC):
    """A broker in a process of its own; it may be stopped and started again on its port and folder."""

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self.folder = folder
        self.port = port or 0
        self._process: subprocess.Popen[bytes] | None = None
        self._attempts = 1 if port else START_ATTEMPTS

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"mqtt://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process id of the running broker."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> Self:
        """Start and wait until it answers; without a port of its own, on a free one."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for attempt in range(self._attempts):
            self.port = self.port or free_port()
            try:
                self._start_once()
            except BrokerFailed:
                if attempt + 1 == self._attempts:
                    raise
                self.port = 0  # somebody may have taken the port between our looking and its opening
            else:
                self._attempts = 1
                return self
        raise AssertionError("unreachable")

    def stop(self) -> None:
        """Ask it to end, so that it saves what it has."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a crash would."""
        self._end(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @abstractmethod
    def command(self) -> Sequence[str]:
        """Say how to start it on `self.port`."""

    def _start_once(self) -> None:
        if _answers(self.port):
            raise BrokerFailed(f"port {self.port} on 127.0.0.1 is in use")
        log_path = self.folder / "broker.log"
        with log_path.open("ab") as log_file:
            self._process = subprocess.Popen(
                self.command(),
                stdin=subprocess.PIPE,
                stdout=log_file,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                preexec_fn=end_with_parent,
                start_new_session=True,  # Ctrl-C is for us; we stop the broker after the collector
            )
        give_up_s = monotonic() + START_S
        while not _answers(self.port):
            if self._process.poll() is not None or monotonic() > give_up_s:
                self.kill()
                raise BrokerFailed(f"{self.command()[0]} did not start:\n{log_path.read_text()[-2000:]}")
            sleep(0.01)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


class MosquittoChild(_Child):
    """mosquitto with `broker.conf`; its queues are in `folder` and survive a restart."""

    def command(self) -> Sequence[str]:
        """Render the configuration and name it."""
        program = find_mosquitto()
        if program is None:
            raise BrokerFailed("mosquitto is not installed")
        # The user `mosquitto`, which it would become, may not write the data folder.
        user = "root" if os.geteuid() == 0 else "mosquitto"
        access = self.access()
        path = self.folder / "broker.conf"
        path.write_text(broker_conf(access=access, state=self.folder.resolve(), user=user, log=LOOPBACK_LOG))
        return [program, "-c", str(path.resolve())]

    def access(self) -> str:
        """Who may come in, in words of its configuration."""
        return LOOPBACK_ACCESS.format(port=self.port)


def broker_conf(*, access: str, state: Path, user: str, log: str) -> str:
    """mosquitto's configuration with the promises of `broker.conf`: who may come in, and where state and log go."""
    template = Template(files("ingest").joinpath("broker.conf").read_text())
    return template.substitute(access=access, state=state, user=user, log=log)


class AmqttChild(_Child):
    """amqtt in a Python process of its own; it keeps nothing when it ends.

    As a thread beside a collector and a publisher it shares their interpreter lock: 2,800 to 3,300 messages
    a second from end to end against 5,000 as a process (two cores, 1 kB, QoS 1, November 2026).
    """

    @property
    def url(self) -> str:
        """Where it listens, and that it need not be asked for MQTT 5, to which it gives no answer."""
        return f"{super().url}?version=3.1.1"

    def command(self) -> Sequence[str]:
        """Run this module as a program."""
        project = str(Path(__file__).resolve().parents[1])
        code = f"import sys; sys.path.insert(0, {project!r}); from ingest.broker import main; main()"
        return [sys.executable, "-c", code, str(self.port)]


async def serve_amqtt(port: int, stopping: asyncio.Event) -> None:
    """Run amqtt on a loopback port until told to stop."""
    # Imported here, because those who use mosquitto need not wait for it.
    from amqtt.broker import Broker as AmqttBroker

    settings: dict[str, Any] = {
        "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    }
    broker = AmqttBroker(settings)
    await broker.start()
    await stopping.wait()
    await broker.shutdown()


async def _serve_until_orphaned(port: int) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    # Our standard input ends when the process that started us does, however it ended.
    loop.add_reader(sys.stdin.fileno(), stopping.set)
    await serve_amqtt(port, stopping)


def main() -> None:
    """Serve amqtt on the port given as the only argument."""
    logging.basicConfig(level=logging.ERROR)
    asyncio.run(_serve_until_orphaned(int(sys.argv[1])))


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
