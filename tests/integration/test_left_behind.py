"""What processes that start together, or end in the middle, leave to each other."""

from __future__ import annotations

import psycopg
import pytest

from app import handbook
from app.worker import upkeep
from pipelines.store import db, documents, jobs
from tests import versions as made
from tests.leaving import until_left


@pytest.fixture(scope="module")
def services(module_dsn, tiny_model, tmp_path_factory):
    with made.opened(module_dsn, tiny_model, tmp_path_factory.mktemp("home"), 12) as opened:
        yield opened


def begin(services, source, process):
    """A document that a process has been indexing for two minutes."""
    with services.pool.connection() as conn:
        document_id = documents.begin(
            conn, source=source, title=source, sha256=source, mime="text/plain", content=b"Text.",
            collection="default",
        )  # fmt: skip
        conn.execute(
            "update document set updated_at = now() - interval '2 minutes' where id = %s",
            (document_id,),
        )
        if process is not None:
            conn.execute("update document_process set process = %s", (process,))
    return document_id


def status(services, document_id):
    with services.pool.connection() as conn:
        return documents.get(conn, document_id).status


def test_a_document_of_a_killed_process_is_queued_again_once(services):
    """A job indexes it. A document of a process that lives stays as it is."""
    mine = begin(services, "mine.txt", None)
    assert not upkeep.wanted(services)
    begin(services, "dead.txt", "attune 1 gone")
    assert upkeep.wanted(services)
    with psycopg.connect(services.dsn, application_name="attune 1 gone"):
        assert not upkeep.wanted(services)
    until_left(services.dsn, "attune 1 gone")
    with services.pool.connection() as conn:
        conn.execute(
            "update document_process set process = %s where document_id = %s", (db.PROCESS, mine)
        )
    (requeued,) = upkeep.run(services)["documents_requeued"]
    assert (status(services, requeued), status(services, mine)) == ("queued", "indexing")
    with services.pool.connection() as conn:
        (job,) = jobs.recent(conn, limit=9, tasks=["ingest"])
    assert job.args["document_ids"] == [requeued]
    assert upkeep.run(services)["documents_requeued"] == []


def test_one_of_the_servers_that_start_together_indexes_the_handbook(services, monkeypatch):
    """The others do not wait, and do not index the same pages against it."""
    indexed = []
    monkeypatch.setattr(handbook, "_index", indexed.append)
    with services.pool.connection() as conn, conn.transaction():
        assert db.try_lock(conn, db.HANDBOOK_LOCK)
        handbook.index_handbook(services)
        assert indexed == []
    handbook.index_handbook(services)
    assert indexed == [services]
