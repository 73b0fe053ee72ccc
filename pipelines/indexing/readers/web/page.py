"""
The text of an HTML tree: every block of its own content, without menus, banners and scripts.

What goes is what is known to be no content: by its element or role, or by a name (`class`, `id`)
that its links confirm. Everything else stays: lists, steps, terms, asides, captions, cells.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from pipelines.indexing.converted import Block
from pipelines.indexing.readers.tables import grid, nested
from pipelines.indexing.readers.web.elements import (
    BANNER,
    BLOCKS,
    CONTROLS,
    SILENT,
    UNFOLDS,
    code_beside_numbers,
    is_apart,
    is_bold,
    is_called_menu,
    is_hidden,
    names_of,
    sign_of,
    span,
)
from pipelines.indexing.readers.web.inline import of_element
from pipelines.indexing.readers.web.links import target
from pipelines.indexing.readers.web.roles import give_tags, part_terms
from pipelines.indexing.readers.web.sizes import Sizes
from pipelines.indexing.readers.web.stacked import unstacked
from pipelines.indexing.readers.web.steps import Steps

# Deeper than this the text is taken as it comes.
DEEPEST = 150
# A container whose text is links to more than this share is a menu, where something else says so.
MOSTLY_LINKS = 0.5
# The same outside of the part that a page marks as its main one.
RATHER_LINKS = 0.4
# Where links are denser than one in so many characters, only those to files are written out.
CHARS_A_LINK = 250
# What is called a cookie banner and is longer, is an article about cookies.
LONGEST_BANNER = 2000
# A button with more text is the title of what it unfolds.
LONGEST_LABEL = 20
# A longer first cell of a row is not said again before the rows of a table in it.
LONGEST_ROW_LABEL = 80

_HEADING = re.compile(r"h[1-6]")
_SPACE = re.compile(r"[ \t\r\n\f]+")
_ADDRESS = re.compile(r"@|\d{3}")
_LEGAL = re.compile(r"(?:©|\(c\)|copyright\b).{0,160}|.{0,120}all rights reserved\.?.{0,40}", re.I)


def blocks(tree: Any, *, page: bool = True) -> list[Block]:
    """
    The blocks of a tree, in order.

    :param page: It is a web page, which has menus around its content.
    """
    give_tags(tree)
    part_terms(tree)
    walker = _PageWalker(tree, page=page)
    walker.visit(tree, 0)
    walker.end()
    return walker.found


class _PageWalker:
    """Goes through a tree once and gathers its blocks."""

    def __init__(self, tree: Any, *, page: bool) -> None:
        self.found: list[Block] = []
        self._page = page
        self._sizes = Sizes(tree)
        self._main = self._sizes.main_part(tree) if page else None
        self._around = set(self._main.iterancestors()) if self._main is not None else set()
        self._is_index = self._sizes.density(tree) > MOSTLY_LINKS
        few = self._sizes.links(tree) * CHARS_A_LINK < self._sizes.total(tree)
        self._shows_links = few or not page
        self._parts: list[str] = []
        self._items: list[str] = []
        self._mark = self._prefix = self._said = ""
        self._steps = Steps()
        self._linked = self._edges = 0
        self._inside = self._main is None

    def visit(self, element: Any, depth: int) -> None:
        """Read an element and what follows it up to the next one."""
        tag = element.tag
        if not isinstance(tag, str) or tag in SILENT or self._left_out(element):
            return
        if tag == "button" and self._sizes.total(element) < LONGEST_LABEL:
            return
        if depth > DEEPEST:
            self._parts.append(" ".join(element.itertext()))
        elif _HEADING.fullmatch(tag):
            self._heading(element)
        elif tag == "pre":
            self._code(element)
        elif tag == "table" and not self._sizes.is_layout(element):
            self._table(element, depth)
        elif tag in BLOCKS or tag in ("table", "tbody", "thead", "tfoot", "tr", "td", "th"):
            self._block(element, depth)
        elif tag in ("dt", "dd"):
            self._term(element, depth)
        else:
            self._inline(element, depth)

    def _children(self, element: Any, depth: int) -> None:
        self._parts.append(_SPACE.sub(" ", element.text or ""))
        for child in element:
            was = self._inside
            if child is self._main:
                self._inside = True
            self.visit(child, depth + 1)
            self._inside = was
            self._parts.append(_SPACE.sub(" ", child.tail or "") or (" " * is_apart(child)))

    def _block(self, element: Any, depth: int) -> None:
        self._end_line()
        if element.tag == "li":
            self._mark = self._steps.mark(element)
        is_edge = self._page and self._is_menu(element)
        self._edges += is_edge
        self._children(element, depth)
        self._end_line()
        self._edges -= is_edge
        if element.tag == "li":
            self._mark = ""

    def _term(self, element: Any, depth: int) -> None:
        """Read a term, or what it means: both stand in one line."""
        self._end_line()
        if element.tag == "dt":
            self._children(element, depth)
            said = " ".join("".join(self._parts).split()).rstrip(":")
            before, following = element.getprevious(), element.getnext()
            is_one_more = before is not None and before.tag == "dt"  # for the same meaning
            self._said = f"{self._said}, {said}" if is_one_more and self._said else said
            if following is None or following.tag not in ("dt", "dd"):
                self._end_line()
            self._parts = []
            return
        self._prefix = f"{self._said}: " if self._said else ""
        self._children(element, depth)
        self._end_line()
        if self._prefix:
            self._prefix, self._parts = "", [self._said]
            self._end_line()

    def _heading(self, element: Any) -> None:
        self.end()
        title = " ".join(self._text(element).split())
        if title:
            self.found.append(Block(title, level=int(element.tag[1])))

    def _code(self, element: Any) -> None:
        self.end()
        for line_break in element.iter("br"):
            line_break.tail = "\n" + (line_break.tail or "")
        text = "".join(element.itertext())
        if text.strip():
            self.found.append(Block(text, verbatim=True))

    def _inline(self, element: Any, depth: int) -> None:
        tag = element.tag
        alone = tag == "img" and self._sizes.density(element.getparent()) >= 1
        own = of_element(element, is_beside_text=not alone)
        if "-" in tag or tag in CONTROLS:
            self._parts.append(" ")
        if own is not None:
            self._parts.append(own)
        elif tag in ("s", "strike"):
            self._parts.append("(struck out: ")
            self._children(element, depth)
            self._parts.append(")")
        elif tag == "q":
            self._parts.append("“")
            self._children(element, depth)
            self._parts.append("”")
        else:
            self._children(element, depth)
            if tag == "a":
                self._linked += len("".join(element.itertext()).strip())
                self._parts.append(target(element, is_web_shown=self._shows_links))
            elif "-" in tag or tag in CONTROLS:
                self._parts.append(" ")

    def _table(self, table: Any, depth: int) -> None:
        self.end()
        if (code := code_beside_numbers(table)) is not None:
            self._code(code)
            return
        for caption in table.iterchildren("caption"):
            self.visit(caption, depth)
        inner: dict[int, list[Block]] = {}
        rows: list[list[grid.Cell]] = []
        # The foot of a table stands below its rows, wherever it is written.
        for row in sorted(table.iter("tr"), key=lambda row: row.getparent().tag == "tfoot"):
            if next(row.iterancestors("table")) is table:
                cells: list[grid.Cell] = []
                for cell in (cell for cell in row if cell.tag in ("td", "th")):
                    label = cells[0].text.strip() if cells else ""
                    cells.append(self._cell(cell, inner.setdefault(len(rows), []), label))
                rows.append(cells)
        texts, header, merged = grid.spread(unstacked(rows))
        self.end()
        self.found += nested.blocks(texts, header, merged, inner)

    def _cell(self, cell: Any, inner: list[Block], label: str) -> grid.Cell:
        """Read a cell. Tables in it follow the row that it is part of, under the row's label."""
        walker = _PageWalker.__new__(_PageWalker)
        walker.__dict__.update(self.__dict__)
        walker.found, walker._parts, walker._items, walker._mark = [], [], [], ""
        walker._prefix = ""
        walker._children(cell, DEEPEST // 2)
        walker.end()
        if any(True for _ in cell.iter("table")):
            of = f"{label}; " if 0 < len(label) < LONGEST_ROW_LABEL else ""
            inner += [replace(b, text=f"{of}{b.text}") for b in walker.found]
            text = " ".join(t for child in cell if child.tag != "table" for t in child.itertext())
            text = " ".join(f"{cell.text or ''} {text}".split())
        else:
            lines = [line.removeprefix("- ") for b in walker.found for line in b.text.split("\n")]
            text = "\n".join(filter(None, map(str.strip, lines)))
        text = text if text.strip() else sign_of(cell)
        bold = cell.tag == "th" or is_bold(cell)
        return grid.Cell(text, span(cell, "colspan"), span(cell, "rowspan"), heading=bold)

    def _left_out(self, element: Any) -> bool:
        """Whether an element is none of the page's own content."""
        if not self._page or element.tag in ("body", "html", "main") or element in self._around:
            return False
        if is_hidden(element):
            return not UNFOLDS.search(names_of(element)) and element.get("role") != "tabpanel"
        if element.tag not in BLOCKS and element.tag not in ("table", "span", "a"):
            return False
        names, size = names_of(element), self._sizes.total(element)
        if BANNER.search(names) and size < LONGEST_BANNER:
            return True
        role = element.get("role", "")
        if role in ("navigation", "search", "alertdialog") and self._sizes.links(element):
            return True
        if self._is_index and element.tag != "nav":
            return False
        density = self._sizes.density(element)
        if self._is_menu(element):
            return density > MOSTLY_LINKS
        outside = not self._inside or (self._main is None and not self.found)
        return outside and density > RATHER_LINKS and self._sizes.links(element) > 3

    def _is_menu(self, element: Any) -> bool:
        around = element in self._around or element.tag in ("body", "main", "article")
        return not around and is_called_menu(element)

    def _text(self, element: Any) -> str:
        texts = [element.text or (" " if element.tag == "br" else "")]
        for node in element:
            is_shown = isinstance(node.tag, str) and node.tag not in SILENT
            texts.append(self._text(node) if is_shown and not self._left_out(node) else "")
            texts.append(node.tail or "")
        return "".join(texts)

    def _end_line(self) -> None:
        """Close a paragraph or an item. Items that follow each other are one block."""
        text = "".join(self._parts).strip()
        linked, self._linked, self._parts = self._linked, 0, []
        if not text:
            return
        if self._edges and linked > MOSTLY_LINKS * len(text) and not _ADDRESS.search(text):
            return
        text, self._prefix = f"{self._prefix}{text}", ""
        if self._page and len(text) < 250 and _LEGAL.fullmatch(text):
            return
        if self._mark:
            self._items.append(f"{self._mark} {text}")
            self._mark = ""
            return
        self._end_list()
        self.found.append(Block(text))

    def _end_list(self) -> None:
        if self._items:
            self.found.append(Block("\n".join(self._items)))
            self._items = []

    def end(self) -> None:
        """Close what is open."""
        self._end_line()
        self._end_list()
