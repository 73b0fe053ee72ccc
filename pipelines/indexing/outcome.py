"""What became of a file that was taken in. Costs nothing to import."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pipelines.store.ids import DocumentId

Status = Literal["indexed", "duplicate", "unchanged", "failed"]


@dataclass(frozen=True)
class Outcome:
    """
    What became of one file.

    :param document_id: Its row; None: it has none.
    :param seconds: What it took itself: reading it, its share of embedding, and writing it.
    """

    source: str
    status: Status
    document_id: DocumentId | None = None
    reason: str | None = None
    warnings: list[str] = field(default_factory=list)
    chunks: int = 0
    windows: int = 0
    seconds: float = 0.0
