"""Plain text: as it stands, with the headings that its writers marked by lines, signs or capitals."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from pipelines.indexing.converted import Block, Converted, assemble
from pipelines.indexing.readers.tables import drawn
from pipelines.text.clean import join_hyphens
from pipelines.text.encodings.decode import decode

MOST_HEADINGS = 5000
LONGEST_TITLE = 100
# Capitals alone make a heading of so many letters at least.
LEAST_CAPITALS = 4

Heading = tuple[int, int, str]

# What colours the lines of a log on a terminal.
_COLOUR = re.compile(r"\x1b\[[0-9;?]{0,20}[A-Za-z]")
# A title with a line of signs below it, as in reStructuredText.
_UNDERLINED = re.compile(
    r"^(?![ \t])(?P<title>[^\n]{1,100})\n(?P<sign>[=\-~^\"'`#*+.:_])(?P=sign){2,120}$", re.MULTILINE
)
_ASCIIDOC = re.compile(r"^(?P<mark>={1,6}) (?P<title>\S[^\n]{0,99})$", re.MULTILINE)
_ORG = re.compile(r"^(?P<mark>\*{1,6}) (?P<title>\S[^\n]{0,99})$", re.MULTILINE)
_LATEX = re.compile(
    r"\\(?P<mark>part|chapter|section|subsection|subsubsection)\*?\{(?P<title>[^{}\n]{1,100})\}"
)
_LATEX_LEVELS = ("part", "chapter", "section", "subsection", "subsubsection")
# A line with an empty one above and below.
_ALONE = re.compile(r"(?:(?<=\n\n)|\A)(?![ \t])(?P<title>[^\n]{2,100})(?=\n\n)")
_NUMBERED = re.compile(r"(?P<number>\d{1,3}(?:\.\d{1,3}){0,4})\.?[ \t]+[^\W\d_].*")
_CHAPTER = re.compile(
    r"(?:chapter|part|section|kapitel|teil|chapitre) [\dIVXLC]{1,8}\b.*", re.IGNORECASE
)


def read(data: bytes, mime: str) -> Converted:
    """The text of a file, whatever its encoding."""
    text, encoding = decode(data)
    text = _COLOUR.sub("", text) if "\x1b" in text else text
    found = assemble(list(_blocks(text.replace("\r\n", "\n"))), mime, encoding)
    return replace(found, headings=list(headings(found.text))[:MOST_HEADINGS])


def _blocks(text: str) -> Iterator[Block]:
    for part in drawn.parts(text):
        if isinstance(part, str):
            yield Block(join_hyphens(part), verbatim=True)
        else:
            yield from map(Block, part)


def headings(text: str) -> Iterator[Heading]:
    """Where each heading begins, its level and its title, by the first way of marking that is used."""
    for way in (_underlined, _asciidoc, _org, _latex, _alone):
        if found := list(way(text)):
            yield from found
            return


def _underlined(text: str) -> Iterator[Heading]:
    signs: list[str] = []
    for found in _UNDERLINED.finditer(text):
        title, line = found.group("title"), found.group().rpartition("\n")[2]
        if len(line) < len(title.rstrip()) or not any(map(str.isalnum, title)):
            continue
        if found.group("sign") not in signs:
            signs.append(found.group("sign"))
        yield found.start(), min(6, signs.index(found.group("sign")) + 1), title.strip()


def _asciidoc(text: str) -> Iterator[Heading]:
    for found in _ASCIIDOC.finditer(text):
        yield found.start(), len(found.group("mark")), found.group("title").strip("= ")


def _org(text: str) -> Iterator[Heading]:
    found = list(_ORG.finditer(text))
    if any(len(one.group("mark")) > 1 for one in found):  # else they are items of a list
        yield from ((one.start(), len(one.group("mark")), one.group("title")) for one in found)


def _latex(text: str) -> Iterator[Heading]:
    for found in _LATEX.finditer(text):
        yield found.start(), _LATEX_LEVELS.index(found.group("mark")) + 1, found.group("title")


def _alone(text: str) -> Iterator[Heading]:
    for found in _ALONE.finditer(text):
        title = found.group("title").strip()
        if title[-1] in ".,;:!?" and not _CHAPTER.fullmatch(title):
            continue
        letters = [sign for sign in title if sign.isalpha()]
        numbered = _NUMBERED.fullmatch(title)
        if numbered is not None:
            yield found.start(), min(6, numbered.group("number").count(".") + 1), title
        elif _CHAPTER.fullmatch(title) or (
            len(letters) >= LEAST_CAPITALS and all(map(str.isupper, letters))
        ):
            yield found.start(), 1, title
