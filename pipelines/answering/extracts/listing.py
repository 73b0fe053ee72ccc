"""
All of several things: the names in the first column of a table, or a list, with their number. Pure.

The question must ask for nothing else: "Which boats are there?", and not "Which boats have a motor?".
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
from pipelines.text.lines import ITEM
from pipelines.text.terms import terms

FEWEST = 2

_ASKS = re.compile(
    r"(?i)^\W*(?:how many .{1,80}\b(?:are|is|does|do|have|has|exist)\b|which .{1,80}\b(?:are|exist|do|does|have|has)\b|what .{1,80}\b(?:are there|exist)\b"
    r"|(?:list|name|show|give)\b|wie viele .{1,80}\b(?:gibt|hat|haben|sind)\b|welche .{1,80}\b(?:gibt|hat|haben|sind)\b|nenne|liste|zeige?\b)"
)
_ASKING_WORDS = (
    "list all every each name show give me there exist have has complete many which what how nenne"
    " liste zeig zeige alle jede jeder jedes gibt es auf viele hat haben"
)
_ASKING = frozenset(_ASKING_WORDS.split())


def listing(asked: Asked, hits: Sequence[Hit], every: dict[int, list[Unit]]) -> Extract | None:
    """
    What the best passage lists under a name that the question asks for. None if it asks for more.

    :param every: The units of each hit, by its number from 1.
    """
    if not _ASKS.search(asked.question):
        return None
    for number, hit in enumerate(hits, start=1):
        wanted = _wanted(asked.question, hit)
        for name, units in _groups(every[number]):
            if len(units) < FEWEST or not _is_of(name, wanted, units[0], hit):
                continue
            span = units[0].span[0], units[-1].span[1]
            shown = f"{readout.one_line(name)} ({len(units)}): {', '.join(map(_name, units))}"
            return Extract(number, span, hit.text[slice(*span)], hit.score, shown, hit.title)
    return None


def is_listing(extracts: Sequence[Extract]) -> bool:
    """Whether extracts are a list with its number."""
    return any(re.search(r" \(\d+\): ", extract.shown) for extract in extracts)


def _groups(units: Sequence[Unit]) -> list[tuple[str, list[Unit]]]:
    """The rows of each table by the name of its first column, and the items of each list."""
    rows = [u for u in units if (u.kind == "row" and u.cells) or _is_item(u)]
    grouped = groupby(rows, key=lambda u: (bool(u.cells), u.cells[0][0] if u.cells else u.about))
    return [(name, list(group)) for (_, name), group in grouped if name]


def _is_item(unit: Unit) -> bool:
    """Whether a unit is an item of a list. One like "- E1: no water" is read as a field."""
    return unit.kind == "item" or (unit.kind == "field" and bool(ITEM.match(unit.text)))


def _is_of(name: str, wanted: set[str], first: Unit, hit: Hit) -> bool:
    """Whether a name is what is wanted, and title and headings tell the rest."""
    held = set(terms(name, hit.language))
    said = f"{hit.title.replace('_', ' ')} {hit.at(first.span[0]).heading or ''} {first.heading}"
    return bool(wanted & held) and wanted <= held | set(terms(said, hit.language))


def _wanted(question: str, hit: Hit) -> set[str]:
    words = " ".join(w for w in re.findall(r"[\w-]+", question) if w.casefold() not in _ASKING)
    return {term for term in terms(words, hit.language) if not evidence.is_common(term)}


def _name(unit: Unit) -> str:
    """What a row or item is called: its first cell, or what stands before its colon."""
    if unit.cells:
        return unit.cells[0][1]
    said = readout.one_line(re.sub(r"^\(?\d{1,3}[.)]\s+", "", unit.text))
    return said.partition(": ")[0] if len(said.partition(": ")[0].split()) <= 6 else said
