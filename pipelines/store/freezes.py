"""
Jobs whose worker froze and was killed: how often, and which files were under way.

A job is tried again once. After a freeze an ingest job indexes its files one by one (`any_of`), so
that the file at fault is alone when it happens again. That file fails and the others are indexed.
"""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.store import documents
from pipelines.store.db import Connection
from pipelines.store.ids import DocumentId, JobId
from pipelines.store.queue_workers import Rescued, end, left_behind

# A single freeze may be chance.
MOST = 2
JOB_FAULT = "Its worker froze twice while it ran and was killed. The log shows where it froze."
FILE_FAULT = "the worker froze twice while it indexed this file (the log shows where)"


def any_of(conn: Connection, job_id: JobId) -> bool:
    """Whether a worker has frozen while it had this job."""
    row = conn.execute(
        "select exists (select 1 from job_freeze where job_id = %s)", (job_id,)
    ).fetchone()
    return row is not None and bool(row[0])


def forget(conn: Connection, job_id: JobId) -> None:
    """Reset a job's count of freezes, because a person tries it again."""
    conn.execute("delete from job_freeze where job_id = %s", (job_id,))


def rescue(conn: Connection, workers: Sequence[int]) -> list[tuple[JobId, Rescued]]:
    """
    Requeue the jobs of workers that froze and were killed.

    A file that was under way twice fails, and its job continues without it. A job without a file
    under way fails the second time.

    :returns: The outcome of each job.
    """
    with conn.transaction():
        return [
            (job_id, _rescue(conn, job_id, stopping=stopping))
            for job_id, stopping, _ in left_behind(conn, "j.worker_id = any(%s)", (list(workers),))
        ]


def _rescue(conn: Connection, job_id: JobId, *, stopping: bool) -> Rescued:
    under_way = _under_way(conn, job_id)
    # The worker may have fetched the job without having begun it.
    conn.execute(
        "insert into job_progress (job_id, task) select id, task_name"
        " from procrastinate.procrastinate_jobs where id = %s on conflict do nothing",
        (job_id,),
    )
    conn.execute(
        "insert into job_freeze (job_id, document_ids) values (%s, %s)", (job_id, under_way)
    )
    at_fault = _twice(conn, job_id)
    for document_id in under_way:
        if document_id in at_fault:
            documents.fail(conn, document_id, FILE_FAULT)
        else:
            documents.requeue(conn, document_id)
    if stopping:
        return end(conn, job_id, "aborted")
    if not under_way and _count(conn, job_id) >= MOST:
        return end(conn, job_id, "failed", JOB_FAULT)
    return end(conn, job_id, "queued")


def _under_way(conn: Connection, job_id: JobId) -> list[DocumentId]:
    """The files of an ingest job that are being indexed."""
    rows = conn.execute(
        "select d.id from procrastinate.procrastinate_jobs j,"
        " jsonb_array_elements_text(coalesce(j.args->'document_ids', '[]')) given"
        " join document d on d.id = given::bigint"
        " where j.id = %s and d.status = 'indexing' order by d.id",
        (job_id,),
    ).fetchall()
    return [DocumentId(row[0]) for row in rows]


def _twice(conn: Connection, job_id: JobId) -> set[DocumentId]:
    """The files that were under way in `MOST` freezes of the job."""
    rows = conn.execute(
        "select document_id from job_freeze, unnest(document_ids) document_id"
        " where job_id = %s group by document_id having count(*) >= %s",
        (job_id, MOST),
    ).fetchall()
    return {DocumentId(row[0]) for row in rows}


def _count(conn: Connection, job_id: JobId) -> int:
    row = conn.execute("select count(*) from job_freeze where job_id = %s", (job_id,)).fetchone()
    assert row is not None
    return int(row[0])
