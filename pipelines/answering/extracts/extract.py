"""
The answer without an LLM: what in the passages answers a question best.

Pure but for the embedding function it is handed. Every extract is a span of its passage, so its
citation is exact by construction. What is shown of it may be shorter or say more: a row of a table
is read out with the names of its columns.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from pipelines.answering.extracts import compare, kinds, listing, readout
from pipelines.answering.extracts.asked import Asked
from pipelines.answering.extracts.readout import Extract, read_out
from pipelines.answering.extracts.units import Unit, units
from pipelines.embedder.encoder import Vectors
from pipelines.search.evidence import holds
from pipelines.store.hits import Hit
from pipelines.text.lines import Span, plain, title_words
from pipelines.text.terms import terms

# Chosen on the training questions of a set with known answer spans (bench/citations.py) and on
# half of the questions of bench/answers.py.
LEXICAL_WEIGHT = 1.0
RANK_WEIGHT = 0.15
# What stands above a unit counts less than what it says.
CONTEXT_SHARE = 0.7
# Units that are embedded for one question; embedding them is most of the time it takes.
MOST_CANDIDATES = 16
# Units that are looked at closely.
MOST_CONSIDERED = 48
LONGEST_COMPARED = 300
MOST_EXTRACTS = 3
# A further extract must score nearly like the best, say something else, and leave the answer short.
NEARLY = 0.85
SAME = 0.9
ENOUGH_CHARS = 450
# A neighbour is read out along with a sentence if it scores so nearly like it.
NEIGHBOUR = 0.6
LONGEST_JOINED = 420
# By words and kind; below, the best passages are shown instead.
SURE = 0.28


@dataclass(frozen=True)
class _Candidate:
    number: int
    unit: Unit
    body: str
    lexical: float
    fit: float = 0.0


def choose(
    question: str,
    vector: Vectors,
    hits: Sequence[Hit],
    encode: Callable[[Sequence[str]], Vectors],
    trusted: float = 1.0,
) -> list[Extract]:
    """
    One to three extracts, at most one of each passage, in reading order.

    :param vector: The question's. *Shape:* ``(d,)``
    :param encode: Embeds texts as unit rows. *Shape:* ``(n, d)``
    :param trusted: The weight of the encoder's cosines, less where it cannot read the question.
    """
    asked = Asked.of(question)
    candidates, others = _candidates(asked, hits)
    if not candidates:
        return []
    for whole in (compare.compare, listing.listing):
        if (together := whole(asked, hits, others)) is not None:
            return [together]
    vectors = encode([_compared(hits[c.number - 1], c) for c in candidates])
    rank = np.array([1 / c.number for c in candidates])
    lexical = np.array([c.lexical for c in candidates])
    fit = np.array([c.fit for c in candidates])
    scores = trusted * (vectors @ vector) + LEXICAL_WEIGHT * lexical + RANK_WEIGHT * rank + fit
    chosen = _diverse(candidates, vectors, scores)
    known = {(c.number, c.unit.span): float(s) for c, s in zip(candidates, scores, strict=True)}
    made = [
        _extract(
            asked, hits[candidates[i].number - 1], candidates[i], float(scores[i]), others, known
        )
        for i in chosen
    ]
    return sorted(_short(made, scores[chosen]), key=lambda e: _place(hits, e))


def is_sure(extracts: Sequence[Extract]) -> bool:
    """Whether an extract fits a question well enough to be shown as its answer."""
    return any(extract.sure >= SURE for extract in extracts)


def asks_for_looks(question: str) -> bool:
    """Whether a question asks for a value that can be told by its looks, like a price."""
    return any(asks.search(question) for asks, _ in kinds.LOOKS)


def sureness(question: str, hits: Sequence[Hit]) -> float:
    """How well the best unit fits a question, by words and kind. The best passages count more."""
    candidates, _ = _candidates(Asked.of(question), hits)
    return max((c.lexical + c.fit + RANK_WEIGHT / c.number for c in candidates), default=0.0)


def _candidates(
    asked: Asked, hits: Sequence[Hit]
) -> tuple[list[_Candidate], dict[int, list[Unit]]]:
    """The units worth embedding, those sharing rare terms with the question first, and all units."""
    every = {n: units(hit.text, _titles(hit)) for n, hit in enumerate(hits, start=1)}
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
        replace(c, fit=asked.fit(c.unit, hits[c.number - 1]))
        for c in islice(agreeing, MOST_CONSIDERED)
    ]
    fit.sort(key=lambda c: -c.lexical - c.fit - 0.1 / c.number)
    return fit[:MOST_CANDIDATES], every


def _candidate(asked: Asked, hit: Hit, number: int, unit: Unit) -> _Candidate:
    body = read_out(unit)
    own = frozenset(terms(body, hit.language))
    # What stands under the heading of a version or clause is all of it.
    own |= {code.casefold() for code in asked.codes if holds(unit.heading, code)}
    above = frozenset(terms(f"{unit.about} {unit.around}", hit.language)) | asked.named(hit)
    share = total = 0.0
    for names, weight in asked.groups(hit):
        total += weight
        share += weight if names & own else CONTEXT_SHARE * weight if names & above else 0.0
    return _Candidate(number, unit, body, share / (total or 1.0))


def _compared(hit: Hit, candidate: _Candidate) -> str:
    """What a unit is embedded by: itself, after what it stands under."""
    unit = candidate.unit
    return f"{_named(hit.title)}{unit.about} {candidate.body}"[:LONGEST_COMPARED].strip()


def _extract(
    asked: Asked,
    hit: Hit,
    candidate: _Candidate,
    score: float,
    every: dict[int, list[Unit]],
    known: dict[tuple[int, Span], float],
) -> Extract:
    unit = candidate.unit
    if unit.kind == "sentence":
        unit = _with_neighbours(hit, candidate, score, every[candidate.number], known)
    shown = readout.shown(asked, hit, unit)
    number = re.search(r"\d[\d.]*", unit.heading)
    if asked.which and number and number.group() not in shown:
        shown = f"{readout.one_line(unit.heading)}: {shown}"
    text = hit.text[unit.span[0] : unit.span[1]]
    subject = unit.heading if plain(unit.heading) in _titles(hit) else hit.title
    sure = candidate.lexical + candidate.fit
    return Extract(candidate.number, unit.span, text, score, shown, subject, sure)


def _with_neighbours(
    hit: Hit,
    candidate: _Candidate,
    score: float,
    every: Sequence[Unit],
    known: dict[tuple[int, Span], float],
) -> Unit:
    """A sentence with those next to it in its paragraph that it leans on or that answer as well."""
    unit = candidate.unit
    row = [u for u in every if u.kind == "sentence" and u.paragraph == unit.paragraph]
    at = next((n for n, u in enumerate(row) if u.span == unit.span), None)
    if at is None:
        return unit
    start, end = unit.span
    if at and _leans(unit.text) and end - row[at - 1].span[0] <= LONGEST_JOINED:
        start = row[at - 1].span[0]
    for near in (at + 1, at - 1):
        if not 0 <= near < len(row):
            continue
        near_start, near_end = row[near].span
        joined = min(start, near_start), max(end, near_end)
        reached = known.get((candidate.number, row[near].span), 0.0)
        if joined[1] - joined[0] <= LONGEST_JOINED and reached >= NEIGHBOUR * score:
            start, end = joined
    return replace(unit, span=(start, end), text=hit.text[start:end])


def _leans(sentence: str) -> bool:
    """Whether a sentence refers to the one before it."""
    return bool(
        re.match(
            r"(?:This|These|That|Those|It|They|He|She|Such|Both|Dies\w*|Sie|Er|Es)\b", sentence
        )
    )


def _titles(hit: Hit) -> frozenset[str]:
    """The headings that parts of a passage stand under, as they are compared."""
    paths = (hit.heading, *(place.heading for place in hit.places))
    return frozenset(plain(title) for path in paths for title in (path or "").split(" > ") if title)


def _named(title: str) -> str:
    """A title, to be read before what is under it: *uber_2021.pdf* says whose revenue it is."""
    words = title_words(title)
    return f"{words}: " if words else ""


def _in_window(hit: Hit, span: Span) -> bool:
    """Whether a unit touches the window that the search matched."""
    if hit.window_start is None or hit.window_end is None:
        return False
    return hit.window_start < span[1] and span[0] < hit.window_end


def _diverse(candidates: list[_Candidate], vectors: Vectors, scores: np.ndarray) -> list[int]:
    order = np.argsort(-scores)
    chosen: list[int] = []
    for i in map(int, order):
        if chosen and scores[i] < NEARLY * scores[chosen[0]]:
            break
        if all(
            candidates[i].number != candidates[j].number and vectors[i] @ vectors[j] < SAME
            for j in chosen
        ):
            chosen.append(i)
        if len(chosen) == MOST_EXTRACTS:
            break
    return chosen


def _short(extracts: list[Extract], scores: np.ndarray) -> list[Extract]:
    """The best extract, and the others as long as the answer stays short."""
    kept = [extracts[0]]
    for extract in extracts[1:]:
        if sum(len(e.shown) for e in [*kept, extract]) <= ENOUGH_CHARS:
            kept.append(extract)
    return kept


def _place(hits: Sequence[Hit], e: Extract) -> tuple[int, int, int]:
    """Documents as they rank, and inside one as it is read."""
    document = hits[e.number - 1].document_id
    first = next(n for n, hit in enumerate(hits) if hit.document_id == document)
    return first, int(hits[e.number - 1].chunk_id), e.span[0]
