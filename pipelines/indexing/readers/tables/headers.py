"""Where the header of a table stands, found by looking at its rows. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from statistics import median

from pipelines.indexing.readers.tables import figures, forms, levels
from pipelines.indexing.readers.tables.column_names import KINDS

# Rows that are looked at to tell what a table is like, and how deep its header may stand.
SAMPLED_ROWS = 50
DEEPEST_HEADER = 12
# Share of the second of two columns that must be figures below its name.
MOSTLY = 0.6
# Figures that need a name; "3 kg" beside "Weight" has one.
_PLAIN_NUMBER = re.compile(r"[$€£¥(+\-−–]*\s?\d[\d.,'’\s:/\-–]*\s?[%‰$€£¥)]*|=.*")


def place(
    rows: Iterable[Sequence[str]], *, merged_rows: int = 1, certain: bool = False
) -> tuple[int, int]:
    """Where the header of a table begins, with the groups that it names, and how many rows it has."""
    table = clean(rows)
    return place_in(table, merged_rows, certain=certain) if table else (0, 0)


def clean(rows: Iterable[Sequence[str]]) -> list[list[str]]:
    """The rows that hold something, each cell on one line."""
    table = ([" ".join(cell.split()) for cell in row] for row in rows)
    return [row for row in table if any(row)]


def place_in(table: list[list[str]], merged_rows: int, *, certain: bool) -> tuple[int, int]:
    """As `place`, of rows that are clean already. Names of groups are repeated over them, in place."""
    if forms.is_form(table):
        return 0, 0
    start = _preamble(table)
    depth = _header_rows(table[start:], max(1, merged_rows - start), certain=certain)
    if merged_rows > 1:
        return start, depth
    first = levels.raised(table, start, depth)
    return first, depth + start - first


def _filled(row: Sequence[str]) -> int:
    return sum(map(bool, row))


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
    return levels.deepened(table, min(merged_rows, len(table) - 1))


def _may_be_header(first: list[str], sample: list[list[str]], *, certain: bool) -> bool:
    names = [cell for cell in first if cell]
    width = max(len(row) for row in sample)
    if len(names) < 2 and width > 1 and not (certain and len(names) == 1):
        return False
    if sum(len(name) > 2 * levels.LONGEST_NAME for name in names) > (certain and len(names) > 2):
        return False
    if names[0].endswith(":") and width == 2:
        return False
    if any(map(figures.is_value, names)) and not _are_moments(first, sample):
        return False
    if certain or width > 2:
        return True
    # Two columns: names above figures, or the name of a kind of thing above things. Else they are
    # labels with their values.
    second = [row[1] for row in sample if len(row) > 1 and row[1]]
    values = [cell for cell in second if _PLAIN_NUMBER.fullmatch(figures.without_comment(cell))]
    if first[-1].lower() in KINDS and first[-1].lower() not in map(str.lower, second):
        return True
    has_digit = any(char.isdigit() for char in first[-1])
    if has_digit or len(values) < MOSTLY * len(second):
        return False
    # A column has values of one kind, and a form has dates beside numbers.
    return bool(values) and len(set(map(figures.is_moment, values))) == 1


def _are_moments(first: list[str], sample: list[list[str]]) -> bool:
    """Whether all figures of a row are dates or times, and none stand below them: those of a plan."""
    places = [place for place, cell in enumerate(first) if figures.is_value(cell)]
    below = (row[place] for row in sample for place in places if place < len(row))
    return (
        len(places) > 1
        and not (first[0] and places[0] == 0)
        and all(figures.is_moment(first[place]) for place in places)
        and not any(map(figures.is_moment, below))
    )
