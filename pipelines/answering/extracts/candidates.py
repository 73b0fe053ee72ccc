"""
The parts of passages that may answer a question, by its words and by the kind of value it asks for.

Pure, and without a model.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import NamedTuple

import numpy as np

from pipelines.answering.extracts.asked import Asked
from pipelines.answering.extracts.readout import LONGEST_CARD, MOST_CARDS, read_out, window_part
from pipelines.answering.extracts.units import Unit, units, values
from pipelines.search import dates
from pipelines.search.evidence import holds
from pipelines.store.hits import Hit
from pipelines.text.lines import Span, plain
from pipelines.text.scoring.fusion import Scores
from pipelines.text.terms import terms

# Chosen with the weights of `extract`.
RANK_WEIGHT = 0.15
# What stands above a unit, or names a column of it, counts less than what it says.
CONTEXT_SHARE, COLUMN_SHARE = 0.7, 0.85
# What of it is left where a row holds the names of a question, and no column that is asked for.
NAMES_ALONE = 0.4
# Units that are compared for one question.
MOST_CANDIDATES = 16
# Units that are looked at closely.
MOST_CONSIDERED = 48
# Units that are no more than a sentence or line.
SHORT_KINDS = ("sentence", "row", "field", "item")
# A list is quoted whole up to here where one of its items comes nearest.
LONGEST_LIST = 400

# Scores parts of a passage by late interaction (`PartScores.of`). *Shape of the scores:* ``(n,)``
Met = Callable[[Hit, Sequence[Span]], Scores]


@dataclass(frozen=True)
class Candidate:
    """
    A unit of passage `number` (from 1), and how much of the question it holds.

    `body` is the unit as one text, as an answer words it. `lexical` is the share of the question's
    words that it has, 0 to 1. `fit` is how well its kind fits. `tells`: it says something of what
    is asked.
    """

    number: int
    unit: Unit
    body: str
    lexical: float
    fit: float = 0.0
    tells: bool = True

    @property
    def sure(self) -> float:
        """How sure it answers, by words and kind."""
        return self.lexical + self.fit


def sureness(question: str, hits: Sequence[Hit]) -> float:
    """How well the best unit fits a question, by words and kind. The best passages count more."""
    found, _ = candidates_of(Asked.of(question), hits)
    return max((c.sure + RANK_WEIGHT / c.number for c in found), default=0.0)


def candidates_of(
    asked: Asked, hits: Sequence[Hit]
) -> tuple[list[Candidate], dict[int, list[Unit]]]:
    """The units worth embedding, those sharing rare terms with the question first, and all units."""
    every = {n: units(hit.text, titles(hit)) for n, hit in enumerate(hits, start=1)}
    found = [
        _candidate(asked, hits[number - 1], number, unit)
        for number, held in every.items()
        for unit in held
    ] or [
        _candidate(asked, hit, n, Unit("sentence", (0, len(hit.text)), hit.text))
        for n, hit in enumerate(hits, start=1)
    ]
    # Ties, and questions whose words are nowhere, fall to the window that the search matched.
    found.sort(
        key=lambda c: (
            -c.lexical - 0.1 * _in_window(hits[c.number - 1], c.unit.span) - 0.1 / c.number
        )
    )
    agreeing = (c for c in found if asked.agrees(c.unit, hits[c.number - 1]))
    fit = [
        replace(c, fit=min(asked.fit(c.unit, hits[c.number - 1]), 1.0 if c.tells else 0.0))
        for c in islice(agreeing, MOST_CONSIDERED)
    ]
    fit.sort(key=lambda c: -c.sure - 0.1 / c.number)
    return fit[:MOST_CANDIDATES], every


class Near(NamedTuple):
    """A part of a passage, and how well it meets the question by late interaction, -1 to 1."""

    span: Span
    meets: float


def nearest(hits: Sequence[Hit], met: Met | None) -> list[Near]:
    """
    Of each of the best passages the part that comes nearest to a question.

    :param met: How well parts of a passage meet the question. None if the search had no late
        interaction. Then it is where the window begins that was found, and meets it by -1.
    """
    return [_nearest_part(hit, met) for hit in hits[:MOST_CARDS]]


def _nearest_part(hit: Hit, met: Met | None) -> Near:
    every = units(hit.text, titles(hit))
    spans = [unit.span for unit in every if unit.kind in SHORT_KINDS]
    if met is not None and spans:
        scores = met(hit, spans)
        if not np.isnan(scores).all():
            best = int(np.nanargmax(scores))
            whole = _list_of(every, spans[best]) or _grown(hit.text, spans, best)
            return Near(whole, float(scores[best]))
    return Near(window_part(hit), -1.0)


def _list_of(every: Sequence[Unit], part: Span) -> Span | None:
    """The list or steps that a part is of, if they are short."""
    for unit in every:
        start, end = unit.span
        if unit.kind in ("list", "steps") and start <= part[0] and part[1] <= end:
            return unit.span if end - start <= LONGEST_LIST else None
    return None


def _grown(text: str, spans: Sequence[Span], at: int) -> Span:
    """A part with those next to it under the same heading, as long as it stays short."""
    start, end = spans[at]
    for further in (*spans[at + 1 :], *spans[:at][::-1]):
        joined = min(start, further[0]), max(end, further[1])
        left, right = sorted(((start, end), further))
        between = text[left[1] : right[0]]
        if joined[1] - joined[0] > LONGEST_CARD or re.search(r"[^\W_]", between):
            continue
        start, end = joined
    return start, end


def _candidate(asked: Asked, hit: Hit, number: int, unit: Unit) -> Candidate:
    body = read_out(unit)
    said = " ".join(values(unit)) if unit.cells else body
    own = frozenset(terms(f"{said} {dates.in_words(said, hit.language)}", hit.language))
    # What stands under the heading of a version or clause is all of it.
    own |= {code.casefold() for code in asked.codes if holds(unit.heading, code)}
    columns = frozenset(terms(" ".join(name for name, _ in unit.cells), hit.language))
    above = frozenset(terms(f"{unit.about} {unit.around}", hit.language)) | asked.named(hit)
    share = total = 0.0
    for names, weight in asked.groups(hit):
        total += weight
        if names & own:
            share += weight
        elif names & columns:
            share += COLUMN_SHARE * weight
        elif names & above:
            share += CONTEXT_SHARE * weight
    tells = not unit.cells or asked.tells(own | columns | above, hit)
    lexical = share / (total or 1.0) * (1.0 if tells else NAMES_ALONE)
    return Candidate(number, unit, body, lexical, tells=tells)


def titles(hit: Hit) -> frozenset[str]:
    """The headings that parts of a passage stand under, as they are compared."""
    paths = (hit.heading, *(place.heading for place in hit.places))
    return frozenset(plain(title) for path in paths for title in (path or "").split(" > ") if title)


def _in_window(hit: Hit, span: Span) -> bool:
    """Whether a unit touches the window that the search matched."""
    if hit.window_start is None or hit.window_end is None:
        return False
    return hit.window_start < span[1] and span[0] < hit.window_end
