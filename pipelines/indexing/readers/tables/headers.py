"""Where the header of a table stands, found by looking at its rows. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from statistics import median

LONGEST_NAME = 80
LONGEST_UNIT = 12
# Rows that are looked at to tell what a table is like, and how deep its header may stand.
SAMPLED_ROWS = 50
DEEPEST_HEADER = 12
# What the second of two columns of words is named, and no value of a form is.
KINDS = frozenset((
    "abbreviation", "action", "address", "answer", "author", "capital", "category", "city", "class",
    "colour", "color", "comment", "contact", "country", "date", "definition", "department",
    "description", "e-mail", "email", "explanation", "function", "holder", "location", "manager",
    "meaning", "name", "note", "notes", "owner", "person", "phone", "place", "purpose", "reason",
    "remark", "remarks", "remedy", "responsible", "role", "room", "solution", "status", "supplier",
    "team", "telephone", "title", "type", "unit", "value",
    "abteilung", "adresse", "anschrift", "ansprechpartner", "art", "aufgabe", "bedeutung",
    "bemerkung", "beschreibung", "datum", "einheit", "erklärung", "farbe", "funktion", "grund",
    "hauptstadt", "inhaber", "kontakt", "land", "lieferant", "lösung", "ort", "raum", "stadt",
    "telefon", "typ", "verantwortlich", "wert", "zuständig", "zweck",
))  # fmt: skip
_NUMBER = re.compile(
    r"[(<>≤≥~±+\-−–]*\s?(?:[$€£¥]|[A-Z]{2,3}\s)?\s?[(+\-−–]?\d[\d.,'’\s\u00a0\u202f:/\-–]*"
    r"(?:\s?(?:%|‰|[$€£¥]|°\s?[CFK]?|[A-Za-zµΩ]{1,4}[²³]?))?(?:\s?[)%‰]){0,2}"
    r"|[$€£¥]?\s?[-–—]+\s?%?|n/?a|yes|no|true|false|[☐☑☒✓✔✗✘]|=.*",
    re.IGNORECASE,
)
# Figures that need a name; "3 kg" beside "Weight" has one.
_PLAIN_NUMBER = re.compile(r"[$€£¥(+\-−–]*\s?\d[\d.,'’\s:/\-–]*\s?[%‰$€£¥)]*|=.*")
_YEAR = re.compile(r"(?:FY\s?)?(?:19|20)\d\d(?:/\d\d(?:\d\d)?)?")
_COMMENT = re.compile(r" \(comment: .*\)$", re.DOTALL)


def place(
    rows: Iterable[Sequence[str]], *, merged_rows: int = 1, certain: bool = False
) -> tuple[int, int]:
    """Where the header of a table begins, and how many rows it has."""
    table = clean(rows)
    return place_in(table, merged_rows, certain=certain) if table else (0, 0)


def clean(rows: Iterable[Sequence[str]]) -> list[list[str]]:
    """The rows that hold something, each cell on one line."""
    table = ([" ".join(cell.split()) for cell in row] for row in rows)
    return [row for row in table if any(row)]


def place_in(table: list[list[str]], merged_rows: int, *, certain: bool) -> tuple[int, int]:
    """As `place`, of rows that are clean already."""
    start = _preamble(table)
    return start, _header_rows(table[start:], merged_rows, certain=certain)


def is_number(text: str) -> bool:
    """Whether a cell holds a figure, a date or a yes or no, and no name."""
    return _NUMBER.fullmatch(_COMMENT.sub("", text)) is not None


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


def groups_above(table: list[list[str]], start: int) -> list[str] | None:
    """
    The row above a header that names groups of its columns, with each name over its whole group.

    Merged cells come like that from files that do not say what was merged.
    """
    if start == 0 or start >= len(table) - 1:
        return None
    above, names = table[start - 1], table[start]
    groups = [cell for cell in above if cell]
    filled = [cell for cell in names if cell]
    if len(groups) < 2 or any(map(is_number, groups)) or len(above) > len(names):
        return None
    if len(set(filled)) == len(filled) or not all(
        n for a, n in zip(above, names, strict=False) if a
    ):
        return None
    spread, group = [], ""
    for column in range(len(names)):
        group = (above[column] if column < len(above) else "") or group
        spread.append(group)
    return spread


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
    if sum(len(name) > 2 * LONGEST_NAME for name in names) > (certain and len(names) > 2):
        return False
    if names[0].endswith(":") and width == 2:
        return False
    figures = [place for place, cell in enumerate(first) if cell and is_number(cell)]
    if figures and not all(_YEAR.fullmatch(first[place]) for place in figures):
        return False
    if certain or width > 2:
        return True
    # Two columns: names above figures, or the name of a kind of thing above things. Else they are
    # labels with their values.
    second = [row[1] for row in sample if len(row) > 1 and row[1]]
    values = [cell for cell in second if _PLAIN_NUMBER.fullmatch(_COMMENT.sub("", cell))]
    if first[-1].lower() in KINDS and first[-1].lower() not in map(str.lower, second):
        return True
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
    if first[0] and not second[0] and max(map(len, filled)) <= LONGEST_UNIT:
        units = units or len(figures) == len(filled)
    return units or ((bool(gaps) or repeated) and len(figures) >= 2)


def _figures_below(column: int, below: list[list[str]]) -> bool:
    values = [row[column] for row in below if column < len(row) and row[column]]
    return bool(values) and sum(map(is_number, values)) > len(values) / 2
