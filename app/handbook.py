"""The handbook as documents: indexed so that a new installation answers questions about itself."""

from __future__ import annotations

import logging
from pathlib import Path

from app.actions.ingest import open_ingester
from app.services import Services
from pipelines.indexing.incoming import Incoming
from pipelines.store import db, document_list, scope

log = logging.getLogger(__name__)


# Where the pages are: in an installation, and in the repository.
_PACKAGED = Path(__file__).with_name("handbook_pages")
_WRITTEN = Path(__file__).resolve().parents[1] / "docs" / "handbook"
HANDBOOK = _PACKAGED if _PACKAGED.is_dir() else _WRITTEN


def index_handbook(services: Services) -> None:
    """
    Index the handbook, so that the first question finds something.

    The very first start indexes all pages. A later one indexes only pages that are still there and
    whose text has changed. A page that a person deleted stays deleted.

    One of the servers that start together does it. A page that cannot be indexed is logged, and
    never keeps a server from starting.
    """
    if services.replica.degraded is not None:
        log.warning("the handbook is not indexed: the serving version is not loaded")
        return
    try:
        # The transaction holds the lock and nothing else. A killed server lets go of it.
        with services.pool.connection() as conn, conn.transaction():
            if not db.try_lock(conn, db.HANDBOOK_LOCK):
                log.info("another server indexes the handbook")
                return
            _index(services)
    except Exception:
        log.exception("the handbook could not be indexed")


def _index(services: Services) -> None:
    with services.pool.connection() as conn:
        first = not document_list.ever_held(conn)
        held = document_list.sources(conn, scope.HANDBOOK)
    files = [
        Incoming(source, _title(path), path.read_bytes, scope.HANDBOOK)
        for source, path in _handbook_pages().items()
        if first or source in held
    ]
    with open_ingester(services) as ingester:
        for outcome in ingester.ingest_many(files):
            if outcome.status == "failed":
                log.warning("%s could not be indexed: %s", outcome.source, outcome.reason)


def _handbook_pages() -> dict[str, Path]:
    return {f"handbook/{path.name}": path for path in sorted(HANDBOOK.glob("*.md"))}


def _title(path: Path) -> str:
    return f"Handbook: {path.stem.replace('-', ' ').capitalize()}"
