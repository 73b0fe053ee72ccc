"""
One model of a table, whatever file it came from: each row becomes a line that explains itself.

``Part: K-53; Torque [Nm]: 171; Thread depth: 11``. A passage cut anywhere in a long table still says
which value is which. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

# A row longer than this goes on in a further line, which begins with the row's label again.
LONGEST_LINE = 700
LONGEST_NAME = 80
LONGEST_LABEL = 120
MOST_COLUMNS = 400
# Text that merged cells may repeat: so many times the text that is there, and so much at least.
MOST_REPEATED = 4, 200_000
# Rows that are looked at to tell what a table is like, and how deep its header may stand.
SAMPLED_ROWS = 50
DEEPEST_HEADER = 12

_NUMBER = re.compile(
    r"[(<>≤≥~±+\-−–]*\s?(?:[$€£¥]|[A-Z]{2,3}\s)?\s?[+\-−–]?\d[\d.,'’\s\u00a0\u202f:/\-–]*"
    r"(?:\s?(?:%|‰|[$€£¥]|°\s?[CFK]?|[A-Za-zµΩ]{1,4}[²³]?))?\)?|[-–—]+|n/?a|yes|no|true|false|=.*",
    re.IGNORECASE,
)
# Figures that need a name; "3 kg" beside "Weight" has one.
_PLAIN_NUMBER = re.compile(r"[$€£¥(+\-−–]*\s?\d[\d.,'’\s:/\-–]*\s?[%‰$€£¥)]*|=.*")
_YEAR = re.compile(r"(?:FY\s?)?(?:19|20)\d\d(?:/\d\d(?:\d\d)?)?")
_COMMENT = re.compile(r" \(comment: .*\)$", re.DOTALL)


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
        marked.append(bool(row) and all(cell.heading for cell in row if cell.text))
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
    table = _clean(rows)
    if not table:
        return []
    start = 0
    if header_rows is None:
        start, header_rows = _place(table, merged_rows, certain=certain)
    told = [_joined(row) for row in table[:start]]
    header, body = table[start : start + header_rows], table[start + header_rows :]
    if not body:
        return [*told, *map(_joined, header)]
    return [*told, *_named(_names(header), body)]


def header_place(rows: Iterable[Sequence[str]], *, certain: bool = False) -> tuple[int, int]:
    """Where the header of a table begins, and how many rows it has."""
    table = _clean(rows)
    return _place(table, 1, certain=certain) if table else (0, 0)


def _clean(rows: Iterable[Sequence[str]]) -> list[list[str]]:
    table = ([" ".join(cell.split()) for cell in row] for row in rows)
    return [row for row in table if any(row)]


def _place(table: list[list[str]], merged_rows: int, *, certain: bool) -> tuple[int, int]:
    start = _preamble(table)
    return start, _header_rows(table[start:], merged_rows, certain=certain)


def is_number(text: str) -> bool:
    """Whether a cell holds a figure, a date or a yes or no, and no name."""
    return _NUMBER.fullmatch(_COMMENT.sub("", text)) is not None


def _filled(row: Sequence[str]) -> int:
    return sum(map(bool, row))


def _joined(row: Sequence[str]) -> str:
    """A row without column names: a title, or a label with its value."""
    values = list(dict.fromkeys(filter(None, row)))
    if len(values) == 2:
        return f"{values[0].rstrip(':')}: {values[1]}"
    return "; ".join(values)


def _preamble(table: list[list[str]]) -> int:
    """How many lines stand above the header that are much narrower: its title, its date."""
    usual = median(_filled(row) for row in table[: SAMPLED_ROWS * 4])
    least = 2 if usual < 4 else usual * 0.6
    if usual >= 2:
        for place, row in enumerate(table[:DEEPEST_HEADER]):
            if _filled(row) >= least:
                return place
    return 0


def _header_rows(table: list[list[str]], merged_rows: int, *, certain: bool) -> int:
    """Number of rows at the top that name columns: 0 if the first row is like all others."""
    if len(table) < 2:
        return 0
    first, sample = table[0], table[1 : SAMPLED_ROWS + 1]
    if not _may_be_header(first, sample, certain=certain):
        return 0
    depth = merged_rows
    if depth == 1 and len(table) > 2 and _goes_on(first, table[1], table[2 : SAMPLED_ROWS + 2]):
        depth = 2
    return min(depth, len(table) - 1)


def _may_be_header(first: list[str], sample: list[list[str]], *, certain: bool) -> bool:
    names = [cell for cell in first if cell]
    width = max(len(row) for row in sample)
    if len(names) < 2 and width > 1 and not (certain and len(names) == 1):
        return False
    if max(map(len, names)) > 2 * LONGEST_NAME:
        return False
    if names[0].endswith(":") and width == 2:
        return False
    figures = [place for place, cell in enumerate(first) if cell and is_number(cell)]
    if figures and not all(_YEAR.fullmatch(first[place]) for place in figures):
        return False
    if certain or width > 2:
        return True
    # Two columns: names above figures, else they are labels with their values.
    second = [row[1] for row in sample if len(row) > 1 and row[1]]
    values = [cell for cell in second if _PLAIN_NUMBER.fullmatch(_COMMENT.sub("", cell))]
    has_digit = any(char.isdigit() for char in first[-1])
    return not figures and not has_digit and len(values) > len(second) / 2


def _goes_on(first: list[str], second: list[str], below: list[list[str]]) -> bool:
    """Whether the second row is header too: names under a gap of the first, or units."""
    filled = [cell for cell in second if cell]
    if not filled or any(is_number(cell) and not _YEAR.fullmatch(cell) for cell in filled):
        return False
    gaps = [n for n, cell in enumerate(second) if cell and not (first + [""] * n)[n]]
    repeated = len({c for c in first if c}) < _filled(first)
    units = sum(cell[0] in "[(" for cell in filled) > len(filled) / 2
    figures = [
        n for n, cell in enumerate(second) if cell and _figures_below(n, below) and len(cell) < 40
    ]
    return units or ((bool(gaps) or repeated) and len(figures) >= 2)


def _figures_below(column: int, below: list[list[str]]) -> bool:
    values = [row[column] for row in below if column < len(row) and row[column]]
    return bool(values) and sum(map(is_number, values)) > len(values) / 2


def _names(header: list[list[str]]) -> list[str]:
    """A name for each column: what stands above it, from the top down."""
    width = max((len(row) for row in header), default=0)
    names = []
    for column in range(width):
        parts = [row[column] for row in header if column < len(row) and row[column]]
        names.append(" ".join(dict.fromkeys(parts))[:LONGEST_NAME].rstrip(" :"))
    return names


def _named(names: list[str], body: list[list[str]]) -> Iterator[str]:
    for row in body:
        values = [
            (names[place] if place < len(names) else "", cell)
            for place, cell in enumerate(row)
            if cell
        ]
        if not names and len(values) == 2 and not is_number(values[0][1]):
            yield _joined([cell for _, cell in values])
        elif len(values) == 1 and row[0] and len(names) > 1:
            yield row[0]  # the title of the rows below it
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
