"""
The answer without an LLM: what in the passages answers a question best.

Pure but for the embedding function it is handed. Every extract is a span of its passage, so its
citation is exact by construction. What is shown of it may be shorter or say more: a row of a table
is read out with the names of its columns.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from pipelines.answering.extracts import compare, kinds, listing, most, readout
from pipelines.answering.extracts.asked import Asked
from pipelines.answering.extracts.candidates import (
    RANK_WEIGHT,
    Candidate,
    Met,
    candidates_of,
    titles,
)
from pipelines.answering.extracts.readout import Extract
from pipelines.answering.extracts.units import Unit
from pipelines.embedder.encoder import Vectors
from pipelines.store.hits import Hit
from pipelines.text.lines import Span, plain, title_words
from pipelines.text.scoring.fusion import Scores

# Chosen on the training questions of a set with known answer spans (bench/citations.py) and on
# half of the questions of bench/answers.py.
LEXICAL_WEIGHT = 1.0
# What late interaction counts between sentences. A row or a field often holds none of a question's
# words but their names, and the line that echoes them meets it best.
LATE_WEIGHT = 2.0
# Candidates that are embedded where late interaction is known. Embedding is most of the time it takes.
MOST_EMBEDDED = 4
LONGEST_COMPARED = 300
MOST_EXTRACTS = 3
# A further extract must score nearly like the best, say something else, and leave the answer short.
# Where the best is not sure by words and kind, one that scores less, also of the same passage, may be
# what answers. Chosen on all halves of bench/answers: of the best that are less sure, 6 of 10 hold the
# value, and the next one does in another 1 of 10. Of the others, 94 of 100 hold it.
NEARLY, NEARLY_UNSURE = 0.85, 0.6
UNSURE = 0.7
SAME = 0.9
ENOUGH_CHARS = 450
# A neighbour is read out along with a sentence if it scores so nearly like it.
NEIGHBOUR = 0.6
LONGEST_JOINED = 420
# By words and kind; below, the best passages are shown instead.
SURE = 0.28


def choose(
    question: str,
    vector: Vectors,
    hits: Sequence[Hit],
    encode: Callable[[Sequence[str]], Vectors],
    trusted: float = 1.0,
    met: Met | None = None,
) -> list[Extract]:
    """
    One to three extracts. Where the best one is sure, at most one of each passage, in reading order.
    Else best first.

    :param vector: The question's. *Shape:* ``(d,)``
    :param encode: Embeds texts as unit rows. *Shape:* ``(n, d)``
    :param trusted: The weight of the encoder's cosines, less where it cannot read the question.
    :param met: How well parts of a passage meet the question by late interaction (`PartScores.of`).
        None if the search had none. *Shape:* ``(n,)``
    """
    asked = Asked.of(question)
    candidates, others = candidates_of(asked, hits)
    if not candidates:
        return []
    for whole in (compare.compare, most.most, listing.listing):
        if (together := whole(asked, hits, others)) is not None:
            return [together]
    scores = np.array(
        [LEXICAL_WEIGHT * c.lexical + RANK_WEIGHT / c.number + c.fit for c in candidates]
    )
    best = np.arange(len(candidates))
    if met is not None and (late := _late(candidates, hits, met)) is not None:
        scores += trusted * LATE_WEIGHT * late
        best = np.argsort(-scores, kind="stable")[:MOST_EMBEDDED]
    vectors = encode([_compared(hits[candidates[i].number - 1], candidates[i]) for i in best])
    cosines = vectors @ vector
    # What is not embedded is as near as the farthest of the others.
    near = np.full(len(candidates), cosines.min())
    near[best] = cosines
    scores += trusted * near
    chosen = best[_diverse([candidates[i] for i in best], vectors, scores[best])]
    known = {(c.number, c.unit.span): float(s) for c, s in zip(candidates, scores, strict=True)}
    made = [
        _extract(
            asked, hits[candidates[i].number - 1], candidates[i], float(scores[i]), others, known
        )
        for i in chosen
    ]
    kept = _short(made)
    return kept if kept[0].sure < UNSURE else sorted(kept, key=lambda e: _place(hits, e))


def _late(
    candidates: Sequence[Candidate],
    hits: Sequence[Hit],
    met: Met,
) -> Scores | None:
    """
    How much worse than the best one each sentence meets a question. Other units are as good as that.

    :returns: 0 or less. None if it is known of no sentence. *Shape:* ``(n,)``
    """
    found = np.full(len(candidates), np.nan)
    sentences = [place for place, c in enumerate(candidates) if c.unit.kind == "sentence"]
    for number in {candidates[place].number for place in sentences}:
        own = [place for place in sentences if candidates[place].number == number]
        found[own] = met(hits[number - 1], [candidates[place].unit.span for place in own])
    known = found[~np.isnan(found)]
    if not len(known):
        return None
    behind = np.zeros(len(candidates))
    # The windows of the others are farther from the question.
    behind[sentences] = np.nan_to_num(found[sentences], nan=known.min()) - known.max()
    return behind


def is_sure(extracts: Sequence[Extract]) -> bool:
    """Whether an extract fits a question well enough to be shown as its answer."""
    return any(extract.sure >= SURE for extract in extracts)


def asks_for_looks(question: str) -> bool:
    """Whether a question asks for a value that can be told by its looks, like a price."""
    return any(asks.search(question) for asks, _ in kinds.LOOKS)


def holds_looks(question: str, text: str) -> bool:
    """Whether a text holds what looks like the value that a question asks for, if it asks for one."""
    return all(holds.search(text) for asks, holds in kinds.LOOKS if asks.search(question))


def _compared(hit: Hit, candidate: Candidate) -> str:
    """What a unit is embedded by: itself, after what it stands under."""
    unit = candidate.unit
    return f"{_named(hit.title)}{unit.about} {candidate.body}"[:LONGEST_COMPARED].strip()


def _extract(
    asked: Asked,
    hit: Hit,
    candidate: Candidate,
    score: float,
    every: dict[int, list[Unit]],
    known: dict[tuple[int, Span], float],
) -> Extract:
    unit = candidate.unit
    if unit.kind == "sentence":
        unit = _with_neighbours(hit, candidate, score, every[candidate.number], known)
    shown = readout.shown(asked, hit, unit)
    number = re.search(r"\d[\d.]*", unit.heading)
    names_one = asked.which and number and number.group() not in shown
    if names_one or (asked.is_dated_by(unit.heading) and not asked.is_dated(shown)):
        shown = f"{readout.one_line(unit.heading)}: {shown}"
    elif asked.wants == "yes or no" and unit.kind != "row" and kinds.VERDICT.search(unit.above):
        shown = readout.under(unit, shown)
    text = hit.text[unit.span[0] : unit.span[1]]
    subject = unit.heading if plain(unit.heading) in titles(hit) else hit.title
    return Extract(candidate.number, unit.span, text, score, shown, subject, candidate.sure)


def _with_neighbours(
    hit: Hit,
    candidate: Candidate,
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


def _named(title: str) -> str:
    """A title, to be read before what is under it: *uber_2021.pdf* says whose revenue it is."""
    words = title_words(title)
    return f"{words}: " if words else ""


def _diverse(candidates: list[Candidate], vectors: Vectors, scores: np.ndarray) -> list[int]:
    """The best one and up to two that say something else and may answer as well, best first."""
    best, *others = map(int, np.argsort(-scores))
    chosen = [best]
    is_unsure = candidates[best].sure < UNSURE
    for i in others:
        least = NEARLY_UNSURE if is_unsure and len(chosen) == 1 else NEARLY
        if scores[i] < least * scores[best]:
            break
        is_apart = all(
            _apart(candidates[i], candidates[j], in_one=is_unsure)
            and vectors[i] @ vectors[j] < SAME
            for j in chosen
        )
        if is_apart:
            chosen.append(i)
        if len(chosen) == MOST_EXTRACTS:
            break
    return chosen


def _apart(one: Candidate, other: Candidate, *, in_one: bool) -> bool:
    """Whether two candidates are of different passages, or of different parts of one."""
    if one.number != other.number:
        return True
    return in_one and not _overlap(one.unit.span, other.unit.span)


def _overlap(one: Span, other: Span) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def _short(extracts: list[Extract]) -> list[Extract]:
    """
    The best extract, and the others as long as the answer stays short.

    What the best one was read out with is not said again.
    """
    kept = [extracts[0]]
    for extract in extracts[1:]:
        is_said = any(e.number == extract.number and _overlap(e.span, extract.span) for e in kept)
        if not is_said and sum(len(e.shown) for e in [*kept, extract]) <= ENOUGH_CHARS:
            kept.append(extract)
    return kept


def _place(hits: Sequence[Hit], e: Extract) -> tuple[int, int, int]:
    """Documents as they rank, and inside one as it is read."""
    document = hits[e.number - 1].document_id
    first = next(n for n, hit in enumerate(hits) if hit.document_id == document)
    return first, int(hits[e.number - 1].chunk_id), e.span[0]
