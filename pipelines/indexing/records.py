"""A file on its way into the index: after reading, and after embedding."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.embedder.encoder import Embedded
from pipelines.indexing.converted import Converted
from pipelines.indexing.incoming import Incoming
from pipelines.indexing.outcome import Outcome
from pipelines.indexing.split import ChunkDraft
from pipelines.search.handle import SearchHandle
from pipelines.store.chunks import NewChunk
from pipelines.store.ids import DocumentId


@dataclass(frozen=True)
class SplitText:
    """
    The text of a file, split into passages.

    :param languages: The language of each passage, None where it is unknown.
    :param language: The language of the whole.
    """

    converted: Converted
    passages: list[ChunkDraft]
    languages: list[str | None]
    language: str | None


@dataclass(frozen=True)
class ReadFile:
    """
    A file after reading.

    :param result: Its text, or its outcome where there is nothing to embed. None if a file with
        the same content comes before it in the load: this one waits for what becomes of that one.
    """

    file: Incoming
    document_id: DocumentId
    sha256: str
    result: SplitText | Outcome | None

    @property
    def text(self) -> SplitText | None:
        """What there is to embed."""
        return self.result if isinstance(self.result, SplitText) else None

    @property
    def chars(self) -> int:
        """Characters to embed."""
        return len(self.text.converted.text) if self.text else 0


@dataclass(frozen=True)
class EmbeddedFile:
    """
    A file's passages as one version searches them.

    :param chunks: Passages with their windows.
    :param is_readable: Whether the version's encoder reads the language of the text.
    :param rows: What is stored of each window.
    """

    handle: SearchHandle
    chunks: list[NewChunk]
    is_readable: bool
    rows: Embedded
