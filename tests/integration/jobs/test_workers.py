"""Jobs as real workers do them: through kills, stops, cancels and double submission."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from datetime import timedelta

import procrastinate.worker
import pytest

from app import queue
from app.actions.pairs import importing
from app.worker.crew import Crew, Timing
from pipelines.errors import ConflictError, InputError
from pipelines.indexing import queued
from pipelines.store import (
    document_passages,
    documents,
    pair_passages,
    pairs,
)
from tests.queueing import get, newest, status
from tests.workers import until
from training.pairs.seedfile import SeedFile


def test_a_job_outlives_its_workers(services, model, start, asking, request):
    """
    The first worker is killed, the second is stopped for a while, and the third is told to end.

    Each time another worker gets the job, later reports of the earlier one are ignored, and in the
    end the work has been done once.
    """

    def taken_again(attempts):
        job = get(services, asking)
        return (job.status, job.attempts) == ("doing", attempts)

    with start() as killed, start() as halted:
        until(lambda: model.llm.requests)
        if halted.busy:
            killed, halted = halted, killed
        began = time.monotonic()
        killed.kill()
        until(lambda: taken_again(1))
        assert time.monotonic() - began < 45
        halted.process.send_signal(signal.SIGSTOP)
        with start() as ended:
            until(lambda: taken_again(2))
            halted.process.send_signal(signal.SIGCONT)
            time.sleep(2)
            assert taken_again(2)
            halted.stop(within_s=60)
            assert taken_again(2)
            assert ended.stop(within_s=60) < 30  # the model answers only when it may
            assert ended.process.returncode == 143
    job = get(services, asking)
    assert (job.status, job.attempts, job.fault) == ("todo", 2, None)
    model.may_answer.set()
    request.getfixturevalue("worker")
    until(lambda: status(services, asking) == "succeeded")
    job = get(services, asking)
    assert (job.task, job.queue, job.args["who"]) == ("generate", "train", "eve")
    assert job.result["passages"] == 10
    with services.pool.connection() as conn:
        assert len(pair_passages.done(conn, "llm:m")) == 10
        stored = pairs.select(conn, limit=100)
    assert len({(pair.question, pair.passage_sha256) for pair in stored}) == len(stored)


def test_waiting_and_running_jobs_are_cancelled_and_can_be_retried(services, model, worker, asking):
    until(lambda: model.llm.requests)
    waiting = queue.defer(services, "train", who="eve", run_id=77)
    assert queue.cancel(services, waiting).status == "cancelled"
    assert queue.cancel(services, asking).stopping
    # Before the model may answer.
    until(lambda: status(services, asking) == "aborted")
    with pytest.raises(ConflictError, match="ended already: stopped"):
        queue.cancel(services, asking)
    model.may_answer.set()
    assert queue.retry(services, asking).status == "todo"
    until(lambda: status(services, asking) == "succeeded")
    with pytest.raises(ConflictError, match="cannot be tried again: done"):
        queue.retry(services, asking)


def test_a_failed_job_says_why_and_is_retried(services, worker):
    job_id = queue.defer(services, "build", who="eve", name="v9")
    until(lambda: status(services, job_id) == "failed")
    assert "There is no version v9" in get(services, job_id).fault
    queue.retry(services, job_id)
    until(lambda: get(services, job_id).attempts == 1)
    assert "There is no version v9" in get(services, job_id).fault
    with pytest.raises(InputError, match="no job 4711"):
        queue.cancel(services, 4711)


def test_the_same_waits_once(services):
    """Without a worker that would take it meanwhile."""
    with services.pool.connection() as conn, conn.transaction(force_rollback=True):
        first = queue.defer_in(conn, "promote", who="eve", name="v1")
        with pytest.raises(ConflictError, match=f"queued already as job {first}"):
            queue.defer_in(conn, "promote", who="ada", name="v1")
        queue.defer_in(conn, "promote", who="ada", name="v2")


def test_uploads_are_indexed_and_replaced_and_say_why_they_failed(services, worker):
    def put(name, content):
        with services.pool.connection() as conn:
            return queued.put(conn, source=name, title=name, content=content, collection="up")

    def index(*ids):
        job_id = queue.defer(services, "ingest", who="eve", document_ids=list(ids))
        until(lambda: status(services, job_id) == "succeeded")
        return get(services, job_id).result

    def stored(document_id):
        with services.pool.connection() as conn:
            return documents.get(conn, document_id), document_passages.of_document(
                conn, document_id
            )

    good = put("notes.txt", b"The harbour has two piers and an old light. " * 5)
    empty, strange = put("empty.txt", b""), put("sound.mp3", b"ID3")
    assert stored(good.document_id)[0].status == "queued"
    found = index(good.document_id, empty.document_id, strange.document_id)
    assert found["indexed"] == 1
    assert [f["source"] for f in found["failed"]] == ["empty.txt", "sound.mp3"]
    assert "empty" in stored(empty.document_id)[0].reason
    assert ".mp3 files are not read" in stored(strange.document_id)[0].reason
    # The same file is known. A changed one replaces it.
    assert (
        put("notes.txt", b"The harbour has two piers and an old light. " * 5).status == "unchanged"
    )
    assert (
        put("copy.txt", b"The harbour has two piers and an old light. " * 5).status == "duplicate"
    )
    changed = put("notes.txt", b"The harbour has three piers now, and a new light. " * 5)
    assert stored(good.document_id)[0].status == "indexed"
    assert index(changed.document_id)["indexed"] == 1
    assert stored(good.document_id)[0] is None
    # A document that is indexed again stays searchable until its successor is. A failed one is retried.
    with services.pool.connection() as conn:
        again = queued.put_again(conn, [changed.document_id, empty.document_id])
    assert again[1] == empty.document_id
    assert stored(changed.document_id)[0].status == "indexed"
    found = index(*again)
    assert (found["indexed"], len(found["failed"])) == (1, 1)
    assert stored(changed.document_id)[0] is None
    assert "three piers" in stored(again[0])[1][0].text


def test_a_file_of_pairs_is_imported_once(services, worker):
    """Its pairs are there with the job's result, and the file is no longer kept."""
    texts = [f"The tide table of number {n} is kept in room {n}." for n in range(60)]
    seed = SeedFile(
        {f"q{n}": f"Where is the tide table of number {n}?" for n in range(60)},
        {f"p{n}": text for n, text in enumerate(texts)},
        {f"q{n}": [f"p{n}"] for n in range(60)},
    )
    job_id = importing.leave(services, seed, "tides.json", "train", who="eve")
    until(lambda: status(services, job_id) == "succeeded")
    result = get(services, job_id).result
    with services.pool.connection() as conn:
        taken = [p for p in pairs.select(conn) if p.origin == "tides.json"]
        assert conn.execute("select count(*) from pair_file").fetchone() == (0,)
    assert result["stored"] == len(taken) == 60
    assert result["accepted"] == sum(pair.status == "accepted" for pair in taken)
    again = importing.leave(services, seed, "tides.json", "train", who="eve")
    until(lambda: status(services, again) == "succeeded")
    assert get(services, again).result["stored"] == 0


def test_a_worker_is_heard_of_while_its_event_loop_is_late(services, monkeypatch):
    """The queue's own sign of life comes from that loop, and not at all here."""

    async def late(_):
        await asyncio.sleep(3600)

    monkeypatch.setattr(procrastinate.worker.Worker, "_update_heartbeat", late)
    timing = Timing(beat_s=0.2, rescue_s=3600, upkeep_s=3600)
    crew = Crew(services, ["index"], timing)
    with services.pool.connection() as conn:
        conn.autocommit = True
        before = newest(conn)
        thread = threading.Thread(target=crew.work)
        thread.start()
        known = before and before[0]
        (number, first) = until(lambda: (row := newest(conn)) and row[0] != known and row)
        until(lambda: newest(conn) > (number, first + timedelta(seconds=1)))
        conn.autocommit = False
    crew._stopping.set()  # `stop` would end this process
    thread.join(60)
    assert not thread.is_alive()
