"""`attune serve` with the worker that it keeps: as one they recover, and as one they end."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import urllib.error
import urllib.request

import psutil
import psycopg
import pytest

from pipelines.store import jobs, runs
from pipelines.store.embedded import EmbeddedPostgres
from pipelines.store.ids import JobId, RunId
from tests import scratch
from tests.fakes import build_tiny_model
from tests.serving import Served
from tests.workers import until

pytestmark = pytest.mark.long


@pytest.fixture
def served():
    """A server with a tiny model, and a worker."""
    home = scratch.folder()
    model = build_tiny_model(home / "tiny")
    server = Served(home, worker=True, ATTUNE_BASE_MODEL=str(model), ATTUNE_DEVICE="cpu")
    server.start()
    yield server
    if server.running:
        server.stop(signal.SIGKILL)
    shutil.rmtree(home, ignore_errors=True)


def pair_file(folder):
    """So many pairs that the first epochs, after which it may end by itself, take a while."""
    draw = random.Random(0)
    words = [a + b for a in "abcdefghijklmnop" for b in "aeioun"]
    texts = [" ".join(draw.choices(words, k=40)) for _ in range(1_200)]
    seed = {
        "queries": {f"q{n}": " ".join(text.split()[5:10]) for n, text in enumerate(texts)},
        "corpus": {f"p{n}": text for n, text in enumerate(texts)},
        "relevant_docs": {f"q{n}": [f"p{n}"] for n in range(len(texts))},
    }
    path = folder / "pairs.json"
    path.write_text(json.dumps(seed))
    return path


def ready(url):
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, TimeoutError):
        return False


def worker_pid(served):
    """Of the worker that the server keeps at the moment."""
    for process in served.children():
        try:
            if "--end-with-parent" in process.cmdline() and "worker" in process.cmdline():
                return process.pid
        except psutil.Error:
            continue
    return None


def postmaster(pid_file):
    """The process id of the database, or None while it is away."""
    try:
        return int(pid_file.read_text().split()[0])
    except (FileNotFoundError, IndexError):
        return None


def ask(dsn, function, *given):
    """The outcome of a store function, or None while the database is away."""
    try:
        with psycopg.connect(dsn) as conn:
            return function(conn, *given)
    except psycopg.OperationalError:
        return None


@pytest.mark.alone
def test_server_and_worker_recover_together_and_end_together(served):
    """
    The worker is killed and the embedded database crashes. Both recover and begin the next job.

    SIGTERM in the middle of a training ends everything within five seconds, with trainer and
    database. The job is queued again, and its run can resume.
    """
    with EmbeddedPostgres(served.home / "db") as embedded:
        dsn = embedded.dsn
    first = until(lambda: worker_pid(served))
    os.kill(first, signal.SIGKILL)
    pid_file = served.home / "db" / "pg" / "postmaster.pid"
    crashed = postmaster(pid_file)
    os.kill(crashed, signal.SIGQUIT)
    until(lambda: postmaster(pid_file) not in (None, crashed))
    until(lambda: worker_pid(served) not in (None, first))
    until(lambda: ready(served.url))
    line = ["train", "--pairs", str(pair_file(served.home)), "--epochs", "500", "--batch-size", "2"]
    line += ["--queue", "--json"]
    job_id = JobId(json.loads(served.run(*line).stdout)["job"])
    until(lambda: ask(dsn, jobs.get, job_id).stage == "training", within_s=200)
    seconds, code = served.stop()
    assert (seconds < 5, code) == (True, 128 + signal.SIGTERM)
    until(lambda: not served.processes(), within_s=2)
    with EmbeddedPostgres(served.home / "db") as embedded:
        job = ask(embedded.dsn, jobs.get, job_id)
        assert (job.status, job.attempts) == ("todo", 0)
        assert ask(embedded.dsn, runs.get, RunId(job.args["run_id"])).status in (
            "interrupted", "running",
        )  # fmt: skip
