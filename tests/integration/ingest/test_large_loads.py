"""Large loads: small files first, and the graph and the statistics at the end."""

from __future__ import annotations

from dataclasses import replace

from pipelines.indexing import ingest
from pipelines.indexing.incoming import Incoming
from pipelines.progress import Task
from pipelines.store import document_list, graphs
from tests.ingesting import found, incoming


def test_small_files_are_in_before_large_ones(pool, ingester, tmp_path):
    """Each is searchable as soon as it is embedded, and progress counts all of them."""
    book = " ".join(f"Island {n} has {n % 7} quokkas and a lamp." for n in range(4000))
    (tmp_path / "book.txt").write_text(book)
    (tmp_path / "note.txt").write_text("The numbat eats termites.")
    told, seen = [], []
    loading = replace(ingester, task=Task(told.append))
    files = [Incoming.from_path(tmp_path / name) for name in ("book.txt", "note.txt")]
    for outcome in loading.ingest_many(files):
        with pool.connection() as conn:
            seen.append((outcome.source[-8:], document_list.count_by_status(conn).get("indexed")))
    assert seen == [("note.txt", 1), ("book.txt", 2)]
    shares = [at.done / at.total for at in told if at.total]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    embedding = [at for at in told if at.stage == "embedding" and at.item == "book.txt"]
    assert len(embedding) > 5
    assert all(at.total > len(book) for at in embedding)


def test_the_graph_comes_when_windows_are_many_and_only_then(pool, ingester, monkeypatch):
    """A small library is compared whole. A larger ingest builds the graph once, at its end."""
    told = []
    monkeypatch.setattr(graphs, "GRAPH_FROM", 20)
    loading = replace(
        ingester, task=Task(lambda at: told.append("graph") if at.stage == "graph" else None)
    )
    loading.ingest(incoming("few.txt", "The quokka lives on Rottnest."))
    with pool.connection() as conn:
        assert not graphs.hnsw_is_valid(conn, 1)
    text = " ".join(f"Island {n} has {n % 7} quokkas and a lamp." for n in range(200))
    list(loading.ingest_many([incoming("many.txt", text), incoming("more.txt", text[9:])]))
    with pool.connection() as conn:
        assert graphs.hnsw_is_valid(conn, 1)
    loading.ingest(incoming("late.txt", "The numbat eats termites."))
    assert told == ["graph"]
    assert "numbat" in found(pool, ingester, "what does the numbat eat")[0]


def test_a_large_load_leaves_statistics_to_those_who_ask_next(pool, ingester, monkeypatch):
    """Even without a graph to build. A small one leaves them to autovacuum."""

    def counted():
        with pool.connection() as conn:
            return conn.execute(
                "select reltuples, (select count(*) from posting) from pg_class"
                " where relname = 'posting'"
            ).fetchone()

    with pool.connection() as conn:  # else it may count between the two
        conn.execute("alter table posting set (autovacuum_enabled = false)")
    text = " ".join(f"Island {n} has {n % 7} quokkas and a lamp." for n in range(60))
    ingester.ingest(incoming("few.txt", text))
    known, there = counted()
    assert known != there
    monkeypatch.setattr(ingest, "MANY_WINDOWS", 10)
    ingester.ingest(incoming("many.txt", text[9:]))
    known, there = counted()
    assert known == there
