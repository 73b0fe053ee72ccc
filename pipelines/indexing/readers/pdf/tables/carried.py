"""Tables that go on over the pages of a PDF: each page's rows carry the names of the first one's columns. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.indexing.readers.tables import grid, headers

# Lines that may stand above the rest of a table on its next page.
MOST_ABOVE = 2
# Edges of columns that differ by less than this many points are the same.
CLOSE = 3.0


class Carried:
    """The header of the last table of a page."""

    def __init__(self) -> None:
        self._header: list[list[str]] = []
        self._edges: tuple[float, ...] = ()
        self._is_new = False

    def turn(self) -> None:
        """Begin the next page. A header is carried over one page after the other, and over none."""
        if not self._is_new:
            self._header, self._edges = [], ()
        self._is_new = False

    def has_edges(self, edges: Sequence[float]) -> bool:
        """Whether the columns of the table before stood in the same places."""
        return len(edges) == len(self._edges) and all(
            abs(a - b) < CLOSE for a, b in zip(edges, self._edges, strict=True)
        )

    def lines(
        self,
        rows: list[list[str]],
        above: str,
        *,
        edges: Sequence[float] = (),
        merged_rows: int = 1,
    ) -> list[str]:
        """
        The rows of a table with their column names.

        :param above: The text above it on its page.
        :param edges: Where its columns begin and end, if lines show it.
        """
        rows = headers.clean(rows)
        place, depth = headers.place_in(rows, merged_rows, certain=True) if rows else (0, 0)
        self._is_new = True
        if self.may_go_on(rows, above, edges=edges, depth=depth):
            if rows[: len(self._header)] == self._header:
                rows = rows[len(self._header) :]
            return grid.lines([*self._header, *rows], len(self._header))
        self._header = rows[place : place + depth]
        self._edges = tuple(edges)
        told = grid.lines(rows[:place], 0)
        return [*told, *grid.lines(rows[place:], depth, merged_rows=merged_rows)]

    def may_go_on(
        self,
        rows: list[list[str]],
        above: str,
        *,
        edges: Sequence[float] = (),
        depth: int | None = None,
    ) -> bool:
        """
        Whether rows at the top of a page belong to the table that the page before ended with.

        :param depth: Number of its rows that are a header.
        """
        if not self._header or len(above.strip().splitlines()) > MOST_ABOVE:
            return False
        width = max(map(len, rows))
        if width != max(map(len, self._header)):
            return False
        if edges or self._edges:
            return self.has_edges(edges)
        if depth is None:
            depth = headers.place(rows, certain=True)[1]
        return not depth and width > 2
