"""Rows of a passage corpus: one document whose chunks are the passages, with windows and vectors."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector
from psycopg import sql

from pipelines.store import indexes, lexical
from pipelines.store.db import Connection
from pipelines.store.ids import ChunkId, IndexId, RuleId


def add(
    conn: Connection,
    index_id: IndexId,
    rule_id: RuleId,
    passages: Sequence[str],
    spans: Sequence[Sequence[tuple[int, int]]],
    vectors: NDArray[np.float32],
    *,
    source: str = "passages",
    language: str | None = "en",
) -> list[ChunkId]:
    """
    Write the passages in one transaction; their chunks in order.

    :param spans: Windows of each passage.
    :param vectors: One row per window, in the same order. *Shape:* ``(w, d)``
    """
    with conn.transaction():
        row = conn.execute(
            "insert into document (source, title, sha256, mime, size_bytes, status, language)"
            " values (%s, %s, %s, 'text/plain', %s, 'indexed', %s) returning id",
            (source, source, _sha256("".join(passages)), sum(map(len, passages)), language),
        ).fetchone()
        assert row is not None
        ids = [
            ChunkId(chunk_id)
            for (chunk_id,) in conn.execute(
                "with made as (insert into chunk"
                " (document_id, ordinal, text, sha256, char_start, char_end, language)"
                " select %s, i - 1, text, sha256, 0, length(text), %s"
                " from unnest(%s::text[], %s::text[]) with ordinality t (text, sha256, i)"
                " returning id, ordinal) select id from made order by ordinal",
                (row[0], language, list(passages), [_sha256(text) for text in passages]),
            )
        ]
        owners = [(n, a, b) for n, cuts in enumerate(spans) for a, b in cuts]
        sums = [_sha256(passages[n][a:b]) for n, a, b in owners]
        windows = conn.execute(
            "insert into text_window (chunk_id, rule_id, char_start, char_end, sha256)"
            " select chunk, %s, a, b, sha256 from unnest(%s::bigint[], %s::int[], %s::int[],"
            " %s::text[]) with ordinality t (chunk, a, b, sha256, i) order by i returning id",
            (
                rule_id,
                [ids[n] for n, _, _ in owners],
                [a for _, a, _ in owners],
                [b for _, _, b in owners],
                sums,
            ),
        ).fetchall()
        statement = sql.SQL("copy {} (window_id, sha256, v) from stdin (format binary)")
        with (
            conn.cursor() as cursor,
            cursor.copy(statement.format(indexes.table(index_id))) as copy,
        ):
            copy.set_types(["int8", "text", "halfvec"])
            for (window_id,), digest, vector in zip(windows, sums, vectors, strict=True):
                copy.write_row((window_id, digest, HalfVector(vector)))
        lexical.add(conn, [(i, text, language) for i, text in zip(ids, passages, strict=True)])
    return ids


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
