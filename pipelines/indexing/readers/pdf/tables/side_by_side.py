"""Columns of prose that were drawn line by line across a page of a PDF: each is read down to its end."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median

from pipelines.indexing.readers.pdf.places import Places
from pipelines.indexing.readers.pdf.tables.cells import WIDE_GAP, Line, LinePart, line_of

# Fewer lines beside each other are none, and half as many characters make a shorter line than two.
FEWEST_LINES = 5
LEAST_CELL = 20
# Lines that are looked at to tell whether a page has any, and how many must have a gap.
SAMPLED, LEAST_GAPS = 8, 2
# Share of the lines of a column that go on with a small letter, as sentences do.
LEAST_GOING_ON = 0.25
# Share of the characters that may be figures: more are a table.
MOST_FIGURES = 0.15

# From where to where a gap goes that no line crosses.
Gap = tuple[float, float]

_SPACE = re.compile(r"(?<=\S)\s+(?=\S)")


def in_order(text: str, places: Places) -> list[tuple[str, str]]:
    """
    Runs of lines of a page that are lines of several columns, each with its text in order.

    :param places: Where the characters of the text stand.
    """
    lines = [(found.start(), found.group()) for found in re.finditer(r"[^\r\n]+", text)]
    if not _may_have_columns(lines, places):
        return []
    found = []
    for run, gaps in _runs(lines, places):
        columns = _columns(run, gaps)
        if all(map(_is_prose, columns)):
            shown = "\n".join(line for column in columns for line in column)
            found.append((text[run[0].start : run[-1].end], shown))
    return found


def _may_have_columns(lines: Sequence[tuple[int, str]], places: Places) -> bool:
    wide = [line for line in lines if len(line[1]) > 2 * LEAST_CELL]
    if len(wide) < FEWEST_LINES:
        return False
    sample = wide[:: max(1, len(wide) // SAMPLED)]
    return sum(_has_gap(start, line, places) for start, line in sample) >= LEAST_GAPS


def _has_gap(start: int, line: str, places: Places) -> bool:
    """Whether there is a wide gap somewhere in the middle of a line."""
    box = places.box(start + len(line) // 2) or places.box(start + len(line) // 2 + 1)
    for space in _SPACE.finditer(line, len(line) // 5, len(line) - len(line) // 5):
        edges = places.gap(start + space.start() - 1, start + space.end())
        if edges and box and edges[1] - edges[0] > WIDE_GAP * (box[3] - box[1]):
            return True
    return False


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
    signs = sum(map(len, column))
    figures = sum(map(str.isdigit, "".join(column)))
    return going_on >= LEAST_GOING_ON * (len(column) - 1) and figures <= MOST_FIGURES * signs
