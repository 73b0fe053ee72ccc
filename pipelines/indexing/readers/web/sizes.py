"""How much of a page is text, and how much of that is links. Pure."""

from __future__ import annotations

from typing import Any

from pipelines.indexing.readers.web.elements import SILENT, is_main

# A marked main part with less of the page's plain text than this is not trusted.
LEAST_MAIN = 0.4
# A cell with more text than this is no cell of a table but a part of the layout.
LONGEST_CELL = 2000


class Sizes:
    """How much text each element has, and how much of that is links."""

    def __init__(self, tree: Any) -> None:
        self._all: dict[Any, list[int]] = {}
        elements = [element for element in tree.iter() if isinstance(element.tag, str)]
        for element in reversed(elements):
            total, linked, count = self._all.setdefault(element, [0, 0, 0])
            if element.tag in SILENT:
                self._all[element] = [0, 0, 0]
                total = linked = count = 0
            else:
                total += len((element.text or "").strip())
                if element.tag == "a" and element.get("href"):
                    linked, count = total, count + 1
                self._all[element] = [total, linked, count]
            parent = element.getparent()
            if parent is not None:
                above = self._all.setdefault(parent, [0, 0, 0])
                above[0] += total + len((element.tail or "").strip())
                above[1] += linked
                above[2] += count

    def total(self, element: Any) -> int:
        """Characters of text."""
        return self._all[element][0]

    def links(self, element: Any) -> int:
        """Number of links."""
        return self._all[element][2]

    def plain(self, element: Any) -> int:
        """Characters that are no links."""
        total, linked, _ = self._all[element]
        return total - linked

    def density(self, element: Any) -> float:
        """Share of the text that is links."""
        total, linked, _ = self._all[element]
        return linked / total if total else 0.0

    def main_part(self, tree: Any) -> Any | None:
        """The part that a page marks as its main one, if it holds enough of the text."""
        marked = [e for e in tree.iter("main", "article", "div") if is_main(e)]
        best = max(marked, key=self.plain, default=None)
        if best is None or self.plain(best) < LEAST_MAIN * self.plain(tree):
            return None
        return best

    def is_layout(self, table: Any) -> bool:
        """Whether a table only puts parts of a page next to each other."""
        if table.get("role") in ("presentation", "none"):
            return True
        if next(table.iter("th"), None) is not None:
            return False
        rows = [row for row in table.iter("tr") if next(row.iterancestors("table")) is table]
        cells = [[c for c in row if c.tag in ("td", "th")] for row in rows]
        if max(map(len, cells), default=0) < 2:
            return True
        sizes = [self.total(cell) for row in cells for cell in row]
        has_blocks = next(table.iterdescendants("h1", "h2", "h3", "table"), None) is not None
        if max(sizes, default=0) > LONGEST_CELL or (has_blocks and len(rows) == 1):
            return True
        return any(self._is_part(cell) for row in cells for cell in row)

    def _is_part(self, cell: Any) -> bool:
        """Whether a cell has a heading with text below it, so that it is a part of a page."""
        titles = [one for one in cell.iter("h1", "h2", "h3") if self.total(one)]
        return bool(titles) and self.total(cell) > 2 * sum(map(self.total, titles))
