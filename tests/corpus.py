"""Writes passages directly to the tables, for tests that need something to search."""

from __future__ import annotations

import random
from collections.abc import Sequence

from pipelines.search.handle import SearchHandle
from pipelines.store import chunks
from pipelines.store.chunks import NewChunk
from pipelines.store.db import Connection
from pipelines.store.ids import ChunkId
from pipelines.text import windows

NOUNS = [
    "anchor", "bridge", "cable", "deck", "engine", "ferry", "gate", "hull", "island", "jetty",
    "keel", "lamp", "mast", "net", "oar", "pilot", "quay", "rope", "sail", "tug", "valve", "winch",
    "yard", "buoy",
]  # fmt: skip
VERBS = [
    "inspect", "repair", "paint", "move", "lower", "raise", "check", "clean", "order", "store",
    "sign", "close",
]  # fmt: skip


def prose(draw: random.Random) -> str:
    """Six different English sentences, from which questions can be made."""
    said = []
    for _ in range(6):
        who, what, where, when = draw.sample(NOUNS, 4)
        verb = draw.choice(VERBS)
        said.append(f"The {who} keeper must {verb} the {what} of the {where} and the old {when}.")
    return " ".join(said)


def add_document(
    conn: Connection,
    handle: SearchHandle,
    title: str,
    passages: Sequence[str],
    *,
    collection: str = "default",
    language: str = "en",
) -> list[ChunkId]:
    """Add an indexed document with these passages as chunks, one per page, and return their ids."""
    encoder = handle.encoder
    spans = [
        windows.cut(offsets, handle.size_tokens, handle.stride_tokens)
        for offsets in encoder.token_offsets(passages)
    ]
    new = [
        NewChunk(text, page, "Facts", 0, len(text), language, cuts)
        for page, (text, cuts) in enumerate(zip(passages, spans, strict=True), 1)
    ]
    made = handle.embed([c.text[a:b] for c in new for a, b in c.windows])
    with conn.transaction():
        (document_id,) = conn.execute(
            "insert into document (source, title, sha256, mime, size_bytes, status, collection)"
            " values (%s, %s, %s, 'text/plain', 1, 'indexed', %s) returning id",
            (title, title, chunks.digest(title), collection),
        ).fetchone()
        return chunks.write(
            conn, document_id, handle.vectors_id, handle.rule_id, new, made.vectors, made.codes
        )
