"""Puts passages straight into the tables, for tests that need something to find."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from pgvector import HalfVector
from psycopg import sql

from pipelines import windows
from pipelines.handle import SearchHandle
from pipelines.store import indexes, lexical
from pipelines.store.db import Connection
from pipelines.store.ids import ChunkId


def add_document(
    conn: Connection,
    handle: SearchHandle,
    title: str,
    passages: Sequence[str],
    *,
    collection: str = "default",
    language: str = "en",
) -> list[ChunkId]:
    """One indexed document whose chunks are these passages, one to a page; their ids."""
    with conn.transaction():
        (document_id,) = conn.execute(
            "insert into document (source, title, sha256, mime, size_bytes, status, collection)"
            " values (%s, %s, %s, 'text/plain', 1, 'indexed', %s) returning id",
            (title, title, _sha(title), collection),
        ).fetchone()
        ids = []
        for ordinal, text in enumerate(passages):
            (chunk_id,) = conn.execute(
                "insert into chunk (document_id, ordinal, text, sha256, page, heading, char_start,"
                " char_end, language) values (%s, %s, %s, %s, %s, 'Facts', 0, %s, %s) returning id",
                (document_id, ordinal, text, _sha(text), ordinal + 1, len(text), language),
            ).fetchone()
            ids.append(ChunkId(chunk_id))
            _add_windows(conn, handle, chunk_id, text)
        lexical.add(conn, [(i, t, language) for i, t in zip(ids, passages, strict=True)])
    return ids


def _add_windows(conn: Connection, handle: SearchHandle, chunk_id: int, text: str) -> None:
    offsets = handle.encoder.token_offsets([text])[0]
    spans = windows.cut(offsets, handle.size_tokens, handle.stride_tokens)
    vectors = handle.encoder.encode_documents([text[start:end] for start, end in spans])
    for (start, end), vector in zip(spans, vectors, strict=True):
        sha = _sha(text[start:end])
        (window_id,) = conn.execute(
            "insert into text_window (chunk_id, rule_id, char_start, char_end, sha256)"
            " values (%s, %s, %s, %s, %s) returning id",
            (chunk_id, handle.rule_id, start, end, sha),
        ).fetchone()
        conn.execute(
            sql.SQL("insert into {} values (%s, %s, %s)").format(indexes.table(handle.index_id)),
            (window_id, sha, HalfVector(vector)),
        )


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
