"""What has changed in a source, from what was known and what is there. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass

from pipelines.indexing.sources.entries import SourceEntry
from pipelines.store.source_entries import KnownEntry

# Of the files of a source: if more are gone, somebody has to confirm that they are deleted.
MOST_GONE = 0.2


@dataclass(frozen=True)
class Ending:
    """
    What became of the entries that are not there any more.

    :param renamed: Old and new key of each that is there under another name.
    :param gone: Keys of the others.
    """

    renamed: list[tuple[str, str]]
    gone: list[str]


def is_unchanged(before: KnownEntry | None, entry: SourceEntry) -> bool:
    """
    Whether an entry need not be read again.

    One whose document was deleted is read again, unless it could not be read.
    """
    if before is None or not entry.stamp or entry.stamp != before.stamp:
        return False
    if entry.size_bytes != before.size_bytes or entry.document_source != before.document_source:
        return False
    return before.document_id is not None


def to_read(known: Mapping[str, KnownEntry], listed: Iterable[SourceEntry]) -> list[SourceEntry]:
    """The entries that are new, or that may have changed."""
    return [entry for entry in listed if not is_unchanged(known.get(entry.key), entry)]


def ending(known: Mapping[str, KnownEntry], seen: Set[str], added: Mapping[str, str]) -> Ending:
    """
    Tell what was renamed from what is gone.

    :param seen: Keys of all that is there.
    :param added: Keys of what is new, with the sum of its content.
    """
    by_content = defaultdict(list)
    for key, sha256 in sorted(added.items(), reverse=True):
        by_content[sha256].append(key)
    renamed, gone = [], []
    for key in sorted(known.keys() - seen):
        if same := by_content.get(known[key].sha256):
            renamed.append((key, same.pop()))
        else:
            gone.append(key)
    return Ending(renamed, gone)


def waits(gone: int, known: int, share: float = MOST_GONE) -> bool:
    """Whether so many deletions at once have to be confirmed."""
    return gone > share * known
