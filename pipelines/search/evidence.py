"""
What of a question a passage holds to the letter: its codes, numbers, names and rare words.

Pure. A cosine says little about "E04" or "D-EBQT". That a passage holds it says much.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from pipelines.search import counting, dates
from pipelines.store.hits import Hit
from pipelines.text import other_names
from pipelines.text.german import parts, verb_forms
from pipelines.text.lines import YEAR
from pipelines.text.stop_words import is_small, is_small_anywhere, spoken
from pipelines.text.terms import plain_terms, terms

# The threshold is multiplied by these where a passage holds a code or name of the question and
# half of its other words, or nearly all of its words.
NAMED, COVERED = 0.55, 0.65
HALF, NEARLY_ALL = 0.5, 0.8
# The end of a German compound: *pumpe* of *Gartenpumpe*.
SHORTEST_PART = 5
# It grows by this where a name, code or year of the question is in none of the passages.
ABSENT = 0.15

_CODE = re.compile(
    r"(?=[\w./-]*\d)(?=[\w./-]*[^\W\d_])[^\W_][\w./-]*[^\W_]|\d{3,}|\d{1,3}(?:\.\d{1,3})+"
)
_WORD = re.compile(r"[^\W\d_][\w'’&-]*")
# "Who is the treasurer", "Wie heißt der Geschäftsführer".
_ROLE = re.compile(
    r"(?i)^\W*(?:who (?:is|was)|what(?: is|['’]s) the name of|wer (?:ist|war)|wie heißt|qui est|comment s'appelle|quién es)"
    r" (?:the|der|die|das|le|la|l'|el) ?(?P<role>[^\W\d_]{4,})(?= (?:of|at|in|for|who|that|der|des|von|bei|im|du|de|del)\b|\?|$)"
)
_GERMAN_NAME = re.compile(
    r"\b(?:Herrn?|Frau|Familie|Firma|Dr\.|Prof\.) ([A-ZÄÖÜ][\w-]+)|\b([A-ZÄÖÜ][\w-]+) (?:GmbH|AG|KG|SE|OHG|UG)\b"
)


@dataclass(frozen=True)
class Evidence:
    """
    How a question stands to its passages.

    `coverage`: the share of its words that the best passage holds. `absent`: its names, codes and
    years that no passage holds. `of_others`: it asks of years or numbers, of which no passage tells,
    and the passages tell of others. `rarest`: the best passage holds the rarest of its words.
    """

    named: bool
    coverage: float
    absent: tuple[str, ...]
    of_others: bool = False
    rarest: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether one passage holds nearly all words of the question, and none of its names is absent."""
        return self.coverage >= NEARLY_ALL and not self.absent

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
    for thing in (role(question), counting.counted(question)):
        if thing is not None and not _names_anywhere(thing, hits, texts):
            absent += (thing,)
    named = any(exact) and any(all(holds(text, word) for word in exact) for text in texts)
    best, rarest = max(
        (_coverage(question, hit, text) for hit, text in zip(hits, texts, strict=True)),
        default=(0.0, False),
    )
    if not best and (asking := [found for found, _ in other_names.of_question(question)]):
        absent += tuple(asking)  # a height is asked for, of something that no passage names
    asked = years(question)
    told = frozenset(year for text in texts for year in years(text))
    other = bool(asked and told) and not any(_tells(text, year) for text in texts for year in asked)
    other = other or counting.of_other_numbers(question, texts)
    return Evidence(named, best, absent, of_others=other, rarest=rarest)


def role(question: str) -> str | None:
    """The role of a person who is asked for: the *treasurer* of "Who is the treasurer?"."""
    found = _ROLE.search(question)
    return found["role"] if found else None


def _names_anywhere(thing: str, hits: Sequence[Hit], texts: Sequence[str]) -> bool:
    """Whether some passage names a thing, in whatever words."""
    return any(names_it(thing, text, hit.language) for hit, text in zip(hits, texts, strict=True))


def names_it(thing: str, text: str, language: str | None) -> bool:
    """Whether a text names a thing, in whatever words."""
    held = frozenset(terms(text, language))
    return any(
        named & held or in_compound(term, held, language)
        for term, named in names_of(thing, language).items()
    )


def codes(question: str) -> tuple[str, ...]:
    """
    Its numbers of three digits and more, but for years, those with dots as in "clause 3.2", and
    words with digits in them.
    """
    found = dict.fromkeys(_CODE.findall(question))
    return tuple(code for code in found if not YEAR.fullmatch(code))


def years(text: str) -> frozenset[str]:
    """The years that a text names."""
    return frozenset(YEAR.findall(text))


def _tells(text: str, year: str) -> bool:
    """Whether a text names a year, in full or as in "2016/17" and "FY17"."""
    short, before = year[2:], str(int(year) - 1)
    span = rf"\b(?:{before}|{before[2:]})\s?[/–-]\s?{short}\b"
    return holds(text, year) or bool(re.search(rf"(?i){span}|\bfy ?{short}\b", text))


def names(question: str) -> tuple[str, ...]:
    """
    Its words with a capital but for the first.

    In German every noun has one. Only names of firms and of people with a title are told there.
    """
    words = _WORD.findall(question)
    if is_german(question):
        found = [
            name for match in _GERMAN_NAME.finditer(question) for name in match.groups() if name
        ]
        return tuple(dict.fromkeys(found))
    if all(word[0].isupper() for word in words):
        return ()
    capital = (w for w in words[1:] if w[0].isupper() and not is_common(w.casefold()))
    return tuple(dict.fromkeys(re.sub(r"['’]s?$|(?<=day)s$", "", word) for word in capital))


def is_german(question: str) -> bool:
    """Whether a question is German, told by its small words."""
    return spoken(question) == "de"


def is_common(term: str) -> bool:
    """Whether every text of a common language has a word."""
    return is_small_anywhere(term)


def content(question: str, language: str | None) -> list[str]:
    """The terms of a question that say what it is about, in their order, each once."""
    own = spoken(question)
    words = [word.casefold() for word in re.findall(r"[^\W_]+", question)]
    small = {
        term
        for word in dict.fromkeys(words)
        if is_common(word) or is_small(word, own)
        for term in plain_terms(word, language)
    }
    found = dict.fromkeys(plain_terms(question, language))
    return [term for term in found if term not in small and not is_common(term)]


def has_unknown(question: str, hits: Sequence[Hit]) -> bool:
    """Whether no passage of the library holds some word of a question, so far as is known."""
    known = hits[0].weights
    return any(
        not any(term in known for term in (word, *names))
        for language in dict.fromkeys(hit.language for hit in hits)
        for word, names in names_of(question, language).items()
        if len(word) > 3 and not word[0].isdigit()
    )


@lru_cache(maxsize=256)
def names_of(question: str, language: str | None) -> Mapping[str, frozenset[str]]:
    """
    Each term of a question that says what it is about, with other names for it, as terms.

    :param language: Of the passage that may hold them.
    """
    asked = content(question, language)
    found = {term: {term} for term in asked}
    for term in asked:
        found[term].update(t for name in other_names.of_word(term) for t in terms(name, language))
    if language == "de":  # what a compound is: *Rechnung* of *Malerrechnung*
        for word in _WORD.findall(question):
            for term in set(plain_terms(word, language)).intersection(asked):
                found[term].update(t for p in parts(word.lower())[-1:] for t in terms(p, language))
                for form in verb_forms(word):
                    found[term].update(plain_terms(form, language))
    for asking, names in other_names.of_question(question):
        for term in set(terms(asking, language)).intersection(asked):
            found[term].update(answering(names, language))
    return MappingProxyType({term: frozenset(names) for term, names in found.items()})


def answering(names: str, language: str | None) -> frozenset[str]:
    """
    The names of what answers, as terms of a language. Names of other languages may be small words
    of this one, like *due* in French.
    """
    found = plain_terms(names, language)
    return frozenset(term for term in found if not is_small(term, language or "en"))


def asks_with(question: str, term: str, language: str | None) -> bool:
    """Whether a term only says what kind of thing a question asks for, like the *heavy* of "how heavy"."""
    return any(
        term in plain_terms(asking, language) for asking, _ in other_names.of_question(question)
    )


def in_compound(term: str, held: Collection[str], language: str | None) -> bool:
    """Whether a German word is the end of one that a passage holds, or ends in one itself."""
    if language != "de" or len(term) < SHORTEST_PART:
        return False
    return any(
        other.endswith(term) or (len(other) >= SHORTEST_PART and term.endswith(other))
        for other in held
    )


def holds(text: str, word: str) -> bool:
    """Whether a text holds a name or code as a word of its own, in whatever case, or a month's figures."""
    if dates.has_month(text, word):
        return True
    text, word = text.casefold(), word.casefold()
    at = text.find(word)
    while at >= 0:
        end = at + len(word)
        before, after = text[at - 1 : at] if at else "", text[end : end + 1]
        is_version = before == "v" and word[0].isdigit() and not text[at - 2 : at - 1].isalnum()
        if (is_version or not before.isalnum()) and not (after.isalnum() and word[-1].isdigit()):
            rest = re.match(r"[^\W\d_]*", text[end:])
            if rest is None or len(rest.group()) <= 2:  # a plural, a genitive
                return True
        at = text.find(word, end)
    if "," in text and word.isdigit():
        return holds(text.replace(",", ""), word)
    return False


def _whole(hit: Hit) -> str:
    said = dates.in_words(hit.text, hit.language)
    return f"{hit.title.replace('_', ' ')}\n{hit.heading or ''}\n{hit.text}\n{said}"


def _coverage(question: str, hit: Hit, text: str) -> tuple[float, bool]:
    """
    Share of the weight of a question's words that a passage holds, by these or other names, and
    whether it holds the rarest of them.

    Unknown words weigh most. A passage that holds nothing but the name of what is asked for, like
    the height of "how high", holds no part of the question.
    """
    most = max(hit.weights.values(), default=1.0)
    held = frozenset(terms(text, hit.language))
    total = found = 0.0
    things: list[tuple[float, bool]] = []
    for term, named in names_of(question, hit.language).items():
        weight = hit.weights.get(term, most)
        total += weight
        is_held = bool(named & held) or in_compound(term, held, hit.language)
        found += weight * is_held
        if not asks_with(question, term, hit.language):
            things.append((weight, is_held))
    if things and not any(is_held for _, is_held in things):
        return 0.0, False
    return found / (total or 1.0), max(things, default=(0.0, False))[1]
