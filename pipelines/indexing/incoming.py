"""A file to index, as it is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pipelines.indexing import paths
from pipelines.store.ids import DocumentId


@dataclass(frozen=True)
class Incoming:
    """
    A file to index. `source` and `collection` are its identity: the same again replaces it.

    :param load: Gives its bytes.
    :param size_bytes: Spares loading a file that is too large, where it is known.
    :param document_id: The row of a document that waits (`pipelines/indexing/queued`).
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
