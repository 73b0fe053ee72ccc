"""
Finds the supporting sentence of each citation by alignment, independently of the LLM.

Pure functions from text to numbers and character spans. A sentence of the answer is compared with
each sentence of the passage it cites. Shared terms count by their rarity, and figures must agree.
If the best match is weak, nothing is marked.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipelines.text import sentences
from pipelines.text.terms import terms

Span = tuple[int, int]

# Share of a claim's weight that a sentence must contain to be marked as its support.
SURE = 0.5
# A neighbouring sentence is marked too if it adds at least this share of the claim's weight.
NEIGHBOUR_GAIN = 0.25
# Factor on the match if the claim has figures and the sentence has none of them.
NO_FIGURE = 0.4

_MARK = re.compile(r"\[(\d{1,3})\]")
_LIST = re.compile(
    r"[\[【]\s*(?:passages?\s*)?(\d{1,3}(?:\s*(?:,|;|and|-|–)\s*\d{1,3})*)\s*[\]】]", re.I
)
# Longest citation while it is being streamed.
LONGEST_MARK = 40
# Placeholder for a dropped citation. No answer contains this character.
_GAP = "\x00"
_LEAD = r"(?:and also|and|or|as well as|see also|see|cf\.|also|sources?:?)"
# Text removed around dropped citations, in this order. Repeats are bounded, which keeps them linear.
_AROUND_GAPS = [
    re.compile(rf"(?i)[ \t]?[(][ \t]?(?:{_LEAD}[ \t]{{1,3}})?\x00+[ \t]?[)]"),
    re.compile(rf"(?i)(?:,[ \t]?|[ \t]){_LEAD}[ \t]{{1,3}}\x00+(?=[ \t]?(?:[.,;:!?)\n]|$))"),
    re.compile(r"(?i)\x00+[ \t]?(?:,|and|or)[ \t]{1,3}(?=\[\d)"),
    re.compile(r"[ \t]{0,3}\x00+(?=[ \t]{0,3}(?:[.,;:!?)\n]|$))"),
    re.compile(r"\x00+[ \t]?"),
    re.compile(r"[ \t]{1,3}(?=[.,;:!?](?:\s|$))"),
]
_UNUSABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True)
class Claim:
    """A sentence of the answer with the numbers of the passages it cites."""

    text: str
    numbers: tuple[int, ...]


def normalise(text: str) -> str:
    """
    Write citations in one spelling: ``[1, 3]``, ``[1-3]`` and ``【1】`` become ``[1][3]`` and so on.

    Round brackets stay, because ``(2021)`` is a year more often than a citation. Control characters
    and lone surrogates are removed, because they can be neither stored nor shown.
    """
    return _in_one_spelling(text).strip()


def _in_one_spelling(text: str) -> str:
    def rewrite(match: re.Match[str]) -> str:
        numbers: list[int] = []
        for part in re.split(r"\s*(?:,|;|and)\s*", match.group(1)):
            low, *high = (int(n) for n in re.split(r"\s*[-–]\s*", part))
            last = high[0] if high else low
            numbers.extend(range(low, last + 1) if low <= last <= low + 20 else (low, last))
        return "".join(f"[{n}]" for n in numbers)

    return _LIST.sub(rewrite, _UNUSABLE.sub("", text))


def drop_dangling(text: str, count: int) -> tuple[str, int]:
    """
    Remove citations of passages that do not exist, with the words that only lead to them.

    Such words are "and also" in "and also [9]", or "see" in "(see [9])".

    :param count: Number of passages.
    :returns: The text, and the number of citations removed.
    """
    dropped = 0

    def check(match: re.Match[str]) -> str:
        nonlocal dropped
        if 1 <= int(match.group(1)) <= count:
            return match.group()
        dropped += 1
        return _GAP

    kept = _MARK.sub(check, text)
    if not dropped:
        return text, 0
    for pattern in _AROUND_GAPS:
        kept = pattern.sub("", kept)
    return kept.strip(), dropped


def renumber(text: str, order: Sequence[int]) -> str:
    """Number the citations by their position in `order`, from 1. Others stay."""
    new = {number: place for place, number in enumerate(order, start=1)}
    return _MARK.sub(lambda match: f"[{new.get(int(match[1]), match[1])}]", text)


class CitationNumbers:
    """
    Numbers citations in order of first appearance while a text arrives piece by piece.

    An assigned number never changes, so that the reader does not see numbers change.
    """

    def __init__(self, count: int) -> None:
        """:param count: Number of passages that can be cited."""
        self._count = count
        self._held = ""
        self.order: list[int] = []  # numbers as they came, in order of first appearance

    def feed(self, piece: str) -> str:
        """Return the part of the text that can be shown: all but an unfinished citation."""
        text = self._held + piece
        opened = max(text.rfind("[", -LONGEST_MARK), text.rfind("【", -LONGEST_MARK))
        whole = opened < 0 or any(closing in text[opened:] for closing in "]】")
        cut = len(text) if whole else opened
        self._held = text[cut:]
        return _MARK.sub(self._renumbered, _in_one_spelling(text[:cut]))

    def _renumbered(self, match: re.Match[str]) -> str:
        number = int(match[1])
        if not 1 <= number <= self._count:
            return ""
        if number not in self.order:
            self.order.append(number)
        return f"[{self.order.index(number) + 1}]"


def bare(text: str) -> str:
    """A text without its citations."""
    return _MARK.sub("", text).strip()


def repointed(text: str, new: Mapping[int, int]) -> str:
    """The text with some citations pointed at other passages."""
    return _MARK.sub(lambda match: f"[{new.get(int(match[1]), match[1])}]", text)


def numbers(text: str) -> list[int]:
    """The numbers of the passages that a text cites, in order of first mention."""
    return list(dict.fromkeys(int(n) for n in _MARK.findall(text)))


def claims(text: str) -> list[Claim]:
    """The sentences of an answer with citations, without the marks."""
    found = []
    for start, end in sentences.split(text):
        sentence = text[start:end]
        if cited := numbers(sentence):
            found.append(Claim(_MARK.sub("", sentence).strip(), tuple(cited)))
    return found


class Aligner:
    """Finds supporting sentences in passages by the rarity of their shared terms."""

    def __init__(self, passages: Sequence[tuple[str, str | None]]) -> None:
        """:param passages: Text and language of each, in the order they are numbered from 1."""
        self._passages = [
            (
                text,
                language,
                [(s, _features(text[s[0] : s[1]], language)) for s in sentences.split(text)],
            )
            for text, language in passages
        ]
        held = Counter(
            term for _, _, rows in self._passages for _, features in rows for term in features
        )
        total = sum(len(rows) for _, _, rows in self._passages)
        self._idf = {term: math.log1p(total / n) for term, n in held.items()}
        self._unseen = math.log1p(total)

    def spans(self, answer: str) -> Mapping[int, Span]:
        """The span of the supporting sentence in each cited passage, where one is sure."""
        best: dict[int, tuple[float, Span]] = {}
        for claim in claims(answer):
            for number in claim.numbers:
                if not 1 <= number <= len(self._passages):
                    continue
                match = self._support(claim.text, number)
                if match and match[0] > best.get(number, (0.0, (0, 0)))[0]:
                    best[number] = match
        return {number: span for number, (_, span) in best.items()}

    def score(self, claim: str, number: int) -> float:
        """How much of a claim's weight stands in one place of a passage, from 0 to 1."""
        return self._best(claim, number)[0]

    def coverage(self, claim: str) -> float:
        """How much of a claim's weight stands anywhere in the passage that holds most of it."""
        shares = [0.0]
        for _, language, rows in self._passages:
            if wanted := _features(claim, language):
                held = frozenset[str]().union(*(features for _, features in rows))
                shares.append(self._weight(wanted & held) / self._weight(wanted))
        return max(shares)

    def has_figures(self, claim: str) -> bool:
        """Whether each figure of a claim stands in some passage."""
        return all(
            any(figure in features for _, _, rows in self._passages for _, features in rows)
            for figure in _features(claim, None)
            if figure[0].isdigit()
        )

    def _support(self, claim: str, number: int) -> tuple[float, Span] | None:
        score, span = self._best(claim, number)
        return (score, span) if score >= SURE else None

    def _best(self, claim: str, number: int) -> tuple[float, Span]:
        """The place of a passage that supports a claim best, and how well."""
        _, language, rows = self._passages[number - 1]
        wanted = _features(claim, language)
        if not wanted or not rows:
            return 0.0, (0, 0)
        figures = {term for term in wanted if term[0].isdigit()}
        scores = [self._held(wanted, figures, features) for _, features in rows]
        top = max(range(len(rows)), key=scores.__getitem__)
        score, (start, end) = scores[top], rows[top][0]
        # If two sentences support a claim together, both are marked.
        for near in (top - 1, top + 1):
            if 0 <= near < len(rows):
                both = self._held(wanted, figures, rows[top][1] | rows[near][1])
                if both >= score + NEIGHBOUR_GAIN:
                    score = both
                    start, end = min(start, rows[near][0][0]), max(end, rows[near][0][1])
        return score, (start, end)

    def _held(self, wanted: frozenset[str], figures: set[str], held: Iterable[str]) -> float:
        """The share of the claim's weight in a sentence, reduced if no figure agrees."""
        shared = wanted.intersection(held)
        score = self._weight(shared) / self._weight(wanted)
        return score * NO_FIGURE if figures and not figures & shared else score

    def _weight(self, features: Iterable[str]) -> float:
        return sum(self._idf.get(f, self._unseen) for f in features)


def _features(text: str, language: str | None) -> frozenset[str]:
    return frozenset(terms(text, language))
