"""
The windows nearest to a question, from an index's vector table, by its HNSW graph or exactly, and
the codes of their tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector
from psycopg import sql

from pipelines.store import arrays, indexes
from pipelines.store.db import Connection
from pipelines.store.ids import ChunkId, IndexId, WindowId

# Rows of a cursor on the server at a time.
FETCHED = 200


@dataclass(frozen=True)
class Window:
    """A chunk's window nearest to the question: its span in the chunk, and its cosine."""

    start: int
    end: int
    cosine: float


@dataclass(frozen=True)
class NearWindow(Window):
    """One of a chunk's nearest windows. `codes` are those of its tokens, if the index has them."""

    id: WindowId
    codes: bytes | None = field(default=None, repr=False)


def nearest(
    conn: Connection,
    index_id: IndexId,
    vector: NDArray[np.float32],
    limit: int,
    *,
    within: sql.Composable | None = None,
    exact: bool = False,
) -> dict[ChunkId, Window]:
    """
    The chunks of the nearest windows, each with its nearest window.

    :param vector: The question's vector. *Shape:* ``(d,)``
    :param limit: Number of windows.
    :param within: Condition on a chunk's id, as ``in (...)``.
    :param exact: Compare every window of `within` instead of walking the graph. That is also done
        where the graph's walk ends before it has found enough of them.
    """
    order = "order by e.v <=> %(v)b limit %(limit)s"
    columns = "e.window_id, e.v <=> %(v)b distance"
    if within is None:
        statement = f"select {columns} from {{emb}} e {order}"
    elif exact:
        statement = (
            f"select {columns} from (select i.window_id, i.v from {{emb}} i join text_window w"
            f" on w.id = i.window_id where w.chunk_id {{within}} offset 0) e {order}"
        )
    else:
        # `offset 0` keeps the condition a filter on the graph's scan, which then continues until
        # enough windows have passed. For a join the planner would sort the collection by distance.
        statement = (
            f"select {columns} from {{emb}} e where exists (select 1 from text_window w"
            f" where w.id = e.window_id and w.chunk_id {{within}} offset 0) {order}"
        )
    query = sql.SQL(
        "select distinct on (w.chunk_id) w.chunk_id, w.char_start, w.char_end, 1 - n.distance,"
        " count(*) over ()"
        f" from ({statement}) n join text_window w on w.id = n.window_id"
        " order by w.chunk_id, n.distance, w.id"
    ).format(emb=indexes.table(index_id), within=within or sql.SQL(""))
    rows = conn.execute(query, {"v": HalfVector(vector), "limit": limit}).fetchall()
    if within is not None and not exact and (not rows or rows[0][4] < limit):
        return nearest(conn, index_id, vector, limit, within=within, exact=True)
    return {row[0]: Window(row[1], row[2], row[3]) for row in rows}


def best_windows(
    conn: Connection,
    index_id: IndexId,
    vector: NDArray[np.float32],
    chunk_ids: Sequence[ChunkId],
) -> dict[ChunkId, Window]:
    """
    The nearest window of each of these chunks, compared exactly. Chunks without vectors are left
    out.

    :param vector: The question's vector. *Shape:* ``(d,)``
    """
    if not chunk_ids:
        return {}
    rows = conn.execute(
        sql.SQL(
            "select distinct on (w.chunk_id) w.chunk_id, w.char_start, w.char_end,"
            " 1 - (e.v <=> %(v)b) cosine"
            " from text_window w join {} e on e.window_id = w.id"
            " where w.chunk_id = any(%(ids)s::bigint[]) order by w.chunk_id, cosine desc, w.id"
        ).format(indexes.table(index_id)),
        {"v": HalfVector(vector), "ids": arrays.literal(chunk_ids)},
    )
    return {row[0]: Window(row[1], row[2], row[3]) for row in rows}


def nearest_windows(
    conn: Connection,
    index_id: IndexId,
    vector: NDArray[np.float32],
    chunk_ids: Sequence[ChunkId],
    *,
    each: int = 3,
) -> dict[ChunkId, list[NearWindow]]:
    """
    The nearest windows of each of these chunks with their codes, compared exactly, nearest first.
    Chunks without vectors are left out.

    :param vector: The question's vector. *Shape:* ``(d,)``
    :param each: Most windows of a chunk.
    """
    if not chunk_ids:
        return {}
    # Codes lie beside the rows. Only those that are returned are read.
    rows = conn.cursor(binary=True).execute(
        sql.SQL(
            "select chunk_id, char_start, char_end, 1 - distance, id, codes from ("
            " select *, row_number() over (partition by chunk_id order by distance, id) place"
            "  from (select w.chunk_id, w.char_start, w.char_end, w.id, e.codes,"
            "   e.v <=> %(v)b distance from text_window w join {} e on e.window_id = w.id"
            "   where w.chunk_id = any(%(ids)s::bigint[])) c) n"
            " where place <= %(each)s order by chunk_id, place"
        ).format(indexes.table(index_id)),
        {"v": HalfVector(vector), "ids": arrays.literal(chunk_ids), "each": each},
    )
    found: dict[ChunkId, list[NearWindow]] = {}
    for chunk_id, *window in rows:
        found.setdefault(chunk_id, []).append(NearWindow(*window))
    return found


def of_all_windows(
    conn: Connection, index_id: IndexId
) -> Iterator[tuple[str, NDArray[np.float16], bytes | None]]:
    """
    The sums of all windows' texts with their vectors and codes, each text once.

    *Shape of a vector:* ``(d,)``
    """
    # By a cursor on the server: codes of a large library would fill the memory.
    with conn.cursor("of_windows", binary=True) as rows:
        rows.itersize = FETCHED
        rows.execute(
            sql.SQL("select distinct on (sha256) sha256, v, codes from {} order by sha256").format(
                indexes.table(index_id)
            )
        )
        for sha256, vector, code in rows:
            yield sha256, vector.to_numpy(), code


def of_passages(
    conn: Connection, index_id: IndexId, sha256s: Sequence[str]
) -> tuple[list[str], NDArray[np.float16]]:
    """
    The sums of all windows of passages with these sums, and their vectors.

    *Shape:* ``(w, d)``
    """
    rows = conn.cursor(binary=True).execute(
        sql.SQL(
            "select distinct on (e.sha256) e.sha256, e.v from chunk c"
            " join text_window w on w.chunk_id = c.id"
            " join {} e on e.window_id = w.id and e.sha256 = w.sha256"
            " where c.sha256 = any(%s) order by e.sha256"
        ).format(indexes.table(index_id)),
        (list(sha256s),),
    )
    found = [(row[0], row[1].to_numpy()) for row in rows]
    vectors = np.array([vector for _, vector in found], dtype=np.float16)
    return [name for name, _ in found], vectors


def codes(
    conn: Connection, index_id: IndexId, window_ids: Sequence[WindowId]
) -> dict[WindowId, bytes]:
    """The codes of these windows' tokens. Windows without are left out."""
    rows = conn.cursor(binary=True).execute(
        sql.SQL(
            "select window_id, codes from {} where window_id = any(%s::bigint[])"
            " and codes is not null"
        ).format(indexes.table(index_id)),
        (arrays.literal(window_ids),),
    )
    return {WindowId(row[0]): row[1] for row in rows}


def codes_bytes(conn: Connection, index_id: IndexId) -> int:
    """Disk that an index's codes take, which lie beside its rows."""
    row = conn.execute(
        "select pg_total_relation_size(reltoastrelid) from pg_class where oid = %s::regclass",
        (f"emb_{int(index_id)}",),
    ).fetchone()
    assert row is not None
    return int(row[0])
