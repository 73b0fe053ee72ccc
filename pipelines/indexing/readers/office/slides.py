"""PowerPoint: slides as pages in the order they are read, with tables, charts, SmartArt and notes."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Any

from pipelines.indexing.converted import Block, Converted, assemble, counted
from pipelines.indexing.readers.members import Members
from pipelines.indexing.readers.ocr.inner import InnerPictures
from pipelines.indexing.readers.office.drawings import of_graphics, pictures_of
from pipelines.indexing.readers.office.frames import text_of, unwrap
from pipelines.indexing.readers.office.inside import InsideFiles
from pipelines.indexing.readers.office.packages import Package
from pipelines.indexing.readers.tables import figures, forms, grid
from pipelines.indexing.readers.web.links import of_address

# Shapes whose upper edges are this close stand in one row: a twelfth of a slide's height.
ROW_SHARE = 12
DEEPEST = 30


def read(data: bytes, mime: str, members: Members) -> Converted:
    """The text of a presentation."""
    import pptx

    show = pptx.Presentation(io.BytesIO(data))
    pictures = InnerPictures(members.ocr)
    row_height = int(show.slide_height or 6_858_000) // ROW_SHARE
    package = Package(data)
    reader = _Slides(package, row_height, pictures, InsideFiles(package, members))
    blocks = [b for n, slide in enumerate(show.slides, 1) for b in reader.blocks(slide, n)]
    return assemble(blocks, mime, notes=reader.notes())


class _Slides:
    """Reads slides, and counts what is not read on them."""

    def __init__(
        self, package: Package, row_height: int, pictures: InnerPictures, inside: InsideFiles
    ) -> None:
        self._package, self._inside = package, inside
        self._row_height = row_height
        self._pictures = pictures
        self._media = self._hidden = 0
        self._seen: set[str] = set()

    def notes(self) -> list[str]:
        """What was seen and not read."""
        told = [*self._pictures.notes(), *self._inside.notes()]
        if self._hidden:
            told.append(f"{counted(self._hidden, 'hidden slide')} read as well")
        if self._media:
            told.append(f"{counted(self._media, 'film, sound or embedded object')} not read")
        return told

    def blocks(self, slide: Any, number: int) -> Iterator[Block]:
        """The blocks of a slide: its title, its shapes by their place, comments and notes."""
        self._hidden += slide._element.get("show") in ("0", "false")
        unwrap(slide._element)
        title = slide.shapes.title
        skip = None
        if title is not None and (told := text_of(title.text_frame._element)).strip():
            yield Block(told, page=number, level=1)
            skip = title.shape_id
        part = str(slide.part.partname).lstrip("/")
        shapes = [shape for shape in slide.shapes if shape.shape_id != skip]
        for text in [*self._texts(shapes, part, 0), *self._behind(slide)]:
            yield Block(text, page=number)
        for comments in self._package.related(part, "/comments"):
            for comment in comments.iter("{*}cm"):
                text = "".join(t.text or "" for t in comment.iter("{*}t", "{*}text"))
                yield Block(f"(comment: {text})" if text.strip() else "", page=number)
        if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
            yield Block(slide.notes_slide.notes_text_frame.text, page=number)

    def _behind(self, slide: Any) -> Iterator[str]:
        """What the layout of a slide and its master show on every slide, each text once."""
        layout = slide.slide_layout
        is_shown = slide._element.get("showMasterSp") not in ("0", "false")
        of_layout = layout._element.get("showMasterSp") not in ("0", "false")
        for holder in [layout, *([layout.slide_master] if of_layout else [])] if is_shown else []:
            unwrap(holder._element)
            own = [shape for shape in holder.shapes if not shape.is_placeholder]
            for shape in own:
                text = text_of(shape.text_frame._element) if shape.has_text_frame else ""
                if sum(map(str.isalpha, text)) > 2 and text not in self._seen:
                    self._seen.add(text)
                    yield text

    def _texts(self, shapes: Iterable[Any], part: str, depth: int) -> Iterator[str]:
        for shape in self._in_order(shapes):
            if hasattr(shape, "shapes") and depth < DEEPEST:  # a group
                yield from self._texts(shape.shapes, part, depth + 1)
            elif shape.has_text_frame:
                yield _of_frame(shape.text_frame)
            elif getattr(shape, "has_table", False):
                yield from _rows(shape.table)
            else:
                yield from self._graphic(shape, part)

    def _graphic(self, shape: Any, part: str) -> Iterator[str]:
        texts = list(of_graphics(shape._element, self._package, part))
        yield from texts
        named = next(shape._element.iter("{*}cNvPr"), None)
        alt = " ".join((named.get("descr") or "").split()) if named is not None else ""
        if alt:
            yield f"(picture: {alt})"
        if (inner := self._inside.objects(part, shape._element)) is not None:
            yield from inner
        elif (
            next(shape._element.iter("{*}videoFile", "{*}audioFile", "{*}oleObj"), None) is not None
        ):
            self._media += not alt
        elif not texts:
            for picture in pictures_of(shape._element, self._package, part):
                yield self._pictures.text(picture, is_described=bool(alt))

    def _in_order(self, shapes: Iterable[Any]) -> list[Any]:
        """Shapes as they are read: row by row from the top, and each row from the left."""
        placed = [(_edge(shape.top), _edge(shape.left), n, shape) for n, shape in enumerate(shapes)]
        placed.sort(key=lambda one: one[:3])
        rows: list[list[tuple[int, int, int, Any]]] = []
        for one in placed:
            if rows and one[0] - rows[-1][0][0] < self._row_height:
                rows[-1].append(one)
            else:
                rows.append([one])
        return [one[3] for row in rows for one in sorted(row, key=lambda one: one[1:3])]


def _of_frame(frame: Any) -> str:
    """The text of a shape, with addresses after the words that lead to them."""
    text = text_of(frame._element)
    for run in (run for paragraph in frame.paragraphs for run in paragraph.runs):
        target = of_address(run.hyperlink.address or "", run.text)
        if target and target not in text:
            text = text.replace(run.text, run.text + target, 1)
    return text


def _edge(length: Any) -> int:
    return int(length) if length is not None else 0


def _rows(table: Any) -> list[str]:
    rows = []
    for row in table.rows:
        cells = [
            grid.Cell(
                " ".join(text_of(cell.text_frame._element).split()),
                cell.span_width if cell.is_merge_origin else 1,
                cell.span_height if cell.is_merge_origin else 1,
                heading=False,
            )
            for cell in row.cells
            if not cell.is_spanned
        ]
        rows.append(cells)
    texts, _, merged = grid.spread(rows)
    header = max(1, merged) if table.first_row and len(texts) > max(1, merged) else None
    # The design of a new table has a header row, also where its first row is a title or a record.
    is_title = len({text for text in texts[0] if text}) < 2
    if is_title or forms.is_form(texts) or any(map(figures.is_number, texts[0])):
        header = None
    return grid.lines(texts, header if len(texts[0]) > 1 else None, merged_rows=merged)
