"""Rows of `calibration`, and the corpus sample that answer thresholds are calibrated on."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.store import indexes, scope
from pipelines.store.db import Connection
from pipelines.store.ids import ChunkId, DocumentId, IndexId


@dataclass(frozen=True)
class Sampled:
    """A chunk that pseudo-questions are cut from."""

    id: ChunkId
    document_id: DocumentId
    ordinal: int
    text: str


@dataclass(frozen=True)
class Calibrated:
    """
    The corpus that a threshold was calibrated on.

    `chunks` is its size. `handbook` says whether it was the handbook alone, or is None if that was
    not recorded.
    """

    chunks: int
    handbook: bool | None


def sample(conn: Connection, count: int) -> list[Sampled]:
    """Shared chunks from the whole corpus, always the same ones for the same corpus."""
    rows = conn.execute(
        "select c.id, c.document_id, c.ordinal, c.text from chunk c join"
        " (select i.id from chunk i join document d on d.id = i.document_id"
        "  where d.collection = any(%s) order by hashint8(i.id), i.id limit %s) s"
        " on s.id = c.id order by c.id",
        (scope.readable(conn), count),
    )
    return [Sampled(*row) for row in rows]


def ordinals(conn: Connection, chunk_ids: list[ChunkId]) -> dict[ChunkId, int]:
    """The positions of these chunks in their documents."""
    rows = conn.execute("select id, ordinal from chunk where id = any(%s)", (chunk_ids,))
    return {row[0]: row[1] for row in rows}


def threshold(conn: Connection, index_id: IndexId) -> float | None:
    """The current answer threshold of an index."""
    row = conn.execute(
        "select answer_threshold from search_index where id = %s", (index_id,)
    ).fetchone()
    return None if row is None else row[0]


def corpus(conn: Connection) -> Calibrated:
    """The corpus that a threshold would be calibrated on now."""
    shared = scope.readable(conn)
    row = conn.execute(
        "select count(*) from chunk c join document d on d.id = c.document_id"
        " where d.collection = any(%s)",
        (shared,),
    ).fetchone()
    assert row is not None
    return Calibrated(int(row[0]), shared == [scope.HANDBOOK])


def calibrated_on(conn: Connection, index_id: IndexId) -> Calibrated | None:
    """The corpus that an index's threshold was calibrated on, or None if it never was."""
    row = conn.execute(
        "select chunks, handbook from calibration where index_id = %s", (index_id,)
    ).fetchone()
    return None if row is None else Calibrated(int(row[0]), row[1])


def store(conn: Connection, index_id: IndexId, threshold: float | None, corpus: Calibrated) -> None:
    """Set an index's threshold and record the corpus it was calibrated on."""
    with conn.transaction():
        indexes.set_threshold(conn, index_id, threshold)
        conn.execute(
            "insert into calibration (index_id, chunks, handbook) values (%s, %s, %s)"
            " on conflict (index_id) do update set chunks = excluded.chunks,"
            " handbook = excluded.handbook, calibrated_at = now()",
            (index_id, corpus.chunks, corpus.handbook),
        )
