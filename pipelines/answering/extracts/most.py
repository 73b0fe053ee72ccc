"""
The most or the least: the row of a table whose figure in a column is the largest or the smallest. Pure.

It must be certain that a passage has the whole table, and that the figures can be compared.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

from pipelines.answering.extracts import readout
from pipelines.answering.extracts.asked import Asked
from pipelines.answering.extracts.readout import Extract
from pipelines.answering.extracts.units import Unit
from pipelines.search import evidence
from pipelines.store.hits import Hit
from pipelines.text import other_names
from pipelines.text.other_names import Superlative
from pipelines.text.terms import terms

FEWEST, MOST_TIES = 2, 3
# A table that reaches the end of so long a passage may go on in the next.
LONG_PASSAGE = 1000

# What a row may be called in a question, whatever it is about.
_ANYTHING_WORDS = (
    "one ones thing item product option model article entry type kind choice posten artikel produkt"
    " modell sache ding eintrag variante produit article modèle producto artículo modelo"
)

_NUMBER = re.compile(r"-?\d[\d.,\u00a0\u202f']*")


def most(asked: Asked, hits: Sequence[Hit], every: dict[int, list[Unit]]) -> Extract | None:
    """
    The row with the most or least of what a question asks for. None if it asks for something else.

    :param every: The units of each hit, by its number from 1.
    """
    wanted = other_names.superlative(asked.question)
    if wanted is None:
        return None
    for number, hit in enumerate(hits, start=1):
        for rows in _tables(every[number], hit):
            if (found := _best(asked, wanted, hit, rows)) is None:
                continue
            column, best = found
            shown = "\n".join(_shown(row, column) for row in best)
            span = best[0].span[0], best[-1].span[1]
            return Extract(number, span, hit.text[slice(*span)], hit.score, shown, hit.title)
    return None


def figure(value: str, language: str | None) -> tuple[float, str] | None:
    """
    The number of a cell, and what stands around it.

    A single point or comma before three digits groups them where the language writes it so.
    """
    found = _NUMBER.findall(value)
    if len(found) != 1:
        return None
    number = re.sub(r"[\u00a0\u202f']", "", found[0]).rstrip(".,")
    grouping = "." if language in ("de", "es", "fr", "it", "nl", "pt") else ","
    marks = re.findall(r"[.,]", number)
    if len(set(marks)) == 2:
        grouping = marks[0]
    elif len(marks) == 1 and not re.search(rf"\{grouping}\d{{3}}$", number):
        grouping = "," if marks[0] == "." else "."
    number = number.replace(grouping, "").replace(",", ".")
    unit = " ".join(value.replace(found[0], " ").split()).casefold()
    return (float(number), unit) if re.fullmatch(r"-?\d+(?:\.\d+)?", number) else None


def _tables(units: Sequence[Unit], hit: Hit) -> list[list[Unit]]:
    """The tables of a passage that it has whole: rows with the same columns."""
    rows = [unit for unit in units if unit.kind == "row" and unit.cells]
    tables = [list(of) for _, of in groupby(rows, lambda u: (u.heading, u.cells[0][0]))]
    return [
        table
        for table in tables
        if len(table) >= FEWEST
        and (len(hit.text) < LONG_PASSAGE or table[-1].span[1] < len(hit.text.rstrip()))
    ]


def _best(
    asked: Asked, wanted: Superlative, hit: Hit, rows: Sequence[Unit]
) -> tuple[str, list[Unit]] | None:
    """The column that is asked for, and the rows with the most or least in it."""
    said = _terms(f"{hit.title.replace('_', ' ')} {hit.heading or ''} {rows[0].heading}", hit)
    about = set(evidence.content(asked.question, hit.language))
    about -= set(terms(f"{wanted.asking} {_ANYTHING_WORDS}", hit.language))
    column = _column(wanted, about, hit, rows)
    if column is None:
        return None
    rest = about - said - _terms(f"{column} {' '.join(name for name, _ in rows[0].cells)}", hit)
    unknown = set()
    for term in rest:  # what some rows have and others do not: "the cheapest adult ticket"
        names = _with_other_names(term, hit)
        held = [row for row in rows if names & _terms(_values(row), hit)]
        if not held and not names & (said | _terms(hit.text, hit)):
            unknown.add(term)
        rows = held or rows
    if 2 * len(unknown) > len(about) or (about and unknown == about):
        return None
    figures = [
        (found, row) for row in rows if (found := figure(dict(row.cells).get(column, ""), hit.language))
    ]  # fmt: skip
    if len(figures) < FEWEST or len({unit for (_, unit), _ in figures}) > 1:
        return None
    end = (max if wanted.is_most else min)(value for (value, _), _ in figures)
    best = [row for (value, _), row in figures if value == end]
    return (column, best) if len(best) <= MOST_TIES else None


def _column(wanted: Superlative, about: set[str], hit: Hit, rows: Sequence[Unit]) -> str | None:
    """The column that the question names, else the one that its superlative is about."""
    names = list(dict.fromkeys(name for row in rows for name, _ in row.cells[1:] if name))
    for words in (about, *(_terms(name, hit) for name in wanted.names.split())):
        counted = [(len(words & _terms(name, hit)), name) for name in names]
        best = max((count for count, _ in counted), default=0)
        found = [name for count, name in counted if count == best]
        numeric = [
            name
            for name in found
            if any(figure(dict(row.cells).get(name, ""), hit.language) for row in rows)
        ]
        if best and len(numeric) == 1:
            return numeric[0]
    return None


def _with_other_names(term: str, hit: Hit) -> set[str]:
    return {term}.union(*(terms(name, hit.language) for name in other_names.of_word(term)))


def _values(row: Unit) -> str:
    return " ".join(value for _, value in row.cells)


def _shown(row: Unit, column: str) -> str:
    """What a row is about, and its figure."""
    others = [cell for cell in row.cells if cell[0] != column]
    label = next((cell for cell in others if any(map(str.isalpha, cell[1]))), others[0])
    cells = [label, *(cell for cell in row.cells if cell[0] == column)]
    return readout.one_line(
        "; ".join(f"{name}: {value}" if name else value for name, value in cells)
    )


def _terms(text: str, hit: Hit) -> set[str]:
    return {term for term in terms(text, hit.language) if not evidence.is_common(term)}
