"""
Maintenance that nobody has to ask for.

The previous version is kept complete, so that a rollback is as fast as a promotion. A graph is
built where vectors have become many, and the accelerated twin of the serving model. Vectors and
jobs that have been unused for long are deleted, and visitors' files that have expired.

Workers check every few seconds whether there is anything to do, and only then queue the job. It
runs on one worker at a time. It finds its work by comparing contents, so running it twice does no
harm.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

from app import queue
from app.actions import methods, people, twins
from app.actions.drift import measure as drift
from app.actions.improve import schedule
from app.services import Services
from pipelines.errors import ArtifactError, BusyError, NotReadyError
from pipelines.progress import NO_TASK, Task
from pipelines.search.handle import SearchHandle
from pipelines.search.opening import load_index
from pipelines.store import (
    abandoned,
    chunks,
    document_list,
    gaps,
    graphs,
    indexes,
    jobs,
    own_files,
    pair_files,
    rate_counts,
    recognised,
)
from pipelines.store.db import Connection
from pipelines.store.ids import DocumentId, IndexId
from pipelines.store.indexes import SearchIndex
from pipelines.versions import build

# How long ended jobs are kept.
KEEP_JOBS = timedelta(days=30)
# How long rate counts are kept. The longest time window is a day.
KEEP_COUNTS = timedelta(days=2)
# Pages that OCR has read of a file that nobody went on with.
KEEP_PAGES = timedelta(days=7)
MEASURE_AGAIN = timedelta(days=1)
# While documents are added, the ingest builds the graph at its end. That takes a fraction of the time
# of adding vectors to a graph. With more vectors than this, questions would be slow until then.
LOAD_PAUSE = timedelta(minutes=1)
MOST_WITHOUT_GRAPH = 100_000

log = logging.getLogger(__name__)


def retention(services: Services) -> timedelta:
    """How long unused vectors are kept."""
    return timedelta(days=services.settings.retention_days)


def wanted(services: Services) -> bool:
    """Whether there is anything to do."""
    with services.pool.connection() as conn:
        return bool(
            _lacking(conn)
            or _lacking_graph(conn)
            or twins.lacking(conn, services.options)
            or indexes.expired(conn, retention(services))
            or jobs.any_old(conn, KEEP_JOBS)
            or rate_counts.any_before(conn, KEEP_COUNTS)
            or recognised.any_before(conn, KEEP_PAGES)
            or _expired_files(services, conn)
            or abandoned.any_left(conn)
            or people.any_expired(conn, services.settings.conversation_days)
            or drift.is_due(services)
        )


def due(services: Services) -> list[tuple[str, str]]:
    """The jobs to queue now that nobody has to ask for, each with its author."""
    with services.pool.connection() as conn:
        scheduled = schedule.is_due(conn)
        measured = jobs.recent(conn, limit=1, tasks=["measure"])
        loading = document_list.came_in_within(conn, LOAD_PAUSE)
    tasks = [("cleanup", "worker")] if wanted(services) else []
    if scheduled:
        tasks.append(("improve", schedule.WHO))
    # If a model cannot be measured, an immediate retry does not help.
    lately = measured and datetime.now(UTC) - measured[0].created_at < MEASURE_AGAIN
    if not lately and not loading and methods.lacking(services):
        tasks.append(("measure", "worker"))
    return tasks


def run(services: Services, task: Task = NO_TASK) -> dict[str, Any]:
    """
    Do all maintenance now and return what was done, by kind.

    :raises Stopped: The task was asked to stop.
    """
    unused_for = retention(services)
    # First: what is erased below is counted before.
    weeks = drift.run(services, task)
    requeued = _requeue_abandoned(services)
    with services.pool.connection() as conn:
        lacking, expired = _lacking(conn), indexes.expired(conn, unused_for)
    added = 0
    for index in lacking:
        try:
            added += build.fill(services.pool, _handle(services, index), task)
        except (ArtifactError, NotReadyError) as error:
            # A version that cannot be loaded must not block the maintenance of the others.
            log.warning("the version of index %s cannot be kept complete: %s", index.id, error)
    dropped = []
    for index_id in expired:
        with services.pool.connection() as conn:
            if indexes.drop(conn, index_id, unused_for):
                log.info("the vectors of index %s were dropped: unused for long", index_id)
                dropped.append(index_id)
    with services.pool.connection() as conn:
        forgotten = jobs.forget_old(conn, KEEP_JOBS)
        rate_counts.forget_before(conn, KEEP_COUNTS)
        pair_files.forget_before(conn, KEEP_JOBS)
        recognised.forget_before(conn, KEEP_PAGES)
        erased = people.forget_expired(conn, services.settings.conversation_days)
    return {
        "documents_requeued": requeued,
        "files_deleted": _delete_expired(services, task),
        "weeks_measured": weeks,
        "conversations_erased": erased,
        "vectors_added": added,
        "indexes_dropped": dropped,
        "jobs_forgotten": forgotten,
        # Last, so that a fault in them blocks nothing else.
        "graphs_built": _build_graphs(services, task),
        "twin_built": twins.build_lacking(services, task),
    }


def _requeue_abandoned(services: Services) -> list[DocumentId]:
    """Let a job index the documents whose process was killed while it indexed them."""
    with services.pool.connection() as conn, conn.transaction():
        ids = abandoned.requeue(conn)
        if ids:
            queue.defer_in(conn, "ingest", who="worker", document_ids=ids)
            log.warning("%d documents were left behind by a process and are queued", len(ids))
    return ids


def _expired_files(services: Services, conn: Connection) -> list[DocumentId]:
    """Visitors' files that have expired."""
    days = services.settings.visitor_days
    return own_files.expired(conn, timedelta(days=days)) if days else []


def _delete_expired(services: Services, task: Task) -> int:
    with services.pool.connection() as conn:
        expired = _expired_files(services, conn)
        for document_id in expired:
            task.check()
            chunks.delete_document(conn, document_id)
    return len(expired)


def _build_graphs(services: Services, task: Task) -> list[IndexId]:
    with services.pool.connection() as conn:
        lacking = _lacking_graph(conn)
    for index_id in lacking:
        try:
            build.finish(services.pool, index_id, task)
        except BusyError:
            log.debug("another process builds the graph of index %s", index_id)
    return lacking


def _lacking_graph(conn: Connection) -> list[IndexId]:
    """The maintained indexes that need a graph, once no documents are being added."""
    lacking = [
        index.vectors_id
        for index in indexes.maintained(conn)
        if graphs.lacks_graph(conn, index.vectors_id)
    ]
    if lacking and document_list.came_in_within(conn, LOAD_PAUSE):
        return [i for i in lacking if indexes.count_vectors(conn, i) >= MOST_WITHOUT_GRAPH]
    return lacking


def _lacking(conn: Connection) -> list[SearchIndex]:
    """
    The maintained indexes with gaps. The serving one has none, because every writer adds to it.
    """
    others = indexes.maintained(conn)[1:]
    return [i for i in others if gaps.exists(conn, i.vectors_id, i.rule_id)]


def _handle(services: Services, index: SearchIndex) -> SearchHandle:
    loaded = services.replica.held(index.id)
    if loaded is not None:
        return loaded
    with services.pool.connection() as conn:
        return load_index(conn, index.id, services.options)
