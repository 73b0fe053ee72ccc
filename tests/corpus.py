"""Puts passages straight into the tables, for tests that need something to find."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines import windows
from pipelines.handle import SearchHandle
from pipelines.store import chunks, documents
from pipelines.store.chunks import NewChunk
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
    encoder = handle.encoder
    new = [
        NewChunk(
            text,
            page=page,
            heading="Facts",
            char_start=0,
            char_end=len(text),
            language=language,
            windows=windows.cut(offsets, handle.size_tokens, handle.stride_tokens),
        )
        for page, (text, offsets) in enumerate(
            zip(passages, encoder.token_offsets(passages), strict=True), start=1
        )
    ]
    texts = [chunk.text[start:end] for chunk in new for start, end in chunk.windows]
    with conn.transaction():
        document_id = documents.begin(
            conn,
            source=title,
            title=title,
            sha256=chunks.digest(title),
            mime="text/plain",
            content=title.encode(),
            collection=collection,
        )
        chunks.lock_for_writing(conn)
        ids = chunks.write(
            conn, document_id, handle.index_id, handle.rule_id, new, encoder.encode_documents(texts)
        )
        documents.finish(conn, document_id, language=language, pages=len(passages), warnings=[])
    return ids
