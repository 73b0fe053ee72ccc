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

# Words that every text has. A question of such words alone cannot be searched.
_STOP_WORDS = frozenset(
    [
        "a",
        "about",
        "all",
        "also",
        "am",
        "an",
        "and",
        "any",
        "are",
        "as",
        "at",
        "be",
        "been",
        "being",
        "but",
        "by",
        "can",
        "could",
        "did",
        "do",
        "does",
        "doing",
        "for",
        "from",
        "had",
        "has",
        "have",
        "having",
        "he",
        "her",
        "here",
        "him",
        "his",
        "how",
        "i",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "just",
        "me",
        "more",
        "my",
        "no",
        "not",
        "of",
        "on",
        "or",
        "our",
        "out",
        "please",
        "she",
        "should",
        "so",
        "some",
        "such",
        "than",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "these",
        "they",
        "this",
        "those",
        "to",
        "too",
        "up",
        "us",
        "very",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "who",
        "whom",
        "whose",
        "why",
        "will",
        "with",
        "would",
        "you",
        "your",
    ]
)
# Typographic signs, which part words as a space does. Without them most English text is ASCII.
_TYPOGRAPHY = dict.fromkeys(map(ord, "\u2018\u2019\u201c\u201d\u201e\u2013\u2014\u2026\u2022"), " ")
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
_ASCII_TOKEN = re.compile(r"\d+(?:[.,']\d+)+(?!\w)|[^\W_]+", re.ASCII)
_UNITS = (
    "kg|mg|g|t|km|cm|mm|nm|m|kwh|wh|kw|mw|gw|w|kv|mv|v|mah|ma|a|khz|mhz|ghz|hz|gb|mb|kb|tb|bar|psi"
    "|knm|kn|n|kpa|mpa|hpa|pa|ml|cl|l|min|ms|s|h|rpm|db|lm|lux|dpi|px|in|ft|lbs?|oz|mph|eur|usd|chf|ohm"
)
# What is written in more than one way. Each alternative ends where its run does, so that a text of
# any kind takes time in proportion to its length.
_COMPOUND = re.compile(
    r"(?<![\w.])(?P<version>[vV]\d{1,9}(?:\.\d{1,9}){1,6})(?!\w)"
    rf"|(?<![\w.,])\d{{1,12}}(?:[.,]\d{{1,9}}){{0,4}}(?P<unit>(?i:{_UNITS}))(?!\w)"
    r"|(?<![\w.,])(?<!\d )(?P<grouped>\d{1,3}(?: \d{3}){2,4})(?![\w]| \d)"
    r"|(?<!\w)(?P<code>[A-Za-z]{1,5}[-/]\d{1,9})(?!\w)"
    r"|(?<!\w)(?P<camel>[A-Za-z][a-z][a-z0-9]{0,30}(?:[A-Z][a-z][a-z0-9]{0,30}){1,6})(?!\w)",
    re.ASCII,
)
_PART = re.compile(r"[A-Z]?[a-z0-9]+")
_OTHER_POINT = re.compile(r"[,'\u00a0\u202f]")
_GROUPS = re.compile(r"[.,'\u00a0\u202f](?=\d{3}(?!\d))")
# Accents, Hebrew points and Arabic vowels, which many writers leave out. Indic vowel signs are marks
# too, but part of the word.
_OPTIONAL_MARKS = re.compile("[\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670\u0640]")

_stemmers = threading.local()


def terms(text: str, language: str | None = None) -> list[str]:
    """
    The terms of a text in their order, with repeats and stop words.

    :param language: ISO 639-1. Without one, or without a stemmer for it, words are not stemmed.
    """
    text = text.translate(_TYPOGRAPHY)
    if text.isascii():
        known = _ascii_terms.setdefault(language, _AsciiTerms(language))
        found = [known[token] for token in _ASCII_TOKEN.findall(text.lower())]
        others = (form for match in _COMPOUND.finditer(text) for form in _other_forms(match))
        return found + [_stem(token, language) if word else token for token, word in others]
    return [_stem(token, language) if word else token for token, word in _tokens(text)]


class _AsciiTerms(dict[str, str]):
    """The terms of ASCII tokens seen lately in one language: looking them up is what is fast."""

    def __init__(self, language: str | None) -> None:
        super().__init__()
        self._language = language

    def __missing__(self, token: str) -> str:
        term, is_word = _ascii_term(token)
        term = _stem(term, self._language) if is_word else term
        if len(self) >= MOST_REMEMBERED:
            self.clear()
        self[token] = term
        return term


_ascii_terms: dict[str | None, _AsciiTerms] = {}


def question_terms(
    text: str, languages: Iterable[str], *, most: int | None = None
) -> list[list[str]]:
    """
    The distinct words of a question, each as the list of forms that a document may contain.

    :param most: Longer questions lose words in the middle, because a long paste asks at one end.
    """
    stemming = [language for language in languages if language in STEMMERS]
    words = list(dict.fromkeys(_tokens(text)))
    if most is not None and len(words) > most:
        words = words[: most - most // 2] + words[-(most // 2) :]
    forms: dict[frozenset[str], list[str]] = {}
    for token, word in words:
        of = [_stem(token, language) for language in (None, *stemming)] if word else [token]
        distinct = list(dict.fromkeys(of))
        forms.setdefault(frozenset(distinct), distinct)
    return _merge(forms.values())


def is_stop_word(word: str) -> bool:
    """Whether every English text has this word, in small letters."""
    return word in _STOP_WORDS


def stop_words() -> frozenset[str]:
    """Words that every English text has."""
    return _STOP_WORDS


def says_something(question: str) -> bool:
    """Whether a question has a word to search by. *IT* is one, *it* is not."""
    shouted = question.isupper()
    return any(
        word.lower() not in _STOP_WORDS or (len(word) > 1 and word.isupper() and not shouted)
        for word in re.findall(r"[^\W_]+", question)
    )


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
    for found in _COMPOUND.finditer(text):
        yield from _other_forms(found)


def _other_forms(compound: re.Match[str]) -> Iterator[tuple[str, bool]]:
    """
    The same thing in the other usual spelling.

    "v2.4.1" is "2.4.1", "12.5kg" is "12.5 kg", "4 500 118" is "4500118", "K-53" is "K53", and
    "maxRetries" is "max retries".
    """
    kind, text = str(compound.lastgroup), compound.group()
    if kind == "version":
        yield text[1:].lower(), False
    elif kind == "unit":
        unit = compound.group("unit")
        yield from ((token, False) for token in _ASCII_TOKEN.findall(_number(text[: -len(unit)])))
        yield unit.lower(), True
    elif kind == "grouped":
        yield text.replace(" ", ""), False
    elif kind == "code":
        yield re.sub("[-/]", "", text).lower(), True
    else:
        yield from ((part.lower(), True) for part in _PART.findall(text))


def _simple_tokens(text: str) -> Iterator[tuple[str, bool]]:
    """Each token and whether it is a word, which can be stemmed."""
    if text.isascii():  # the same result in a third of the time
        for token in _ASCII_TOKEN.findall(text.lower()):
            yield _ascii_term(token)
        return
    folded = unicodedata.normalize("NFKC", text).casefold()
    for match in _TOKEN.finditer(folded):
        token = match.group()
        if match.lastgroup == "pairs":
            yield from ((pair, False) for pair in _pairs(token))
        elif match.lastgroup == "number":
            yield _ascii_digits(_number(token)), False
        elif token.isdigit():
            yield _ascii_digits(token), False
        else:
            yield token[:LONGEST_TERM], True


def _ascii_term(token: str) -> tuple[str, bool]:
    """One token of the ASCII pattern, and whether it is a word."""
    if token.isdigit():
        return token[:LONGEST_TERM], False
    if token.isalnum():
        return token[:LONGEST_TERM], True
    return _number(token)[:LONGEST_TERM], False


def _number(token: str) -> str:
    """Write 1,234.5 and 1.234,5 alike: without thousands separators, with a decimal point."""
    return _OTHER_POINT.sub(".", _GROUPS.sub("", token))


def _ascii_digits(number: str) -> str:
    return "".join(str(unicodedata.digit(c, c)) for c in number[:LONGEST_TERM])


def _pairs(run: str) -> Iterator[str]:
    if len(run) == 1:
        yield run
    for first, second in pairwise(run):
        yield first + second


@lru_cache(maxsize=1 << 16)
def _stem(word: str, language: str | None) -> str:
    name = STEMMERS.get(language or "")
    stem = word if name is None else _stemmer(name).stemWord(word)
    bare = _OPTIONAL_MARKS.sub("", unicodedata.normalize("NFD", stem))
    return unicodedata.normalize("NFC", bare) or word


def _stemmer(name: str) -> Any:
    """This thread's stemmer. Two threads must not share one."""
    if name not in _stemmers.__dict__:
        from Stemmer import Stemmer

        setattr(_stemmers, name, Stemmer(name))
    return getattr(_stemmers, name)
