"""Rows of `calibration`, and the sample of the corpus that thresholds are calibrated on."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.store import indexes
from pipelines.store.db import Connection
from pipelines.store.ids import ChunkId, DocumentId, IndexId


@dataclass(frozen=True)
class Sampled:
    """A chunk that pseudo-questions are cut from."""

    id: ChunkId
    document_id: DocumentId
    ordinal: int
    text: str


def sample(conn: Connection, count: int) -> list[Sampled]:
    """Chunks from all over the corpus, the same ones for the same corpus."""
    rows = conn.execute(
        "select c.id, c.document_id, c.ordinal, c.text from chunk c join"
        " (select id from chunk order by hashint8(id), id limit %s) s on s.id = c.id order by c.id",
        (count,),
    )
    return [Sampled(*row) for row in rows]


def ordinals(conn: Connection, chunk_ids: list[ChunkId]) -> dict[ChunkId, int]:
    """The place of each of these chunks in its document."""
    rows = conn.execute("select id, ordinal from chunk where id = any(%s)", (chunk_ids,))
    return {row[0]: row[1] for row in rows}


def threshold(conn: Connection, index_id: IndexId) -> float | None:
    """The answer threshold of an index as it is now."""
    row = conn.execute(
        "select answer_threshold from search_index where id = %s", (index_id,)
    ).fetchone()
    return None if row is None else row[0]


def chunks(conn: Connection) -> int:
    """How many chunks there are."""
    row = conn.execute("select count(*) from chunk").fetchone()
    assert row is not None
    return int(row[0])


def calibrated_on(conn: Connection, index_id: IndexId) -> int | None:
    """How many chunks there were when the index was last calibrated; None: it never was."""
    row = conn.execute("select chunks from calibration where index_id = %s", (index_id,)).fetchone()
    return None if row is None else int(row[0])


def store(conn: Connection, index_id: IndexId, threshold: float | None, chunks: int) -> None:
    """Set an index's threshold, and note how many chunks it was made from."""
    with conn.transaction():
        indexes.set_threshold(conn, index_id, threshold)
        conn.execute(
            "insert into calibration (index_id, chunks) values (%s, %s) on conflict (index_id)"
            " do update set chunks = excluded.chunks, calibrated_at = now()",
            (index_id, chunks),
        )
