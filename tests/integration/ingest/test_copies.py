"""Files of the same content share their passages, whoever comes first and whoever goes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from pipelines.indexing import queued
from pipelines.store import chunks, document_list, documents
from tests.ingesting import counts, found, incoming


def test_copies_in_one_batch_are_indexed_once_and_all_listed(pool, ingester):
    """The second is looked at while the first is embedded, and noticed all the same."""
    files = [incoming(f"{name}.txt", "The very same text.") for name in "abc"]
    outcomes = list(ingester.ingest_many(files))
    assert [o.status for o in outcomes] == ["indexed", "duplicate", "duplicate"]
    assert {o.reason for o in outcomes[1:]} == {
        f"the same content as a.txt ({outcomes[0].document_id})"
    }
    assert counts(pool)[:3] == (1, 1, 1)
    with pool.connection() as conn:
        assert document_list.count_by_status(conn) == {"indexed": 1, "duplicate": 2}
        rows = document_list.list_all(conn)
    assert [(row.document.source, row.twin, row.chunks) for row in rows] == [
        ("c.txt", "a.txt", 1), ("b.txt", "a.txt", 1), ("a.txt", None, 1),
    ]  # fmt: skip
    unread = list(ingester.ingest_many([incoming("d.txt", " \n"), incoming("e.txt", " \n")]))
    assert [o.status for o in unread] == ["failed", "failed"]


def test_a_copy_takes_over_when_what_it_shares_is_deleted_or_changed(pool, ingester):
    """
    The passages stay as long as one file has them, are never doubled, and are deleted with the
    last.
    """
    text = "The quokka lives on Rottnest."
    outcomes = list(ingester.ingest_many([incoming(f"{n}.txt", text) for n in "abcd"]))
    a, b, c, d = (outcome.document_id for outcome in outcomes)
    whole = counts(pool)
    with pool.connection() as conn:
        chunks.delete_document(conn, a)
        assert documents.get(conn, a) is None
        assert [documents.get(conn, n).same_as for n in (b, c, d)] == [None, b, b]
    assert counts(pool) == whole
    assert found(pool, ingester, "where does the quokka live") == [text]
    changed = ingester.ingest(incoming("b.txt", "The numbat eats termites."))
    with pool.connection() as conn:
        assert documents.get(conn, c).status == "indexed"
        assert documents.get(conn, d).same_as == c
        chunks.delete_document(conn, d)
    assert found(pool, ingester, "where does the quokka live")[0] == text
    # A file that gets another file's content gives up its own earlier content.
    ingester.ingest(incoming("c.txt", "The numbat eats termites."))
    assert found(pool, ingester, "quokka numbat") == ["The numbat eats termites."]
    with pool.connection() as conn:
        assert documents.indexed(conn, "default", "c.txt").same_as == changed.document_id
        for row in document_list.list_all(conn):
            chunks.delete_document(conn, row.document.id)
    assert counts(pool) == (0, 0, 0, 0, 0)


def test_copies_stay_with_what_they_share_when_it_is_indexed_again(pool, ingester):
    """Whichever of them is chosen, the one with the passages is indexed, once."""
    outcomes = list(ingester.ingest_many([incoming(f"{n}.txt", "One text.") for n in "ab"]))
    before = counts(pool)
    with pool.connection() as conn:
        (again,) = queued.put_again(conn, [outcome.document_id for outcome in outcomes])
    (outcome,) = queued.index(pool, ingester, [again])
    assert (outcome.status, outcome.document_id) == ("indexed", again)
    with pool.connection() as conn:
        assert documents.get(conn, outcomes[1].document_id).same_as == again
        assert document_list.count_by_status(conn) == {"indexed": 1, "duplicate": 1}
        put = queued.put(conn, source="c.txt", title="c", content=b"One text.")
    assert (put.status, put.reason) == ("duplicate", f"the same content as a.txt ({again})")
    assert counts(pool) == before


def test_two_processes_with_the_same_content_end_with_one_that_is_indexed(pool, ingester):
    """They write at the same time. The second one shares the first one's passages."""
    with ThreadPoolExecutor(4) as threads:
        files = [incoming(f"{n}.txt", "The very same text.") for n in range(8)]
        outcomes = list(threads.map(ingester.ingest, files))
    assert sorted(outcome.status for outcome in outcomes) == ["duplicate"] * 7 + ["indexed"]
    assert counts(pool)[:3] == (1, 1, 1)
