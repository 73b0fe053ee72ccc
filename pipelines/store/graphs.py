"""The HNSW graph over an index's vectors: when one is wanted, whether it is there, how it is built."""

from __future__ import annotations

import psycopg
from psycopg import sql

from pipelines.store import indexes
from pipelines.store.db import BUILD_LOCK, Connection
from pipelines.store.ids import IndexId

# With fewer vectors, comparing all is as fast as walking a graph, exact, and costs writers nothing.
GRAPH_FROM = 5_000
# Candidates that a question looks at in a graph over up to so many vectors (ef_search), and the most
# that pgvector can. Beyond, the square root of the size keeps finding as much of the nearest.
SEARCHED, SEARCHED_UP_TO, SEARCHED_MOST = 200, 100_000, 1000
# pgvector's graph takes about this much beside each vector (m = 16), in bytes.
GRAPH_BYTES = 400


def set_searched(index_id: IndexId) -> sql.Composed:
    """A statement that sets how much of an index's graph is looked at until the transaction ends."""
    return sql.SQL(
        "select set_config('hnsw.ef_search', least({most}, greatest({searched}, round({searched}"
        " * sqrt(greatest(reltuples, 0) / {up_to}))))::text, true) from pg_class where oid = {table}"
        "::regclass"
    ).format(
        most=sql.Literal(SEARCHED_MOST),
        searched=sql.Literal(SEARCHED),
        up_to=sql.Literal(SEARCHED_UP_TO),
        table=sql.Literal(f"emb_{int(index_id)}"),
    )


def hnsw_name(index_id: IndexId) -> str:
    """The name of the HNSW index on it."""
    return f"emb_{int(index_id)}_hnsw"


def create_hnsw(conn: Connection, index_id: IndexId) -> None:
    """Create the HNSW index in the caller's transaction; others wait. See `build_hnsw`."""
    conn.execute(_hnsw_statement(index_id, ""))


def build_hnsw(conn: Connection, index_id: IndexId, *, memory_mb: int, workers: int) -> None:
    """
    Build the HNSW index over loaded vectors, in place of an invalid one, beside all readers,
    writers and deletes. Call it after the bulk load, which is several times faster.

    :param conn: In autocommit mode; its session settings are changed. One builder at a time.
    :param memory_mb: The graph should fit, else the build slows down several times.
    """
    if hnsw_is_valid(conn, index_id):
        return
    conn.execute(
        sql.SQL("drop index concurrently if exists {}").format(sql.Identifier(hnsw_name(index_id)))
    )
    conn.execute(
        "select set_config('maintenance_work_mem', %s, false),"
        " set_config('max_parallel_maintenance_workers', %s, false)",
        (f"{memory_mb}MB", str(workers)),
    )
    conn.execute(_hnsw_statement(index_id, "concurrently"))


def try_lock_build(conn: Connection, index_id: IndexId) -> bool:
    """Be the only one to build this HNSW index until the transaction ends; False: another is."""
    # By the simple protocol: with the extended one the open portal keeps a snapshot, and building
    # concurrently waits for everyone who has one.
    row = (
        psycopg.ClientCursor(conn)
        .execute("select pg_try_advisory_xact_lock(%s, %s)", (BUILD_LOCK, int(index_id)))
        .fetchone()
    )
    return row is not None and bool(row[0])


def hnsw_is_valid(conn: Connection, index_id: IndexId) -> bool:
    """Whether the HNSW index is there, complete and in use."""
    row = conn.execute(
        "select indisvalid and indisready from pg_index where indexrelid = to_regclass(%s)",
        (hnsw_name(index_id),),
    ).fetchone()
    return row is not None and bool(row[0])


def lacks_graph(conn: Connection, index_id: IndexId) -> bool:
    """Whether there are so many vectors that they want an HNSW index, and no valid one is there."""
    if hnsw_is_valid(conn, index_id):
        return False
    row = conn.execute(
        sql.SQL("select count(*) from (select 1 from {} limit {}) x").format(
            indexes.table(index_id), sql.Literal(GRAPH_FROM)
        )
    ).fetchone()
    assert row is not None
    return bool(row[0] >= GRAPH_FROM)


def graph_bytes(conn: Connection, index_id: IndexId) -> int:
    """About what an HNSW index over the vectors takes."""
    row = conn.execute(
        sql.SQL(
            "select count(*) * ({graph} + 2 * coalesce((select vector_dims(v) from {emb} limit 1), 0))"
            " from {emb}"
        ).format(graph=sql.Literal(GRAPH_BYTES), emb=indexes.table(index_id))
    ).fetchone()
    assert row is not None
    return int(row[0])


def _hnsw_statement(index_id: IndexId, how: str) -> sql.Composed:
    return sql.SQL(
        "create index {} {} on {} using hnsw (v halfvec_cosine_ops)"
        " with (m = 16, ef_construction = 64)"
    ).format(sql.SQL(how), sql.Identifier(hnsw_name(index_id)), indexes.table(index_id))
