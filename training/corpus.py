"""
The passages of a question set as an indexed corpus: one chunk each, through the same windows and
tables as documents.
"""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.handle import SearchHandle
from pipelines.store import corpus as rows
from pipelines.store.db import Connection
from pipelines.store.ids import ChunkId
from pipelines.windows import cut


def load_corpus(
    conn: Connection, handle: SearchHandle, texts: Mapping[str, str]
) -> dict[str, ChunkId]:
    """
    Index passages into the handle's index; the chunk of each.

    They become one document, so that no title tells them apart. A passage without a token for
    the encoder is held, but has no window. Made for scratch databases: other indexes are left alone.
    """
    names = list(texts)
    passages = [texts[name] for name in names]
    spans = [
        cut(offsets, handle.size_tokens, handle.stride_tokens)
        for offsets in handle.encoder.token_offsets(passages)
    ]
    windows = [text[a:b] for text, cuts in zip(passages, spans, strict=True) for a, b in cuts]
    vectors = handle.encoder.encode_documents(windows)
    ids = rows.add(conn, handle.index_id, handle.rule_id, passages, spans, vectors)
    return dict(zip(names, ids, strict=True))
