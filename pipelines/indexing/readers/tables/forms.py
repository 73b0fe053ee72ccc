"""Forms written as tables: labels beside their values, in one pair of columns or in several. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.indexing.readers.tables.column_names import KINDS, LABELS

# Share of the labels of a form that must be known.
KNOWN = 0.6
FEWESTLABELS = 2
# Rows that are looked at.
SAMPLED_ROWS = 50


def is_form(table: Sequence[Sequence[str]]) -> bool:
    """Whether each row of a table is labels with their values, the first row as well."""
    width = max(map(len, table), default=0)
    if width < 2 or width % 2 or not table:
        return False
    first, places = table[0], range(0, width, 2)
    values = [first[place + 1] for place in places if place + 1 < len(first)]
    if any(map(_is_label, values)) or not all(
        _is_label(first[place]) for place in places if place < len(first)
    ):
        return False
    labels = [row[place] for row in table[:SAMPLED_ROWS] for place in places if place < len(row)]
    filled = list(filter(None, labels))
    known = sum(map(_is_label, filled))
    return known >= max(FEWESTLABELS, width // 2 + 1) and known >= KNOWN * len(filled)


def pairs(row: Sequence[str]) -> str:
    """A row of a form in one line."""
    told = []
    for place in range(0, len(row), 2):
        label, value = row[place], row[place + 1] if place + 1 < len(row) else ""
        told.append(f"{label.rstrip(': ')}: {value}" if label and value else label or value)
    return "; ".join(filter(None, told))


def _is_label(cell: str) -> bool:
    name = cell.lower()
    return cell.endswith(":") or name in LABELS or name in KINDS
