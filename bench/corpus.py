"""
A corpus of any size in an empty database, of which only a part is embedded.

Passages of a public documentation set are halved to about one window each, with one chunk per
window. When there are no more, they are reused with an additional word. Some passages are embedded.
Every other text gets a vector between that of a neighbour and another one. A search costs the same
on it.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from app.services import Services
from pipelines.embedder.encoder import Encoder, Vectors, embed_documents
from pipelines.search import threshold
from pipelines.search.handle import SearchHandle
from pipelines.store import chunks, documents, graphs
from pipelines.store.chunks import NewChunk
from pipelines.store.db import Connection
from pipelines.text.scoring.fusion import Reading
from pipelines.text.scoring.late import QueryTokens

SCALE = Path(__file__).resolve().parents[2] / "shared/data/scale"
EMBEDDED = 2000
# Synthetic vectors lie between real ones. Copies around each would be islands, which no real corpus
# has and which a graph handles badly.
NOISE, NOISES = 0.3, 4096
STEPS = 1024
# Chunks per document. Every hundredth document is in a separate collection.
DOCUMENT = 500
HUNDREDTH = "hundredth"
# Characters that identify a text.
KNOWN_BY = 80


def titles() -> list[str]:
    """Titles of pages, used as questions."""
    found: dict[str, str] = json.loads((SCALE / "title_queries.json").read_text())["queries"]
    return list(found.values())


@cache
def _passages() -> list[str]:
    found: list[str] = []
    with gzip.open(SCALE / "passages.jsonl.gz", "rt") as lines:
        for line in lines:
            text = json.loads(line)["text"]
            middle = text.find(" ", len(text) // 2)
            found += [text[:middle], text[middle + 1 :]] if middle > 0 else [text]
    return found


def texts(start: int, end: int) -> Iterator[str]:
    """The distinct texts of these windows."""
    passages = _passages()
    for number in range(start, end):
        again, place = divmod(number, len(passages))
        yield passages[place] + (f" again{number}" if again else "")


class Neighbours:
    """An encoder that embeds questions, and gives documents vectors near real ones."""

    def __init__(self, real: Encoder) -> None:
        passages = _passages()
        self._real = real
        self._step = -(-len(passages) // EMBEDDED)
        self.late = real.late
        made = embed_documents(real, passages[:: self._step], coded=real.late)
        self._vectors, self._codes = made.vectors, made.codes
        self._place = {text[:KNOWN_BY]: number for number, text in enumerate(passages)}
        noise = np.random.default_rng(0).normal(size=(NOISES, real.dimension))
        self._noise = NOISE * noise / np.sqrt(real.dimension)
        self.dimension, self.tokenizer = real.dimension, real.tokenizer

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        return self._real.encode_queries(texts)

    def encode_query_late(self, text: str) -> tuple[NDArray[np.float32], QueryTokens]:
        return self._real.encode_query_late(text)

    def encode_documents_late(self, texts: Sequence[str]) -> tuple[Vectors, Sequence[bytes]]:
        assert self._codes is not None, "the real encoder gives them"
        near, _ = self._near(texts)
        return self.encode_documents(texts), [self._codes[place] for place in near.tolist()]

    def _near(self, texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The embedded neighbour of each text, and its checksum. *Shape of both:* ``(n,)``"""
        sums = np.array([zlib.crc32(text.encode()) for text in texts])
        places = [self._place.get(t[:KNOWN_BY], int(s)) for t, s in zip(texts, sums, strict=True)]
        return np.array(places) // self._step % len(self._vectors), sums

    def encode_documents(self, texts: Sequence[str]) -> Vectors:
        places, sums = self._near(texts)
        near = self._vectors[places]
        other = self._vectors[sums // NOISES % len(self._vectors)]
        share = (sums % STEPS / STEPS / 2)[:, None]
        found = (1 - share) * near + share * other + self._noise[sums % NOISES]
        return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), dtype=np.float32)

    def token_offsets(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        return self._real.token_offsets(texts)

    def token_ids(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        return self._real.token_ids(texts)

    def reading(self, text: str) -> Reading | None:
        return self._real.reading(text)


def handle(services: Services) -> SearchHandle:
    """The serving handle with the `Neighbours` encoder."""
    serving = services.replica.current()
    return replace(serving, encoder=Neighbours(serving.encoder))


def write(conn: Connection, handle: SearchHandle, start: int, end: int) -> None:
    """Write windows `start` to `end` as documents, each in its own transaction."""
    for first in range(start, end, DOCUMENT):
        found = list(texts(first, min(first + DOCUMENT, end)))
        new = [NewChunk(text, None, None, 0, len(text), "en", [(0, len(text))]) for text in found]
        made = handle.embed(found)
        is_hundredth = (first // DOCUMENT) % 100 == 0
        source = f"passages {first}"
        with conn.transaction():
            document_id = documents.begin(
                conn, source=source, title=source, sha256=chunks.digest(source), mime="text/plain",
                content=b"", collection=HUNDREDTH if is_hundredth else "default",
            )  # fmt: skip
            chunks.write(
                conn, document_id, handle.vectors_id, handle.rule_id, new, made.vectors, made.codes
            )
            documents.finish(conn, document_id, language="en", pages=None, warnings=[])
        conn.commit()


def drop_graph(conn: Connection, handle: SearchHandle) -> None:
    """Drop the graph before a bulk load. Building it afterwards is several times faster."""
    name = sql.Identifier(graphs.hnsw_name(handle.vectors_id))
    conn.execute(sql.SQL("drop index if exists {}").format(name))


def settle(services: Services, handle: SearchHandle) -> None:
    """Do the maintenance of a server: the graph, statistics, the threshold."""
    with services.pool.connection() as conn:
        conn.autocommit = True
        graphs.build_hnsw(conn, handle.vectors_id, memory_mb=1024, workers=2)
        for name in ("chunk", "text_window", "posting", "document", table(handle)):
            conn.execute(sql.SQL("vacuum (analyze) {}").format(sql.Identifier(name)))
        conn.autocommit = False
    with services.pool.connection() as conn:
        threshold.refresh(conn, handle)


def table(handle: SearchHandle) -> str:
    """The name of the vector table."""
    return f"emb_{int(handle.vectors_id)}"


def filled(services: Services, windows: int) -> SearchHandle:
    """Fill an empty database with this many windows, settle it, and return the handle."""
    found = handle(services)
    with services.pool.connection() as conn:
        write(conn, found, 0, windows)
    settle(services, found)
    return found
