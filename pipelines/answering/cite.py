"""
Citations that do not hang on the LLM's obedience: the supporting sentence by alignment.

Pure: text in, numbers and character spans out. A sentence of the answer is compared with each
sentence of the passage it cites; shared terms count by their rarity, and figures have to agree.
Where the best match is weak, nothing is marked.
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

# Share of a claim's weight that a sentence must hold to be marked as its support.
SURE = 0.5
# A neighbour is marked along only if it brings at least this much of what the best one lacks.
NEIGHBOUR_GAIN = 0.25
# What is left of the match when the claim has figures and the sentence none of them.
NO_FIGURE = 0.4

_MARK = re.compile(r"\[(\d{1,3})\]")
_LIST = re.compile(
    r"[\[【]\s*(?:passages?\s*)?(\d{1,3}(?:\s*(?:,|;|and|-|–)\s*\d{1,3})*)\s*[\]】]", re.I
)
# Longer than this no citation is while it is written.
LONGEST_MARK = 40
# Stands for a citation that was dropped; it is one of the signs that no answer holds.
_GAP = "\x00"
_LEAD = r"(?:and also|and|or|as well as|see also|see|cf\.|also|sources?:?)"
# What goes with dropped citations, in this order. Repeats are bounded, which keeps them linear.
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
    """A sentence of the answer and the passages it cites."""

    text: str
    numbers: tuple[int, ...]


def normalise(text: str) -> str:
    """
    The text with citations in one spelling: ``[1, 3]``, ``[1-3]``, ``【1】`` become ``[1][3]`` and so on.

    Round brackets stay: ``(2021)`` is a year more often than a citation. Control characters and
    lone surrogates go: they can be neither stored nor shown.
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
    The text without citations that point at no passage of `count`, and how many those were.

    Words that only led to such a citation go with it: "and also [9]", "(see [9])".
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
    """The text with its citations numbered by their place in `order`, from 1; others stay."""
    new = {number: place for place, number in enumerate(order, start=1)}
    return _MARK.sub(lambda match: f"[{new.get(int(match[1]), match[1])}]", text)


class Numbering:
    """
    Numbers citations in order of first appearance while a text comes piece by piece.

    A number that was given stays: what a reader has seen is not renumbered under their eyes.
    """

    def __init__(self, count: int) -> None:
        """:param count: Passages that can be cited."""
        self._count = count
        self._held = ""
        self.order: list[int] = []  # numbers as they came, in order of first appearance

    def feed(self, piece: str) -> str:
        """What can be shown of the text so far: all but a citation that is not whole yet."""
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


def numbers(text: str) -> list[int]:
    """The passages that a text cites, in order of first mention."""
    return list(dict.fromkeys(int(n) for n in _MARK.findall(text)))


def claims(text: str) -> list[Claim]:
    """The sentences of an answer that cite something, without the marks."""
    found = []
    for start, end in sentences.split(text):
        sentence = text[start:end]
        if cited := numbers(sentence):
            found.append(Claim(_MARK.sub("", sentence).strip(), tuple(cited)))
    return found


class Aligner:
    """Finds supporting sentences in passages; knows how rare each term is among them."""

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
        """For each passage the answer cites, the span of its supporting sentence, where sure."""
        best: dict[int, tuple[float, Span]] = {}
        for claim in claims(answer):
            for number in claim.numbers:
                if not 1 <= number <= len(self._passages):
                    continue
                match = self._support(claim.text, number)
                if match and match[0] > best.get(number, (0.0, (0, 0)))[0]:
                    best[number] = match
        return {number: span for number, (_, span) in best.items()}

    def _support(self, claim: str, number: int) -> tuple[float, Span] | None:
        _, language, rows = self._passages[number - 1]
        wanted = _features(claim, language)
        if not wanted or not rows:
            return None
        figures = {term for term in wanted if term[0].isdigit()}
        scores = [self._held(wanted, figures, features) for _, features in rows]
        top = max(range(len(rows)), key=scores.__getitem__)
        score, (start, end) = scores[top], rows[top][0]
        # A claim drawn from two sentences is marked over both.
        for near in (top - 1, top + 1):
            if 0 <= near < len(rows):
                both = self._held(wanted, figures, rows[top][1] | rows[near][1])
                if both >= score + NEIGHBOUR_GAIN:
                    score = both
                    start, end = min(start, rows[near][0][0]), max(end, rows[near][0][1])
        return (score, (start, end)) if score >= SURE else None

    def _held(self, wanted: frozenset[str], figures: set[str], held: Iterable[str]) -> float:
        """Share of the wanted weight that is held; much less when no figure agrees."""
        shared = wanted.intersection(held)
        score = self._weight(shared) / self._weight(wanted)
        return score * NO_FIGURE if figures and not figures & shared else score

    def _weight(self, features: Iterable[str]) -> float:
        return sum(self._idf.get(f, self._unseen) for f in features)


def _features(text: str, language: str | None) -> frozenset[str]:
    return frozenset(terms(text, language))
