"""
What is looked after beside the jobs that people ask for: the previous version is kept complete, so
that a rollback is as fast as a promotion; vectors and jobs that nothing has used for long go.

Workers look every few seconds whether there is anything to do, and only then queue the job, which
runs on one of them at a time. The work is found by comparing contents: to do it again does no harm.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from app.wiring import Services
from pipelines import build, reindex
from pipelines.build import Stop
from pipelines.errors import ArtifactError, NotReadyError
from pipelines.handle import SearchHandle
from pipelines.store import gaps, indexes, jobs, pair_files, usage
from pipelines.store.db import Connection
from pipelines.store.indexes import SearchIndex

# Of jobs that have ended.
KEEP_JOBS = timedelta(days=30)
# Of what was counted of visitors; nothing is counted over more than a day.
KEEP_COUNTS = timedelta(days=2)

log = logging.getLogger(__name__)


def retention(services: Services) -> timedelta:
    """How long vectors are kept that nothing uses."""
    return timedelta(days=services.settings.retention_days)


def wanted(conn: Connection, unused_for: timedelta) -> bool:
    """Whether there is anything to do."""
    return bool(
        _lacking(conn)
        or indexes.expired(conn, unused_for)
        or jobs.any_old(conn, KEEP_JOBS)
        or usage.any_before(conn, KEEP_COUNTS)
    )


def run(services: Services, stop: Stop = lambda: False) -> dict[str, Any]:
    """
    Do all of it now; how many vectors were added, which indexes dropped, how many jobs forgotten.

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
        usage.forget_before(conn, KEEP_COUNTS)
        pair_files.forget_before(conn, KEEP_JOBS)
    return {"vectors_added": added, "indexes_dropped": dropped, "jobs_forgotten": forgotten}


def _lacking(conn: Connection) -> list[SearchIndex]:
    """The indexes beside the serving one that lack something; that one has it from whoever writes."""
    others = indexes.maintained(conn)[1:]
    return [i for i in others if gaps.exists(conn, i.vectors_id, i.rule_id)]


def _handle(services: Services, index: SearchIndex) -> SearchHandle:
    held = services.replica.held(index.id)
    if held is not None:
        return held
    with services.pool.connection() as conn:
        return reindex.load_index(conn, index.id, services.options)
