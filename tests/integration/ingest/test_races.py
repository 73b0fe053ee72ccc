"""Others write at the same time: one document results, of the version that serves."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psycopg

from pipelines.embedder.loading import EncoderOptions
from pipelines.indexing import queued
from pipelines.indexing.convert import Converter
from pipelines.indexing.converted import Converted
from pipelines.indexing.ingest import Ingester
from pipelines.store import active, chunks, document_list
from tests.ingesting import counts, found, incoming
from tests.versions import load_handle


def test_two_processes_with_the_same_file_end_with_one_document(pool, ingester):
    """The second one replaces the first one's document, or reports that it was overtaken."""
    with ThreadPoolExecutor(4) as threads:
        versions = [incoming("a.txt", f"Version {n} of the text.") for n in range(8)]
        outcomes = list(threads.map(ingester.ingest, versions))
    assert {outcome.status for outcome in outcomes} <= {"indexed", "failed"}
    assert all("meanwhile" in o.reason for o in outcomes if o.status == "failed")
    with pool.connection() as conn:
        assert document_list.count_by_status(conn)["indexed"] == 1
    assert counts(pool)[:3] == (1, 1, 1)


def test_a_swap_during_ingest_embeds_again_for_the_new_version(
    pool, ingester, tiny_model, tmp_path
):
    """The vectors written are those of the version that serves when they are written."""
    options = EncoderOptions(cache=tmp_path)
    stale = ingester.handle_source()
    with pool.connection() as conn:
        conn.execute("update active set epoch = epoch + 1")
    with pool.connection() as conn:
        fresh = load_handle(conn, options)
        assert active.get(conn).epoch == fresh.epoch == stale.epoch + 1
    given = []

    def serving():
        given.append(fresh if given else stale)
        return given[-1]

    racing = Ingester(pool, serving, ingester.converter, 400)
    assert racing.ingest(incoming("a.txt", "Words in a race.")).status == "indexed"
    assert given[:2] == [stale, fresh]


def test_a_write_that_was_committed_is_not_told_as_failed(pool, ingester, monkeypatch):
    """The connection is lost at COMMIT, and the database has it: so says the outcome."""
    real = chunks.write

    def commits_and_dies(conn, *args):
        real(conn, *args)
        conn.execute("commit")
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(chunks, "write", commits_and_dies)
    assert ingester.ingest(incoming("lost.txt", "Lost and found.")).status == "indexed"


def test_who_is_given_the_same_document_late_leaves_it_as_it_is(pool, ingester):
    """Two workers have the same queued document. The second one neither doubles nor deletes it."""
    with pool.connection() as conn:
        put = queued.put(conn, source="a.txt", title="a", content=b"The quokka lives on Rottnest.")
    waiting = put.document_id

    class Slow(Converter):
        """The other worker is faster while this one reads."""

        def convert(self, data: bytes, name: str, *_: object) -> Converted:
            found = ingester.converter.convert(data, name)
            queued.index(pool, ingester, [waiting])
            return found

    (late,) = queued.index(pool, replace(ingester, converter=Slow()), [waiting])
    assert (late.status, late.document_id) == ("indexed", waiting)
    assert counts(pool) == (1, 1, 1, counts(pool)[3], 1)
    assert "quokka" in found(pool, ingester, "where does the quokka live")[0]
