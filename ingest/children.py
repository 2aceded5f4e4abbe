"""What does every server need that we start as a process of our own? A free port, and an end with us."""

import ctypes
import signal
import socket
import sys

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def end_with_parent() -> None:
    """Have the kernel end this process when its parent is gone, also one that was killed and could tell nobody.

    For `preexec_fn`: it runs between fork and exec, where loading a library would not be safe. Linux counts the thread
    that forked as the parent, so children are started on the main thread. Elsewhere nothing happens.
    """
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def free_port() -> int:
    """Return a port of the loopback address on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
