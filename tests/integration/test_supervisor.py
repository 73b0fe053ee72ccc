"""A child that ends or freezes is restarted with growing pauses until it is told to end."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
import time

import psycopg
import pytest
from procrastinate.exceptions import JobAborted
from procrastinate.jobs import Job

from app.watchdog.pulse import Patience
from app.watchdog.supervisor import Backoff, Supervisor, Watch
from app.worker.job_context import MOST_ATTEMPTS, Again
from pipelines.errors import BusyError, InputError
from tests.workers import until

QUICK = Backoff(first_s=0.05, longest_s=0.2, well_s=60)
# It grows with the load of the machine.
IMPATIENT = Patience(limit_s=2, most_s=30)
# The second call waits for the first for ever, in C and with the interpreter's lock in its hands.
STAND_STILL = """
import ctypes
mutex = ctypes.create_string_buffer(64)
lock = ctypes.PyDLL(None).pthread_mutex_lock
"""
BEAT = """
import asyncio, sys, time
from app.watchdog.heartbeat import Heartbeat
heart = Heartbeat(int(sys.argv[1]))
heart.start()
heart.tell("ready")
"""


def test_a_child_that_ends_is_started_again(tmp_path):
    starts = tmp_path / "starts"
    line = ["sh", "-c", f"date +%s.%N >> {starts}; exit 3"]
    supervisor = Supervisor("child", lambda _: line, Watch(backoff=QUICK))
    supervisor.start()
    times = until(lambda: (found := _times(starts)) and len(found) >= 4 and found)
    supervisor.stop(1)
    pauses = [b - a for a, b in itertools.pairwise(times)]
    assert pauses[1] > 0.09
    assert pauses[2] > 0.19
    count = len(_times(starts))
    time.sleep(0.5)
    assert len(_times(starts)) == count


def _times(path):
    return [float(line) for line in path.read_text().split()] if path.exists() else []


@pytest.mark.parametrize("line", ["exec cat", "trap '' TERM; while :; do sleep 0.1; done"])
def test_a_child_ends_when_told_and_by_force_if_it_does_not(line):
    supervisor = Supervisor("child", lambda _: ["sh", "-c", line], Watch(backoff=QUICK))
    supervisor.start()
    until(lambda: supervisor.pid)
    time.sleep(0.2)
    began = time.monotonic()
    supervisor.stop(0.5)
    assert time.monotonic() - began < 30
    assert supervisor.pid is None


@pytest.mark.parametrize(
    "fault",
    [
        f"{STAND_STILL}\ndef stuck():\n    lock(mutex); lock(mutex)\nstuck()",
        "async def stuck():\n    task = asyncio.create_task(heart.keep_looping())\n"
        "    await asyncio.sleep(0.1)\n    time.sleep(3600)\nasyncio.run(stuck())",
    ],
    ids=["interpreter", "event loop"],
)
def test_a_child_that_stands_still_is_shown_ended_and_started_again(fault, capfd):
    """It ignores SIGTERM, and its threads write nothing. Its tracebacks are in the log."""
    lives = []
    watch = Watch(IMPATIENT, QUICK, on_word=lives.append, on_end=lives.append)
    supervisor = Supervisor(
        "child", lambda fd: [sys.executable, "-c", BEAT + fault, str(fd)], watch
    )
    supervisor.start()
    until(lambda: lives.count("ready") >= 2)
    supervisor.stop(0.1)
    ready = lives.index("ready")
    # It was because it stood still. On a busy machine it may have been too slow before.
    assert True in lives[ready : lives.index("ready", ready + 1)]
    assert "in stuck" in capfd.readouterr().err


def test_a_child_that_cannot_start_is_left_and_one_that_could_is_not():
    """A fault at the first start does not go away. Its exit code becomes the parent's."""
    watch = Watch(IMPATIENT, QUICK, must_start=True)
    never = Supervisor("child", lambda _: ["sh", "-c", "exit 4"], watch)
    never.start()
    assert never.given_up.wait(60)
    assert never.code == 4
    starts = "import os, sys; os.write(int(sys.argv[1]), b'ready\\n'); sys.exit(4)"
    line = [sys.executable, "-c", starts]
    lives = []
    watch = Watch(IMPATIENT, QUICK, on_end=lives.append, must_start=True)
    once = Supervisor("child", lambda fd: [*line, str(fd)], watch)
    once.start()
    until(lambda: len(lives) >= 3)
    once.stop(1)
    assert not once.given_up.is_set()


def test_a_command_that_stands_still_is_ended_with_a_sentence():
    program = f"""
from app.watchdog.pulse import Patience
from app.watchdog.watcher import watched
{STAND_STILL}
def stuck():
    lock(mutex); lock(mutex)
with watched(Patience(1, 30)):
    stuck()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL
    assert "has been frozen" in done.stderr
    assert "in stuck" in done.stderr


def test_what_is_tried_again_and_what_is_not():
    """Outages and locks pass. Invalid input does not."""
    again = Again()

    def decide(error, attempts=0):
        job = Job(id=1, queue="q", lock=None, queueing_lock=None, task_name="t", attempts=attempts)
        return again.get_retry_decision(exception=error, job=job)

    assert decide(JobAborted()).retry_at is None  # at once: its worker ends
    assert decide(psycopg.OperationalError()).retry_at is not None
    assert decide(BusyError()).retry_at is not None
    assert decide(InputError()) is None
    assert decide(ValueError()) is None
    assert decide(BusyError(), MOST_ATTEMPTS - 1) is None


def test_what_watches_imports_little():
    """It survives whatever happens to the others' libraries, and adds little to a start."""
    heavy = "{'numpy', 'psycopg', 'torch', 'gradio', 'haystack', 'starlette'}"
    look = (
        f"import sys, app.watchdog.launch, app.cli.main; print(sorted({heavy} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_worker_starts_without_the_model_libraries():
    """They take seconds and hundreds of megabytes. Jobs that need them load them."""
    look = "import sys, app.worker.process; print(sorted({'torch', 'transformers', 'gradio'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
