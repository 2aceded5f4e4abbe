"""A command that is done leaves at once, and leaves nothing undone that somebody asked for."""

import os
import subprocess
import sys

import pytest

SAID = """
import atexit, sys, threading, time
class Kept:
    def __del__(self): print("taken down")
kept = Kept()
def late():
    time.sleep(0.2)
    print("threads are waited for", flush=False)
atexit.register(print, "asked for")
def command():
    threading.Thread(target=late).start()
    print("done")
    END
"""


def ended(end, **given):
    code = "from flows.leaving import run\n" + SAID.replace("END", end) + "run(command)"
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(
        [sys.executable, "-c", code],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
        env=buffered,
        **given,
    )


@pytest.mark.parametrize(("end", "status"), [("sys.exit()", 0), ("sys.exit(0)", 0), ("sys.exit(2)", 2)])
def test_it_leaves_with_its_status_when_all_is_done_that_was_asked_for(end, status):
    done = ended(end, stdout=subprocess.PIPE)
    assert (done.stdout, done.stderr, done.returncode) == (
        "done\nthreads are waited for\nasked for\n",
        "",
        status,
    )


@pytest.mark.parametrize(
    ("end", "said"), [('sys.exit("no such van")', "no such van\n"), ("raise ValueError(7)", "ValueError: 7\n")]
)
def test_what_ends_otherwise_ends_as_python_does(end, said):
    done = ended(end, stdout=subprocess.PIPE)
    assert (done.stderr.endswith(said), done.returncode, "taken down" in done.stdout) == (True, 1, True)


@pytest.fixture
def nobody():
    """A pipe that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


def test_output_that_nobody_reads_is_no_success(nobody):
    done = ended("sys.exit(0)", stdout=nobody)
    assert (done.returncode, "Broken pipe" in done.stderr) == (120, True)


@pytest.mark.parametrize("end", ["sys.stdout.flush()", "raise OSError('Broken pipe (os error 32)')"])
def test_who_has_seen_enough_ends_a_command_without_a_word(nobody, end):
    done = ended(end, stdout=nobody)
    assert (done.returncode, done.stderr) == (1, "")


def test_what_else_fails_is_told_also_to_nobody(nobody):
    done = ended("raise OSError(28, 'No space left on device')", stdout=nobody)
    assert "No space left on device" in done.stderr


def test_another_broken_pipe_is_told():
    done = ended("raise BrokenPipeError(32, 'Broken pipe')", stdout=subprocess.PIPE)
    assert (done.returncode, "BrokenPipeError" in done.stderr) == (1, True)
