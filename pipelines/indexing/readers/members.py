"""
Files inside of files: attachments of a mail, entries of an archive.

Each is read like a file of its own and becomes a section of the document that holds it. All files
in one document share its limits of depth, number and size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from pipelines.errors import InputError
from pipelines.indexing.converted import Converted, ReadLimits, counted
from pipelines.indexing.readers.kinds import mime_of
from pipelines.indexing.readers.ocr.engine import Allowance
from pipelines.text.places import page_name

MOST_NAMED = 20
DEEPEST_HEADING = 6


class ReadMember(Protocol):
    """Reads one file by its type; `members` are those inside it."""

    def __call__(self, data: bytes, mime: str, members: Members) -> Converted:
        """:raises InputError: Why it cannot be read."""


@dataclass
class _Left:
    """What the files in a document may still take together."""

    files: int
    size_bytes: int
    ocr: Allowance


@dataclass(frozen=True)
class Member:
    """
    A file inside of another.

    :param load: Gives its bytes, but no more of them than it is told.
    """

    name: str
    load: Callable[[int], bytes]

    @classmethod
    def of(cls, name: str, data: bytes) -> Member:
        """A file whose bytes are there."""
        return cls(name, lambda most_bytes: data[:most_bytes])


@dataclass
class Members:
    """Reads the files inside of one document, and remembers which it could not read."""

    limits: ReadLimits
    read_member: ReadMember
    depth: int = 0
    left: _Left | None = None
    allowance: Allowance | None = None
    _failed: list[tuple[str, str]] = field(default_factory=list)
    _unknown: list[str] = field(default_factory=list)
    _beyond: int = 0

    def __post_init__(self) -> None:
        if self.left is None:
            self.left = _Left(
                self.limits.members,
                self.limits.members_mb * 1_000_000,
                self.allowance or Allowance(self.limits.ocr_s),
            )

    @property
    def ocr(self) -> Allowance:
        """What text recognition may still take for this document."""
        assert self.left is not None
        return self.left.ocr

    def read(self, files: Iterable[Member]) -> Iterator[tuple[str, Converted]]:
        """The names and texts of the files that can be read."""
        for file in files:
            try:
                mime = mime_of(file.name)
            except InputError:
                self._unknown.append(file.name)
                continue
            try:
                found = self._one(file, mime)
            except MemoryError:
                raise
            except Exception as error:  # whatever a damaged file makes a parser raise
                self._failed.append((file.name, why(error)))
            else:
                if found is not None:
                    yield file.name, found

    def _one(self, file: Member, mime: str) -> Converted | None:
        assert self.left is not None
        if self.left.files <= 0 or self.left.size_bytes <= 0:
            self._beyond += 1
            return None
        self.left.files -= 1
        if self.depth >= self.limits.depth:
            raise InputError(f"it is packed more than {self.limits.depth} times")
        data = file.load(self.left.size_bytes + 1)
        self.left.size_bytes -= len(data)
        if self.left.size_bytes < 0:
            self._beyond += 1
            return None
        if not data:
            raise InputError("it is empty (0 bytes)")
        inner = Members(self.limits, self.read_member, self.depth + 1, self.left)
        return self.read_member(data, mime, inner)

    def notes(self) -> list[str]:
        """What was not read, a line for each reason."""
        told = [f"'{name}' not read: {reason}" for name, reason in self._failed[:MOST_NAMED]]
        if len(self._failed) > MOST_NAMED:
            told.append(f"{counted(len(self._failed) - MOST_NAMED, 'more file')} not read")
        if self._unknown:
            names = ", ".join(self._unknown[:MOST_NAMED])
            more = " ..." if len(self._unknown) > MOST_NAMED else ""
            kinds = "a kind" if len(self._unknown) == 1 else "kinds"
            told.append(
                f"{counted(len(self._unknown), 'file')} of {kinds} that Attune does not read: {names}{more}"
            )
        if self._beyond:
            told.append(
                f"{counted(self._beyond, 'file')} left out: at most {self.limits.members:,} files"
                f" of {self.limits.members_mb:,} MB together are read from one document"
            )
        return told


def why(error: BaseException) -> str:
    """Why a file cannot be read, for a person."""
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, RecursionError):
        return "the file is nested too deeply"
    details = " ".join(str(error).split())[:160] or "no details"
    return f"the file is damaged: {type(error).__name__}: {details}"


def bundle(
    own: Converted | None, files: Iterable[tuple[str, Converted]], members: Members, mime: str
) -> Converted:
    """
    One text of a document and the files in it, each under its name.

    :param own: The text of the document itself, if it has any.
    :raises InputError: There is no text in any of them.
    """
    texts = [own.text] if own is not None else []
    headings = list(own.headings) if own is not None else []
    notes = list(own.notes) if own is not None else []
    removed = own.removed if own is not None else 0
    pages = list(own.pages) if own is not None else []
    place = sum(len(text) + 2 for text in texts)
    for name, file in files:
        if pages and pages[-1][1]:
            pages.append((place, 0))
        headings.append((place, 1, name[-200:]))
        start = place + len(name) + 2
        headings += [(start + at, level, title) for at, level, title in _inner(file)]
        texts.append(f"{name}\n\n{file.text}")
        place += len(texts[-1]) + 2
        removed += file.removed
        notes += [f"'{name}': {note}" for note in file.notes]
    notes += members.notes()
    if not texts:
        told = f" ({'; '.join(notes)})" if notes else ""
        raise InputError(f"there is no text in it{told}")
    labels = own.labels if own is not None else []
    return Converted("\n\n".join(texts), pages, headings, mime, None, removed, notes, labels)


def _inner(file: Converted) -> list[tuple[int, int, str]]:
    """The headings of a file in another: below its name, with its pages as headings above them."""
    if len(file.pages) < 2:
        return [(at, min(DEEPEST_HEADING, level + 1), title) for at, level, title in file.headings]
    found: list[tuple[int, int, str]] = []
    above: list[tuple[int, str]] = []
    labels = dict(file.labels)
    waiting = sorted(file.headings, key=lambda heading: heading[0])
    for number, (start, page) in enumerate(file.pages):
        found.append((start, 2, page_name(page, labels.get(page))))
        end = file.pages[number + 1][0] if number + 1 < len(file.pages) else len(file.text)
        if above and not (waiting and waiting[0][0] == start):
            found += [(start, level, title) for level, title in above]
        while waiting and waiting[0][0] < end:
            at, level, title = waiting.pop(0)
            level = min(DEEPEST_HEADING, level + 2)
            above = [one for one in above if one[0] < level] + [(level, title)]
            found.append((at, level, title))
    return found
