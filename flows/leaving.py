"""How does a command end?

Python looks through all objects once more when it ends, and takes down every module: 0.2 s after a refresh, for memory
that the system takes back anyway. So a command that is done leaves at once, as soon as threads are joined, all that
others asked to be called at the end was called, and its output is flushed. Import this before anything that asks: what
was asked first is called last.
"""

import atexit
import errno
import os
import select
import sys
from collections.abc import Callable

_status: int | None = None


def run(command: Callable[[], None]) -> None:
    """Run what ends with SystemExit, and leave with its status; where it ends otherwise Python ends as it does.

    Who reads the output may stop when they have seen enough, as `head` does: that is status 1 without a word.
    """
    global _status
    try:
        command()
    except SystemExit as ended:
        _status = 0 if ended.code is None else ended.code if isinstance(ended.code, int) else None
        raise
    except OSError as error:
        if error.errno not in (None, errno.EPIPE) or not _is_reader_gone():
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _status = 1
        sys.exit(_status)


def _is_reader_gone() -> bool:
    asked = select.poll()
    asked.register(sys.stdout.fileno(), 0)
    return any(event & select.POLLERR for _, event in asked.poll(0))


def _leave() -> None:
    if _status is None:
        return
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):  # whoever read it is gone: Python says so, and with which status
        return
    os._exit(_status)


atexit.register(_leave)
