"""
Guesses why an answer was missed, by simple rules on the texts.

Pure. The rules read the question, the passage that answers it, and the passages ranked above it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from pipelines.text.terms import terms

# Share of common word triples from which two passages are nearly the same text.
SAME_TEXT = 0.4
# Share of tokens with a digit that makes a passage look like a table.
TABLE_DIGITS = 0.25
TABLE_BARS = 6
# A term in no more passages than this share of all is rare.
RARE = 0.01
ACRONYM = re.compile(r"\b(?=\w*[A-Z])(?:[A-Z]{2,}\w*|\w*[A-Z]\w*[A-Z0-9]\w*)\b")
NONE_FOUND = "no cause found by these rules"


class Causes:
    """Likely causes of losses, for the passages of one corpus."""

    def __init__(self, corpus: Mapping[str, str], language: str | None = "en") -> None:
        self._corpus = corpus
        self._language = language
        self._terms = {name: set(terms(text, language)) for name, text in corpus.items()}
        self._holding = Counter(term for held in self._terms.values() for term in held)

    def likely(
        self, question: str, relevant: Sequence[str], top: Sequence[str], *, leans: bool
    ) -> str:
        """
        The most likely causes in words for a person, never empty.

        :param relevant: Passages that answer the question.
        :param top: Best-ranked passages of the system that lost, best first.
        :param leans: Whether the question cannot be understood without its passage.
        """
        causes = []
        wrong = [name for name in top[:3] if name not in relevant]
        if leans:
            causes.append("the question leans on its passage")
        if any(self._answers_too(question, name, relevant) for name in wrong):
            causes.append("another passage seems to answer it too")
        texts = [self._corpus[name] for name in relevant]
        if all(is_table(text) for text in texts):
            causes.append("the answer stands in a table")
        if jargon := self._jargon(question, relevant):
            causes.append(f"jargon: {', '.join(jargon)}")
        if all(is_cut(text) for text in texts):
            causes.append("the passage begins or ends within a sentence")
        return "; ".join(causes) or NONE_FOUND

    def _answers_too(self, question: str, name: str, relevant: Sequence[str]) -> bool:
        """
        Whether a passage has nearly the same text, or at least as many of the question's words by
        weight.
        """
        if any(_overlap(self._corpus[gold], self._corpus[name]) >= SAME_TEXT for gold in relevant):
            return True
        asked = set(terms(question, self._language))
        return self._weight(asked & self._terms[name]) >= max(
            self._weight(asked & self._terms[gold]) for gold in relevant
        )

    def _weight(self, held: set[str]) -> float:
        return sum(1 / self._holding[term] for term in held)

    def _jargon(self, question: str, relevant: Sequence[str]) -> list[str]:
        """
        Abbreviations in the question that hardly any passage contains, or that the right one lacks.
        """
        limit = max(1, RARE * len(self._corpus))
        return [
            word
            for word in dict.fromkeys(ACRONYM.findall(question))
            if any(
                self._holding[term] <= limit or all(term not in self._terms[g] for g in relevant)
                for term in terms(word, self._language)
            )
        ][:3]


def is_table(text: str) -> bool:
    """Whether a passage is mostly numbers, or is drawn with bars."""
    tokens = text.split()
    digits = sum(any(char.isdigit() for char in token) for token in tokens)
    return text.count("|") >= TABLE_BARS or digits > TABLE_DIGITS * max(len(tokens), 1)


def is_cut(text: str) -> bool:
    """Whether a passage begins or ends within a sentence."""
    shown = text.strip()
    return shown[:1].islower() or not shown.endswith((".", "!", "?", '"', "”", ")", ":", ";"))


def _overlap(first: str, second: str) -> float:
    one, two = _triples(first), _triples(second)
    return len(one & two) / max(1, min(len(one), len(two)))


def _triples(text: str) -> set[tuple[str, ...]]:
    words = text.casefold().split()
    return {tuple(words[i : i + 3]) for i in range(len(words) - 2)}
