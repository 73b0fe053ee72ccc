"""
A server and a worker whose interpreters freeze: both are killed with a log entry and restarted.
"""

from __future__ import annotations

import shutil
import sys
import time
import urllib.request

import pytest

from app import queue
from pipelines.indexing import queued
from pipelines.store import documents, jobs
from tests import scratch
from tests.fakes import build_tiny_model
from tests.serving import READY, Served
from tests.workers import until

pytestmark = pytest.mark.long

# Python imports it before anything else. The second call waits in C for the first, with the
# interpreter's lock in its hands: no thread runs any more, and no signal is heard.
PLANTED = """
import ctypes, os, sys, threading, time
def stand_still():
    mutex = ctypes.create_string_buffer(64)
    lock = ctypes.PyDLL(None).pthread_mutex_lock
    lock(mutex); lock(mutex)
if "worker" in sys.orig_argv:
    from pipelines.text import languages
    of_document = languages.of_document
    def stuck_by_one(text, passages):
        if "STANDSTILL" in text:
            stand_still()
        return of_document(text, passages)
    languages.of_document = stuck_by_one
elif "web" in sys.orig_argv:
    signal = os.path.join(os.environ["ATTUNE_HOME"], "stand-still")
    def wait():
        while not os.path.exists(signal):
            time.sleep(0.1)
        os.remove(signal)
        stand_still()
    threading.Thread(target=wait, daemon=True).start()
"""
# Like `attune serve` with less patience, which grows with the machine's load.
SERVE = """
import sys
from app import settings
from app.watchdog.launch import serve
from app.watchdog.pulse import Patience
settings.silence_telemetry()
sys.exit(serve(settings.load(), "127.0.0.1", 0, False, patience=Patience(limit_s=3, most_s=40)))
"""


@pytest.fixture
def served():
    """A server with a worker that can both be frozen."""
    home = scratch.folder()
    (home / "sitecustomize.py").write_text(PLANTED)
    model = build_tiny_model(home / "tiny")
    server = Served(
        home, worker=True, ATTUNE_BASE_MODEL=str(model), ATTUNE_DEVICE="cpu", PYTHONPATH=str(home)
    )
    server.command = [sys.executable, "-c", SERVE]
    server.start()
    yield server
    print(server.log)
    if server.running:
        server.stop()
    shutil.rmtree(home, ignore_errors=True)


def test_what_stands_still_is_ended_and_the_rest_goes_on(served):
    """
    One file of three freezes the worker each time. It fails with that reason, the others are
    indexed.

    The server freezes too, and its successor answers a request of that time. Both have logged their
    tracebacks.
    """
    with served.connection() as conn:
        conn.autocommit = True
        texts = {"a": "A crane lifts.", "b": "STANDSTILL of a crane.", "c": "A crane turns."}
        given = [
            queued.put(conn, source=f"{name}.txt", title=name, content=text.encode()).document_id
            for name, text in texts.items()
        ]
        job_id = queue.defer_in(conn, "ingest", who="eve", document_ids=given)
        before = served.web_pid
        (served.home / "stand-still").touch()
        until(lambda: not (served.home / "stand-still").exists())
        time.sleep(0.5)
        with urllib.request.urlopen(f"{served.url}/healthz", timeout=200) as answer:
            assert answer.status == 200
        assert served.web_pid != before
        until(lambda: jobs.get(conn, job_id).status == "succeeded", within_s=300)
        found = documents.get_many(conn, given)
    assert [document.status for document in found] == ["indexed", "failed", "indexed"]
    assert "froze twice" in found[1].reason
    assert "ready again" in served.log
    assert served.log.count("in stuck_by_one") == 2
    assert READY.search(served.log).group(1) == served.url
    seconds, code = served.stop()
    assert (seconds < 20, code) == (True, 143)
    assert not served.processes()
