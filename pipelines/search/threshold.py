"""
Knowing when not to answer: the threshold of an index, made from its own corpus.

Cosines of one model say nothing about another's, so the threshold belongs to the index. Sentences
of the corpus, half of their words left out, stand in for questions. What they reach in their own
chunk is what an answer looks like; what they reach elsewhere, with the chunk and its neighbours
passed over, is how high kindred text without the answer gets.

The score compared is `Hit.confidence`, which means the same for every question.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np

from pipelines.search import evidence, hybrid
from pipelines.search.evidence import Evidence
from pipelines.search.handle import SearchHandle
from pipelines.store import calibration
from pipelines.store.calibration import Sampled
from pipelines.store.db import Connection
from pipelines.store.hits import Hit
from pipelines.text import sentences

PSEUDO_QUESTIONS = 64
FEWEST_QUESTIONS = 5
HITS = 12
# Chunks this near in a document speak of the same thing, and may overlap.
NEIGHBOURS = 2
# Chosen on train questions of two corpora, each asked of its own corpus and of the other's: the
# lower quartile elsewhere, held between these shares of what is reached in the own chunk. The
# bounds matter where "elsewhere" is very unlike (a few unrelated files) or a copy.
ELSEWHERE_QUANTILE = 0.25
LEAST_OF_OWN, MOST_OF_OWN = 0.55, 0.65
# A corpus this many times larger, or smaller, than the one calibrated on asks for a new one.
OUTGROWN = 2.0


def fit(
    conn: Connection, handle: SearchHandle, weighed: Evidence, hits: Sequence[Hit]
) -> float | None:
    """
    How well the best passage fits, as a share of what counts as an answer.

    The threshold is lower where a passage holds the codes, names and rare words of the question,
    and higher where no passage holds one of them. Passages that tell of other years only do not
    answer what is asked of one year.

    :param weighed: How the question stands to the passages.
    :returns: None where there is too little text to tell.
    """
    if not hits:
        return 0.0
    if handle.words_only:  # there is no cosine to compare
        return weighed.coverage / evidence.HALF
    if weighed.of_others:
        return 0.0
    threshold = calibration.threshold(conn, handle.index_id)
    if threshold is None:
        return None
    return max(hit.confidence for hit in hits) / weighed.least(threshold)


def refresh(conn: Connection, handle: SearchHandle) -> bool:
    """
    Calibrate the handle's index if it never was, the corpus has since doubled or halved, or
    people's own documents have taken the handbook's place.

    :returns: Whether it was calibrated; takes about a second then.
    """
    corpus, before = calibration.corpus(conn), calibration.calibrated_on(conn, handle.index_id)
    if (
        before is not None
        and before.handbook == corpus.handbook
        and before.chunks / OUTGROWN < corpus.chunks < before.chunks * OUTGROWN
    ):
        return False
    calibration.store(conn, handle.index_id, threshold(conn, handle), corpus)
    return True


def threshold(conn: Connection, handle: SearchHandle) -> float | None:
    """The least confidence that counts as an answer. None if there is too little text to tell."""
    dice = random.Random(0)
    sampled = calibration.sample(conn, 2 * PSEUDO_QUESTIONS)
    asked = [
        (chunk, question)
        for chunk in sampled
        if (question := pseudo_question(chunk.text, dice)) is not None
    ][:PSEUDO_QUESTIONS]
    if len(asked) < FEWEST_QUESTIONS:
        return None
    own: list[float] = []
    elsewhere: list[float] = []
    for chunk, question in asked:
        vector, tokens = handle.read(question)
        hits = hybrid.hybrid(conn, handle, question, vector, HITS, tokens=tokens)
        near = _near(conn, chunk, hits)
        own.extend(hit.confidence for hit in hits if hit.chunk_id == chunk.id)
        if others := [hit.confidence for hit in hits if hit.chunk_id not in near]:
            elsewhere.append(max(others))
    return decide(own, elsewhere)


def decide(own: Sequence[float], elsewhere: Sequence[float]) -> float | None:
    """The threshold from what pseudo-questions reach in their own chunk and elsewhere."""
    if len(own) < FEWEST_QUESTIONS:
        return None
    typical = float(np.median(own))
    least, most = LEAST_OF_OWN * typical, MOST_OF_OWN * typical
    if len(elsewhere) < FEWEST_QUESTIONS:
        return least
    return float(np.clip(np.quantile(elsewhere, ELSEWHERE_QUANTILE), least, most))


def pseudo_question(text: str, dice: random.Random) -> str | None:
    """Half of the words of one of the text's sentences, in order. None if no sentence will do."""
    fit = [
        words
        for start, end in sentences.split(text)
        if 8 <= len(words := _words(text[start:end])) <= 60
    ]
    if not fit:
        return None
    words = dice.choice(fit)
    kept = sorted(dice.sample(range(len(words)), max(5, len(words) // 2)))
    return " ".join(words[i] for i in kept)


def _words(sentence: str) -> list[str]:
    """The words, or runs of four characters in a script without spaces."""
    words = sentence.split()
    if len(sentence) > 15 * len(words):
        return [sentence[i : i + 4] for i in range(0, len(sentence), 4)]
    return words


def _near(conn: Connection, chunk: Sampled, hits: Sequence[Hit]) -> set[int]:
    """The hits that are the chunk or stand next to it in its document."""
    kin = [hit.chunk_id for hit in hits if hit.document_id == chunk.document_id]
    places = calibration.ordinals(conn, kin)
    return {i for i, ordinal in places.items() if abs(ordinal - chunk.ordinal) <= NEIGHBOURS}
