"""
The answer without an LLM: the sentences of the passages that answer a question best.

Pure but for the embedding function it is handed. Every extract is a span of its passage, so its
citation is exact by construction.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.embedder.encoder import Vectors
from pipelines.store.hits import Hit
from pipelines.text import sentences
from pipelines.text.terms import terms

Span = tuple[int, int]

# Chosen on the training questions of a set with known answer spans (bench/citations.py).
LEXICAL_WEIGHT = 1.0
RANK_WEIGHT = 0.15
# Sentences that are embedded for one question; embedding them is most of the time it takes.
MOST_CANDIDATES = 16
MOST_EXTRACTS = 3
# A further sentence must score nearly like the best, and say something else.
NEARLY = 0.8
SAME = 0.9
SHORTEST_CHARS = 20
LONGEST_CHARS = 600
# Words without figures, without the marks of a list, a table or a field, and without a full stop.
_HEADING = re.compile(r"[^\W\d_][^|:;.!?。！\d\n]{0,79}")


@dataclass(frozen=True)
class Extract:
    """A sentence of passage `number` (from 1), its span in the passage's text, and its score."""

    number: int
    span: Span
    text: str
    score: float


@dataclass(frozen=True)
class _Candidate:
    """A sentence; `scored` is what it is compared by: itself, after the question it answers."""

    number: int
    span: Span
    text: str
    scored: str
    lexical: float


def choose(
    question: str,
    vector: Vectors,
    hits: Sequence[Hit],
    encode: Callable[[Sequence[str]], Vectors],
) -> list[Extract]:
    """
    One to three sentences, at most one of each passage, in reading order.

    :param vector: The question's. *Shape:* ``(d,)``
    :param encode: Embeds texts as unit rows. *Shape:* ``(n, d)``
    """
    candidates = _candidates(question, hits)
    if not candidates:
        return []
    vectors = encode([f"{_named(hits[c.number - 1].title)}{c.scored}" for c in candidates])
    rank = np.array([1 / c.number for c in candidates])
    lexical = np.array([c.lexical for c in candidates])
    scores = vectors @ vector + LEXICAL_WEIGHT * lexical + RANK_WEIGHT * rank
    chosen = _diverse(candidates, vectors, scores)
    return sorted(
        (
            Extract(candidates[i].number, candidates[i].span, candidates[i].text, float(scores[i]))
            for i in chosen
        ),
        key=lambda e: _place(hits, e),
    )


def render(extracts: Sequence[Extract]) -> str:
    """The extracts as the answer's text, one paragraph each, with its citation."""
    return "\n\n".join(f"{_clean(e.text)} [{e.number}]" for e in extracts)


def _candidates(question: str, hits: Sequence[Hit]) -> list[_Candidate]:
    """The sentences worth embedding: those sharing rare terms with the question, best first."""
    rows = [
        (number, span, hit.text[span[0] : span[1]], scored, hit.language)
        for number, hit in enumerate(hits, start=1)
        for span, scored in _answers(hit.text, _titles(hit.heading))
    ] or [
        (n, (0, len(hit.text)), hit.text, hit.text, hit.language)
        for n, hit in enumerate(hits, start=1)
    ]
    held = [frozenset(terms(scored, language)) for *_, scored, language in rows]
    # What the title says already, every sentence under it is about.
    asked = [
        frozenset(terms(question, hit.language)) - frozenset(terms(hit.title, hit.language))
        for hit in hits
    ]

    def share(row: frozenset[str], number: int) -> float:
        wanted = asked[number - 1]
        weight = {t: hits[number - 1].weights.get(t, 0.0) for t in wanted}
        return sum(weight[t] for t in wanted & row) / (sum(weight.values()) or 1.0)

    scored = [
        _Candidate(number, span, text, scored, share(row, number))
        for (number, span, text, scored, _), row in zip(rows, held, strict=True)
    ]
    # Ties, and questions whose words are nowhere, fall to the window that the search matched.
    scored.sort(
        key=lambda c: -c.lexical - 0.1 * _in_window(hits[c.number - 1], c.span) - 0.1 / c.number
    )
    return scored[:MOST_CANDIDATES]


def _answers(text: str, titles: frozenset[str]) -> Iterator[tuple[Span, str]]:
    """
    The sentences that may answer, each with what it is compared by.

    A heading is no answer: it says what the sentences below it are about. A question in a document
    (an FAQ) is none either: it says what the next sentence is.
    """
    heading = asked = ""
    for start, end in sentences.split(text):
        sentence = text[start:end]
        if sentence.rstrip("\"'”’)*_ ").endswith(("?", "？")):
            asked = sentence
        elif _is_heading(text, (start, end), titles):
            heading, asked = sentence, ""
        elif SHORTEST_CHARS <= end - start <= LONGEST_CHARS:
            yield (start, end), f"{asked or heading} {sentence}".strip()
            asked = ""


def _titles(path: str | None) -> frozenset[str]:
    """The headings that a passage stands under, as they are compared."""
    return frozenset(_plain(title) for title in (path or "").split(" > ") if title)


def _plain(title: str) -> str:
    return " ".join(re.findall(r"\w+", title.lower()))


def _is_heading(text: str, span: Span, titles: frozenset[str]) -> bool:
    """
    Whether a sentence is a heading: known as one, marked as one, or a short line of words alone
    above a longer line.
    """
    sentence = text[span[0] : span[1]]
    if sentence.startswith("#") or _plain(sentence) in titles:
        return True
    alone = not text[: span[0]].rpartition("\n")[2].strip()
    below = text[span[1] :].lstrip(" ") if alone else ""
    if not below.startswith("\n") or not _HEADING.fullmatch(sentence):
        return False
    return len(below.strip().partition("\n")[0]) > len(sentence)


def _named(title: str) -> str:
    """The words of a title, to be read before a sentence under it: *uber_2021.pdf* says whose revenue it is."""
    words = re.findall(r"[^\W_]+", title.rsplit(".", 1)[0])
    return f"{' '.join(words)}: " if any(len(word) > 2 and word.isalpha() for word in words) else ""


def _in_window(hit: Hit, span: Span) -> bool:
    """Whether a sentence touches the window that the search matched."""
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


def _place(hits: Sequence[Hit], e: Extract) -> tuple[int, int, int]:
    """Documents as they rank, and inside one as it is read."""
    document = hits[e.number - 1].document_id
    first = next(n for n, hit in enumerate(hits) if hit.document_id == document)
    return first, int(hits[e.number - 1].chunk_id), e.span[0]


def _clean(text: str) -> str:
    """One line, without the mark of a list, and without what would read as a citation of ours."""
    line = re.sub(r"^(?:[-*•‣▪●○·]|#{1,6})\s+", "", re.sub(r"\s+", " ", text).strip())
    return re.sub(r"\[(\d{1,3})\]", r"(\1)", line)
