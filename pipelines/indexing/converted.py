"""What readers make of a file: blocks, and the text that they come to. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pipelines.errors import InputError

# A block of fewer characters holds no encoded file.
SHORT = 200


@dataclass(frozen=True)
class ReadLimits:
    """
    What reading one file may take.

    :param expanded_mb: Size of the parts of an Office file or a book, unpacked.
    :param members: Number of files in it that are read.
    :param members_mb: Size of these files together, unpacked.
    :param depth: How often these may be packed in each other.
    :param ocr_s: Time for text recognition in its pictures and scanned pages, all together. The
        next attempt goes on with the pages that are left.
    """

    size_mb: int = 100
    memory_mb: int = 1500
    cpu_s: int = 300
    expanded_mb: int = 1000
    wall_s: int = 600
    members: int = 2000
    members_mb: int = 200
    depth: int = 4
    ocr_s: int = 120


# Pages of one file that OCR reads, in all attempts together, and characters of one of them.
MOST_PAGES = 1000
MOST_PAGE_CHARS = 100_000

# Told of each page that OCR begins to read: how many are done, and how many there are.
OnPage = Callable[[int, int], None]


def unheard(done: int, total: int) -> None:
    """Pages that nobody counts."""


@dataclass(frozen=True)
class PageText:
    """
    What OCR has read in one place of a file.

    :param place: Where: a page, or a picture.
    :param engine: What read it, with its version and languages.
    :param sure: How sure it is, from 0 to 100, or less if it took too long.
    """

    place: str
    engine: str
    text: str
    sure: int

    @classmethod
    def from_json(cls, value: list[Any]) -> PageText:
        """
        A page from JSON. It comes from a child that a file may have taken over.

        :raises TypeError: A field is missing, too long or of another type.
        """
        if len(value) != 4 or any(len(str(part)) > MOST_PAGE_CHARS for part in value):
            raise TypeError("expected a page that was read by OCR")
        place, engine, text = (_typed(part, str).replace("\0", " ") for part in value[:3])
        sure = max(-1, min(100, _typed(value[3], int)))
        # What is no Unicode cannot be stored.
        return cls(place[:200], engine[:200], text.encode("utf-8", "replace").decode(), sure)


@dataclass(frozen=True)
class Block:
    """
    A paragraph, a row of a table or a heading as a reader found it.

    :param level: From 1 to 6 for a heading.
    :param verbatim: Its lines keep their indentation, as in code or a plain text file.
    """

    text: str
    page: int | None = None
    level: int | None = None
    verbatim: bool = False


@dataclass(frozen=True)
class Converted:
    """
    The text of a file, fit to store, with where its pages and headings begin.

    `pages`: (character, page number from 1, or 0 for what follows the pages). `headings`: (character, level from 1, title).
    `removed`: characters taken out because the database cannot hold them. `notes`: what of the
    file was not read, or not as it stands, each in one plain line. `labels`: (page number, what is
    printed on the page) where these differ. `pages_left`: how many pages and pictures wait for
    OCR, because the time of one attempt was up.
    """

    text: str
    pages: list[tuple[int, int]]
    headings: list[tuple[int, int, str]]
    mime: str
    encoding: str | None = None
    removed: int = 0
    notes: list[str] = field(default_factory=list)
    labels: list[tuple[int, str]] = field(default_factory=list)
    pages_left: int = 0

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Converted:
        """
        The result from its fields as JSON. They come from a child that a file may have taken over.

        :raises TypeError: A field is missing or of another type.
        """
        return cls(
            _typed(value["text"], str),
            [(_typed(place, int), _typed(page, int)) for place, page in value["pages"]],
            [
                (_typed(place, int), _typed(level, int), _typed(title, str))
                for place, level, title in value["headings"]
            ],
            _typed(value["mime"], str),
            _typed(value["encoding"] or "", str) or None,
            _typed(value["removed"], int),
            [_typed(note, str) for note in value["notes"]],
            [(_typed(page, int), _typed(label, str)) for page, label in value["labels"]],
            _typed(value["pages_left"], int),
        )


T = TypeVar("T")


def _typed(value: object, kind: type[T]) -> T:
    if not isinstance(value, kind):
        raise TypeError(f"expected {kind.__name__}, got {type(value).__name__}")
    return value


def counted(number: int, noun: str) -> str:
    """A number with its noun: *1 chart*, *2 charts*."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def assemble(
    blocks: Sequence[Block],
    mime: str,
    encoding: str | None = None,
    *,
    notes: Sequence[str] = (),
) -> Converted:
    """
    Blocks to one text with the places of pages and headings, made fit to store.

    :raises InputError: No text in them.
    """
    from pipelines.text.clean import clean, indented, tidy, without_data

    parts: list[str] = []
    pages: list[tuple[int, int]] = []
    headings: list[tuple[int, int, str]] = []
    place = removed = data = 0
    for block in blocks:
        cleaned = clean(block.text)
        removed += cleaned.removed
        text, encoded = without_data(cleaned.text) if len(block.text) > SHORT else (cleaned.text, 0)
        data += encoded
        text = indented(text) if block.verbatim else tidy(text)
        if not text:
            continue
        if block.page is not None and (not pages or pages[-1][1] != block.page):
            pages.append((place, block.page))
        if block.level is not None:
            headings.append((place, block.level, " ".join(text.split())[:200]))
        parts.append(text)
        place += len(text) + 2
    told_data = [f"{counted(data, 'block')} of encoded data left out"] if data else []
    notes = [*notes, *told_data]
    if not parts:
        told = f" ({'; '.join(notes)})" if notes else ""
        raise InputError(f"there is no text in it{told}")
    return Converted("\n\n".join(parts), pages, headings, mime, encoding, removed, list(notes))
