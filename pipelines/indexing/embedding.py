"""Embeds the windows of files that were read, all of a group together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.embedder.batches import Embedder, Embedding, KnownVectors, OnTexts
from pipelines.indexing.records import EmbeddedFile, ReadFile, SplitText
from pipelines.progress import Stop
from pipelines.search.handle import SearchHandle
from pipelines.store import chunks
from pipelines.store.chunks import NewChunk
from pipelines.store.db import Pool
from pipelines.store.ids import DocumentId
from pipelines.text import languages
from pipelines.text.windows import cut

# Characters of a text that tell whether the encoder reads its language.
READ_CHARS = 4000


@dataclass(frozen=True)
class PendingFiles:
    """
    Files whose windows are being embedded together.

    :param windows: Of each file, by document: its passages with their windows, and whether the
        encoder reads its language.
    """

    handle: SearchHandle
    windows: dict[DocumentId, tuple[list[NewChunk], bool]]
    embedding: Embedding

    def __len__(self) -> int:
        """Number of windows."""
        return len(self.embedding)

    def wait(self, on_texts: OnTexts, stop: Stop) -> dict[DocumentId, EmbeddedFile]:
        """
        Wait for the vectors. See `Embedding.wait` for what it raises.

        :returns: The embedded files by document.
        """
        counts = [sum(len(one.windows) for one in chunked) for chunked, _ in self.windows.values()]
        parts = self.embedding.wait(on_texts, stop).split(counts)
        return {
            document_id: EmbeddedFile(self.handle, *windows, embedded)
            for (document_id, windows), embedded in zip(self.windows.items(), parts, strict=True)
        }


def begin(
    files: Sequence[ReadFile], handle: SearchHandle, pool: Pool, embedder: Embedder
) -> PendingFiles:
    """
    Begin to embed the files that have a text.

    Windows of an earlier version of a file keep the vectors that they have.
    """
    windows = {
        read.document_id: windows_of(read.text, handle) for read in files if read.text is not None
    }
    chunked = [chunk for file_chunks, _ in windows.values() for chunk in file_chunks]
    with pool.connection() as conn:
        known = KnownVectors(
            chunks.vectors_before(conn, list(windows), handle.vectors_id, handle.rule_id)
        )
    embedding = embedder.begin(
        handle.embed,
        [chunk.text[a:b] for chunk in chunked for a, b in chunk.windows],
        handle.encoder.dimension,
        _lengths(chunked),
        known,
        coded=handle.coded,
    )
    return PendingFiles(handle, windows, embedding)


def _lengths(chunked: Sequence[NewChunk]) -> list[float]:
    """
    Lengths of windows, to embed like with like.

    All windows of a passage but its last have as many tokens as the rule says.
    """
    return [
        math.inf if window is not chunk.windows[-1] else window[1] - window[0]
        for chunk in chunked
        for window in chunk.windows
    ]


def windows_of(text: SplitText, handle: SearchHandle) -> tuple[list[NewChunk], bool]:
    """
    Cut the passages into windows by a version's rule.

    :returns: The passages with their windows, and whether the version's encoder reads them.
    """
    texts = [passage.text for passage in text.passages]
    offsets = handle.encoder.token_offsets(texts)
    chunked = [
        NewChunk(
            passage.text,
            passage.page,
            passage.heading,
            passage.char_start,
            passage.char_end,
            language,
            cut(spans, handle.size_tokens, handle.stride_tokens),
            passage.places,
            passage.page_label,
        )
        for passage, language, spans in zip(text.passages, text.languages, offsets, strict=True)
    ]
    return chunked, is_readable(texts, offsets)


def is_readable(passages: Sequence[str], offsets: Sequence[NDArray[np.int64]]) -> bool:
    """
    Whether the encoder that made the tokens reads the beginning of a text.

    :param offsets: Start and end characters of each passage's tokens. *Shape:* ``(t, 2)`` each
    """
    text, starts = "", [np.zeros(0, dtype=np.int64)]
    for passage, spans in zip(passages, offsets, strict=True):
        starts.append(spans[:, 0] + len(text))
        text += f"{passage}\n"
        if len(text) >= READ_CHARS:
            break
    begun = np.concatenate(starts)
    return languages.reads(text[:READ_CHARS], begun[begun < READ_CHARS])
