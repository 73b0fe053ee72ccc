"""
The HNSW graph over an index's vectors: when one is needed, whether it exists, and how to build it.
"""

from __future__ import annotations

import psycopg
from psycopg import sql

from pipelines.store import indexes
from pipelines.store.db import BUILD_LOCK, Connection
from pipelines.store.ids import IndexId

# With fewer vectors, comparing all of them is as fast as walking a graph. It is also exact and costs
# writers nothing.
GRAPH_FROM = 5_000
# ef_search (candidates per question) for graphs of up to so many vectors, and pgvector's maximum. In
# larger graphs it grows with the square root of the size, which keeps the recall about the same.
SEARCHED, SEARCHED_UP_TO, SEARCHED_MOST = 200, 100_000, 1000
# Size of pgvector's graph (m = 16) per vector, in addition to the vector itself.
GRAPH_BYTES = 400


def set_searched(index_id: IndexId) -> sql.Composed:
    """The statement that sets ``hnsw.ef_search`` for an index until the transaction ends."""
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
    """The name of an index's HNSW index."""
    return f"emb_{int(index_id)}_hnsw"


def create_hnsw(conn: Connection, index_id: IndexId) -> None:
    """Create the HNSW index in the caller's transaction. Writers wait. See `build_hnsw`."""
    conn.execute(_hnsw_statement(index_id, ""))


def build_hnsw(conn: Connection, index_id: IndexId, *, memory_mb: int, workers: int) -> None:
    """
    Build the HNSW index over loaded vectors while readers, writers and deletes continue.

    It replaces an invalid one. Call it after the bulk load, which makes it several times faster.

    :param conn: In autocommit mode. Its session settings are changed. One builder at a time.
    :param memory_mb: The graph should fit, or the build becomes several times slower.
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
    """
    Try to become the only builder of this HNSW index until the transaction ends.

    :returns: False if another process is building it.
    """
    # In the simple protocol. In the extended one the open portal would keep a snapshot, and a
    # concurrent build waits for every transaction that has one.
    row = (
        psycopg.ClientCursor(conn)
        .execute("select pg_try_advisory_xact_lock(%s, %s)", (BUILD_LOCK, int(index_id)))
        .fetchone()
    )
    return row is not None and bool(row[0])


def hnsw_is_valid(conn: Connection, index_id: IndexId) -> bool:
    """Whether the HNSW index exists, is complete and is in use."""
    row = conn.execute(
        "select indisvalid and indisready from pg_index where indexrelid = to_regclass(%s)",
        (hnsw_name(index_id),),
    ).fetchone()
    return row is not None and bool(row[0])


def lacks_graph(conn: Connection, index_id: IndexId) -> bool:
    """Whether an index has enough vectors to need an HNSW index but no valid one."""
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
    """Approximate size of an HNSW index over the vectors."""
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
