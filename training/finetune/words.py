"""The lexical scores of a run's passages, as search would have them: BM25 without a database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipelines.text.languages import language_of_most
from pipelines.text.scoring import phrases
from pipelines.text.scoring.bm25 import Matches, places, shares
from pipelines.text.scoring.words import MOST_WORDS, other_forms, weights
from pipelines.text.terms import question_terms, terms

Floats = NDArray[np.float64]


class Words:
    """The postings of passages, in memory."""

    def __init__(self, passages: Sequence[str], language: str | None) -> None:
        self._language = language
        self._passages = passages
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
        groups, weighed = self._asked(question)
        found: list[NDArray[np.int64]] = []
        for word, group in enumerate(groups):
            held = [self._postings[form] for form in group if form in self._postings]
            rows = [np.array(columns, dtype=np.int64) for columns in held]
            found += [np.vstack([part, np.full(part.shape[1], word)]) for part in rows]
        chunk, tf, where, word_of = np.hstack(found) if found else np.empty((4, 0), dtype=np.int64)
        matches = Matches(chunk, word_of, tf, self._lengths[chunk], where)
        return shares(matches, self._count, weighed, float(self._lengths.mean()) or 1.0)

    def phrases(self, question: str, passages: Sequence[int]) -> Floats:
        """
        The share of a question's phrases that passages hold, as search would have it. See `phrases`.

        :param passages: Their places.
        :returns: *Shape:* ``(passages,)``
        """
        groups, weighed = self._asked(question)
        by_term = {
            form: float(weight)
            for group, weight in zip(groups, weighed, strict=True)
            for form in group
            if form in self._postings
        }
        texts = [(self._passages[place], self._language) for place in passages]
        return phrases.shares(question, texts, by_term, float(weighed.max(initial=0.0)))

    def _asked(self, question: str) -> tuple[list[list[str]], Floats]:
        """The words of a question, each with its forms, and their idf."""
        languages = [self._language] if self._language else []
        groups = question_terms(question, languages, most=MOST_WORDS)
        known = {form for group in groups for form in group}
        for group in groups:
            if not any(form in self._postings for form in group):
                group.extend(other_forms(group, languages, known))
        holding = [
            sum(len(self._postings[form][0]) for form in group if form in self._postings)
            for group in groups
        ]
        return groups, weights(question, groups, holding, self._count)
