"""
What of a question a passage holds to the letter: its codes, numbers, names and rare words.

Pure. A cosine says little about "E04" or "D-EBQT". That a passage holds it says much.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.store.hits import Hit
from pipelines.text.lines import YEAR
from pipelines.text.stop_words import is_stop_word
from pipelines.text.terms import terms

# The threshold is multiplied by these where a passage holds a code or name of the question and
# half of its other words, or nearly all of its words.
NAMED, COVERED = 0.55, 0.65
HALF, NEARLY_ALL = 0.5, 0.8
# It grows by this where a name, code or year of the question is in none of the passages.
ABSENT = 0.15

_CODE = re.compile(r"(?=[\w./-]*\d)(?=[\w./-]*[^\W\d_])[^\W_][\w./-]*[^\W_]|\d{3,}")
_WORD = re.compile(r"[^\W\d_][\w'’&-]*")
_GERMAN_WORDS = (
    "aber als am an auf aus bei bis das dass dem den der des die dies ein eine einem einen einer er"
    " es für gibt haben hat ich ihr im in ist ja kann können man mein mich mir mit nach nicht noch"
    " nur oder sein sich sie sind so soll über um und uns unser vom von vor wann war warum was"
    " welche welchem welchen welcher welches wem wen wenn wer werden wie wieviel wir wird wo wurde"
    " zu zum zur"
)
_GERMAN = frozenset(_GERMAN_WORDS.split())


@dataclass(frozen=True)
class Evidence:
    """
    How a question stands to its passages.

    `absent`: its names, codes and years that no passage holds.
    """

    named: bool
    coverage: float
    absent: tuple[str, ...]

    def least(self, threshold: float) -> float:
        """The confidence that counts as an answer, given the threshold of the index."""
        if self.absent:
            return threshold + ABSENT
        if self.named and self.coverage >= HALF:
            return NAMED * threshold
        return COVERED * threshold if self.coverage >= NEARLY_ALL else threshold


def weigh(question: str, hits: Sequence[Hit]) -> Evidence:
    """What the passages hold of a question."""
    exact = [*names(question), *codes(question), *years(question)]
    texts = [_whole(hit) for hit in hits]
    absent = tuple(word for word in exact if not any(holds(text, word) for text in texts))
    named = any(exact) and any(all(holds(text, word) for word in exact) for text in texts)
    best = max(
        (_coverage(question, hit, text) for hit, text in zip(hits, texts, strict=True)), default=0.0
    )
    return Evidence(named, best, absent)


def codes(question: str) -> tuple[str, ...]:
    """Its numbers of three digits and more, but for years, and words with digits in them."""
    found = dict.fromkeys(_CODE.findall(question))
    return tuple(code for code in found if not YEAR.fullmatch(code))


def years(text: str) -> frozenset[str]:
    """The years that a text names."""
    return frozenset(YEAR.findall(text))


def names(question: str) -> tuple[str, ...]:
    """Its words with a capital but for the first. In German every noun has one, so none is told."""
    words = _WORD.findall(question)
    if is_german(question) or all(word[0].isupper() for word in words):
        return ()
    capital = (w for w in words[1:] if w[0].isupper() and not is_stop_word(w.casefold()))
    return tuple(dict.fromkeys(re.sub(r"['’]s?$", "", word) for word in capital))


def is_german(question: str) -> bool:
    """Whether a question is German, told by its small words."""
    words = [word.casefold() for word in _WORD.findall(question)]
    return bool(re.search(r"[äöüßÄÖÜ]", question)) or sum(
        word in _GERMAN and not is_stop_word(word) for word in words
    ) >= 2  # fmt: skip


def is_common(term: str) -> bool:
    """Whether every English or German text has a word."""
    return is_stop_word(term) or term in _GERMAN


def holds(text: str, word: str) -> bool:
    """Whether a text holds a name or code as a word of its own, in whatever case."""
    text, word = text.casefold(), word.casefold()
    at = text.find(word)
    while at >= 0:
        end = at + len(word)
        before, after = text[at - 1 : at], text[end : end + 1]
        if not before.isalnum() and not (after.isalnum() and word[-1].isdigit()):
            rest = re.match(r"[^\W\d_]*", text[end:])
            if rest is None or len(rest.group()) <= 2:  # a plural, a genitive
                return True
        at = text.find(word, end)
    if "," in text and word.isdigit():
        return holds(text.replace(",", ""), word)
    return False


def _whole(hit: Hit) -> str:
    return f"{hit.title.replace('_', ' ')}\n{hit.heading or ''}\n{hit.text}"


def _coverage(question: str, hit: Hit, text: str) -> float:
    """Share of the weight of a question's words that a passage holds. Unknown words weigh most."""
    asked = {term for term in terms(question, hit.language) if not is_common(term)}
    most = max(hit.weights.values(), default=1.0)
    weights = {term: hit.weights.get(term, most) for term in asked}
    held = asked.intersection(terms(text, hit.language))
    return sum(weights[term] for term in held) / (sum(weights.values()) or 1.0)
