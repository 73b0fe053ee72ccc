"""How the tests of sources follow one, and see what came of it."""

from __future__ import annotations

from app.actions.sources import reading, registry
from app.actions.sources.report import Wish
from pipelines.store import document_list


def follow(services, address, *, deletes=None, **wish):
    """Read a source once, which is added if it is new."""
    source = registry.find_or_add(services, str(address), "default", who="ada")
    if deletes is not None:
        source = registry.change(services, source.id, deletes=deletes, who="ada")
    return reading.read(services, source, Wish(**wish), who="ada")


def counts(report):
    """How many of each kind there were."""
    return {what: n for what, n in report.counts.items() if n}


def titles(services, status=None):
    """The documents, by title."""
    with services.pool.connection() as conn:
        found = [row.document for row in document_list.list_all(conn)]
    return sorted(d.title for d in found if status is None or d.status == status)
