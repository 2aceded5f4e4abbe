"""What was done, and what went wrong for whom?"""

import logging
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from flows.post.sending import Sent

logger = logging.getLogger(__name__)


class Posted(NamedTuple):
    """What was done: mails sent or written, noted as quiet, waiting for data, and what went wrong, in words.

    delayed   what a server did not take for now, and is tried again
    problems  what needs a person
    """

    sent: int = 0
    written: tuple[Path, ...] = ()
    corrected: int = 0
    quiet: int = 0
    awaited: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    delayed: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Return it in words, one line each."""
        counts = {"mails sent": self.sent, "corrections among them": self.corrected, "nothing to say": self.quiet}
        lines = [f"{name}: {count}" for name, count in counts.items() if count]
        lines += [f"mail written: {path}" for path in self.written]
        lines += [f"waits for data: {awaited}" for awaited in self.awaited]
        lines += [f"tried again later: {delayed}" for delayed in self.delayed]
        return lines + [f"not sent: {problem}" for problem in self.problems] or ["nothing was due"]


class Done:
    """What was done so far."""

    def __init__(self) -> None:
        self.awaited: list[str] = []
        self.problems: list[str] = []
        self.quiet = 0
        self.corrections: set[str] = set()

    def noting(self, what: str) -> "Noting":
        """Note what goes wrong with something, such as one recipient's mail, and go on with the next."""
        return Noting(self, what)

    def posted(self, sent: Sent) -> Posted:
        """Return it with what left."""
        problems = [*self.problems, *(f"{recipient}: {reason}" for recipient, reason in sent.wanting)]
        delayed = [f"{recipient}: {why}" for recipient, why in sent.delayed]
        count = len(self.corrections & set(sent.sent))
        return Posted(
            len(sent.sent), sent.written, count, self.quiet, tuple(self.awaited), tuple(problems), tuple(delayed)
        )


class Noting(NamedTuple):
    """While something is made that others do not depend on."""

    done: Done
    what: str

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        logger.error("failed: %s", self.what, exc_info=error)
        self.done.problems.append(f"{self.what}: {(str(error) or repr(error)).splitlines()[0]}")
        return True
