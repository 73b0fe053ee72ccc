"""What became of a file. Costs nothing to import."""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pipelines.errors import DISK_FULL, AttuneError, is_disk_full

if TYPE_CHECKING:
    from pipelines.store.ids import DocumentId

log = logging.getLogger(__name__)

Status = Literal["indexed", "duplicate", "unchanged", "failed"]


@dataclass(frozen=True)
class Outcome:
    """
    What became of one file.

    :param document_id: Its row, if it has one.
    :param pages_left: How many pages wait for OCR. The next attempt goes on with them.
    :param seconds: The time that it took: reading it, its share of embedding, and writing it.
    """

    source: str
    status: Status
    document_id: DocumentId | None = None
    reason: str | None = None
    warnings: list[str] = field(default_factory=list)
    chunks: int = 0
    windows: int = 0
    pages_left: int = 0
    seconds: float = 0.0


def reason_of(error: Exception) -> str:
    """
    Why a file failed, for a person.

    The log has what only a programmer understands, under the incident that the reason names.
    """
    if isinstance(error, AttuneError):
        return str(error)
    if is_disk_full(error):
        return DISK_FULL
    if isinstance(error, OSError):
        return f"the file cannot be opened: {error.strerror or error}"
    incident = uuid.uuid4().hex[:8]
    log.error("incident %s", incident, exc_info=error)
    return f"an unexpected fault (incident {incident}): {type(error).__name__}"
