"""Tables of a PDF that were drawn column by column, read row by row by where their cells stand."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipelines.indexing.readers.pdf.places import Box, Places, joined
from pipelines.indexing.readers.tables import grid

# Cells are short, and fewer lines in a row than this are no table.
LONGEST_CELL = 30
FEWEST_CELLS = 6
FEWEST_ROWS = 3
MOST_CELLS = 2000
# Share of the places that must be filled, and of the cells right of the first that hold figures.
FILLED = 0.8
FIGURES = 0.5

# A gap of so many heights parts cells, and so many of the lines may have one.
WIDE_GAP = 1.5
MOST_GAPS = 0.3

Line = tuple[int, str]


def in_rows(text: str, places: Places) -> str:
    """
    The text of a page, in which runs of short lines that form a table are its rows.

    :param places: Where the characters of the text stand.
    """
    parts: list[str] = []
    place = 0
    for run in _runs(text):
        rows = _rows(run, places)
        if rows:
            parts += [text[place : run[0][0]], "\n\n".join(grid.lines(rows, certain=True))]
            place = run[-1][0] + len(run[-1][1])
    return "".join([*parts, text[place:]]) if parts else text


def _runs(text: str) -> Iterator[list[Line]]:
    run: list[Line] = []
    start = 0
    for line in text.split("\n"):
        bare = line.rstrip("\r")
        if 0 < len(bare.strip()) <= LONGEST_CELL and len(run) < MOST_CELLS:
            run.append((start, bare))
        else:
            if len(run) >= FEWEST_CELLS:
                yield run
            run = []
        start += len(line) + 1
    if len(run) >= FEWEST_CELLS:
        yield run


def _rows(run: list[Line], places: Places) -> list[list[str]]:
    """The rows of a run of lines, or none if they do not stand in rows and columns."""
    boxes = [_box(line, places) for line in run]
    cells = [(box, text.strip()) for box, (_, text) in zip(boxes, run, strict=True) if box]
    if len(cells) < len(run):
        return []
    height = sorted(box[3] - box[1] for box, _ in cells)[len(cells) // 2] or 1.0
    if sum(_has_gap(line, places, height) for line in run) > MOST_GAPS * len(run):
        return []  # each is a row of its own, of tables beside each other
    rows: list[list[tuple[Box, str]]] = []
    for cell in sorted(cells, key=lambda one: -one[0][1]):
        if rows and rows[-1][0][0][1] - cell[0][1] < height * 0.6:
            rows[-1].append(cell)
        else:
            rows.append([cell])
    wide = [n for n, row in enumerate(rows) if len(row) > 1]
    if not wide:
        return []
    titles, rows, rest = rows[: wide[0]], rows[wide[0] : wide[-1] + 1], rows[wide[-1] + 1 :]
    width = max(map(len, rows))
    placed = [box for row in rows for box, _ in row]
    if len(rows) < FEWEST_ROWS or len(placed) < FILLED * width * len(rows):
        return []
    edges = edges_of(placed, height)
    if len(edges) != width:
        return []
    table = [[""] * width for _ in rows]
    for made, row in zip(table, rows, strict=True):
        for box, text in row:
            column = max(n for n, edge in enumerate(edges) if edge <= box[0] + height)
            made[column] = f"{made[column]} {text}".strip()
    right = [cell for row in table[1:] for cell in row[1:] if cell]
    figures = sum(any(map(str.isdigit, cell)) for cell in right)
    if not right or figures < FIGURES * len(right):
        return []
    return [*([text] for (_, text), *_ in titles), *table, *([text] for (_, text), *_ in rest)]


def edges_of(boxes: list[Box], gap: float) -> list[float]:
    """Where columns begin: cells that overlap from left to right stand in one column."""
    edges: list[float] = []
    end = float("-inf")
    for left, _, right, _ in sorted(boxes):
        if left > end + gap / 2:
            edges.append(left)
        end = max(end, right)
    return edges


def _has_gap(line: Line, places: Places, height: float) -> bool:
    """Whether there is a wide gap between two words of a line."""
    start, text = line
    for space in re.finditer(r"(?<=\S)\s+(?=\S)", text):
        edges = places.gap(start + space.start() - 1, start + space.end())
        if edges is not None and edges[1] - edges[0] > WIDE_GAP * height:
            return True
    return False


def _box(line: Line, places: Places) -> Box | None:
    """Where the first and the last character of a line stand."""
    start, text = line
    a = places.box(start + len(text) - len(text.lstrip()))
    b = places.box(start + len(text.rstrip()) - 1)
    return None if a is None or b is None else joined(a, b)
