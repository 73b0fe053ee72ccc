"""
One model of a table, whatever file it came from: each row becomes a line that explains itself.

``Part: K-53; Torque [Nm]: 171; Thread depth: 11``. A passage cut anywhere in a long table still says
which value is which. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pipelines.indexing.readers.tables import figures, forms, headers, levels

# A row longer than this goes on in a further line, which begins with the row's label again.
LONGEST_LINE = 700
LONGEST_LABEL = 120
MOST_COLUMNS = 400
# Text that merged cells may repeat: so many times the text that is there, and so much at least.
MOST_REPEATED = 4, 200_000

# A box to tick.
_MARK = re.compile("[☐☑☒✓✔✗✘]")


@dataclass(frozen=True)
class Cell:
    """
    A cell as a file writes it.

    :param columns: Number of columns that it was merged over.
    :param rows: Number of rows that it was merged over.
    """

    text: str
    columns: int = 1
    rows: int = 1
    heading: bool = False


def spread(rows: Iterable[Sequence[Cell]]) -> tuple[list[list[str]], int | None, int]:
    """
    Repeat merged cells, so that all rows have their columns in the same places.

    :returns: The texts, how many rows at the top are marked as header (None: no mark), and how
        many rows the header has by its merged cells.
    """
    given = [list(row) for row in rows]
    budget = MOST_REPEATED[1] + MOST_REPEATED[0] * sum(len(c.text) for row in given for c in row)
    grid: list[list[str]] = []
    marked: list[bool] = []
    below: dict[int, tuple[int, str]] = {}
    for row in given:
        texts: list[str] = []
        waiting = iter(row)
        alone = sum(bool(cell.text) for cell in row) == 1
        while len(texts) < MOST_COLUMNS:
            place = len(texts)
            if place in below:
                left, text = below.pop(place)
                budget -= len(text)
                texts.append(text if budget > 0 else "")
                if left > 1:
                    below[place] = left - 1, text
                continue
            cell = next(waiting, None)
            if cell is None:
                if not any(column > place for column in below):
                    break
                texts.append("")
                continue
            for step in range(max(1, min(cell.columns, MOST_COLUMNS - place))):
                # The text of a row that is one wide cell is a title, and stands once.
                repeated = step > 0 and not alone
                budget -= len(cell.text) if repeated else 0
                shown = cell.text if step == 0 or (repeated and budget > 0) else ""
                texts.append(shown)
                if cell.rows > 1:
                    below[place + step] = cell.rows - 1, shown
        grid.append(texts)
        is_title = alone and any(cell.text and cell.columns > 1 for cell in row)
        is_marked = bool(row) and all(cell.heading for cell in row if cell.text)
        marked.append(is_marked and not is_title)
    depth = next((n for n, is_header in enumerate(marked) if not is_header), len(marked))
    first = given[0] if given else []
    merged = 1
    if len(first) > 1 and any(cell.columns > 1 for cell in first):
        merged = max(2, max((cell.rows for cell in first if cell.rows < 4), default=1))
    if not depth or depth == len(marked):
        return grid, None, merged
    return grid, depth, merged


def lines(
    rows: Iterable[Sequence[str]],
    header_rows: int | None = None,
    *,
    merged_rows: int = 1,
    certain: bool = False,
) -> list[str]:
    """
    The rows of one table as lines that carry their column names.

    :param header_rows: How many rows at the top are the header; None: found by looking.
    :param merged_rows: How many rows a header found by looking has at least.
    :param certain: The first row of short texts is a header even with two columns.
    """
    table = headers.clean(rows)
    if not table:
        return []
    if not header_rows and forms.is_form(table):
        return [line for row in table for line in _wrapped([forms.pairs(row)])]
    start = 0
    if header_rows is None:
        start, header_rows = headers.place_in(table, merged_rows, certain=certain)
    elif 0 < header_rows < len(table) and not table[header_rows][0]:
        header_rows = levels.deepened(table, header_rows)
    told = [_joined(row) for row in table[:start]]
    named, body = table[start : start + header_rows], table[start + header_rows :]
    if not body:
        return [*told, *map(_joined, named)]
    if header_rows and merged_rows == 1:
        levels.fill_down(body)
    return [*told, *_named(levels.names(named), body)]


def _joined(row: Sequence[str]) -> str:
    """A row without column names: a title, or a label with its value."""
    values = list(dict.fromkeys(filter(None, row)))
    if len(values) == 2:
        sign = "" if _MARK.fullmatch(values[0]) else ":"
        return f"{values[0].rstrip(':')}{sign} {values[1]}"
    return "; ".join(_paired(values))


def _paired(cells: Sequence[str]) -> list[str]:
    """Cells without names, each label that ends in a colon with the value after it."""
    found: list[str] = []
    for cell in cells:
        if found and found[-1].endswith(":"):
            found[-1] += f" {cell}"
        else:
            found.append(cell)
    return found


def _named(names: list[str], body: list[list[str]]) -> Iterator[str]:
    for row in body:
        values = [
            (names[place] if place < len(names) else "", cell)
            for place, cell in enumerate(row)
            if cell
        ]
        is_label = bool(values) and (
            not figures.is_number(values[0][1]) or _MARK.fullmatch(values[0][1]) is not None
        )
        if not names and len(values) == 2 and is_label:
            yield _joined([cell for _, cell in values])
        elif len(values) == 1 and row[0] and len(names) > 1:
            yield row[0]  # the title of the rows below it
        elif not names:
            yield from _wrapped(_paired([cell for _, cell in values]))
        else:
            yield from _wrapped([f"{name}: {cell}" if name else cell for name, cell in values])


def _wrapped(fields: list[str]) -> Iterator[str]:
    """A row's fields in one line, or in several that each begin with the first field."""
    label = fields[0] if len(fields[0]) <= LONGEST_LABEL else ""
    line = fields[0]
    for field in fields[1:]:
        if len(line) + len(field) > LONGEST_LINE and line != label:
            yield line
            line = f"{label}; {field}" if label else field
        else:
            line += f"; {field}"
    yield line
