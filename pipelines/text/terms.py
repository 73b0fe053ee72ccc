"""
Splits text into the terms that lexical search counts. Pure, without database or scores.

A document's words are stemmed by its own language. A question is often too short to identify its
language. So each of its words is searched in every form that the corpus may contain: unstemmed, and
stemmed by each language of the corpus. The forms of one word count as one term.

Scripts without spaces between words, and Korean, whose particles are attached to words, are cut
into overlapping pairs of characters.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

from pipelines.text import german
from pipelines.text.letters import folded, folded_stem
from pipelines.text.spellings import ASCII_TOKEN, COMPOUND, other_forms, plain_number

# ISO 639-1 to the Snowball stemmer's name.
STEMMERS = {
    "ar": "arabic",
    "ca": "catalan",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "et": "estonian",
    "eu": "basque",
    "fi": "finnish",
    "fr": "french",
    "ga": "irish",
    "hi": "hindi",
    "hu": "hungarian",
    "hy": "armenian",
    "id": "indonesian",
    "it": "italian",
    "lt": "lithuanian",
    "nb": "norwegian",
    "ne": "nepali",
    "nl": "dutch",
    "nn": "norwegian",
    "no": "norwegian",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sr": "serbian",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
    "yi": "yiddish",
}

# Typographic signs, which part words as a space does. Without them most English text is ASCII.
_TYPOGRAPHY = re.compile("[\u2018\u2019\u201c\u201d\u201e\u2013\u2014\u2026\u2022]")
# Tokens whose terms are remembered for each language.
MOST_REMEMBERED = 1 << 16
# Longer "words" are encoded data, and index entries must stay small.
LONGEST_TERM = 40


def _mark_ranges() -> str:
    """
    The combining marks of the basic plane as ranges of a character class.

    `re` does not count them as parts of words.
    """
    marks = {c for c in range(0x300, 0xFFFF) if unicodedata.category(chr(c))[0] == "M"}
    starts = sorted(c for c in marks if c - 1 not in marks)
    ends = sorted(c for c in marks if c + 1 not in marks)
    return "".join(f"\\u{a:04x}-\\u{b:04x}" for a, b in zip(starts, ends, strict=True))


_UNSPACED = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u0f00-\u0fff"  # Tibetan
    "\u1000-\u109f"  # Burmese
    "\u1780-\u17ff"  # Khmer
    "\u1100-\u11ff\uac00-\ud7ff"  # Hangul
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"  # Japanese
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
)
_TOKEN = re.compile(
    rf"(?P<pairs>[{_UNSPACED}]+)"
    r"|(?P<number>\d+(?:[.,'\u00a0\u202f]\d+)+(?!\w))"
    rf"|(?P<word>(?:(?![{_UNSPACED}])[^\W_][{_mark_ranges()}]*)+)"
)
# Text without any of these has the same tokens by a pattern that takes a third of the time.
_NEEDS_TOKEN = re.compile(f"[{_UNSPACED}{_mark_ranges()}]")
_SIMPLE_TOKEN = re.compile(r"\d+(?:[.,'\u00a0\u202f]\d+)+(?!\w)|[^\W_]+")
_LONG_WORD = re.compile(rf"(?<![^\W_])[^\W\d_]{{{german.SHORTEST},{german.LONGEST}}}(?![^\W_])")
# Accents, Hebrew points and Arabic vowels, which many writers leave out. Indic vowel signs are marks
# too, but part of the word.
_OPTIONAL_MARKS = re.compile("[\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670\u0640]")

# Of texts up to this length the terms are remembered.
SHORT = 120

_stemmers = threading.local()


def terms(text: str, language: str | None = None) -> list[str]:
    """
    The terms of a text in their order, with repeats and stop words.

    :param language: ISO 639-1. Without one, or without a stemmer for it, words are not stemmed.
    """
    # Extracts ask for those of the same labels, cells and headings again and again.
    return list(_known(text, language)) if len(text) <= SHORT else _terms(text, language)


@lru_cache(maxsize=4096)
def _known(text: str, language: str | None) -> tuple[str, ...]:
    return tuple(_terms(text, language))


def _terms(text: str, language: str | None) -> list[str]:
    found = plain_terms(text, language)
    text = _TYPOGRAPHY.sub(" ", text)
    others = (
        form for match in COMPOUND.finditer(folded(text, language)) for form in other_forms(match)
    )
    found += [_stem(token, language) if word else token for token, word in others]
    if language == "de":
        words = (match.group().lower() for match in _LONG_WORD.finditer(text))
        found += [_stem(part, language) for word in words for part in german.parts(word)]
    return found


def plain_terms(text: str, language: str | None = None) -> list[str]:
    """
    The terms of a text as they follow one another, without what compound ones are written like
    elsewhere.

    :param language: As `terms` takes it.
    """
    text = folded(_TYPOGRAPHY.sub(" ", text), language)
    known = _remembered.setdefault(language, _Remembered(language))
    simple = _simple(text)
    if simple is not None:
        return [known[token] for token in simple]
    return [_stem(token, language) if word else token for token, word in _simple_tokens(text)]


class _Remembered(dict[str, str]):
    """The terms of tokens seen lately in one language: looking them up is what is fast."""

    def __init__(self, language: str | None) -> None:
        super().__init__()
        self._language = language

    def __missing__(self, token: str) -> str:
        term, is_word = _simple_term(token)
        term = _stem(term, self._language) if is_word else term
        if len(self) >= MOST_REMEMBERED:
            self.clear()
        self[token] = term
        return term


_remembered: dict[str | None, _Remembered] = {}


def question_terms(
    text: str, languages: Iterable[str], *, most: int | None = None
) -> list[list[str]]:
    """
    The distinct words of a question, each as the list of forms that a document may contain.

    :param most: Longer questions lose words in the middle, because a long paste asks at one end.
    """
    stemming = [language for language in languages if language in STEMMERS]
    words = list(dict.fromkeys(_in_both_writings(text)))
    if most is not None and len(words) > most:
        words = words[: most - most // 2] + words[-(most // 2) :]
    forms: dict[frozenset[str], list[str]] = {}
    for token, written, word in words:
        of = [token, written]
        if word:
            of = [_stem(token, language) for language in (None, *stemming)]
            # As passages have it that were added before letters were folded, and Japanese ones.
            of += [_stem(written, language, as_written=True) for language in (None, *stemming)]
        distinct = list(dict.fromkeys(of))
        forms.setdefault(frozenset(distinct), distinct)
    return _merge(forms.values())


def _in_both_writings(text: str) -> Iterator[tuple[str, str, bool]]:
    """Each token of a question with its letters folded and as written, and whether it is a word."""
    written = list(_tokens(text))
    tokens = written if text.isascii() else list(_tokens(folded(text)))
    if len(tokens) != len(written):
        written = tokens
    for (token, word), (other, _) in zip(tokens, written, strict=True):
        yield token, other, word


def _merge(groups: Iterable[Sequence[str]]) -> list[list[str]]:
    """Join groups that share a form, so that *risk* and *risks* are one term."""
    merged: list[list[str]] = []
    for group in groups:
        shared = [other for other in merged if not set(other).isdisjoint(group)]
        if not shared:
            merged.append(list(group))
            continue
        first = shared[0]
        for other in shared[1:]:
            first.extend(other)
            merged.remove(other)
        first[:] = dict.fromkeys([*first, *group])
    return merged


def _tokens(text: str) -> Iterator[tuple[str, bool]]:
    """Each token, then what compound ones are written like elsewhere."""
    yield from _simple_tokens(text)
    for found in COMPOUND.finditer(text):
        yield from other_forms(found)


def _simple_tokens(text: str) -> Iterator[tuple[str, bool]]:
    """Each token and whether it is a word, which can be stemmed."""
    simple = _simple(text)
    if simple is not None:
        yield from map(_simple_term, simple)
        return
    for match in _TOKEN.finditer(_same_case(text)):
        token = match.group()
        if match.lastgroup == "pairs":
            yield from ((pair, False) for pair in _pairs(token))
        elif match.lastgroup == "number":
            yield _ascii_digits(plain_number(token)), False
        elif token.isdigit():
            yield _ascii_digits(token), False
        else:
            yield token[:LONGEST_TERM], True


def _simple(text: str) -> list[str] | None:
    """The tokens, or None for text with scripts or marks that only `_TOKEN` takes apart."""
    if text.isascii():
        return ASCII_TOKEN.findall(text.lower())
    text = _same_case(text)
    return None if _NEEDS_TOKEN.search(text) else _SIMPLE_TOKEN.findall(text)


def _same_case(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _simple_term(token: str) -> tuple[str, bool]:
    """One token of a simple pattern, and whether it is a word."""
    if token.isdigit():
        return _ascii_digits(token), False
    if token.isalnum():
        return token[:LONGEST_TERM], True
    return _ascii_digits(plain_number(token)), False


def _ascii_digits(number: str) -> str:
    return "".join(str(unicodedata.digit(c, c)) for c in number[:LONGEST_TERM])


def _pairs(run: str) -> Iterator[str]:
    if len(run) == 1:
        yield run
    for first, second in pairwise(run):
        yield first + second


@lru_cache(maxsize=1 << 16)
def _stem(word: str, language: str | None, *, as_written: bool = False) -> str:
    name = STEMMERS.get(language or "")
    stem = word if name is None else _stemmer(name).stemWord(word)
    bare = _OPTIONAL_MARKS.sub("", unicodedata.normalize("NFD", stem))
    stem = unicodedata.normalize("NFC", bare) or word
    return stem if as_written else folded_stem(stem)


def _stemmer(name: str) -> Any:
    """This thread's stemmer. Two threads must not share one."""
    if name not in _stemmers.__dict__:
        from Stemmer import Stemmer

        setattr(_stemmers, name, Stemmer(name))
    return getattr(_stemmers, name)
