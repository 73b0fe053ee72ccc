"""A file on its way in: as it comes, as it is read, as it is embedded, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines.embedder.batches import Embedding, OnTexts
from pipelines.embedder.encoder import Vectors
from pipelines.indexing import paths
from pipelines.indexing.converted import Converted
from pipelines.indexing.outcome import Outcome
from pipelines.indexing.split import ChunkDraft
from pipelines.progress import Stop
from pipelines.search.handle import SearchHandle
from pipelines.store import documents
from pipelines.store.chunks import NewChunk
from pipelines.store.ids import DocumentId
from pipelines.text import languages, suspicious
from pipelines.text.windows import cut

# Of a text, to tell whether the embedder reads it.
READ_CHARS = 4000
# Lines about what was not read that a file is shown with.
MOST_NOTES = 20


@dataclass(frozen=True)
class Incoming:
    """
    A file to take in. `source` and `collection` are its identity: the same again replaces it.

    `size_bytes`, where it is known, spares loading a file that is too large. `document_id`: its row,
    where there is one already (`pipelines/indexing/queued`).
    """

    source: str
    title: str
    load: Callable[[], bytes]
    collection: str = "default"
    size_bytes: int | None = None
    document_id: DocumentId | None = None

    @classmethod
    def from_path(cls, path: Path, collection: str = "default") -> Incoming:
        """A file on disk, known by its absolute path. What is no regular file fails unopened."""
        size = path.stat().st_size if path.is_file() else None
        source, title = paths.readable(path.resolve()), paths.readable(path.name)
        return cls(source, title, partial(paths.read, path), collection, size)


@dataclass(frozen=True)
class Draft:
    """A file after reading: its text, cut into chunks, and their languages."""

    document_id: DocumentId
    converted: Converted
    chunks: list[ChunkDraft]
    spoken: list[str | None]
    language: str | None


@dataclass(frozen=True)
class CutUp:
    """A draft's chunks with the windows of a version's rule; `read`: its encoder reads the text."""

    chunks: list[NewChunk]
    read: bool


@dataclass(frozen=True)
class Embedded:
    """The same with the vectors of all windows. *Shape:* ``(w, d)``"""

    handle: SearchHandle
    cut_up: CutUp
    vectors: Vectors


@dataclass(frozen=True)
class Begun:
    """Drafts with the windows of the version that serves, whose vectors are being made."""

    handle: SearchHandle
    drafts: Sequence[Draft]
    cut_up: Sequence[CutUp]
    embedding: Embedding

    def wait(self, on_texts: OnTexts, stop: Stop) -> dict[DocumentId, Embedded]:
        """Each draft with its vectors; see `Embedding.wait`."""
        counts = [sum(len(chunk.windows) for chunk in one.chunks) for one in self.cut_up]
        parts = np.split(self.embedding.wait(on_texts, stop), np.cumsum(counts)[:-1])
        return {
            draft.document_id: Embedded(self.handle, one, rows)
            for draft, one, rows in zip(self.drafts, self.cut_up, parts, strict=True)
        }


@dataclass(frozen=True)
class Prepared:
    """
    A file after reading: an outcome already, or a draft to embed.

    Neither: one of the same content came before it in the same load, which is waited for.
    """

    file: Incoming
    seconds: float
    sha256: str = ""
    document_id: DocumentId | None = None
    outcome: Outcome | None = None
    draft: Draft | None = None

    @property
    def chars(self) -> int:
        return len(self.draft.converted.text) if self.draft else 0


def with_windows(draft: Draft, handle: SearchHandle) -> CutUp:
    """The draft's chunks, cut into windows by a version's rule."""
    offsets = handle.encoder.token_offsets([chunk.text for chunk in draft.chunks])
    cut_up = [
        NewChunk(
            chunk.text,
            chunk.page,
            chunk.heading,
            chunk.char_start,
            chunk.char_end,
            language,
            cut(spans, handle.size_tokens, handle.stride_tokens),
            chunk.places,
        )
        for chunk, language, spans in zip(draft.chunks, draft.spoken, offsets, strict=True)
    ]
    return CutUp(cut_up, _reads([chunk.text for chunk in draft.chunks], offsets))


def _reads(chunks: Sequence[str], offsets: Sequence[NDArray[np.int64]]) -> bool:
    """Whether the encoder that made the tokens reads the beginning of the text."""
    text, starts = "", [np.zeros(0, dtype=np.int64)]
    for chunk, spans in zip(chunks, offsets, strict=True):
        starts.append(spans[:, 0] + len(text))
        text += f"{chunk}\n"
        if len(text) >= READ_CHARS:
            break
    begun = np.concatenate(starts)
    return languages.reads(text[:READ_CHARS], begun[begun < READ_CHARS])


def warnings_of(converted: Converted, language: str | None, *, read: bool) -> list[dict[str, str]]:
    """
    What a person should know about a file that came in: code and sentence of each.

    :param read: The encoder reads it.
    """
    found = [{"code": documents.NOT_READ, "text": note} for note in converted.notes[:MOST_NOTES]]
    if (more := len(converted.notes) - MOST_NOTES) > 0:
        found.append({"code": documents.NOT_READ, "text": f"and {more} more of this kind"})
    if converted.removed:
        found.append(
            {
                "code": "cleaned",
                "text": f"{converted.removed} characters that cannot be stored were removed",
            }
        )
    if not read:
        found.append(
            {
                "code": documents.UNREAD_LANGUAGE,
                "text": "the search model does not read this language well"
                f" ({language or 'language unknown'}): restart Attune with"
                f" ATTUNE_BASE_MODEL={languages.MULTILINGUAL}",
            }
        )
    if suspicious.gives_orders(converted.text):
        found.append(
            {
                "code": documents.SUSPICIOUS,
                "text": "it holds text that reads like instructions to a language model;"
                " questions made from it wait for review",
            }
        )
    return found
