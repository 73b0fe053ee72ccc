"""A table with tables in its cells: these stand below the row that they are in. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pipelines.indexing.converted import Block
from pipelines.indexing.readers.tables import grid

# Inner tables of one table that are put in their places. More follow the table.
MOST = 100


def blocks(
    rows: Sequence[Sequence[str]],
    header_rows: int | None,
    merged_rows: int,
    inner: Mapping[int, Sequence[Block]],
    page: int | None = None,
) -> Iterator[Block]:
    """
    The rows of a table, as `grid.lines` takes them.

    :param inner: What stands in the tables of a row, by its number.
    """
    told = grid.lines(rows, header_rows, merged_rows=merged_rows)
    rest: list[Block] = []
    place = 0
    for count, number in enumerate(sorted(number for number in inner if inner[number])):
        above = []
        if count < MOST:
            above = grid.lines(rows[: number + 1], header_rows, merged_rows=merged_rows)
        # Fewer rows may be read otherwise: then it is not known which line is which row.
        if above and told[: len(above)] == above:
            yield from (Block(line, page=page) for line in told[place : len(above)])
            yield from inner[number]
            place = len(above)
        else:
            rest += inner[number]
    yield from (Block(line, page=page) for line in told[place:])
    yield from rest
