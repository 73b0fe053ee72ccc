"""Tables of a PDF without lines around their cells, whose rows are lines of text with wide gaps."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from statistics import median
from typing import Any

from pipelines.indexing.readers.pdf.places import Places
from pipelines.indexing.readers.pdf.tables import heads
from pipelines.indexing.readers.pdf.tables.carried import Carried
from pipelines.indexing.readers.pdf.tables.cells import Line, LinePart, line_of
from pipelines.indexing.readers.pdf.tables.columns import edges_of
from pipelines.indexing.readers.tables import figures, grid, headers

FEWEST_ROWS = 3
MOST_COLUMNS = 20
# Longer lines with fewer figures are prose.
LONGEST_WORDS = 70
LONGEST_CELL = 60
# Share of the places that must be filled, and of the cells right of the first that hold figures
# where cells are longer than a word or two.
FILLED, FIGURES = 0.6, 0.5
SHORT_CELL = 25
# A gap of so many usual steps may part two tables, or a table from a single line below it.
APART, FAR = 1.4, 2.5
# Edges that differ by fewer points are the same.
CLOSE = 2.0

_FIGURE = re.compile(r"\d")
_FIGURES_CODED = b"0123456789"


def in_rows(text: str, page: Any, places: Places, carried: Carried) -> str:
    """
    The text of a page, in which lines with wide gaps that form a table are its rows.

    :param page: PDFium's text page, whose characters are those of the text.
    :param places: Where they stand.
    :param carried: What goes on from the page before.
    """
    parts: list[str] = []
    place = 0
    for run in (part for whole in _runs(text, places) for part in _parted(whole)):
        rows = _rows(run) if run else []
        is_named = bool(rows) and _names_columns(rows, run, page)
        begin = run[0].start if run else place
        names: list[str] = []
        if rows and not is_named:
            first, columns = run[0], _columns(run)
            names, begin = heads.above(
                text, first.start, first.bottom, first.height, columns, places
            )
        if begin < place:  # they belong to the table before
            names, begin = [], run[0].start
        if names:
            lines = carried.lines([names, *rows], text[:begin])
        elif rows and (is_named or carried.may_go_on(rows, text[: run[0].start])):
            lines = carried.lines(rows, text[: run[0].start])
        elif rows and _is_joined(run, text):
            lines = grid.lines(rows, 0)
        else:
            continue
        if lines:
            parts += [text[place:begin], "\n\n".join(lines)]
            place = run[-1].end
    return "".join([*parts, text[place:]]) if parts else text


def _names_columns(rows: list[list[str]], run: list[Line], page: Any) -> bool:
    """Whether the first row is a header: above figures, or set in another font, or single words."""
    place, depth = headers.place(rows, certain=True)
    if not depth:
        return False
    body = rows[place + depth :]
    right = [cell for row in body for cell in row[1:] if cell]
    if sum(map(figures.is_number, right)) >= FIGURES * len(right):
        return True
    names = [(column, cell) for column, cell in enumerate(rows[place]) if cell]
    if any(row[column] == cell for column, cell in names for row in body):
        return False
    if all(cell.isalpha() for _, cell in names):
        return True
    lines = [line for line in run if len(line.cells) > 1]
    return _font(page, lines[0].start) != _font(page, lines[1].start)


def _is_joined(run: list[Line], text: str) -> bool:
    """Whether cells of one row are lines of the text."""
    return any("\n" in text[line.start : line.end] for line in run)


def _runs(text: str, places: Places) -> Iterator[list[Line]]:
    """Lines in a row that have several cells, with single cells between them."""
    run: list[Line] = []
    for lines in _candidates(text):
        if _are_whole(lines, places):
            continue
        for start, line in lines:
            cut = line_of(start, line, places)
            if run and run[-1].beside(cut):
                above = run.pop()
                run.append(replace(above, end=cut.end, cells=[*above.cells, *cut.cells]))
            elif run and run[-1].is_below(cut):
                yield _trimmed(run)
                run = [cut]
            elif len(cut.cells) > 1 or not run:
                run.append(cut)
            elif len(run[-1].cells) > 1:
                run.append(cut)  # a title, or a row that goes on
            else:
                yield _trimmed(run)
                run = [cut]
        yield _trimmed(run)
        run = []


def _parted(run: list[Line]) -> Iterator[list[Line]]:
    """A run cut where a gap stands above a line in columns of its own, or above a line far below."""
    steps = [a.bottom - b.bottom for a, b in pairwise(run)]
    usual, start = median(steps) if len(steps) >= FEWEST_ROWS else 0.0, 0
    for place, step in enumerate(steps, 1):
        is_single = len(run[place].cells) < 2
        if not 0 < (FAR if is_single else APART) * usual < step:
            continue
        following = next((line for line in run[place:] if len(line.cells) > 1), None)
        if following is None or _stands_apart(following, run[start:place]):
            yield _trimmed(run[start:place])
            start = place
    yield _trimmed(run[start:])


def _stands_apart(line: Line, above: list[Line]) -> bool:
    """Whether most cells of a line begin and end elsewhere than those of the rows above it."""
    rows = [one.cells for one in above if len(one.cells) > 1]
    if len(rows) < 2:
        return False  # names of columns have a gap below them, too
    # All tables of a page begin at its left edge.
    cells = line.cells[1:]
    fitting = sum(any(_fits(cell, other) for row in rows for other in row) for cell in cells)
    return 2 * fitting < len(cells)


def _fits(a: LinePart, b: LinePart) -> bool:
    """Whether two cells begin or end at the same place, or one stands above the middle of the other."""
    left, right = a.left - b.left, a.right - b.right
    return abs(left) < CLOSE or abs(right) < CLOSE or abs(left + right) < 2 * CLOSE


def _are_whole(lines: list[tuple[int, str]], places: Places) -> bool:
    """Whether each line was drawn at once, below the one before: it has no gaps."""
    if any("  " in line for _, line in lines):
        return False
    boxes = places.parts(lines[0][0], lines[-1][0] + len(lines[-1][1]))
    return len(boxes) == len(lines) and all(
        a[1] - b[1] > (b[3] - b[1]) / 2 for a, b in pairwise(boxes)
    )


def _trimmed(run: list[Line]) -> list[Line]:
    """A run without the single cells above and below its rows."""
    rows = [place for place, line in enumerate(run) if len(line.cells) > 1]
    return run[rows[0] : rows[-1] + 1] if rows else []


def _candidates(text: str) -> Iterator[list[tuple[int, str]]]:
    """Runs of lines that may be rows: with a figure, or short."""
    run: list[tuple[int, str]] = []
    start = 0
    for line in text.split("\n"):
        bare = line.rstrip("\r")
        may_be_row = (
            len(bare) < LONGEST_WORDS or _count_of_figures(bare) > bare.count(" ") / 3
        ) and not (not bare or bare.isspace())
        if may_be_row:
            run.append((start, bare))
        else:
            if len(run) >= FEWEST_ROWS:
                yield run
            run = []
        start += len(line) + 1
    if len(run) >= FEWEST_ROWS:
        yield run


def _count_of_figures(line: str) -> int:
    if not line.isascii():
        return len(_FIGURE.findall(line))
    coded = line.encode()
    return len(coded) - len(coded.translate(None, _FIGURES_CODED))


def _rows(run: list[Line]) -> list[list[str]]:
    """The rows of a table, or none if the lines do not stand in columns."""
    wide = [line for line in run if len(line.cells) > 1]
    if len(wide) < FEWEST_ROWS or any(
        left > right for line in wide for left, right in _turns(line.cells)
    ):
        return []
    height = median(line.height for line in wide) or 1.0
    boxes = [(cell.left, 0.0, cell.right, 0.0) for line in wide for cell in line.cells]
    edges = edges_of(boxes, height)
    if not 2 <= len(edges) <= MOST_COLUMNS:
        return []
    table: list[list[str]] = []
    for line in run:
        row = [""] * len(edges)
        for cell in line.cells:
            column = max((n for n, edge in enumerate(edges) if edge <= cell.left + 1), default=0)
            if row[column]:
                return []
            row[column] = cell.text
        if _goes_on(row, table):
            table[-1] = [f"{a} {b}".strip() for a, b in zip(table[-1], row, strict=True)]
        else:
            table.append(row)
    if _is_table(table):
        table[0] = heads.over_groups(table, run[0], run[1])
        return table
    return []


def _columns(run: list[Line]) -> list[heads.Column]:
    """From where to where the columns of a table go: each up to the next one."""
    wide = [line for line in run if len(line.cells) > 1]
    height = median(line.height for line in wide) or 1.0
    boxes = [(cell.left, 0.0, cell.right, 0.0) for line in wide for cell in line.cells]
    edges = [*edges_of(boxes, height), float("inf")]
    return [(left - height / 4, right - height / 4) for left, right in pairwise(edges)]


def _turns(cells: list[LinePart]) -> Iterator[tuple[float, float]]:
    """The left edges of cells that follow each other."""
    return ((a.left, b.left) for a, b in pairwise(cells))


def _goes_on(row: list[str], above: list[list[str]]) -> bool:
    """Whether a line without a label and without figures belongs to the row above it."""
    return bool(above) and not row[0] and len(above) > 1 and not any(map(_FIGURE.search, row))


def _is_table(table: list[list[str]]) -> bool:
    rows = [row for row in table if sum(map(bool, row)) > 1]
    width = len(table[0])
    cells = [cell for row in rows for cell in row if cell]
    if len(rows) < FEWEST_ROWS or len(cells) < FILLED * width * len(rows):
        return False
    if max(map(len, cells)) > 2 * LONGEST_CELL or median(map(len, cells)) > LONGEST_CELL:
        return False
    right = [cell for row in rows[1:] for cell in row[1:] if cell]
    figures = sum(_FIGURE.search(cell) is not None for cell in right)
    is_short = max(map(len, right), default=0) <= SHORT_CELL and width > 2
    return bool(right) and (is_short or figures >= FIGURES * len(right))


def _font(page: Any, character: int) -> bytes:
    """The name of the font of a character, which says whether it is bold."""
    import pypdfium2.raw as pdfium

    name = ctypes.create_string_buffer(200)
    pdfium.FPDFText_GetFontInfo(page, character, name, len(name), None)
    return name.value
