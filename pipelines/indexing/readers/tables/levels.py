"""What stands in several rows: headers of groups, names and units, and labels of several rows. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from pipelines.indexing.readers.tables import figures

LONGEST_NAME = 80
LONGEST_UNIT = 12
LONGEST_COLUMN_NAME = 40
# A header has at most so many rows.
DEEPEST = 4
SAMPLED_ROWS = 50


def names(header: Sequence[Sequence[str]]) -> list[str]:
    """A name for each column: what stands above it, from the top down."""
    width = max((len(row) for row in header), default=0)
    found = []
    for column in range(width):
        parts = [row[column] for row in header if column < len(row) and row[column]]
        found.append(" ".join(dict.fromkeys(parts))[:LONGEST_NAME].rstrip(" :"))
    return found


def deepened(table: Sequence[Sequence[str]], depth: int) -> int:
    """How many rows a header has whose first ones are known: with units and names below them."""
    while depth < min(DEEPEST, len(table) - 1) and _goes_on(
        names(table[:depth]), table[depth], table[depth + 1 : depth + 1 + SAMPLED_ROWS]
    ):
        depth += 1
    return depth


def _goes_on(first: Sequence[str], second: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Whether a row is header too: names under gaps of the row above or under its groups, or units."""
    filled = [cell for cell in second if cell]
    if not filled or not below or any(map(figures.is_value, filled)):
        return False
    # The gap above labels of rows is none: it has no name in many tables.
    gaps = [n for n, cell in enumerate(second) if n and cell and not [*first, *[""] * (n + 1)][n]]
    named = [name for name in first if name]
    repeated = len(set(named)) < len(named)
    units = sum(cell[0] in "[(" for cell in filled) > len(filled) / 2
    over_figures = [
        n
        for n, cell in enumerate(second)
        if cell and len(cell) < LONGEST_COLUMN_NAME and figures.below(n, below)
    ]
    if first and first[0] and not second[0] and max(map(len, filled)) <= LONGEST_UNIT:
        units = units or len(over_figures) == len(filled)
    return units or ((bool(gaps) or repeated) and len(over_figures) >= 2)


def raised(table: list[list[str]], start: int, depth: int) -> int:
    """
    Where a header begins with the rows above it that name groups of its columns.

    Merged cells come like that from files that do not say what was merged, with one name at the
    left of each group: it is repeated over its group, in place.
    """
    for row in reversed(range(start, start + depth - 1)):
        _spread(table[row], names(table[row + 1 : start + depth]))
    end = start + depth
    while depth and start and end - start < DEEPEST and end < len(table):
        if not _names_groups(table[start - 1], names(table[start:end])):
            break
        start -= 1
        _spread(table[start], names(table[start + 1 : end]))
    return start


def _names_groups(above: list[str], below: list[str]) -> bool:
    groups = [cell for cell in above if cell]
    filled = [name for name in below if name]
    if len(groups) < 2 or len(above) > len(below) or any(map(figures.is_value, groups)):
        return False
    is_label = bool(above[0]) and not below[0]
    over = zip(above[is_label:], below[is_label:], strict=False)
    if not all(name for cell, name in over if cell):
        return False
    return is_label or len(set(filled)) < len(filled)


def _spread(row: list[str], below: list[str]) -> None:
    """Repeat the names of groups over the columns that they stand above."""
    group = ""
    for column, name in enumerate(below):
        if column == len(row):
            row.append("")
        if row[column]:
            # What names its own column alone is no group.
            group = row[column] if name else ""
        elif group and name:
            row[column] = group


def fill_down(body: list[list[str]]) -> None:
    """
    Repeat, in place, labels that stand only in the first of the rows that they are about.

    This is how reports are written by hand: each label once, and none beside the next rows.
    """
    groups = [row[0] for row in body if row[0]]
    blank = [row for row in body if not row[0]]
    if not blank or len(groups) < 2 or not body[0][0] or len(set(groups)) < len(groups):
        return
    followed = sum(bool(a[0]) and not b[0] for a, b in pairwise(body))
    if followed < max(2, len(groups) / 2) or any(map(figures.is_number, groups)):
        return
    if not all(_has_own_label(row) for row in blank):
        return
    label = ""
    for row in body:
        label = row[0] = row[0] or label


def _has_own_label(row: list[str]) -> bool:
    return len(row) > 2 and bool(row[1]) and not figures.is_number(row[1]) and any(row[2:])
