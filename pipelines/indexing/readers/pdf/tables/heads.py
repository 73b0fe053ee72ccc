"""Names of columns that were drawn cell by cell above the rows of a table, each over several lines."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.indexing.readers.pdf.places import Box, Places
from pipelines.indexing.readers.pdf.tables.cells import Line, LinePart
from pipelines.indexing.readers.tables import figures

# Lines above a table that are looked at, and heights of a line that they may stand above it.
MOST_LINES = 24
MOST_ABOVE = 6.0
# Lines of one name stand so many heights apart.
MOST_APART = 2.2
# Edges that differ by fewer points are the same.
CLOSE = 2.0

# From where to where a column goes.
Column = tuple[float, float]


def above(
    text: str, start: int, top: float, height: float, columns: Sequence[Column], places: Places
) -> tuple[list[str], int]:
    """
    The name of each column, and where the names begin in the text.

    :param start: Where the first row begins.
    :param top: The lower edge of the first row.
    :param height: Of a line.
    :returns: No names where the lines above do not name all columns but the first.
    """
    names: list[list[str]] = [[] for _ in columns]
    tops = [0.0 for _ in columns]
    first, begin = start, start
    for line in reversed(text[:start].split("\n")[:-1][-MOST_LINES:]):
        begin -= len(line) + 1
        if not line.strip():
            break
        box = _box(text, begin, line, places)
        found = _column(box, columns) if box is not None else None
        if box is None or found is None or not 0 < box[1] - top < MOST_ABOVE * height:
            break
        highest = max(tops[1:]) + height / 2 if found == 0 else tops[found] + MOST_APART * height
        if (found == 0 or names[found]) and box[1] > highest:
            break  # a sentence above the table
        names[found].insert(0, line.strip())
        tops[found] = box[1]
        first = begin
    told = [" ".join(parts) for parts in names]
    is_named = len(columns) > 2 and all(told[1:]) and not any(map(_is_figure, told))
    return (told, first) if is_named else ([], start)


def over_groups(table: Sequence[list[str]], first: Line, second: Line) -> list[str]:
    """
    The first row of a table, with each of its names over all columns of the group that it names.

    Such a name stands above the middle of its group, so that its left edge tells nothing.

    :param first: The line of this row.
    :param second: The line of the row below it, which names the columns.
    """
    above, below = table[0], table[1]
    is_label = bool(above[0]) and not below[0]
    groups, named = first.cells[is_label:], [column for column, name in enumerate(below) if name]
    if len(named) != len(second.cells) or not 2 <= len(groups) < len(named):
        return above
    if any(map(figures.is_value, [*above, *below])) or all(
        any(abs(group.left - cell.left) < CLOSE for cell in second.cells) for group in groups
    ):
        return above
    row = [above[0] if is_label else "", *[""] * (len(above) - 1)]
    for column, cell in zip(named, second.cells, strict=True):
        if column or groups[0].left < cell.right:
            row[column] = min(groups, key=lambda group: abs(_middle(group) - _middle(cell))).text
    return row


def _middle(cell: LinePart) -> float:
    return (cell.left + cell.right) / 2


def _column(box: Box, columns: Sequence[Column]) -> int | None:
    """The only column that a line stands over."""
    over = [n for n, (left, right) in enumerate(columns) if box[0] < right and box[2] > left]
    return over[0] if len(over) == 1 else None


def _is_figure(name: str) -> bool:
    return name.replace(",", "").replace(".", "").strip("-+% ").isdigit()


def _box(text: str, start: int, line: str, places: Places) -> Box | None:
    indent = len(line) - len(line.lstrip())
    return places.around(start + indent, start + len(line.rstrip()))
