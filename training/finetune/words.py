"""The lexical scores of a run's passages, as search would have them: BM25 without a database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipelines.text.languages import language_of_most
from pipelines.text.scoring.bm25 import Matches, idf, places, shares
from pipelines.text.terms import question_terms, terms

Floats = NDArray[np.float64]
# A question's words beyond this add nothing.
MOST_WORDS = 64


class Words:
    """The postings of passages, in memory."""

    def __init__(self, passages: Sequence[str], language: str | None) -> None:
        self._language = language
        self._count = len(passages)
        # By term: places of passages, how often, and where in them.
        self._postings: dict[str, tuple[list[int], list[int], list[int]]] = {}
        lengths = []
        for number, passage in enumerate(passages):
            held = terms(passage, language)
            lengths.append(len(held))
            where = places(held)
            for term, often in Counter(held).items():
                columns = self._postings.setdefault(term, ([], [], []))
                for column, value in zip(columns, (number, often, where[term]), strict=True):
                    column.append(value)
        self._lengths = np.array(lengths, dtype=np.int64)

    @classmethod
    def of_language_of(cls, passages: Sequence[str]) -> Words:
        """Postings stemmed by the language that most of the passages are in."""
        return cls(passages, language_of_most(passages))

    def all_scores(self, questions: Sequence[str]) -> Floats:
        """*Shape:* ``(questions, passages)``"""
        return np.stack([self.scores(question) for question in questions])

    def scores(self, question: str) -> Floats:
        """
        The lexical score of every passage, from 0 to 1. See `bm25.shares`.

        :returns: *Shape:* ``(passages,)``
        """
        languages = [self._language] if self._language else []
        groups = question_terms(question, languages, most=MOST_WORDS)
        found: list[NDArray[np.int64]] = []
        holding = []
        for word, group in enumerate(groups):
            held = [self._postings[form] for form in group if form in self._postings]
            rows = [np.array(columns, dtype=np.int64) for columns in held]
            found += [np.vstack([part, np.full(part.shape[1], word)]) for part in rows]
            holding.append(sum(part.shape[1] for part in rows))
        chunk, tf, where, word_of = np.hstack(found) if found else np.empty((4, 0), dtype=np.int64)
        weights = np.array([idf(self._count, chunks) for chunks in holding])
        matches = Matches(chunk, word_of, tf, self._lengths[chunk], where)
        return shares(matches, self._count, weights, float(self._lengths.mean()) or 1.0)
