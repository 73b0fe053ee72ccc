"""Columns of prose that were drawn line by line across a page of a PDF: each is read down to its end."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from statistics import median

from pipelines.indexing.readers.pdf.places import Box, Places
from pipelines.indexing.readers.pdf.tables.cells import WIDE_GAP, Line, LinePart, line_of

# Fewer lines beside each other are none, and half as many characters make a shorter line than two.
FEWEST_LINES = 5
LEAST_CELL = 20
# Lines that are looked at to tell whether a page has any, and how many must have a gap.
SAMPLED, LEAST_GAPS = 6, 2
# Points that a gap between columns has at least.
LEAST_GAP = 5.0
# Points that a column is wide at least.
NARROWEST = 70.0
# Share of the lines of a column that go on with a small letter, as sentences do.
LEAST_GOING_ON = 0.25
# Share of the characters that may be figures: more are a table.
MOST_FIGURES = 0.15

# PDFium lets a line that ends in a hyphen run on into the next one.
_LINE = re.compile("[^\r\n\ufffe]+\ufffe?")
# From where to where a gap goes that no line crosses.
Gap = tuple[float, float]


def in_order(text: str, places: Places) -> list[tuple[str, str]]:
    """
    Runs of lines of a page that are lines of several columns, each with its text in order.

    :param places: Where the characters of the text stand.
    """
    if not _may_have_columns(text, places):
        return []
    lines = [(found.start(), found.group()) for found in _LINE.finditer(text)]
    found = []
    for run, gaps in _runs(lines, places):
        columns = _columns(run, gaps)
        if all(map(_is_prose, columns)):
            shown = "\n".join(line for column in columns for line in column)
            found.append((text[run[0].start : run[-1].end], shown))
    return found


def _may_have_columns(text: str, places: Places) -> bool:
    """Whether some of the lines have a gap at the same place, by the boxes of their parts alone."""
    lines = text.replace("\ufffe", "\n").split("\n")
    starts = accumulate((len(line) + 1 for line in lines), initial=0)
    wide = [one for one in zip(starts, lines, strict=False) if len(one[1]) > 2 * LEAST_CELL]
    if len(wide) < FEWEST_LINES:
        return False
    step = len(wide) / SAMPLED
    sample = (wide[int(step * (number + 0.5))] for number in range(SAMPLED))
    gaps = [
        _gaps(places.parts(start, start + len(line))) for start, line in sample if _has_words(line)
    ]
    return any(
        sum(any(min(b, d) - max(a, c) > LEAST_GAP for c, d in others) for others in gaps)
        >= LEAST_GAPS
        for of_line in gaps
        for a, b in of_line
    )


def _has_words(text: str) -> bool:
    return sum(map(str.isdigit, text)) <= MOST_FIGURES * len(text)


def _gaps(boxes: Sequence[Box]) -> list[Gap]:
    """The gaps between boxes that follow each other, far enough from both ends of the line."""
    return [
        (a[2], b[0])
        for a, b in pairwise(boxes)
        if b[0] - a[2] > LEAST_GAP
        and a[2] - boxes[0][0] > NARROWEST
        and boxes[-1][2] - b[0] > NARROWEST
    ]


def _runs(
    lines: Sequence[tuple[int, str]], places: Places
) -> Iterator[tuple[list[Line], list[Gap]]]:
    """Lines from the top down that leave the same gaps free."""
    run: list[Line] = []
    gaps: list[Gap] = []
    for start, text in lines:
        line = line_of(start, text, places)
        left = [gap for gap in _free(line.cells, gaps) if _is_wide(gap, line)]
        # What many lines have left free parts columns, and a line across it stands below them.
        crosses = len(left) < len(gaps) and len(run) >= FEWEST_LINES
        if run and left and not crosses and run[-1].bottom > line.bottom:
            run.append(line)
            gaps = left
            continue
        yield run, gaps
        gaps = [(a.right, b.left) for a, b in pairwise(line.cells)]
        gaps = [gap for gap in gaps if _is_wide(gap, line)]
        run = [line] if gaps else []
    yield run, gaps


def _is_wide(gap: Gap, line: Line) -> bool:
    return gap[1] - gap[0] > WIDE_GAP * line.height


def _free(cells: Sequence[LinePart], gaps: Sequence[Gap]) -> list[Gap]:
    """What a line leaves free of gaps."""
    free = list(gaps)
    for cell in cells:
        parts = [((a, min(b, cell.left)), (max(a, cell.right), b)) for a, b in free]
        free = [part for both in parts for part in both if part[0] < part[1]]
    return free if cells else []


def _columns(run: Sequence[Line], gaps: Sequence[Gap]) -> list[list[str]]:
    """The lines of each column."""
    edges = [gap[1] for gap in gaps]
    columns: list[list[str]] = [[] for _ in range(len(edges) + 1)]
    for line in run:
        parts = [""] * len(columns)
        for cell in line.cells:
            place = sum(edge <= cell.left for edge in edges)
            parts[place] = f"{parts[place]} {cell.text}".strip()
        for column, part in zip(columns, parts, strict=True):
            column += [part] if part else []
    return columns


def _is_prose(column: Sequence[str]) -> bool:
    if len(column) < FEWEST_LINES or median(map(len, column)) < LEAST_CELL:
        return False
    going_on = sum(line[0].islower() for line in column[1:])
    return going_on >= LEAST_GOING_ON * (len(column) - 1) and _has_words("".join(column))
