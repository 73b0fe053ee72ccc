"""The handbook as documents: indexed so that a new installation answers questions about itself."""

from __future__ import annotations

import logging
from pathlib import Path

from app.actions.ingest import open_ingester
from app.services import Services
from pipelines.indexing.incoming import Incoming
from pipelines.store import documents, scope

log = logging.getLogger(__name__)


HANDBOOK = Path(__file__).resolve().parents[1] / "docs" / "handbook"


def index_handbook(services: Services) -> None:
    """
    Give the first question something to find: all pages at the very first start; later only
    those that are still there, whose text may have changed. What a person deleted stays out.

    A page that cannot be indexed is logged: nobody's own documents depend on it.
    """
    try:
        with services.pool.connection() as conn:
            first = not documents.ever_held(conn)
            held = documents.sources(conn, scope.HANDBOOK)
        files = [
            Incoming(source, _title(path), path.read_bytes, scope.HANDBOOK)
            for source, path in _handbook_pages().items()
            if first or source in held
        ]
        with open_ingester(services) as ingester:
            for outcome in ingester.ingest_many(files):
                if outcome.status == "failed":
                    log.warning("%s could not be indexed: %s", outcome.source, outcome.reason)
    except Exception:
        log.exception("the handbook could not be indexed")


def _handbook_pages() -> dict[str, Path]:
    return {f"handbook/{path.name}": path for path in sorted(HANDBOOK.glob("*.md"))}


def _title(path: Path) -> str:
    return f"Handbook: {path.stem.replace('-', ' ').capitalize()}"
