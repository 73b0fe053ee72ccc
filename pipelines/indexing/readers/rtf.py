"""RTF: paragraphs, headings and rows of tables in their order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from pipelines.errors import InputError
from pipelines.indexing.converted import Block, Converted, assemble, counted
from pipelines.indexing.readers.counting import counts_pages, power
from pipelines.indexing.readers.office.styles import heading_level
from pipelines.indexing.readers.tables import grid
from pipelines.indexing.readers.web.links import of_address

# A character of the private area, which no file of letters has.
TYPED_BAR = "\ue000"
# Stands in a cell that is merged with the one above it.
MERGED = "\ue00f"
# What marks the paragraphs of headings while the text is taken out, one sign for each level.
FIRST_MARK = 0xE001
LEVELS = 6
_STYLE = re.compile(r"\\s(\d{1,4}) ?((?:\\[a-z]+-?\d* ?)*)([^{};\\]*);")
_OUTLINE = re.compile(r"\\outlinelevel(\d)")
_OF_HEADING = re.compile(r"\\(?:s(\d{1,4})|outlinelevel(\d))(?![0-9a-zA-Z])")
_MARKS = re.compile(f"[{chr(FIRST_MARK)}-{chr(FIRST_MARK + LEVELS - 1)}]+")
# Notes, and text that is not shown: groups of their own.
_NOTE = re.compile(r"\{\s*(?:\\\*)?\\(footnote|annotation)(?![a-z])")
_LINK = re.compile(r'HYPERLINK\s+"([^"{}\\\s]{1,500})"')
# Characters between an address and its words.
MOST_BETWEEN = 500
_HIDDEN = re.compile(
    r"\{(?:\s*\\(?!(?:v|deleted)\b)[a-z]{1,20}-?\d{0,6})*\s*\\(?:v|deleted)(?![a-z0-9])"
)
# Text that stands in boxes over the page, and what is printed above and below it.
_BOX = re.compile(r"\{(?:\s*\\\*)?\s*\\(?:shp|do)(?![a-z])")
_IN_BOX = re.compile(r"\{\s*\\(?:shptxt|dptxbxtext)(?![a-z])")
_EDGE = re.compile(r"\{\s*\\(?:header|footer)[lrf]?(?![a-z])")
_CONTROL = re.compile(r"\\'[0-9a-f]{2}|\\\*|\\[a-z]{1,30}-?\d{0,9} ?|[{}\\]")
# What stands for an object, and the label of a numbered paragraph, each in a group of its own.
_SHOWN = re.compile(r"\{\s*\\(?:result|pntext)(?![a-z])")
_OBJECT = re.compile(r"\{\s*\\object(?![a-z])")
_ROW = re.compile(r"\\(?:(trowd)|(clvmrg)|(cellx)-?\d+|(cell)|(row))(?![a-z])")
_RAISED = re.compile(r"\\super(?:\\[a-z]+-?\d* ?)*\s?([+\-−]?[0-9]{1,4})(?=[\\}])")
_PICTURE = re.compile(r"\\pict\b")
_DELETED = re.compile(r"\\deleted\b(?!0)")


def read(data: bytes, mime: str) -> Converted:
    """
    The text of an RTF file.

    :raises InputError: It is none.
    """
    from striprtf.striprtf import rtf_to_text

    source = data.decode("latin-1")
    if not source.lstrip("\ufeff \r\n\t").startswith("{\\rtf"):
        raise InputError("the file is damaged: it does not begin like an RTF file")
    # The library leaves a bar after each cell. A bar that was typed is kept apart from these.
    source = _with_objects(source.replace("|", TYPED_BAR))
    source = _with_boxes(_with_edges(_RAISED.sub(_as_power, source)))
    source = _with_merged(_with_links(_with_notes(source)))
    text = rtf_to_text(_marked(source), errors="replace")
    # Signs beyond the first plane are written as two numbers, which make one letter together.
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    pictures = len(_PICTURE.findall(source))
    notes = [f"{counted(pictures, 'picture')} not read"] if pictures else []
    if _DELETED.search(source):
        notes.append("deleted text of tracked changes read as well")
    return assemble(list(_blocks(text)), mime, notes=notes)


def _with_notes(source: str) -> str:
    """The source with its notes in their places in the text, and without hidden text."""
    parts: list[str] = []
    place = 0
    for found in sorted(
        [*_NOTE.finditer(source), *_HIDDEN.finditer(source)], key=lambda m: m.start()
    ):
        if found.start() < place:
            continue  # within the one before
        end = _group_end(source, found.start())
        parts.append(source[place : found.start()])
        if found.re is _HIDDEN:
            parts.append("{}")  # it also ends the word of control before it
        else:
            kind = "footnote" if found.group(1) == "footnote" else "comment"
            parts.append(f"{{ ({kind}: {{{source[found.end() : end - 1]}}})}}")
        place = end
    return "".join([*parts, source[place:]])


def _as_power(found: re.Match[str]) -> str:
    return "".join(f"{{\\uc1\\u{ord(sign)}?}}" for sign in power(found.group(1)))


def _with_objects(source: str) -> str:
    """The source with what is shown for objects in place of them, and with labels of lists."""
    parts: list[str] = []
    place = 0
    for found in _OBJECT.finditer(source):
        if found.start() < place:
            continue
        end = _group_end(source, found.start())
        shown = _SHOWN.search(source, found.start(), end)
        if shown is not None:
            inner = source[shown.start() : _group_end(source, shown.start())]
            parts += [source[place : found.start()], inner]
            place = end
    return _SHOWN.sub("{", "".join([*parts, source[place:]]))


def _with_merged(source: str) -> str:
    """The source with a mark in each cell that is merged with the one above it."""
    if "\\clvmrg" not in source:
        return source
    parts: list[str] = []
    place = column = 0
    merged: list[bool] = []
    is_merged = False
    for found in _ROW.finditer(source):
        begins, merges, defines, cell, ends = found.groups()
        if begins:
            merged, is_merged = [], False
        elif merges:
            is_merged = True
        elif defines:
            merged.append(is_merged)
            is_merged = False
        elif ends:
            column = 0
        elif cell:
            if column < len(merged) and merged[column]:
                parts += [source[place : found.start()], MERGED]
                place = found.start()
            column += 1
    return "".join([*parts, source[place:]])


def _with_boxes(source: str) -> str:
    """The source with the text of boxes in paragraphs of their own, where the boxes are anchored."""
    parts: list[str] = []
    place = 0
    for found in _BOX.finditer(source):
        if found.start() < place:
            continue  # within the one before
        end = _group_end(source, found.start())
        inner = [
            source[text.end() : _group_end(source, text.start()) - 1]
            for text in _IN_BOX.finditer(source, found.start(), end)
        ]
        if inner:
            texts = "".join(f"{{\\par {text}\\par}}" for text in inner)
            parts += [source[place : found.start()], texts]
            place = end
    return "".join([*parts, source[place:]])


def _with_edges(source: str) -> str:
    """The source with what is printed above and below each page, once, without numbers of pages."""
    parts: list[str] = []
    seen: set[str] = set()
    place = 0
    for found in _EDGE.finditer(source):
        if found.start() < place:
            continue
        end = _group_end(source, found.start())
        inner = source[found.end() : end - 1]
        told = " ".join(_CONTROL.sub(" ", inner).split())
        if told in seen or counts_pages(told):
            continue
        seen.add(told)
        parts += [source[place : found.start()], f"{{{inner}\\par}}"]
        place = end
    return "".join([*parts, source[place:]])


def _with_links(source: str) -> str:
    """The source with addresses after the words that lead to them."""
    parts: list[str] = []
    place = 0
    for found in _LINK.finditer(source):
        shown = source.find("{\\fldrslt", found.end(), found.end() + MOST_BETWEEN)
        end = _group_end(source, shown) if shown >= 0 else 0
        target = of_address(found.group(1), source[shown:end]) if end > place else ""
        if target:
            parts += [source[place : end - 1], "{", target, "}"]
            place = end - 1
    return "".join([*parts, source[place:]])


def _blocks(text: str) -> Iterator[Block]:
    rows: list[list[str]] = []
    for line in text.split("\n"):
        if "|" in line:
            rows.append(line.rstrip().removesuffix("|").split("|"))
            continue
        yield from _table(rows)
        rows = []
        marks = _MARKS.match(line.lstrip())
        level = ord(marks.group()[0]) - FIRST_MARK + 1 if marks is not None else None
        yield Block(_MARKS.sub("", line).replace(TYPED_BAR, "|"), level=level)
    yield from _table(rows)


def _marked(source: str) -> str:
    """The source with a sign before the text of each heading."""
    start = source.find("{\\stylesheet")
    end = _group_end(source, start) if start >= 0 else 0
    levels = dict(_heading_styles(source[max(start, 0) : end]))

    def mark(found: re.Match[str]) -> str:
        style, outline = found.groups()
        level = levels.get(style, 0) if style else int(outline) + 1
        return found.group() + (chr(FIRST_MARK + level - 1) if 0 < level <= LEVELS else "")

    return source[:end] + _OF_HEADING.sub(mark, source[end:])


def _heading_styles(sheet: str) -> Iterator[tuple[str, int]]:
    """The numbers of the styles of headings, with their levels."""
    for found in _STYLE.finditer(sheet):
        name = heading_level(found.group(3).strip().lower())
        outline = _OUTLINE.search(found.group(2))
        if name is not None:
            yield found.group(1), name
        elif outline is not None and int(outline.group(1)) < LEVELS:
            yield found.group(1), int(outline.group(1)) + 1


def _group_end(source: str, start: int) -> int:
    """Where a group ends that begins at a brace."""
    depth = 0
    for found in re.compile(r"\\.|[{}]", re.DOTALL).finditer(source, start):
        depth += {"{": 1, "}": -1}.get(found.group(), 0)
        if depth == 0 and found.group() == "}":
            return found.end()
    return len(source)


def _table(rows: list[list[str]]) -> Iterator[Block]:
    for above, row in pairwise(rows):
        for column, cell in enumerate(row[: len(above)]):
            if MERGED in cell:
                row[column] = above[column]
    return (Block(_MARKS.sub("", line).replace(TYPED_BAR, "|")) for line in grid.lines(rows))
