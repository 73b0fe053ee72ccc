"""What readers of sources give: files and pages with what tells whether they have changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pipelines.progress import Task
from pipelines.store.source_entries import KnownEntry


@dataclass(frozen=True)
class SourceEntry:
    """
    A file or page of a source.

    :param key: Its path below the source, or its address.
    :param document_source: The name of its document, which tells its kind.
    :param stamp: What changes with its content. Empty if it has to be read to know.
    :param load: Gives its bytes.
    """

    key: str
    document_source: str
    title: str
    size_bytes: int | None
    stamp: str
    load: Callable[[], bytes]
    links: tuple[str, ...] = ()


@dataclass
class SourceRemarks:
    """
    What a reader says beside the entries.

    :param skipped: Files that are left out, each with the reason.
    :param failed: Files that could not be reached this time, each with the reason. They are not
        gone.
    :param unchanged: Keys of entries that are as they were.
    :param incomplete: Why not everything was looked at. What was not seen may then be there still.
    """

    skipped: list[tuple[str, str]] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    unchanged: set[str] = field(default_factory=set)
    incomplete: str = ""


class SourceReader(Protocol):
    """
    Looks through a source.

    :param mark: The state of the source as a whole, where it has one. Known after `batches`.
    """

    remarks: SourceRemarks
    mark: str

    def batches(
        self, known: Mapping[str, KnownEntry], run_id: int, task: Task
    ) -> Iterator[Sequence[SourceEntry]]:
        """
        The files and pages, a number at a time, each of which can be indexed before the next.

        :param known: What was found last time.
        :param run_id: The run. Entries that it has seen before it was cut off need not be read.
        :raises AttuneError: The source cannot be read at all.
        """

    def close(self) -> None:
        """Remove what was stored meanwhile."""
