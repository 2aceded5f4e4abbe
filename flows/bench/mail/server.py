"""What can a mail server do to us? Each of it, on a real SMTP server on loopback that remembers what it did.

It keeps what it accepts by Message-ID. Where it accepts a mail and the client cannot know, because the connection goes
or the client is killed, the mail is in the window that SMTP leaves open: `in_window`.
"""

import asyncio
import os
import signal
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from random import Random
from typing import Any

from aiosmtpd.controller import Controller

GONE = "gone@"  # addresses that begin so are refused
Fault = str
FAULTS: tuple[Fault, ...] = (
    "450 at RCPT",
    "421 at RCPT",
    "451 at DATA",
    "slow",
    "dropped before the mail was taken",
    "dropped after the mail was taken",
    "client killed before the mail was taken",
    "client killed before the answer",
    "client killed after the answer",
)


class FaultyServer:
    """The handler: `fault` names what happens to a mail to this address, empty for nothing; `kill` kills the client."""

    def __init__(self, fault: Callable[[str], Fault], kill: Callable[[], None] = lambda: None) -> None:
        self.fault = fault
        self.kill = kill
        self.accepted: Counter[str] = Counter()
        self.in_window: set[str] = set()
        self.happened: Counter[Fault] = Counter()
        self.subjects: dict[str, str] = {}
        self._fault = ""

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        """Take an address, or not."""
        if address.startswith(GONE):
            self.happened["550 at RCPT"] += 1
            return "550 5.1.1 no such mailbox"
        self._fault = self.fault(address)
        if self._fault.endswith("at RCPT"):
            self.happened[self._fault] += 1
            return "421 4.3.2 closing" if self._fault.startswith("421") else "450 4.2.0 greylisted, try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Take a mail, or not, or take it and let nobody know."""
        fault = self._fault
        if fault:
            self.happened[fault] += 1
        if fault == "451 at DATA":
            return "451 4.3.0 try again later"
        if fault == "554 at DATA":
            return "554 5.6.0 not like this"
        if fault == "dropped before the mail was taken":
            server.transport.abort()
            return ""
        if fault == "client killed before the mail was taken":
            self.kill()
            server.transport.abort()
            return ""
        if fault == "slow":
            await asyncio.sleep(0.3)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        key = str(mail["Message-ID"])
        self.accepted[key] += 1
        self.subjects[key] = str(mail["Subject"])
        if fault == "dropped after the mail was taken":
            self.in_window.add(key)
            server.transport.abort()
        elif fault == "client killed before the answer":
            self.in_window.add(key)
            self.kill()
        elif fault == "client killed after the answer":
            self.in_window.add(key)
            await server.push("250 accepted")
            self.kill()
            server.transport.abort()
        return "250 accepted"


@contextmanager
def running(handler: FaultyServer) -> Iterator[int]:
    """Run the server on loopback; yields its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def first_time(plan: dict[str, list[Fault]]) -> Callable[[str], Fault]:
    """Faults by address, one for each time it is tried; none once they are used up."""
    left = {address: list(faults) for address, faults in plan.items()}
    return lambda address: left[address].pop(0) if left.get(address) else ""


def now_and_then(random: Random, share: float) -> Callable[[str], Fault]:
    """A random fault for a share of all mails."""
    return lambda address: random.choice(FAULTS) if random.random() < share else ""


def kill(pid: int) -> None:
    """Kill a client as the kernel does when memory is short; it may be gone already."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
