"""Rows of `chunk` and `text_window`, and the vectors and postings that are written with them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector
from psycopg import sql
from psycopg.types.json import Jsonb

from pipelines.store import document_copies, documents, indexes, postings
from pipelines.store.db import Connection
from pipelines.store.ids import ChunkId, DocumentId, IndexId, RuleId, WindowId
from pipelines.text.places import Place

# Windows whose codes are fetched at once.
FETCHED = 200


@dataclass(frozen=True)
class NewChunk:
    """
    A chunk to write, with the spans of its windows in its text.

    `char_start` and `char_end` are its span in the document's text. `places` says where other pages
    or sections begin in it. With none or one, `page` and `heading` apply to all of it. `page_label`
    is what is printed on the page, if that differs from its number.
    """

    text: str
    page: int | None
    heading: str | None
    char_start: int
    char_end: int
    language: str | None
    windows: list[tuple[int, int]]
    places: tuple[Place, ...] = ()
    page_label: str | None = None


def digest(text: str) -> str:
    """The hex sha256 of a text's UTF-8 bytes, which identifies its content."""
    return hashlib.sha256(text.encode()).hexdigest()


def write(
    conn: Connection,
    document_id: DocumentId,
    index_id: IndexId,
    rule_id: RuleId,
    new: Sequence[NewChunk],
    vectors: NDArray[np.float32],
    codes: Iterable[bytes] | None = None,
) -> list[ChunkId]:
    """
    Write a document's chunks and windows, their vectors in one index, and their postings.

    Call it in a transaction that has a ROW EXCLUSIVE lock on `text_window` (see
    `lock_for_writing`).

    :param vectors: One row per window, chunk by chunk. *Shape:* ``(w, d)``
    :param codes: Of each window's tokens, in the same order. None if the index has none.
    :returns: The ids of the chunks.
    """
    ids = _insert_chunks(conn, document_id, new)
    windows = _insert_windows(conn, rule_id, ids, new)
    copy_vectors(conn, index_id, windows, vectors, codes)
    postings.add(conn, [(i, c.text, c.language) for i, c in zip(ids, new, strict=True)])
    return ids


def lock_for_writing(conn: Connection) -> None:
    """
    Lock as a writer: wait while a promotion checks for gaps, and make the next promotion wait.

    Read the active pointer after this. It cannot change before the transaction ends.
    """
    conn.execute("lock table text_window in row exclusive mode")


def delete_document(
    conn: Connection, document_id: DocumentId, *, replaced_by: DocumentId | None = None
) -> None:
    """
    Remove a document, its chunks, and their vectors in every index, in one transaction.

    If another document has the same content, it inherits the chunks instead. Vector tables have no
    foreign key, so this is the only place that may delete chunks.

    :param replaced_by: Its next version, about to be written.
    """
    with conn.transaction():
        lock_for_writing(conn)
        heir = document_copies.hand_on(conn, document_id, replaced_by)
        if heir is not None:
            conn.execute(
                "update chunk set document_id = %s where document_id = %s", (heir, document_id)
            )
        # Locked before their windows are read: a transaction that adds windows or vectors to them
        # meanwhile then finds them gone, and leaves no vectors behind.
        conn.execute(
            "select 1 from chunk where document_id = %s order by id for update", (document_id,)
        )
        windows = [
            WindowId(row[0])
            for row in conn.execute(
                "select w.id from text_window w join chunk c on c.id = w.chunk_id"
                " where c.document_id = %s order by w.id for update of w",
                (document_id,),
            )
        ]
        indexes.clear_windows(conn, windows)
        documents.delete(conn, document_id)


def share(conn: Connection, document_id: DocumentId, twin: DocumentId) -> bool:
    """
    Let a document share the passages of one with the same content. Its earlier version is removed.

    :returns: False, with no change, if one of them is gone or `twin` is the earlier version.
    """
    with conn.transaction():
        lock_for_writing(conn)
        document = documents.get(conn, document_id)
        if document is None:
            return False
        documents.lock_source(conn, document.collection, document.source)
        before = documents.indexed(conn, document.collection, document.source)
        if before is not None and before.id in (document_id, twin):
            return before.same_as == twin
        if not document_copies.hold(conn, twin, document.sha256):
            return False
        if before is not None:
            delete_document(conn, before.id)
        document_copies.copy_of(conn, document_id, twin)
    return True


def sample_windows(conn: Connection, rule_id: RuleId, most: int) -> list[str]:
    """Up to `most` window texts of a rule from all documents, always the same ones."""
    rows = conn.execute(
        "select substr(c.text, w.char_start + 1, w.char_end - w.char_start) from"
        " (select * from text_window where rule_id = %s order by sha256 limit %s) w"
        " join chunk c on c.id = w.chunk_id order by w.sha256",
        (rule_id, most),
    )
    return [row[0] for row in rows]


def vectors_before(
    conn: Connection, document_ids: Sequence[DocumentId], index_id: IndexId, rule_id: RuleId
) -> Iterator[tuple[str, NDArray[np.float32], bytes | None]]:
    """
    Texts of windows, vectors and codes of the versions that documents are about to replace.

    Text that did not change need not be embedded again. *Shape of a vector:* ``(d,)``
    """
    # By a cursor on the server: codes of a large document would fill the memory.
    with conn.cursor("before", binary=True) as rows:
        rows.itersize = FETCHED
        rows.execute(
            sql.SQL(
                "select substr(c.text, w.char_start + 1, w.char_end - w.char_start), e.v, e.codes"
                " from document new join document old on old.source = new.source"
                " and old.collection = new.collection and old.status = 'indexed' and old.id <> new.id"
                " join chunk c on c.document_id = old.id"
                " join text_window w on w.chunk_id = c.id and w.rule_id = %s"
                " join {} e on e.window_id = w.id and e.sha256 = w.sha256 where new.id = any(%s)"
            ).format(indexes.table(index_id)),
            (rule_id, list(document_ids)),
        )
        for text, vector, codes in rows:
            yield text, np.asarray(vector.to_numpy(), dtype=np.float32), codes


def copy_vectors(
    conn: Connection,
    index_id: IndexId,
    windows: Sequence[tuple[WindowId, str]],
    vectors: NDArray[np.float32],
    codes: Iterable[bytes] | None = None,
) -> None:
    """
    Write vectors in bulk, each with the codes of its window's tokens.

    :param windows: Id and content hash of each window.
    :param vectors: Their rows, in the same order. *Shape:* ``(w, d)``
    :param codes: Likewise. None if the index has none.
    """
    copy_rows(conn, indexes.table(index_id), windows, vectors, codes)


def copy_rows(
    conn: Connection,
    table: sql.Identifier,
    windows: Sequence[tuple[WindowId, str]],
    vectors: NDArray[np.float32],
    codes: Iterable[bytes] | None,
) -> None:
    """
    Write rows of a vector table, or of one with its columns. See `copy_vectors`.

    :param vectors: *Shape:* ``(w, d)``
    """
    statement = sql.SQL("copy {} (window_id, sha256, v, codes) from stdin (format binary)")
    with conn.cursor() as cursor, cursor.copy(statement.format(table)) as copy:
        copy.set_types(["int8", "text", "halfvec", "bytea"])
        coded = [None] * len(windows) if codes is None else codes
        for (window_id, sha256), vector, code in zip(windows, vectors, coded, strict=True):
            copy.write_row((window_id, sha256, HalfVector(vector), code))


def _insert_chunks(
    conn: Connection, document_id: DocumentId, new: Sequence[NewChunk]
) -> list[ChunkId]:
    rows = conn.execute(
        "with made as (insert into chunk (document_id, ordinal, text, sha256, page, heading,"
        " char_start, char_end, language, places, page_label)"
        " select %s, i - 1, text, sha256, page, heading, char_start, char_end, language, places,"
        " page_label from unnest(%s::text[], %s::text[], %s::int[], %s::text[], %s::int[],"
        " %s::int[], %s::text[], %s::jsonb[], %s::text[]) with ordinality"
        " t (text, sha256, page, heading, char_start, char_end, language, places, page_label, i)"
        " returning id, ordinal) select id from made order by ordinal",
        (
            document_id,
            [c.text for c in new],
            [digest(c.text) for c in new],
            [c.page for c in new],
            [c.heading for c in new],
            [c.char_start for c in new],
            [c.char_end for c in new],
            [c.language for c in new],
            [Jsonb(c.places) if len(c.places) > 1 else None for c in new],
            [c.page_label for c in new],
        ),
    )
    return [ChunkId(row[0]) for row in rows]


def _insert_windows(
    conn: Connection, rule_id: RuleId, ids: Sequence[ChunkId], new: Sequence[NewChunk]
) -> list[tuple[WindowId, str]]:
    owned = [(i, c.text, a, b) for i, c in zip(ids, new, strict=True) for a, b in c.windows]
    sums = [digest(text[a:b]) for _, text, a, b in owned]
    rows = conn.execute(
        "insert into text_window (chunk_id, rule_id, char_start, char_end, sha256)"
        " select chunk, %s, a, b, sha256 from unnest(%s::bigint[], %s::int[], %s::int[],"
        " %s::text[]) with ordinality t (chunk, a, b, sha256, i) order by i returning id",
        (rule_id, [i for i, *_ in owned], [a for *_, a, _ in owned], [b for *_, b in owned], sums),
    )
    return [(WindowId(row[0]), sha256) for row, sha256 in zip(rows, sums, strict=True)]
