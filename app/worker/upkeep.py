"""
What is looked after beside the jobs that people ask for: the previous version is kept complete, so
that a rollback is as fast as a promotion; a graph is built where vectors have become many, and the
accelerated twin of what serves; vectors and jobs that nothing has used for long go, and files of
visitors whose time is over.

Workers look every few seconds whether there is anything to do, and only then queue the job, which
runs on one of them at a time. The work is found by comparing contents: to do it again does no harm.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

from app.actions import methods, twins
from app.actions.improve import schedule
from app.services import Services
from pipelines.errors import ArtifactError, BusyError, NotReadyError
from pipelines.progress import Stop, check
from pipelines.search.handle import SearchHandle
from pipelines.search.opening import load_index
from pipelines.store import (
    chunks,
    documents,
    gaps,
    graphs,
    indexes,
    jobs,
    own_files,
    pair_files,
    rate_counts,
)
from pipelines.store.db import Connection
from pipelines.store.ids import DocumentId, IndexId
from pipelines.store.indexes import SearchIndex
from pipelines.versions import build

# Of jobs that have ended.
KEEP_JOBS = timedelta(days=30)
# Of what was counted of visitors; nothing is counted over more than a day.
KEEP_COUNTS = timedelta(days=2)
MEASURE_AGAIN = timedelta(days=1)
# While documents come in, whoever takes them in builds the graph at the end, in a fraction of the
# time that adding to it takes; up to so many vectors, beyond which questions would wait too long.
LOAD_PAUSE = timedelta(minutes=1)
MOST_WITHOUT_GRAPH = 100_000

log = logging.getLogger(__name__)


def retention(services: Services) -> timedelta:
    """How long vectors are kept that nothing uses."""
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
            or _expired_files(services, conn)
        )


def due(services: Services) -> list[tuple[str, str]]:
    """The jobs that nobody asks for and that are to be queued now, each with who it is for."""
    with services.pool.connection() as conn:
        scheduled = schedule.is_due(conn)
        measured = jobs.recent(conn, limit=1, tasks=["measure"])
        loading = documents.came_in_within(conn, LOAD_PAUSE)
    found = [("cleanup", "worker")] if wanted(services) else []
    if scheduled:
        found.append(("improve", schedule.WHO))
    # Where a model cannot be measured, trying again at once does not help.
    lately = measured and datetime.now(UTC) - measured[0].created_at < MEASURE_AGAIN
    if not lately and not loading and methods.lacking(services):
        found.append(("measure", "worker"))
    return found


def run(services: Services, stop: Stop = lambda: False) -> dict[str, Any]:
    """
    Do all of it now; how many files of visitors were deleted and vectors added, which graphs built,
    whose twin, which indexes dropped, how many jobs forgotten.

    :raises Stopped: `stop` said so.
    """
    unused_for = retention(services)
    with services.pool.connection() as conn:
        lacking, expired = _lacking(conn), indexes.expired(conn, unused_for)
    added = 0
    for index in lacking:
        try:
            added += build.fill(services.pool, _handle(services, index), stop=stop)
        except (ArtifactError, NotReadyError) as error:
            # One that cannot be loaded must not keep the others from being looked after.
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
    return {
        "files_deleted": _delete_expired(services, stop),
        "vectors_added": added,
        "indexes_dropped": dropped,
        "jobs_forgotten": forgotten,
        # Last: a fault of theirs holds nothing up.
        "graphs_built": _build_graphs(services, stop),
        "twin_built": twins.build_lacking(services, stop),
    }


def _expired_files(services: Services, conn: Connection) -> list[DocumentId]:
    """The files of visitors whose time is over."""
    days = services.settings.visitor_days
    return own_files.expired(conn, timedelta(days=days)) if days else []


def _delete_expired(services: Services, stop: Stop) -> int:
    with services.pool.connection() as conn:
        expired = _expired_files(services, conn)
        for document_id in expired:
            check(stop)
            chunks.delete_document(conn, document_id)
    return len(expired)


def _build_graphs(services: Services, stop: Stop) -> list[IndexId]:
    with services.pool.connection() as conn:
        lacking = _lacking_graph(conn)
    for index_id in lacking:
        try:
            build.finish(services.pool, index_id, stop)
        except BusyError:
            log.debug("another process builds the graph of index %s", index_id)
    return lacking


def _lacking_graph(conn: Connection) -> list[IndexId]:
    """The indexes kept complete whose many vectors want a graph, once nobody is loading more."""
    lacking = [
        index.vectors_id
        for index in indexes.maintained(conn)
        if graphs.lacks_graph(conn, index.vectors_id)
    ]
    if lacking and documents.came_in_within(conn, LOAD_PAUSE):
        return [i for i in lacking if indexes.count_vectors(conn, i) >= MOST_WITHOUT_GRAPH]
    return lacking


def _lacking(conn: Connection) -> list[SearchIndex]:
    """The indexes beside the serving one that lack something; that one has it from whoever writes."""
    others = indexes.maintained(conn)[1:]
    return [i for i in others if gaps.exists(conn, i.vectors_id, i.rule_id)]


def _handle(services: Services, index: SearchIndex) -> SearchHandle:
    held = services.replica.held(index.id)
    if held is not None:
        return held
    with services.pool.connection() as conn:
        return load_index(conn, index.id, services.options)
