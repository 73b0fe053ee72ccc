"""RTF: paragraphs and rows of tables in their order."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipelines.errors import InputError
from pipelines.indexing.converted import Block, Converted, assemble, counted
from pipelines.indexing.readers.tables import grid

# A character of the private area, which no file of letters has.
TYPED_BAR = "\ue000"
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
    text = rtf_to_text(source.replace("|", TYPED_BAR), errors="replace")
    pictures = len(_PICTURE.findall(source))
    notes = [f"{counted(pictures, 'picture')} not read"] if pictures else []
    if _DELETED.search(source):
        notes.append("deleted text of tracked changes read as well")
    return assemble(list(_blocks(text)), mime, notes=notes)


def _blocks(text: str) -> Iterator[Block]:
    rows: list[list[str]] = []
    for line in text.split("\n"):
        if "|" in line:
            rows.append(line.rstrip().removesuffix("|").split("|"))
            continue
        yield from _table(rows)
        rows = []
        yield Block(line.replace(TYPED_BAR, "|"))
    yield from _table(rows)


def _table(rows: list[list[str]]) -> Iterator[Block]:
    return (Block(line.replace(TYPED_BAR, "|")) for line in grid.lines(rows))
