"""
Rows of `job_progress`: what a worker notes about a job that it has.

A job belongs to the worker that fetched it. Every write about a job names this worker (`Hold`), and
changes nothing once another worker has the job. So a process that was only stopped for a while does
no harm when it continues.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

from pipelines.store.db import Connection
from pipelines.store.ids import JobId
from pipelines.store.jobs import Job, get

# The queue's own statements for ending and requeueing a job do not check which worker has it.
FINISH_HELD = """
select procrastinate_finish_job_v1(j.id, %(status)s::procrastinate_job_status, false)
from (select id from procrastinate_jobs
      where id = %(job_id)s and worker_id = %(worker_id)s and status = 'doing' for update) j
"""
QUEUE_HELD = """
update procrastinate_jobs
set status = (case when abort_requested then 'aborted' else 'todo' end)::procrastinate_job_status,
    abort_requested = false, attempts = attempts + %(counted)s, scheduled_at = %(at)s
where id = %(job_id)s and worker_id = %(worker_id)s and status = 'doing'
"""


# A worker that stands still in a transaction locks the progress of its job, and who rescues it waits.
# The database ends such a transaction after so long. No work is done in it.
STILL_MS = 30_000


@dataclass(frozen=True)
class Hold:
    """A job and the worker that has it."""

    job_id: JobId
    worker_id: int


def begin(conn: Connection, hold: Hold, task: str) -> Job:
    """Record that a worker has begun a job, and return the job as an earlier attempt left it."""
    before = get(conn, hold.job_id)
    assert before is not None, "a job that a worker was given exists"
    _limit(conn)
    conn.execute(
        "insert into job_progress (job_id, task) values (%s, %s) on conflict (job_id) do update"
        " set fault = null, started_at = now(), updated_at = now()",
        (hold.job_id, task),
    )
    return before


def holds(conn: Connection, hold: Hold) -> bool:
    """Whether the worker still has the job."""
    row = conn.execute(
        "select exists (select 1 from procrastinate.procrastinate_jobs"
        " where id = %s and worker_id = %s and status = 'doing')",
        (hold.job_id, hold.worker_id),
    ).fetchone()
    return row is not None and bool(row[0])


def note(
    conn: Connection,
    hold: Hold,
    stage: str,
    done: int = 0,
    total: int | None = None,
    rate: float | None = None,
    eta_s: float | None = None,
    item: str = "",
) -> bool:
    """
    Store a job's progress.

    :returns: False if the worker no longer has the job.
    """
    return _write(
        conn,
        hold,
        "stage = %s, done = %s, total = %s, rate = %s, eta_s = %s, item = %s",
        (stage, done, total, rate, eta_s, item),
    )


def set_result(conn: Connection, hold: Hold, result: Any) -> bool:
    """
    Store a job's result.

    Called in the transaction that does the job's work, it makes the work happen only once, because
    a job with a result is not done again.

    :returns: False if the worker no longer has the job.
    """
    return _write(conn, hold, "result = %s, fault = null, eta_s = null", (Jsonb(result),))


def set_fault(conn: Connection, hold: Hold, fault: str) -> bool:
    """
    Store in one sentence why a job failed.

    :returns: False if the worker no longer has the job.
    """
    return _write(conn, hold, "fault = %s, eta_s = null", (fault,))


def _limit(conn: Connection) -> None:
    """Have the database end this transaction if nothing more comes from this process."""
    conn.execute(f"set local idle_in_transaction_session_timeout = {STILL_MS}")


def _write(conn: Connection, hold: Hold, columns: str, values: Sequence[object]) -> bool:
    _limit(conn)
    return (
        conn.execute(
            f"update job_progress set {columns}, updated_at = now() where job_id = %s and exists"
            " (select 1 from procrastinate.procrastinate_jobs where id = %s and worker_id = %s"
            " and status = 'doing' for share)",
            (*values, hold.job_id, hold.job_id, hold.worker_id),
        ).rowcount
        == 1
    )
