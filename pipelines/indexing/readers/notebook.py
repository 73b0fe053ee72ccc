"""Notebooks: their notes, their code and what it printed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from pipelines.errors import InputError
from pipelines.indexing.converted import Block, Converted, assemble, counted
from pipelines.indexing.readers.web import markdown, markup
from pipelines.text.encodings.decode import decode

# Longer outputs are data.
LONGEST_OUTPUT = 20_000
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def read(data: bytes, mime: str) -> Converted:
    """
    The cells of a notebook.

    :raises InputError: It is none.
    """
    text, _ = decode(data)
    try:
        book = json.loads(text)
        cells = book["cells"] if "cells" in book else book["worksheets"][0]["cells"]
    except (ValueError, KeyError, TypeError, IndexError):
        raise InputError("the file is damaged: it is no complete notebook") from None
    pictures = cut = 0
    blocks: list[Block] = []
    for cell in cells:
        source = _joined(cell.get("source") or cell.get("input"))
        if cell.get("cell_type") in ("markdown", "heading"):
            level = cell.get("level") if cell["cell_type"] == "heading" else None
            marks = f"{'#' * level} " if isinstance(level, int) and 0 < level < 7 else ""
            blocks += markdown.markdown_blocks(f"{marks}{source}")
            continue
        blocks.append(Block(source, verbatim=True))
        for output, is_picture in _outputs(cell):
            pictures += is_picture
            cut += len(output) > LONGEST_OUTPUT
            blocks.append(Block(output[:LONGEST_OUTPUT], verbatim=True))
    notes = [f"{counted(pictures, 'picture')} not read"] if pictures else []
    if cut:
        notes.append(f"{counted(cut, 'long output')} cut to {LONGEST_OUTPUT:,} characters")
    return assemble(blocks, mime, notes=notes)


def _outputs(cell: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """The text of each output, and whether it shows a picture in place of one."""
    for output in cell.get("outputs") or ():
        data = output.get("data") or {}
        error = ": ".join(filter(None, (output.get("ename"), output.get("evalue"))))
        told = _joined(output.get("text") or output.get("traceback"))
        if error and error not in told:
            told = f"{error}\n{told}"
        told = told or _table(_joined(data.get("text/html"))) or _joined(data.get("text/plain"))
        told = told or _joined(data.get("text/markdown") or data.get("text/latex"))
        is_picture = any(kind.startswith("image/") for kind in data)
        yield ("" if is_picture else _COLOUR.sub("", told)), is_picture


def _table(html: str) -> str:
    """The rows of a table with the names of their columns. A plain text has them in columns."""
    return "\n".join(b.text for b in markup.html_blocks(html)) if "<table" in html else ""


def _joined(text: Any) -> str:
    if isinstance(text, list):
        return "".join(map(str, text))
    return str(text or "")
