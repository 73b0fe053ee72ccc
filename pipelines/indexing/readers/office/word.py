"""
Word: what the page shows, in reading order, with what Word computes and keeps elsewhere.

Numbers of clauses, notes, comments, charts and letterheads are read. Tracked changes are read as if
they were accepted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pipelines.errors import InputError
from pipelines.indexing.converted import Block, Converted, assemble
from pipelines.indexing.readers.counting import counts_pages
from pipelines.indexing.readers.members import Members
from pipelines.indexing.readers.ocr.inner import InnerPictures
from pipelines.indexing.readers.office.drawings import of_graphics, pictures_of
from pipelines.indexing.readers.office.elements import (
    as_shown,
    chosen,
    field_text,
    hides_text,
    is_bold,
    is_code,
    is_on,
    join_paragraphs,
    linked,
    own,
    value_of,
)
from pipelines.indexing.readers.office.gathered import LeftOut, Paragraph
from pipelines.indexing.readers.office.inside import InsideFiles
from pipelines.indexing.readers.office.numbering import ListNumbering, W
from pipelines.indexing.readers.office.packages import RELATION, Package
from pipelines.indexing.readers.office.styles import Styles
from pipelines.indexing.readers.office.symbols import equation, symbol
from pipelines.indexing.readers.tables import grid, nested
from pipelines.indexing.readers.web.links import of_address

MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
ALTERNATIVES = "{http://schemas.openxmlformats.org/markup-compatibility/2006}AlternateContent"
PAGE_BREAK = W + "lastRenderedPageBreak"
# Deleted, moved away, or no text of the page.
SKIPPED = {W + name for name in ["pPr", "rPr", "del", "moveFrom", "rt", "sectPr", "sdtPr"]}
DEEPEST = 60
LONGEST_LABEL = 80


def read(data: bytes, mime: str, members: Members) -> Converted:
    """
    The text of a Word file. It has pages where Word noted its page breaks.

    :raises InputError: It has no document in it.
    """
    package = Package(data)
    name = next(package.targets("", "/officeDocument"), "")
    root = package.xml(name)
    body = root.find(W + "body") if root is not None else None
    if body is None:
        raise InputError("the file is damaged: it has no readable document in it")
    join_paragraphs(body)
    walker = _BodyWalker(package, name, members)
    blocks = [*walker.edges("header"), *walker.blocks(body), *walker.edges("footer")]
    converted = assemble(blocks, mime, notes=walker.notes())
    return converted if body.find(f".//{PAGE_BREAK}") is not None else replace(converted, pages=[])


class _BodyWalker:
    """Walks the elements of a body, and looks into those that it does not know."""

    def __init__(self, package: Package, name: str, members: Members) -> None:
        self._left = LeftOut()
        self._inside = InsideFiles(package, members)
        self._pictures = InnerPictures(members.ocr)
        self._package = package
        self._name = self._here = name
        self._styles = Styles(self._part("/styles"))
        self._numbering = ListNumbering(self._part("/numbering"))
        self._page = 1
        self._notes = {
            kind: {note.get(W + "id"): note for note in self._elements(f"/{kind}s", kind)}
            for kind in ("footnote", "endnote", "comment")
        }

    def notes(self) -> list[str]:
        """What was not read, or not as it stands."""
        return [*self._pictures.notes(), *self._left.notes(), *self._inside.notes()]

    def _part(self, kind: str) -> Any | None:
        return next(self._package.related(self._name, kind), None)

    def _elements(self, kind: str, tag: str) -> Iterator[Any]:
        root = self._part(kind)
        return iter(()) if root is None else root.iter(W + tag)

    def edges(self, kind: str) -> list[Block]:
        """The headers or footers, each text once, without those that only count pages."""
        texts: dict[str, None] = {}
        for target in self._package.targets(self._name, f"/{kind}"):
            root = self._package.xml(target)
            if root is None:
                continue
            self._here = target
            found = "\n".join(block.text for block in self.blocks(root) if block.text.strip())
            if not counts_pages(found):
                texts[found.strip()] = None
        self._page, self._here = 1, self._name
        return [Block(text, page=1) for text in texts]

    def blocks(self, parent: Any, depth: int = 0) -> Iterator[Block]:
        """The blocks below an element."""
        if depth > DEEPEST:
            yield Block(" ".join(t.text or "" for t in parent.iter(W + "t")), page=self._page)
            return
        for child in parent:
            if child.tag == W + "p":
                yield from self._paragraph(child, depth)
            elif child.tag == W + "tbl":
                yield from self._table(child, depth)
            elif child.tag == W + "altChunk":
                yield Block(self._inside.part(self._here, child), page=self._page, verbatim=True)
            elif child.tag == ALTERNATIVES:
                yield from self.blocks(chosen(child), depth + 1)
            elif child.tag == W + "sdt" and child.find(f"{W}sdtPr/{W}showingPlcHdr") is not None:
                continue
            elif child.tag not in SKIPPED:
                yield from self.blocks(child, depth + 1)

    def _paragraph(self, paragraph: Any, depth: int) -> Iterator[Block]:
        found = self._runs(paragraph)
        text = "".join(found.parts)
        style = value_of(paragraph, f"pPr/{W}pStyle")
        code = is_code(text, paragraph, style)
        outline = value_of(paragraph, f"pPr/{W}outlineLvl")
        level = self._styles.level(style)
        if outline is not None and outline.isdigit():
            level = min(6, int(outline) + 1) if int(outline) < 9 else None
        if text.strip():
            label = self._label(paragraph, style)
            text = f"{label} {text}" if label else text
            yield Block(text, page=self._page, level=level, verbatim=code)
        self._page += found.breaks
        for line in found.after:
            yield Block(line, page=self._page)
        for box in found.boxes:
            yield from self.blocks(box, depth + 1)

    def _label(self, paragraph: Any, style: str | None) -> str:
        number = value_of(paragraph, f"pPr/{W}numPr/{W}numId")
        level = value_of(paragraph, f"pPr/{W}numPr/{W}ilvl")
        inherited = self._styles.list_of(style)
        if number is None and inherited is None:
            return ""
        place = int(level) if level and level.isdigit() else None
        if number is None and inherited is not None:
            number, own, style = inherited
            place = place if place is not None else own
        return self._numbering.label(number or "0", place, style)

    def _runs(self, paragraph: Any) -> Paragraph:
        """Text of a paragraph in order, and what is anchored in it."""
        found = Paragraph()
        waiting: list[Any] = list(reversed(paragraph))
        while waiting:
            node = waiting.pop()
            if isinstance(node, str):
                found.parts.append(node)
                continue
            if node.tag == W + "r" and hides_text(node):
                self._left.hidden += 1
                continue
            if node.tag == W + "txbxContent":
                found.boxes.append(node)
            elif node.tag == W + "hyperlink":
                text = "".join(t.text or "" for t in node.iter(W + "t"))
                address = self._package.address(self._here, node.get(RELATION + "id"))
                waiting.append(of_address(address, text))
                waiting.extend(reversed(node))
            elif node.tag == W + "sdt" and node.find(f"{W}sdtPr/{W}showingPlcHdr") is not None:
                continue
            elif node.tag == ALTERNATIVES:
                waiting.extend(reversed(chosen(node)))
            elif not self._leaf(node, found) and node.tag not in SKIPPED:
                waiting.extend(reversed(node))
        return found

    def _leaf(self, node: Any, found: Paragraph) -> bool:
        """Read an element that holds text itself, or return False to have its children read."""
        tag = node.tag
        if tag == W + "t":
            found.parts.append(as_shown(node.text or "", node.getparent()))
        elif tag == W + "instrText":
            found.link = linked(node.text or "") or found.link
        elif tag == W + "fldChar":
            if node.get(W + "fldCharType") == "end" and found.link:
                found.parts.append(of_address(found.link, "".join(found.parts)))
                found.link = ""
            return False  # it may hold a form field
        elif tag in (W + "tab", W + "ptab"):
            found.parts.append("\t")
        elif tag == PAGE_BREAK:
            found.breaks += 1
        elif tag in (W + "br", W + "cr"):
            found.parts.append("\n")
        elif tag == W + "noBreakHyphen":
            found.parts.append("-")
        elif tag == W + "sym":
            found.parts.append(symbol(node.get(W + "char") or "", node.get(W + "font") or ""))
        elif tag == MATH + "oMath":
            found.parts.append(equation(node))
        elif tag == W + "ffData":
            found.parts.append(field_text(node))
        elif tag in (W + "footnoteReference", W + "endnoteReference"):
            self._note(node, "footnote" if "footnote" in tag else "endnote", found)
        elif tag == W + "commentReference":
            self._note(node, "comment", found)
        elif tag == W + "object":
            texts = self._inside.objects(self._here, node)
            self._left.objects += texts is None
            found.after += texts or []
        elif tag in (W + "drawing", W + "pict"):
            self._drawing(node, found)
            return False  # it may hold text boxes
        else:
            return False
        return True

    def _note(self, reference: Any, kind: str, found: Paragraph) -> None:
        """A note or comment, after the paragraph that it is about."""
        note = self._notes[kind].pop(reference.get(W + "id"), None)
        if note is None:
            return
        text = " ".join(block.text for block in self.blocks(note, DEEPEST // 2)).strip()
        if text:
            author = note.get(W + "author")
            by = f" by {author}" if kind == "comment" and author else ""
            found.after.append(f"({kind}{by}: {text})")

    def _drawing(self, node: Any, found: Paragraph) -> None:
        found.after += of_graphics(node, self._package, self._here)
        pictures = list(pictures_of(node, self._package, self._here))
        if not pictures:
            return
        shapes = [*node.iter("{*}docPr"), *node.iter("{*}shape")]
        alts = [one.get("descr") or one.get("alt") or "" for one in shapes]
        alt = next(filter(None, (" ".join(text.split()) for text in alts)), "")
        if alt:
            found.parts.append(f" (picture: {alt}) ")
        texts = (self._pictures.text(one, is_described=bool(alt)) for one in pictures)
        found.after += filter(None, texts)

    def _table(self, table: Any, depth: int) -> Iterator[Block]:
        rows = [row for row in own(table, "tr") if row.find(f"{W}trPr/{W}del") is None]
        cells = [list(own(row, "tc")) for row in rows]
        if max(map(len, cells), default=0) == 1 and len(rows) == 1:
            yield from self.blocks(cells[0][0], depth + 1)  # a frame around text
            return
        above: dict[int, str] = {}
        grid_rows: list[list[grid.Cell]] = []
        inner: dict[int, list[Block]] = {}
        page = self._page
        for number, row in enumerate(rows):
            own_inner = inner.setdefault(number, [])
            grid_rows.append(self._row(row, cells[number], above, own_inner, depth))
        yield from nested.blocks(*grid.spread(grid_rows), inner, page)

    def _row(
        self, row: Any, cells: list[Any], above: dict[int, str], inner: list[Block], depth: int
    ) -> list[grid.Cell]:
        is_header = is_on(row.find(f"{W}trPr/{W}tblHeader"))
        before = value_of(row, f"trPr/{W}gridBefore")
        found = [grid.Cell("")] * (int(before) if before and before.isdigit() else 0)
        column, label = len(found), ""
        for cell in cells:
            span = value_of(cell, f"tcPr/{W}gridSpan")
            width = max(1, min(grid.MOST_COLUMNS, int(span) if span and span.isdigit() else 1))
            merged = cell.find(f"{W}tcPr/{W}vMerge")
            own = list(self._cell(cell, depth, label, inner))
            text = " ".join(" ".join(own).split())
            if merged is not None and merged.get(W + "val") != "restart" and not text:
                text = above.get(column, "")
            above[column] = text if merged is not None else ""
            label = label or text
            found.append(grid.Cell(text, width, heading=is_header or is_bold(cell)))
            column += width
        return found

    def _cell(self, cell: Any, depth: int, label: str, inner: list[Block]) -> Iterator[str]:
        """The texts of a cell. Tables in it follow, each line under the row's label."""
        for child in cell:
            if child.tag != W + "tbl":
                holder = [child] if child.tag in (W + "p", W + "sdt") else child
                for block in self.blocks(holder, depth + 1):
                    yield block.text
                continue
            for block in self._table(child, depth + 1):
                of = f"{label}; {block.text}" if 0 < len(label) < LONGEST_LABEL else block.text
                inner.append(replace(block, text=of))
