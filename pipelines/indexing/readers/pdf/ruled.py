"""Tables of a PDF whose cells have lines around them, read cell by cell whatever order they were drawn in."""

from __future__ import annotations

import ctypes
import re
from bisect import bisect_right
from typing import Any

from pipelines.indexing.readers.pdf.drawn_lines import Area, areas_of, clustered, crosses, lines_of
from pipelines.indexing.readers.tables import grid

MOST_TABLES = 40
MOST_COLUMNS, MOST_ROWS = 40, 300
# A table has so many columns and rows, and this share of its places are cells of their own, filled.
LEAST = 2
LEAST_REGULAR = 0.6
LEAST_FILLED = 0.4
LONGEST_CELL = 1000
# Of its rows at least so many have words, and at most so many go on outside of the lines.
LEAST_WORDED, MOST_OUTSIDE = 0.5, 0.3
# Cells that words run out of, or that hold several figures: the lines part something else.
MOST_CUT, MOST_HEAPED = 0.05, 0.2

_WORD = re.compile(r"[^\W\d_]{2}")


class _Table:
    """The cells between the lines of one area."""

    def __init__(self, area: Area) -> None:
        upright = [line for line in area.lines if line.is_upright]
        level = [line for line in area.lines if not line.is_upright]
        self.xs = clustered(line.at for line in upright)
        self.ys = clustered(line.at for line in level)
        self._upright, self._level = upright, level
        self.owners: dict[tuple[int, int], tuple[int, int]] = {}
        self.spans: dict[tuple[int, int], tuple[int, int]] = {}
        self.clear()

    def clear(self) -> None:
        """Forget the text in the cells."""
        self.texts: dict[tuple[int, int], list[str]] = {}
        self.cut = 0
        self._outside: set[int] = set()

    @property
    def is_table(self) -> bool:
        """Whether there are enough columns and rows, most of them with cells of their own."""
        columns, rows = len(self.xs) - 1, len(self.ys) - 1
        if not (LEAST <= columns <= MOST_COLUMNS and LEAST <= rows <= MOST_ROWS):
            return False
        self._find_cells(columns, rows)
        return len(self.spans) >= LEAST_REGULAR * columns * rows

    def _find_cells(self, columns: int, rows: int) -> None:
        """Join places without a line between them. Row 0 is at the bottom."""
        for row in reversed(range(rows)):
            column = 0
            while column < columns:
                if (row, column) in self.owners:
                    column += 1
                    continue
                wide = 1
                while column + wide < columns and not self._parted(row, column + wide):
                    wide += 1
                high = 1
                while row - high >= 0 and not self._closed(row - high + 1, column, wide):
                    high += 1
                for y in range(row - high + 1, row + 1):
                    for x in range(column, column + wide):
                        self.owners[y, x] = (row, column)
                self.spans[row, column] = (wide, high)
                column += wide

    def _parted(self, row: int, edge: int) -> bool:
        middle = (self.ys[row] + self.ys[row + 1]) / 2
        return crosses(self._upright, self.xs[edge], middle)

    def _closed(self, edge: int, column: int, wide: int) -> bool:
        middle = (self.xs[column] + self.xs[column + wide]) / 2
        return crosses(self._level, self.ys[edge], middle)

    def place(self, x: float, y: float) -> tuple[int, int] | None:
        """The cell at a point, by the row and column where it begins."""
        column, row = bisect_right(self.xs, x) - 1, bisect_right(self.ys, y) - 1
        return self.owners.get((row, column))

    def pass_by(self, x: float, y: float) -> None:
        """Note a character beside a row: its label, or a column without lines."""
        if not self.xs[0] <= x <= self.xs[-1] and self.ys[0] < y < self.ys[-1]:
            self._outside.add(bisect_right(self.ys, y))

    def lines(self) -> list[str]:
        """The rows with their column names, or none where the lines part no table after all."""
        texts = {place: " ".join("".join(parts).split()) for place, parts in self.texts.items()}
        texts = {place: text for place, text in texts.items() if text}
        if not self._holds_together(texts):
            return []
        rows: list[list[grid.Cell]] = []
        for row in reversed(range(len(self.ys) - 1)):
            own = sorted(place for place in self.spans if place[0] == row)
            rows.append([grid.Cell(texts.get(place, ""), *self.spans[place]) for place in own])
        spread, header, merged = grid.spread(rows)
        self._show_once(spread)
        return grid.lines(spread, header, merged_rows=merged, certain=True)

    def _show_once(self, rows: list[list[str]]) -> None:
        """A cell over several columns of one name stands once: a sign and its figure share it."""
        names = rows[0] if rows and not any(map(grid.is_number, filter(None, rows[0]))) else []
        for number, row in enumerate(rows[1:] if names else rows, 1 if names else 0):
            below = len(self.ys) - 2 - number
            for column in range(len(row) - 1, 0, -1):
                same = self.owners.get((below, column)) == self.owners.get((below, column - 1))
                if same and (not names or names[column] in ("", names[column - 1])):
                    row[column] = ""

    def _holds_together(self, texts: dict[tuple[int, int], str]) -> bool:
        """Whether what stands in the cells are the cells of a table."""
        rows = {row for row, _ in texts}
        worded = {row for (row, _), text in texts.items() if _WORD.search(text)}
        heaped = sum(
            len(parts := text.split()) > 2 and all(map(grid.is_number, parts))
            for text in texts.values()
        )
        return (
            len(texts) >= LEAST_FILLED * len(self.spans)
            and max(map(len, texts.values()), default=0) <= LONGEST_CELL
            and len(worded) >= LEAST_WORDED * len(rows)
            and len(self._outside) <= MOST_OUTSIDE * len(rows)
            and heaped <= MOST_HEAPED * len(texts)
            and self.cut <= max(1, MOST_CUT * len(texts))
        )


def in_rows(text: str, page: Any, textpage: Any) -> str | None:
    """
    The text of a page, in which each table with lines around its cells stands row by row.

    :param textpage: PDFium's, whose characters are those of the text.
    :returns: None if the page has no such table.
    """
    tables = [table for area in areas_of(lines_of(page)) if (table := _Table(area)).is_table]
    if not tables or len(tables) > MOST_TABLES:
        return None
    rest, starts = _shared_out(text, textpage, tables)
    found = {n: lines for n, table in enumerate(tables) if (lines := table.lines())}
    if len(found) < len(tables):  # what is no table keeps its text: begin again without it
        kept = [tables[n] for n in found]
        if not kept:
            return None
        for table in kept:
            table.clear()
        rest, starts = _shared_out(text, textpage, kept)
        found = {n: table.lines() for n, table in enumerate(kept)}
    for number, start in sorted(starts.items(), key=lambda one: -one[1]):
        rest[start:start] = ["\n\n", "\n\n".join(found[number]), "\n\n"]
    return "".join(rest)


def _shared_out(text: str, textpage: Any, tables: list[_Table]) -> tuple[list[str], dict[int, int]]:
    """Give each character to the cell that it stands in. :returns: the others, and where a table was."""
    import pypdfium2.raw as pdfium

    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    rest: list[str] = []
    starts: dict[int, int] = {}
    last: list[str] = rest
    before: _Table | None = None
    for number, sign in enumerate(text):
        if sign.isspace():
            last.append(sign)
            continue
        if not pdfium.FPDFText_GetCharBox(textpage, number, left, right, bottom, top):
            last.append(sign)  # PDFium made it up itself
            continue
        x, y = (left.value + right.value) / 2, (bottom.value + top.value) / 2
        home, of = rest, None
        for place, table in enumerate(tables):
            if (cell := table.place(x, y)) is not None:
                starts.setdefault(place, len(rest))
                home, of = table.texts.setdefault(cell, []), table
                break
            table.pass_by(x, y)
        if home is not last:
            if last and not last[-1].isspace() and number and not text[number - 1].isspace():
                for table in {one for one in (before, of) if one is not None}:
                    table.cut += 1
            if home and not home[-1].isspace():
                home.append("\n" if home is rest else " ")
        home.append(sign)
        last, before = home, of
    return rest, starts
