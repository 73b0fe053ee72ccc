"""PowerPoint: slides as pages, their titles as headings, with tables, groups and speaker notes."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Any

from pipelines.indexing.converted import Block, Converted, assemble


def read(data: bytes, mime: str) -> Converted:
    """The text of a presentation."""
    import pptx

    slides = pptx.Presentation(io.BytesIO(data)).slides
    return assemble(
        [block for n, slide in enumerate(slides, 1) for block in _slide(slide, n)], mime
    )


def _slide(slide: Any, number: int) -> Iterator[Block]:
    title = slide.shapes.title
    if title is not None:
        yield Block(title.text_frame.text, page=number, level=1)
    skip = title.shape_id if title is not None else None
    for text in _texts(shape for shape in slide.shapes if shape.shape_id != skip):
        yield Block(text, page=number)
    if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
        yield Block(slide.notes_slide.notes_text_frame.text, page=number)


def _texts(shapes: Iterable[Any]) -> Iterator[str]:
    for shape in shapes:
        if hasattr(shape, "shapes"):  # a group
            yield from _texts(shape.shapes)
        elif shape.has_text_frame:
            yield shape.text_frame.text.replace("\v", "\n")
        elif getattr(shape, "has_table", False):
            rows = ([" ".join(cell.text.split()) for cell in row.cells] for row in shape.table.rows)
            yield "\n".join(" | ".join(row) for row in rows if any(row))
