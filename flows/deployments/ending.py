"""What does a process that ran flows say when it has ended?

DuckDB's binding counts what is left of it when the interpreter is gone, and wherever a daemon thread outlives the main
one, as Prefect's do, it lists all of it on stderr: forty lines about leaks, of which nobody has any harm. So what
is written there after the last handler of `atexit` is dropped; errors and log lines were written before.
"""

import atexit
import os
import sys

STDERR = 2


def end_quietly() -> None:
    """See to it that nothing is written to stderr once this process has run to its end."""
    atexit.register(_drop_stderr)


def _drop_stderr() -> None:
    sys.stderr.flush()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, STDERR)
    os.close(nowhere)
