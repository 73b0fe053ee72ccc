"""Whether the first row of a CSV names its columns, or is a record like all others. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from pipelines.indexing.readers.tables.column_names import KINDS
from pipelines.indexing.readers.tables.figures import is_number

# Share of a column that must have what its name lacks.
MOSTLY = 0.8
FEWEST_RECORDS = 2
# Rows that are looked at.
SAMPLED_ROWS = 300

_IDENTIFIER = re.compile(
    r"[a-z][a-z0-9]*(?:_[a-z0-9]+)+|[a-z]+(?:[A-Z][a-z0-9]+)+|[A-Z]+(?:_[A-Z]+)+|id"
)
_TELLING: tuple[Callable[[str], bool], ...] = (
    lambda cell: any(map(str.isdigit, cell)),
    lambda cell: "@" in cell or "://" in cell,
    lambda cell: " " in cell,
    lambda cell: cell[:1].isupper() or cell[:1].isdigit(),
    lambda cell: cell[-1:] in ".?!",
)  # fmt: skip


def names_columns(first: Sequence[str], records: Sequence[Sequence[str]]) -> bool:
    """
    Whether a row without figures names the columns of the records below it.

    A name does not stand in its own column again. Of two columns it must be seen, because they may
    be labels with their values: the second name is that of a kind of thing, or what stands below a
    name is of another form.
    """
    records = [row for row in records[:SAMPLED_ROWS] if any(row)]
    if any(_has_same(first, row) for row in records):
        return False
    width = max(map(len, [first, *records]), default=0)
    if width != 2 or len(first) != 2:
        return True
    labels = [row[0].lower() for row in [first, *records] if row]
    if sum(label.rstrip(":") in KINDS for label in labels) > 1:
        return False  # a form: Name, Address, Phone
    words = first[1].lower().split()
    if (words and words[-1] in KINDS) or any(map(_IDENTIFIER.fullmatch, first)):
        return True
    values = [row[1] for row in records if len(row) > 1 and row[1]]
    if values and all(map(is_number, values)):
        return True
    return len(records) >= FEWEST_RECORDS and any(
        _is_other(first[place], [row[place] for row in records if len(row) > place and row[place]])
        for place in (0, 1)
    )


def _has_same(first: Sequence[str], row: Sequence[str]) -> bool:
    """Whether a record repeats one cell of the first row. With more it is the header again."""
    same = [a for a, b in zip(first, row, strict=False) if a and a == b and not is_number(a)]
    return len(same) == 1 and len(first) > 1


def _is_other(name: str, cells: Sequence[str]) -> bool:
    """Whether most cells have something in common that the name above them lacks."""
    return bool(name and cells) and any(
        not has(name) and sum(map(has, cells)) >= MOSTLY * len(cells) for has in _TELLING
    )
