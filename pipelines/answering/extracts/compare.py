"""
Two things side by side: the rows or columns of a table that tell of both. Pure.

The rules are for English and German.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipelines.answering.extracts import readout
from pipelines.answering.extracts.asked import Asked
from pipelines.answering.extracts.readout import Extract
from pipelines.answering.extracts.units import Unit
from pipelines.search import evidence
from pipelines.store.hits import Hit
from pipelines.text.terms import terms

# Rows that are read out where a question names no side of the things.
MOST_ROWS = 8
# A longer question is about something of its own.
LONGEST = 200

_WORD = r"(?:(?:in|for|the|a|an|für|bei|der|die|das|den|dem) )*"
_RULES = tuple(
    re.compile(rule, re.IGNORECASE)
    for rule in (
        r"\b(?:compare|vergleiche?)\b (?P<a>.+?) (?:with|to|and|mit|und) (?P<b>.+)",
        r"\b(?:differences?|unterschiede?) (?:between|zwischen) (?P<a>.+?) (?:and|und) (?P<b>.+)",
        r"(?P<a>\S+(?: \S+)?) (?:vs\.?|versus) (?P<b>\S+(?: \S+)?)",
        rf"(?P<a>[^\s,]+(?: [^\s,]+)?),? (?:or|oder) {_WORD}(?P<b>[^\s,]+(?: [^\s,]+)?)$",
    )
)


def things(question: str) -> tuple[str, str] | None:
    """The two things that a question wants to have compared, or None."""
    asked = " ".join(question.split()).strip(" ?!.")
    if len(asked) > LONGEST:
        return None
    found = next((match for rule in _RULES if (match := rule.search(asked))), None)
    return (found["a"], found["b"]) if found else None


def compare(asked: Asked, hits: Sequence[Hit], every: dict[int, list[Unit]]) -> Extract | None:
    """
    What the best passage says of both things. None if they are not asked for, or in no table.

    :param every: The units of each hit, by its number from 1.
    """
    pair = things(asked.question)
    if pair is None:
        return None
    for number, hit in enumerate(hits, start=1):
        rows = [unit for unit in every[number] if unit.kind == "row" and unit.cells]
        if lines := _columns(asked, hit, pair, rows) or _rows(asked, hit, pair, rows):
            start = min(unit.span[0] for unit, _ in lines)
            end = max(unit.span[1] for unit, _ in lines)
            shown = "\n".join(f"- {readout.one_line(line)}" for _, line in lines)
            text = hit.text[start:end]
            return Extract(number, (start, end), text, hit.score, shown, hit.title)
    return None


def _rows(
    asked: Asked, hit: Hit, pair: tuple[str, str], rows: Sequence[Unit]
) -> list[tuple[Unit, str]]:
    """A row of each thing, with the columns that were asked for."""
    found = []
    for thing in pair:
        row = next((row for row in rows if _names(row.cells[0][1], thing, hit)), None)
        if row is None or row in found:
            return []
        found.append(row)
    return [(row, readout.shown(asked, hit, row)) for row in found]


def _columns(
    asked: Asked, hit: Hit, pair: tuple[str, str], rows: Sequence[Unit]
) -> list[tuple[Unit, str]]:
    """The rows of a table that has a column for each thing."""
    made = []
    for row in rows:
        cells = [next((c for c in row.cells[1:] if _names(c[0], t, hit)), None) for t in pair]
        if all(cells) and cells[0] != cells[1]:
            said = "; ".join(f"{cell[0]}: {cell[1]}" for cell in cells if cell)
            made.append((row, f"{row.cells[0][1]}; {said}"))
    meant = [(row, line) for row, line in made if asked.column(row.cells[0][1], hit)]
    return (meant or made)[:MOST_ROWS]


def _names(text: str, thing: str, hit: Hit) -> bool:
    """Whether a name holds every word of a thing, or the thing ends with the name."""
    wanted = [t for t in terms(thing, hit.language) if not evidence.is_common(t)]
    held = [t for t in terms(text, hit.language) if not evidence.is_common(t)]
    if not wanted or not held:
        return False
    return set(wanted) <= set(held) or wanted[-len(held) :] == held
