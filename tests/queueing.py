"""How the tests of jobs look at them, and let a worker have begun one."""

from __future__ import annotations

from app import queue
from pipelines.store import (
    job_progress,
)
from pipelines.store.job_progress import Hold


def get(services, job_id):
    """A job as it stands."""
    with services.pool.connection() as conn:
        return queue.get(conn, job_id)


def status(services, job_id):
    """How far a job is."""
    return get(services, job_id).status


def newest(conn):
    """The newest worker that the queue knows, and when it was last heard of."""
    return conn.execute(
        "select id, last_heartbeat from procrastinate.procrastinate_workers order by id desc limit 1"
    ).fetchone()


def new_worker(conn):
    """A worker that the queue knows, and nothing else does."""
    return conn.execute("insert into procrastinate_workers default values returning id").fetchone()[
        0
    ]


def run_by(conn, job_id, worker_id):
    """Let a worker have begun a job."""
    conn.execute(
        "update procrastinate_jobs set status = 'doing', worker_id = %s where id = %s",
        (worker_id, job_id),
    )
    job_progress.begin(conn, Hold(job_id, worker_id), "build")
