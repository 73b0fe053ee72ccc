"""The blocks of an OpenDocument part: paragraphs, lists, tables, frames and notes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipelines.indexing.converted import Block, counted
from pipelines.indexing.readers.counting import power
from pipelines.indexing.readers.office.packages import Package
from pipelines.indexing.readers.opendocument.names import (
    DC,
    DRAW,
    LINK,
    OFFICE,
    STYLE,
    SVG,
    TABLE,
    TEXT,
    Lists,
)
from pipelines.indexing.readers.tables import grid

DEEPEST = 100
DEEPEST_LIST = 9
IDENTITY = "{http://www.w3.org/XML/1998/namespace}id"
CONTINUED = TEXT + "continue-list"
# A repeated blank of more than this is layout.
MOST_BLANKS = 40
_SKIPPED = {
    TEXT + "tracked-changes", TEXT + "table-of-content", TEXT + "ruby-text", TEXT + "hidden-text",
    TEXT + "alphabetical-index", TEXT + "sequence-decls", TEXT + "variable-decls",
    OFFICE + "forms", TEXT + "page-number", TEXT + "page-count",
}  # fmt: skip
_ROW_GROUPS = {TABLE + name for name in ("table-rows", "table-row-group", "table-header-rows")}


@dataclass
class Walker:
    """Walks one part after the other, and counts what it cannot read."""

    package: Package
    lists: Lists
    looks: Mapping[str, str]
    pictures: int = 0
    objects: int = 0
    page: int | None = None
    _after: list[str] = field(default_factory=list)
    _last: dict[tuple[str, int], int] = field(default_factory=dict)

    def notes(self) -> list[str]:
        """What was seen and not read, a line for each kind."""
        told = [f"{counted(self.pictures, 'picture')} not read"] if self.pictures else []
        if self.objects:
            told.append(f"{counted(self.objects, 'embedded object')} not read")
        return told

    def blocks(self, parent: Any, depth: int = 0) -> Iterator[Block]:
        """The blocks below an element."""
        if depth > DEEPEST:
            yield Block(" ".join(parent.itertext()), page=self.page)
            return
        for child in parent:
            if child.tag == TEXT + "h":
                yield from self._heading(child)
            elif child.tag == TEXT + "p":
                yield from self._paragraph(child, "")
            elif child.tag == TEXT + "list":
                yield from self._list(child, child.get(TEXT + "style-name") or "", ())
            elif child.tag == TABLE + "table":
                yield from self.table(child)
            elif child.tag == DRAW + "frame":
                yield from self.frame(child, depth)
            elif isinstance(child.tag, str) and child.tag not in _SKIPPED:
                yield from self.blocks(child, depth + 1)

    def _heading(self, element: Any) -> Iterator[Block]:
        level = int(element.get(TEXT + "outline-level") or 1)
        number = "" if element.get(TEXT + "is-list-header") else self.lists.of_heading(level)
        text = self.inline(element).strip()
        if text:
            title = f"{number} {text}" if number else text
            yield Block(title, page=self.page, level=max(1, min(6, level)))
        yield from self._waiting()

    def _paragraph(self, element: Any, label: str) -> Iterator[Block]:
        text = self.inline(element)
        if text.strip():
            yield Block(f"{label} {text}" if label else text, page=self.page)
        yield from self._waiting()

    def _waiting(self) -> Iterator[Block]:
        """Notes and frames of a paragraph, which stand after it."""
        waiting, self._after = self._after, []
        yield from (Block(text, page=self.page) for text in waiting)

    def _list(self, element: Any, style: str, around: tuple[int, ...]) -> Iterator[Block]:
        """
        Read a list.

        :param around: The numbers of the items that it stands in, outermost first.
        """
        level = len(around) + 1
        goes_on = element.get(TEXT + "continue-numbering") == "true"
        before = element.get(CONTINUED) or (style if goes_on else "")
        count = self._last.get((before, level), self.lists.first(style, level) - 1)
        for item in element.iterchildren(TEXT + "list-item", TEXT + "list-header"):
            # An item that only holds an inner list, which goes on in it, has no number.
            holds = [child.tag for child in item]
            is_item = item.tag == TEXT + "list-item" and holds != [TEXT + "list"]
            count = int(item.get(TEXT + "start-value") or count + 1) if is_item else count
            label = self.lists.label(style, (*around, count)) if is_item else ""
            for child in item:
                if child.tag == TEXT + "list":
                    inner = child.get(TEXT + "style-name") or style
                    yield from self._list(child, inner, (*around, count)[-DEEPEST_LIST:])
                elif child.tag in (TEXT + "p", TEXT + "h"):
                    yield from self._paragraph(child, label)
                    label = ""
                else:
                    yield from self.blocks([child], DEEPEST // 2)
        for name in filter(None, (style, element.get(IDENTITY))):
            self._last[name, level] = count

    def inline(self, element: Any) -> str:
        """The text of a paragraph. What is anchored in it waits to follow it."""
        parts = [element.text or ""]
        for child in element:
            parts += [self._inline_child(child), child.tail or ""]
        return "".join(parts)

    def _inline_child(self, child: Any) -> str:
        tag = child.tag
        if not isinstance(tag, str) or tag in _SKIPPED:
            return ""
        if tag == TEXT + "s":
            return " " * min(MOST_BLANKS, int(child.get(TEXT + "c") or 1))
        if tag == TEXT + "tab":
            return "\t"
        if tag == TEXT + "line-break":
            return "\n"
        if tag == TEXT + "note":
            body = child.find(TEXT + "note-body")
            kind = child.get(TEXT + "note-class") or "footnote"
            self._note(kind, body)
            return ""
        if tag == OFFICE + "annotation":
            self._after += [f"({_comment(child)})"] if _comment(child) else []
            return ""
        if tag == DRAW + "frame":
            self._after += [block.text for block in self.frame(child, DEEPEST // 2)]
            return ""
        text = self.inline(child)
        look = self.looks.get(child.get(TEXT + "style-name") or "")
        if look == "raised":
            return power(text)
        if look == "struck" and text.strip():
            return f"(struck out: {text})"
        if tag == TEXT + "a":
            address = child.get(LINK + "href") or ""
            is_web = address.startswith(("http://", "https://")) and len(address) < 300
            return f"{text} ({address})" if is_web and address not in text else text
        return text

    def _note(self, kind: str, body: Any | None) -> None:
        if body is None:
            return
        waiting, self._after = self._after, []
        text = " ".join(block.text for block in self.blocks(body, DEEPEST // 2)).strip()
        self._after = [*waiting, f"({kind}: {text})"] if text else waiting

    def frame(self, frame: Any, depth: int) -> Iterator[Block]:
        """A text box, the alternative text of a picture, or the data of a chart."""
        box = frame.find(DRAW + "text-box")
        table = frame.find(TABLE + "table")
        content = frame.find(DRAW + "object")
        if box is not None:
            yield from self.blocks(box, depth + 1)
        elif table is not None:
            yield from self.table(table)
        elif content is not None and (lines := self._object(content)):
            yield from (Block(line, page=self.page) for line in lines)
        elif content is not None or frame.find(DRAW + "object-ole") is not None:
            self.objects += 1
        elif frame.find(DRAW + "image") is not None:
            told = [frame.findtext(SVG + "title"), frame.findtext(SVG + "desc")]
            alt = ": ".join(" ".join(text.split()) for text in told if text and text.strip())
            if alt:
                yield Block(f"(picture: {alt})", page=self.page)
            else:
                self.pictures += 1

    def _object(self, element: Any) -> list[str]:
        """A chart's title and table, or an equation."""
        folder = (element.get(LINK + "href") or "").removeprefix("./").rstrip("/")
        root = self.package.xml(f"{folder}/content.xml") if folder else None
        if root is None:
            return []
        if str(root.tag).endswith("}math"):
            return [" ".join("".join(root.itertext()).split())]
        titles = [" ".join("".join(title.itertext()).split()) for title in root.iter("{*}title")]
        tables = [line.text for table in root.iter(TABLE + "table") for line in self.table(table)]
        return [*filter(None, titles), *tables]

    def table(self, table: Any) -> Iterator[Block]:
        """The rows of a table with their column names."""
        rows = [self.cells(row) for row, _ in rows_of(table)]
        texts, header, merged = grid.spread(rows)
        headed = sum(is_header for _, is_header in rows_of(table)) or header
        for line in grid.lines(texts, headed, merged_rows=merged):
            yield Block(line, page=self.page)
        yield from self._waiting()

    def cells(self, row: Any) -> list[grid.Cell]:
        """The cells of a row, without those that others were merged over."""
        found: list[grid.Cell] = []
        for cell in row.iterchildren(TABLE + "table-cell"):
            waiting, self._after = self._after, []
            text = " ".join(" ".join(b.text for b in self.blocks(cell, DEEPEST // 2)).split())
            self._after = waiting
            columns = int(cell.get(TABLE + "number-columns-spanned") or 1)
            below = int(cell.get(TABLE + "number-rows-spanned") or 1)
            times = int(cell.get(TABLE + "number-columns-repeated") or 1)
            times = min(times, grid.MOST_COLUMNS - len(found)) if text else min(times, 50)
            found += [grid.Cell(text, columns, below)] * times
        return found


def rows_of(table: Any) -> Iterator[tuple[Any, bool]]:
    """The rows of a table, and whether each is marked as header."""
    for child in table:
        if child.tag == TABLE + "table-row":
            yield child, False
        elif child.tag in _ROW_GROUPS:
            header = child.tag == TABLE + "table-header-rows"
            yield from ((row, header or inner) for row, inner in rows_of(child))


def _comment(annotation: Any) -> str:
    author = " ".join((annotation.findtext(DC + "creator") or "").split())
    texts = (" ".join("".join(p.itertext()).split()) for p in annotation.iter(TEXT + "p"))
    text = " ".join(filter(None, texts))
    return f"comment{f' by {author}' if author else ''}: {text}" if text else ""


def comments(cell: Any) -> list[str]:
    """The comments at a cell."""
    return [text for one in cell.iterchildren(OFFICE + "annotation") if (text := _comment(one))]


def hidden_styles(root: Any) -> set[str]:
    """The names of the styles of hidden sheets."""
    return {
        style.get(STYLE + "name") or ""
        for style in root.iter(STYLE + "style")
        for properties in style.iterchildren(STYLE + "table-properties")
        if properties.get(TABLE + "display") == "false"
    }
