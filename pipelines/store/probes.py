"""Random samples of an index's content, for the checks before it serves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector
from psycopg import sql

from pipelines.store import indexes, scope
from pipelines.store.db import Connection
from pipelines.store.graphs import SEARCHED_MOST
from pipelines.store.ids import ChunkId, IndexId, RuleId, WindowId


@dataclass(frozen=True)
class Stored:
    """
    A window with its stored vector, and the codes of its tokens if the index has them.

    *Shape of* `vector`: ``(d,)``
    """

    id: WindowId
    sha256: str
    text: str
    vector: NDArray[np.float32]
    codes: bytes | None = field(default=None, repr=False)


def sample(conn: Connection, index_id: IndexId, rule_id: RuleId, count: int) -> list[Stored]:
    """Random windows with their vectors and codes."""
    rows = conn.cursor(binary=True).execute(
        sql.SQL(
            "select w.id, w.sha256,"
            " substr(c.text, w.char_start + 1, w.char_end - w.char_start), e.v, e.codes"
            " from (select id, sha256, chunk_id, char_start, char_end from text_window"
            " where rule_id = %s order by random() limit %s) w"
            " join {} e on e.window_id = w.id join chunk c on c.id = w.chunk_id"
        ).format(indexes.table(index_id)),
        (rule_id, count),
    )
    return [
        Stored(WindowId(id), sha256, text, np.asarray(v.to_numpy(), dtype=np.float32), codes)
        for id, sha256, text, v, codes in rows
    ]


def not_found(conn: Connection, index_id: IndexId, windows: Sequence[Stored]) -> list[Stored]:
    """
    The windows that the HNSW index does not find by their own vectors.

    Documents change meanwhile, so a window that has been deleted is left out.
    """
    missed = [window for window in windows if not _finds_itself(conn, index_id, window)]
    rows = conn.execute(
        sql.SQL("select window_id from {} where window_id = any(%s)").format(
            indexes.table(index_id)
        ),
        ([window.id for window in missed],),
    )
    there = {row[0] for row in rows}
    return [window for window in missed if window.id in there]


def _finds_itself(conn: Connection, index_id: IndexId, window: Stored) -> bool:
    """
    Whether the HNSW index finds a window, or one with the same text, as nearest to its vector.

    It searches more of the graph than a question does, because the check is about the graph's
    content.
    """
    with conn.transaction():
        conn.execute(f"set local hnsw.ef_search = {SEARCHED_MOST}; set local enable_seqscan = off")
        row = conn.execute(
            sql.SQL(
                "select e.sha256, e.v <=> %(v)s from {} e order by e.v <=> %(v)s limit 1"
            ).format(indexes.table(index_id)),
            {"v": HalfVector(window.vector)},
        ).fetchone()
    # Texts that the model cannot tell apart have the same vector.
    return row is not None and (row[0] == window.sha256 or row[1] < 1e-4)


def passages(conn: Connection, count: int) -> list[tuple[ChunkId, str]]:
    """Random chunks with their text, from the collections that everybody may read."""
    rows = conn.execute(
        "select c.id, c.text from chunk c join document d on d.id = c.document_id"
        " where d.collection = any(%s) order by random() limit %s",
        (scope.readable(conn), count),
    )
    return [(ChunkId(row[0]), row[1]) for row in rows]
