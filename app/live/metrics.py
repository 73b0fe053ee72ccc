"""The metrics that `/metrics` reports to Prometheus for this process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge, Histogram

from app.access.limits import logins_refused as logins_refused
from pipelines.answering.llm import llm_errors as llm_errors
from pipelines.answering.llm import llm_requests as llm_requests
from pipelines.answering.llm import llm_tokens as llm_tokens

if TYPE_CHECKING:
    from pipelines.answering.events import Answer
    from pipelines.store.backups import BackupState
    from pipelines.store.queue_workers import QueueState

questions = Counter("attune_questions", "Questions answered, by the kind of answer.", ["kind"])
failures = Counter("attune_failures", "Questions that ended in a fault, by its type.", ["type"])
stopped = Counter("attune_stopped", "Answers that the visitor stopped.")
shadow_questions = Counter(
    "attune_shadow_questions", "Questions that candidates answered silently."
)
shadow_dropped = Counter("attune_shadow_dropped", "Questions not asked of a candidate: too busy.")
shadow_faults = Counter("attune_shadow_faults", "Questions that a candidate failed at.")
late_skipped = Counter(
    "attune_late_skipped", "Questions answered without late interaction: its time was over."
)
stage_seconds = Histogram(
    "attune_stage_seconds",
    "Time of a question's stages.",
    ["stage"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
http_requests = Counter("attune_http_requests", "Requests answered.", ["route", "status"])
http_seconds = Histogram(
    "attune_http_seconds",
    "Time until an answer to a request begins.",
    ["route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
loop_lag = Gauge(
    "attune_loop_lag_seconds", "Longest time in the last minute that the event loop was held up."
)
pool_waiting = Gauge("attune_pool_waiting", "Requests that wait for a database connection.")
pool_used = Gauge("attune_pool_used", "Database connections of the pool that are in use.")
pool_waits = Gauge(
    "attune_pool_waits", "Requests that had to wait for a connection, since the start."
)
pool_wait_seconds = Gauge("attune_pool_wait_seconds", "Time they waited altogether.")
pool_errors = Gauge("attune_pool_errors", "Requests that got no connection, since the start.")
jobs_waiting = Gauge("attune_jobs_waiting", "Jobs that could run and wait.", ["queue"])
jobs_oldest = Gauge(
    "attune_jobs_oldest_seconds", "How long the oldest of them waits. 0: none waits.", ["queue"]
)
jobs_running = Gauge("attune_jobs_running", "Jobs that run.", ["queue"])
jobs_failed = Gauge(
    "attune_jobs_failed", "Failed jobs that nobody has tried again or forgotten.", ["queue"]
)
workers = Gauge("attune_workers", "Workers heard of in the last 30 seconds.", ["queue"])
worker_heard = Gauge(
    "attune_worker_heartbeat_timestamp_seconds", "When any worker was last heard of. 0: never."
)
epoch = Gauge("attune_epoch", "Epoch of the active version.")
degraded = Gauge(
    "attune_degraded", "1 while the serving version cannot be loaded and another one answers."
)
disk_free = Gauge("attune_disk_free_bytes", "Free space where the data folder lies.")
backup_taken = Gauge(
    "attune_backup_timestamp_seconds", "When the newest scheduled backup was taken. 0: never."
)
backup_current = Gauge(
    "attune_backup_current_timestamp_seconds",
    "When the newest scheduled backup was last known to hold everything. 0: never.",
)
backup_failed = Gauge(
    "attune_backup_failed", "1 while the last attempt of a scheduled backup failed."
)
documents = Gauge("attune_documents", "Documents, by status.", ["status"])


def show_backup(state: BackupState) -> None:
    """Report what the scheduled backup did last."""
    backup_taken.set(state.taken_at.timestamp() if state.taken_at else 0)
    backup_current.set(state.current_at.timestamp() if state.current_at else 0)
    backup_failed.set(state.failed_at is not None)


def observe(answer: Answer) -> None:
    """Count an answer and the times of its stages."""
    questions.labels(answer.kind).inc()
    if not answer.in_time:
        late_skipped.inc()
    for stage, milliseconds in answer.timings_ms.items():
        stage_seconds.labels(stage).observe(milliseconds / 1e3)


def show_pool(stats: Mapping[str, int]) -> None:
    """Report the state of the pool of connections, as psycopg counts it."""
    pool_waiting.set(stats.get("requests_waiting", 0))
    pool_used.set(stats.get("pool_size", 0) - stats.get("pool_available", 0))
    pool_waits.set(stats.get("requests_queued", 0))
    pool_wait_seconds.set(stats.get("requests_wait_ms", 0) / 1e3)
    pool_errors.set(stats.get("requests_errors", 0))


def show_queue(states: Sequence[QueueState]) -> None:
    """Report the jobs and the workers of each queue."""
    for state in states:
        jobs_waiting.labels(state.queue).set(state.waiting)
        jobs_oldest.labels(state.queue).set(state.oldest_s)
        jobs_running.labels(state.queue).set(state.running)
        jobs_failed.labels(state.queue).set(state.failed)
        workers.labels(state.queue).set(state.workers)
    worker_heard.set(max((state.heard_at for state in states), default=0))
