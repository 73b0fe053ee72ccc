"""Tables that have all their values in one row, one below the other in each cell. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pipelines.indexing.readers.tables.grid import Cell

# Fewer lines are those of an address, or of opening hours beside it.
FEWEST_LINES = 3
# Longer lines are those of texts beside each other.
LONGEST_LINE = 60


def unstacked(rows: Sequence[Sequence[Cell]]) -> list[list[Cell]]:
    """
    The rows of a table, its only row of values as one row for each line of its cells.

    :param rows: With a line feed between the lines of a cell.
    """
    told = [list(row) for row in rows]
    filled = [cell.text.split("\n") for cell in told[-1] if cell.text] if told else []
    depth = {len(lines) for lines in filled}
    is_short = all(len(line) <= LONGEST_LINE for lines in filled for line in lines)
    is_even = len(filled) > 1 and len(depth) == 1 and min(depth) >= FEWEST_LINES
    if len(told) < 3 and is_short and is_even:
        last = [cell.text.split("\n") for cell in told.pop()]
        told += [
            [Cell(lines[place] if place < len(lines) else "") for lines in last]
            for place in range(min(depth))
        ]
    return [[replace(cell, text=cell.text.replace("\n", ", ")) for cell in row] for row in told]
