"""CSV. The delimiter is what most lines agree on, and a stray quote costs its own line only."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator

from pipelines.indexing.converted import Block, Converted, assemble
from pipelines.indexing.readers.tables import sheet
from pipelines.text.encodings.decode import decode

LONGEST_CELL = 10_000_000
DELIMITERS = "\t;|,"
SAMPLED_LINES = 300
SAMPLED_CHARS = 2_000_000
# Share of the lines that must have the same number of a delimiter.
AGREED = 0.7
# A quoted cell over more lines than this was never closed.
LONGEST_RECORD = 200

_SEP_LINE = re.compile(r"\ufeff?\"?sep=(.)\"?[ \t]*\r?\n", re.IGNORECASE)
# Keeps the zeros of a number in front of spreadsheets.
_FORMULA = re.compile(r'\A="([^"\n]*)"\Z')
_QUOTED = re.compile(r'"[^"\n]*"')


def read(data: bytes, mime: str) -> Converted:
    """The rows of a CSV file."""
    text, encoding = decode(data)
    rows = ([_FORMULA.sub(r"\1", cell) for cell in row] for row in records(text))
    blocks = [Block(line) for line in sheet.lines(rows, certain=True)]
    return assemble(blocks, mime, encoding)


def records(text: str) -> Iterator[list[str]]:
    """The records of a CSV text."""
    csv.field_size_limit(LONGEST_CELL)
    declared = _SEP_LINE.match(text)
    if declared:
        text = text[declared.end() :]
    lines = text.replace("\x00", "").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    delimiter = declared.group(1) if declared else _delimiter(lines)
    yield from _records(lines, delimiter)


def _delimiter(lines: list[str]) -> str:
    sample: list[str] = []
    size = 0
    for line in lines[: SAMPLED_LINES * 2]:
        if line.strip() and len(sample) < SAMPLED_LINES and size < SAMPLED_CHARS:
            sample.append(_QUOTED.sub("", line))
            size += len(line)
    best, best_share = ",", 0.0
    for delimiter in DELIMITERS:
        counts = Counter(n for line in sample if (n := line.count(delimiter)))
        if not counts:
            continue
        share = counts.most_common(1)[0][1] / len(sample)
        if share >= AGREED:
            return delimiter
        if share > best_share:
            best, best_share = delimiter, share
    return best


def _records(lines: list[str], delimiter: str) -> Iterator[list[str]]:
    usual = _usual_width(lines, delimiter)
    place = 0
    while place < len(lines):
        line = lines[place]
        place += 1
        if '\\"' in line and (cells := _escaped(line, delimiter, usual)):
            yield cells
            continue
        if line.count('"') % 2 == 0:
            yield _cells(line, delimiter) if line else []
            continue
        end = _closing(lines, place)
        if end is not None:
            whole = _quoted("\n".join(lines[place - 1 : end + 1]), delimiter)
            if len(whole) == usual:
                yield whole
                place = end + 1
                continue
        yield [cell.replace('""', '"') for cell in line.split(delimiter)]


def _escaped(line: str, delimiter: str, usual: int) -> list[str]:
    """The cells of a line whose quotes stand after backslashes, or none if it reads well without."""
    if line.count('"') % 2 == 0 and len(_cells(line, delimiter)) == usual:
        return []
    cells = _quoted(line.replace('\\"', '""'), delimiter)
    return cells if len(cells) == usual else []


def _usual_width(lines: list[str], delimiter: str) -> int:
    whole = [line for line in lines[: SAMPLED_LINES * 2] if line and line.count('"') % 2 == 0]
    widths = Counter(len(_cells(line, delimiter)) for line in whole[:SAMPLED_LINES])
    wide = Counter({width: n for width, n in widths.items() if width > 1})
    found = (wide or widths).most_common(1)
    return found[0][0] if found else 1


def _closing(lines: list[str], place: int) -> int | None:
    """The next line that could close a quote that is open."""
    for end in range(place, min(len(lines), place + LONGEST_RECORD)):
        if lines[end].count('"') % 2:
            return end
    return None


def _quoted(lines: str, delimiter: str) -> list[str]:
    """The record in lines with a quoted cell, or nothing if the quotes do not close in them."""
    try:
        found = list(csv.reader(lines.splitlines(keepends=True), delimiter=delimiter, strict=True))
    except csv.Error:
        return []
    return found[0] if len(found) == 1 else []


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader(line.splitlines(keepends=True), delimiter=delimiter), [])
    except csv.Error:
        return line.split(delimiter)
