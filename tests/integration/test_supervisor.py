"""A child that ends is started again, later each time, until it shall end."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time

import psycopg
import pytest
from procrastinate.exceptions import JobAborted
from procrastinate.jobs import Job

from app.running import MOST_ATTEMPTS, Again
from app.supervisor import Backoff, Supervisor
from pipelines.errors import BusyError, InputError
from tests.workers import until

QUICK = Backoff(first_s=0.05, longest_s=0.2, well_s=60)


def test_a_child_that_ends_is_started_again(tmp_path):
    starts = tmp_path / "starts"
    supervisor = Supervisor("child", ["sh", "-c", f"date +%s.%N >> {starts}; exit 3"], QUICK)
    supervisor.start()
    times = until(lambda: (found := _times(starts)) and len(found) >= 4 and found, within_s=20)
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
    supervisor = Supervisor("child", ["sh", "-c", line], QUICK)
    supervisor.start()
    until(lambda: supervisor.pid)
    time.sleep(0.2)
    began = time.monotonic()
    supervisor.stop(0.5)
    assert time.monotonic() - began < 5
    assert supervisor.pid is None


def test_what_is_tried_again_and_what_is_not():
    """An outage and somebody else's turn pass; what a person gave does not get better."""
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


def test_a_worker_starts_without_the_model_libraries():
    """They take seconds and hundreds of megabytes; a job that needs them loads them."""
    look = "import sys, app.worker; print(sorted({'torch', 'transformers', 'gradio'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
