"""Word: paragraphs, tables, text boxes, content controls and notes, in reading order."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pipelines.indexing.converted import Block, Converted, assemble

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
PAGE_BREAK = W + "lastRenderedPageBreak"


def read(data: bytes, mime: str) -> Converted:
    """The text of a Word file. It has pages where Word noted its page breaks."""
    import docx

    document = docx.Document(io.BytesIO(data))
    outline = {style.style_id: _outline_level(style) for style in document.styles}
    body = document.element.body
    blocks = [*_Walker(outline).blocks(body), *_notes(document.part)]
    converted = assemble(blocks, mime)
    return converted if body.find(f".//{PAGE_BREAK}") is not None else replace(converted, pages=[])


def _outline_level(style: Any) -> int | None:
    found = re.fullmatch(r"(?:heading|title)\s*(\d?)", (style.name or "").lower())
    return None if found is None else max(1, min(6, int(found.group(1) or 1)))


def _notes(part: Any) -> Iterator[Block]:
    """Footnotes and endnotes, which Word keeps in files of their own."""
    from docx.oxml import parse_xml

    for relation in part.rels.values():
        if relation.reltype.endswith(("/footnotes", "/endnotes")):
            yield from _Walker({}).blocks(parse_xml(relation.target_part.blob))


class _Walker:
    """Walks the elements of a body; what it does not know it looks into."""

    def __init__(self, outline: dict[str, int | None]) -> None:
        self._outline = outline
        self._page = 1

    def blocks(self, parent: Any) -> Iterator[Block]:
        """The blocks below an element."""
        for child in parent:
            if child.tag == W + "p":
                yield from self._paragraph(child)
            elif child.tag == W + "tbl":
                yield Block("\n".join(self._rows(child)), page=self._page)
            elif child.tag != FALLBACK:  # the same content once more, for old readers
                yield from self.blocks(child)

    def _paragraph(self, paragraph: Any) -> Iterator[Block]:
        text, boxes, breaks = self._runs(paragraph)
        style = paragraph.find(f"{W}pPr/{W}pStyle")
        level = self._outline.get(style.get(W + "val")) if style is not None else None
        yield Block(text, page=self._page, level=level if text.strip() else None)
        self._page += breaks
        for box in boxes:
            yield from self.blocks(box)

    def _runs(self, paragraph: Any) -> tuple[str, list[Any], int]:
        """Text of a paragraph, the text boxes anchored in it, and the page breaks it holds."""
        parts: list[str] = []
        boxes: list[Any] = []
        breaks = 0
        waiting = list(reversed(paragraph))
        while waiting:
            node = waiting.pop()
            if node.tag == W + "txbxContent":
                boxes.append(node)
            elif node.tag == W + "t":
                parts.append(node.text or "")
            elif node.tag == W + "tab":
                parts.append("\t")
            elif node.tag == PAGE_BREAK:
                breaks += 1
            elif node.tag in (W + "br", W + "cr"):
                parts.append("\n")
            elif node.tag not in (FALLBACK, W + "pPr"):
                waiting.extend(reversed(node))
        return "".join(parts), boxes, breaks

    def _rows(self, table: Any) -> Iterator[str]:
        for row in table.iter(W + "tr"):
            cells = [
                " ".join(" ".join(b.text for b in self.blocks(cell)).split())
                for cell in row.iter(W + "tc")
                if next(cell.iterancestors(W + "tr")) is row
            ]
            if next(row.iterancestors(W + "tbl")) is table and any(cells):
                yield " | ".join(cells)
