"""Whose job it is when its worker ended or stood still, and when it is given up."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest

from app import queue
from pipelines.indexing import queued
from pipelines.store import (
    documents,
    freezes,
    job_progress,
    jobs,
    queue_workers,
)
from pipelines.store.job_progress import Hold
from tests.queueing import new_worker, run_by


def test_what_a_worker_lost_it_no_longer_writes(services):
    """The writes of a job ask whose it is, in the statement itself."""
    with services.pool.connection() as conn, conn.transaction(force_rollback=True):
        job_id = queue.defer_in(conn, "cleanup", who="eve")
        conn.execute("insert into procrastinate.procrastinate_workers default values")
        conn.execute("set local search_path to procrastinate, public")
        (worker_id,) = conn.execute("select max(id) from procrastinate_workers").fetchone()
        conn.execute("select procrastinate_fetch_job_v2(array['documents'], %s)", (worker_id,))
        hold = Hold(job_id, worker_id)
        job_progress.begin(conn, hold, "cleanup")
        assert job_progress.note(conn, hold, "filling", 1, 2)
        assert job_id not in dict(queue_workers.rescue(conn, timedelta(seconds=30), 3))
        assert (job_id, "queued") in queue_workers.rescue(conn, timedelta(seconds=-1), 3)
        assert not job_progress.note(conn, hold, "filling", 2, 2)
        assert not job_progress.set_result(conn, hold, {})
        job = queue.get(conn, job_id)
        assert (job.status, job.done, job.result, job.attempts) == ("todo", 1, None, 1)


def test_a_worker_that_stands_still_in_a_transaction_keeps_no_job(services, monkeypatch):
    """The database ends the transaction, which locks the job's progress, and another has the job."""
    monkeypatch.setattr(job_progress, "STILL_MS", 500)
    with services.pool.connection() as conn:
        job_id = queue.defer_in(conn, "build", who="eve", name="v4")
        conn.execute("set local search_path to procrastinate, public")
        worker_id = new_worker(conn)
        run_by(conn, job_id, worker_id)

    def stand_still():
        with services.pool.connection() as still, services.pool.connection() as conn:
            job_progress.begin(still, Hold(job_id, worker_id), "build")
            conn.execute("set local statement_timeout = '20s'")
            rescued = queue_workers.rescue(conn, timedelta(seconds=-1), 3)
            assert (job_id, "queued") in rescued

    with pytest.raises(psycopg.errors.IdleInTransactionSessionTimeout):
        stand_still()


def test_a_job_that_ends_its_workers_again_and_again_fails(services):
    with services.pool.connection() as conn, conn.transaction(force_rollback=True):
        job_id = queue.defer_in(conn, "build", who="eve", name="v3")
        conn.execute("set local search_path to procrastinate, public")
        for end in ("queued", "queued", "failed"):
            conn.execute("update procrastinate_jobs set status = 'doing' where id = %s", (job_id,))
            job_progress.begin(conn, Hold(job_id, 0), "build")
            assert (job_id, end) in queue_workers.rescue(conn, timedelta(seconds=30), 3)
        assert "3 times" in queue.get(conn, job_id).fault


def test_a_job_whose_worker_stood_still_twice_fails(services):
    """It says so, and not that its worker ended. A person's retry resets the count."""
    with services.pool.connection() as conn, conn.transaction(force_rollback=True):
        job_id = queue.defer_in(conn, "build", who="eve", name="v3")
        conn.execute("set local search_path to procrastinate, public")
        worker_id = new_worker(conn)
        for end in ("queued", "failed"):
            run_by(conn, job_id, worker_id)
            assert freezes.rescue(conn, [worker_id]) == [(job_id, end)]
        assert "froze twice" in queue.get(conn, job_id).fault
        jobs.retry(conn, job_id)
        freezes.forget(conn, job_id)
        run_by(conn, job_id, worker_id)
        assert freezes.rescue(conn, [worker_id]) == [(job_id, "queued")]
        # A worker that was killed is no sign that the job stops it.
        run_by(conn, job_id, worker_id)
        assert queue_workers.rescue_from(conn, [worker_id], 6) == [(job_id, "queued")]
        assert queue_workers.rescue_from(conn, [worker_id + 1], 6) == []


def test_only_the_file_that_was_under_way_each_time_fails(services):
    """The job continues with the others, however often that happens."""
    with services.pool.connection() as conn, conn.transaction(force_rollback=True):
        given = [
            queued.put(conn, source=f"{n}.txt", title=f"{n}", content=b"%d" % n).document_id
            for n in range(3)
        ]
        job_id = queue.defer_in(conn, "ingest", who="eve", document_ids=given)
        conn.execute("set local search_path to procrastinate, public")
        worker_id = new_worker(conn)
        for under_way in (given, given[:1], given[1:2]):  # together, then one after the other
            run_by(conn, job_id, worker_id)
            for document_id in under_way:
                documents.start(conn, document_id)
            assert freezes.rescue(conn, [worker_id]) == [(job_id, "queued")]
            assert freezes.any_of(conn, job_id)
        found = documents.get_many(conn, given)
        assert [document.status for document in found] == ["failed", "failed", "queued"]
        assert "froze twice" in found[0].reason


def test_a_stalled_job_does_not_hold_up_the_rescue_when_another_of_its_kind_waits(services):
    """Only one of a kind may wait: the stalled one is given up for it, and others are rescued."""
    with services.pool.connection() as conn, conn.transaction(force_rollback=True):
        stalled = queue.defer_in(conn, "cleanup", who="eve")
        other = queue.defer_in(conn, "build", who="eve", name="v3")
        conn.execute("set local search_path to procrastinate, public")
        conn.execute(
            "update procrastinate_jobs set status = 'doing', queueing_lock = 'cleanup'"
            " where id = %s",
            (stalled,),
        )
        conn.execute("update procrastinate_jobs set status = 'doing' where id = %s", (other,))
        waiting = queue.defer_in(conn, "cleanup", who="eve")
        conn.execute(
            "update procrastinate_jobs set queueing_lock = 'cleanup' where id = %s", (waiting,)
        )
        found = dict(queue_workers.rescue(conn, timedelta(seconds=30), 3))
        assert (found[stalled], found[other]) == ("aborted", "queued")
        assert queue.get(conn, waiting).status == "todo"


def test_old_jobs_are_forgotten_with_their_progress(services):
    with services.pool.connection() as conn, conn.transaction(force_rollback=True):
        job_id = queue.defer_in(conn, "cleanup", who="eve")
        job_progress.begin(conn, Hold(job_id, 0), "cleanup")
        assert jobs.cancel(conn, job_id)
        assert not jobs.any_old(conn, timedelta(days=1))
        conn.execute(
            "update procrastinate.procrastinate_events set at = now() - interval '2 days'"
            " where job_id = %s",
            (job_id,),
        )
        assert jobs.any_old(conn, timedelta(days=1))
        assert jobs.forget_old(conn, timedelta(days=1)) == 1
        assert jobs.get(conn, job_id) is None
        (left,) = conn.execute(
            "select count(*) from job_progress where job_id = %s", (job_id,)
        ).fetchone()
        assert left == 0
