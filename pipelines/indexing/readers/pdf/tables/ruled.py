"""Tables of a PDF whose cells have lines around them, read cell by cell whatever order they were drawn in."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Any

from pipelines.indexing.readers.pdf.places import Box, Places
from pipelines.indexing.readers.pdf.tables.carried import Carried
from pipelines.indexing.readers.pdf.tables.drawn_lines import Area, Edges, areas_of
from pipelines.indexing.readers.tables import figures, grid, levels

MOST_TABLES = 40
MOST_COLUMNS, MOST_ROWS = 40, 300
# A table has so many columns and rows, and this share of its places are cells of their own, filled.
LEAST = 2
FEWEST_LINES = 2 * (LEAST + 1)
LEAST_REGULAR = 0.6
LEAST_FILLED = 0.4
LONGEST_CELL = 1000
# Of its rows at least so many have words, if its first one does not name the columns, and at most
# so many go on outside of the lines.
LEAST_WORDED, MOST_OUTSIDE = 0.5, 0.3
# Cells that words run out of, or that hold several figures: the lines part something else.
MOST_CUT, MOST_HEAPED = 0.05, 0.2

_WORD = re.compile(r"[^\W\d_]{2}")
# Each with the white space after it.
_LINE = re.compile(r"\S[^\r\n]*\s*")
_WORD_AND_SPACE = re.compile(r"\S+\s*")


class _Table:
    """The cells between the lines of one area."""

    def __init__(self, area: Area) -> None:
        self._columns, self._rows = Edges(area.upright), Edges(area.level)
        self.xs, self.ys = self._columns.places, self._rows.places
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
        return self._columns.crosses(edge, middle)

    def _closed(self, edge: int, column: int, wide: int) -> bool:
        middle = (self.xs[column] + self.xs[column + wide]) / 2
        return self._rows.crosses(edge, middle)

    def place(self, x: float, y: float) -> tuple[int, int] | None:
        """The cell at a point, by the row and column where it begins."""
        column, row = bisect_right(self.xs, x) - 1, bisect_right(self.ys, y) - 1
        return self.owners.get((row, column))

    def cell_around(self, box: Box) -> tuple[int, int] | None:
        """The cell that holds a whole box."""
        left, bottom, right, top = box
        cell = self.place(left, bottom)
        if cell is not None and cell == self.place(right, top):
            corners = self.place(left, top), self.place(right, bottom)
            return cell if corners == (cell, cell) else None
        return None

    def is_apart(self, box: Box) -> bool:
        """Whether a box is above or below the table, or beside one row of it."""
        left, bottom, right, top = box
        if top <= self.ys[0] or bottom >= self.ys[-1]:
            return True
        is_beside = right < self.xs[0] or left > self.xs[-1]
        return is_beside and bisect_right(self.ys, bottom) == bisect_right(self.ys, top)

    def pass_by(self, x: float, y: float) -> None:
        """Note a character beside a row: its label, or a column without lines."""
        if not self.xs[0] <= x <= self.xs[-1] and self.ys[0] < y < self.ys[-1]:
            self._outside.add(bisect_right(self.ys, y))

    def lines(self, carried: Carried, above: str) -> list[str]:
        """The rows with their column names, or none where the lines part no table after all."""
        texts = {place: " ".join("".join(parts).split()) for place, parts in self.texts.items()}
        texts = {place: text for place, text in texts.items() if text}
        if not self._holds_together(texts, goes_on=carried.has_edges(self.xs)):
            return []
        rows: list[list[grid.Cell]] = []
        for row in reversed(range(len(self.ys) - 1)):
            own = sorted(place for place in self.spans if place[0] == row)
            rows.append([grid.Cell(texts.get(place, ""), *self.spans[place]) for place in own])
        spread, _, merged = grid.spread(rows)
        self._show_once(spread, merged)
        kept = [row for row in spread if any(row)]
        return carried.lines(kept, above, edges=self.xs, merged_rows=merged)

    def _show_once(self, rows: list[list[str]], header_rows: int) -> None:
        """A cell over several columns of one name stands once: a sign and its figure share it."""
        is_named = bool(rows) and not any(map(figures.is_value, filter(None, rows[0])))
        names = levels.names(rows[:header_rows]) if is_named else []
        for number, row in list(enumerate(rows))[header_rows if names else 0 :]:
            below = len(self.ys) - 2 - number
            for column in range(len(row) - 1, 0, -1):
                same = self.owners.get((below, column)) == self.owners.get((below, column - 1))
                if same and (not names or names[column] in ("", names[column - 1])):
                    row[column] = ""

    def _holds_together(self, texts: dict[tuple[int, int], str], *, goes_on: bool) -> bool:
        """Whether what stands in the cells are the cells of a table."""
        rows = {row for row, _ in texts}
        worded = {row for (row, _), text in texts.items() if _WORD.search(text)}
        top = max(rows, default=0)
        named = sum(
            self.spans[place][0]
            for place, text in texts.items()
            if place[0] == top and (_WORD.search(text) or figures.is_year(text))
        )
        is_named = goes_on or named >= max(LEAST, LEAST_WORDED * (len(self.xs) - 1))
        heaped = sum(
            len(parts := text.split()) > 2 and all(map(figures.is_number, parts))
            for text in texts.values()
        )
        return (
            len(texts) >= LEAST_FILLED * len(self.spans)
            and max(map(len, texts.values()), default=0) <= LONGEST_CELL
            and (is_named or len(worded) >= LEAST_WORDED * len(rows))
            and len(self._outside) <= MOST_OUTSIDE * len(rows)
            and heaped <= MOST_HEAPED * len(texts)
            and self.cut <= max(1, MOST_CUT * len(texts))
        )


def in_rows(text: str, page: Any, places: Places, carried: Carried) -> str | None:
    """
    The text of a page, in which each table with lines around its cells stands row by row.

    :param places: Where the characters of the text stand.
    :param carried: What goes on from the page before.
    :returns: None if the page has no such table.
    """
    tables = [
        table
        for area in areas_of(page)
        if len(area) >= FEWEST_LINES and (table := _Table(area)).is_table
    ]
    if not tables or len(tables) > MOST_TABLES:
        return None
    shared = _Shared(text, places, tables)
    while len(found := shared.lines(carried)) < len(tables):
        tables = [tables[n] for n in found]  # what is no table keeps its text: again without it
        if not tables:
            return None
        for table in tables:
            table.clear()
        shared = _Shared(text, places, tables)
    rest = shared.rest
    for number, start in sorted(shared.starts.items(), key=lambda one: -one[1]):
        rest[start:start] = ["\n\n", "\n\n".join(found[number]), "\n\n"]
    return "".join(rest)


class _Shared:
    """
    The text of a page shared out: to each cell what stands in it, and the rest.

    Lines and words that stand in one cell, or beside all tables, are given whole, because the place
    of each single character takes longer to find than all else.
    """

    def __init__(self, text: str, places: Places, tables: list[_Table]) -> None:
        self._text, self._places, self._tables = text, places, tables
        self.rest: list[str] = []
        self.starts: dict[int, int] = {}
        self._last: list[str] = self.rest
        self._table: _Table | None = None
        first = len(text) - len(text.lstrip())
        self._add(0, first)
        for line in _LINE.finditer(text, first):
            if not self._give_whole(*line.span()):
                for word in _WORD_AND_SPACE.finditer(text, *line.span()):
                    if not self._give_whole(*word.span()):
                        self._give_each(*word.span())

    def lines(self, carried: Carried) -> dict[int, list[str]]:
        """The rows of those tables that hold together, by the table's number."""
        before = {
            number: "".join(self.rest[: self.starts.get(number, 0)])
            for number in range(len(self._tables))
        }
        rows = {n: table.lines(carried, before[n]) for n, table in enumerate(self._tables)}
        return {n: lines for n, lines in rows.items() if lines}

    def _give_whole(self, start: int, end: int) -> bool:
        """Give a line or a word, unless its characters may stand in different places."""
        box = self._places.around(start, end)
        if box is None:
            return False
        beside = []
        for number, table in enumerate(self._tables):
            if table.is_apart(box):
                beside.append(table)
            elif (cell := table.cell_around(box)) is not None:
                self._enter(start, number, cell)
                break
            else:
                return False
        else:
            self._leave(start)
        for table in beside:
            table.pass_by((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        self._add(start, end)
        return True

    def _give_each(self, start: int, end: int) -> None:
        """Give characters one by one."""
        for place in range(start, end):
            middle = None if self._text[place].isspace() else self._places.middle(place)
            if middle is not None:
                for number, table in enumerate(self._tables):
                    if (cell := table.place(*middle)) is not None:
                        self._enter(place, number, cell)
                        break
                    table.pass_by(*middle)
                else:
                    self._leave(place)
            self._add(place, place + 1)

    def _enter(self, place: int, number: int, cell: tuple[int, int]) -> None:
        self.starts.setdefault(number, len(self.rest))
        table = self._tables[number]
        self._turn(place, table.texts.setdefault(cell, []), table)

    def _leave(self, place: int) -> None:
        self._turn(place, self.rest, None)

    def _turn(self, place: int, home: list[str], table: _Table | None) -> None:
        """Go on in another cell, or outside of all. A word that is cut there speaks against both."""
        text, last = self._text, self._last
        if home is not last:
            if last and not last[-1][-1].isspace() and place and not text[place - 1].isspace():
                for one in {one for one in (self._table, table) if one is not None}:
                    one.cut += 1
            if home and not home[-1][-1].isspace():
                home.append("\n" if home is self.rest else " ")
        self._last, self._table = home, table

    def _add(self, start: int, end: int) -> None:
        if end > start:
            self._last.append(self._text[start:end])
