"""
Turns English sentences into questions by their form: definitions, figures, effects, statements.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Made:
    """A question and the kind of form that it was made by."""

    question: str
    kind: str


_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_TIME = re.compile(
    r"\b(?:in|during|as of|for the (?:\w+ )?(?:year|years|quarter|months|period)s? ended|since|by)"
    r" (?:(?:fiscal|the year|early|late|mid) )?(?:[A-Z][a-z]+ (?:\d{1,2}, )?)?(?:19|20)\d\d\b"
)
_ANAPHORA = re.compile(
    r"(?:This|That|These|Those|It|They|He|She|Such|However|Therefore|Thus|There|Here|As a result)\b"
)
_LEADING = re.compile(r"^(?:(?:In|For|During|As of|Although|While|If|When|Since)\b[^,]{3,80}, )")
_DEFINITION = re.compile(
    r"(?P<term>(?:The |A |An )?[A-Z“\"][\w’'“”\" -]{2,60}?) (?P<verb>is|are|means|refers to|includes?|consists? of)"
    r" (?:a |an |the |any |all |primarily )?[a-z]"
)
_ABBREVIATION = re.compile(r"\b((?:[A-Z][\w-]+ (?:of |and |for |the )?){1,5}[A-Z][\w-]+) \([“\"]?(?:the [“\"])?([A-Z][A-Z0-9&-]{1,8})[”\"]?\)")  # fmt: skip
_FIGURE = re.compile(
    r"(?P<subject>[A-Z][^.;:()]{4,110}?) (?P<verb>was|were|is|are|totaled|amounted to|reached"
    r"|increased|decreased|grew|rose|fell|declined|accounted for|represented) (?P<rest>.*\d.*)"
)
_EFFECT = re.compile(
    r"(?P<cause>[A-Z][^.;:]{6,110}?) (?:may|could|can|might|would)(?: also)?(?: have (?:an? )?)?"
    r"(?: \w+ly| materially and adversely)? ?(?P<verb>affect|harm|reduce|increase|impact|lead to|result in"
    r"|cause|limit|prevent|delay|damage|require) (?P<object>[^.;:]{5,130})"
)
_STATEMENT = re.compile(r"(?P<who>We|The Company|The authors) (?:also |generally |currently )?(?P<verb>[a-z]+) (?P<rest>[^.;:]{15,220})")  # fmt: skip
_BASE = {
    "increased": "increase", "decreased": "decrease", "grew": "grow", "rose": "rise",
    "fell": "fall", "declined": "decline",
}  # fmt: skip
_NO_NAME = frozenset([
    "if", "when", "where", "while", "what", "who", "how", "under", "in", "for", "on", "at", "by",
    "as", "to", "any", "all", "each", "some", "many", "most", "such", "we", "you", "i", "he",
    "she", "they", "no", "not", "also", "and", "or", "but", "because", "although", "since",
    "with", "from", "key", "other",
])  # fmt: skip
_CLAUSE = frozenset([
    "will", "shall", "may", "might", "can", "could", "would", "that", "which", "who", "if",
    "when", "be", "been",
])  # fmt: skip
_AUXILIARIES = frozenset([
    "are", "were", "is", "was", "have", "had", "has", "may", "might", "can", "could", "will",
    "would", "shall", "should", "must", "do", "did", "does", "cannot", "not", "made", "held",
    "began", "paid", "sold", "took", "gave", "became", "further", "then", "now", "believed",
])  # fmt: skip
_FUNCTION_WORDS = frozenset([
    "a", "an", "the", "our", "any", "all", "each", "some", "many", "most", "several", "other",
    "total", "net", "gross", "no", "both", "new",
])  # fmt: skip
_OPEN_ENDS = frozenset([
    "a", "an", "the", "of", "and", "or", "to", "in", "for", "on", "with", "by", "from", "as",
    "at", "that", "which", "our", "their", "its", "is", "are", "be", "may", "will", "such",
    "including", "not", "any", "this", "these", "those",
])  # fmt: skip


def definition(sentence: str) -> Iterator[Made]:
    """Questions about the meaning of a term or an abbreviation."""
    for whole, short in _ABBREVIATION.findall(sentence):
        yield Made(f"What does {short} stand for?", "definition")
        yield Made(f"What is {whole.strip()}?", "definition")
    match = _DEFINITION.match(sentence)
    if match is None or not _is_name(match["term"]):
        return
    term = lower(match["term"].strip('“”" '))
    if match["verb"] in ("is", "are"):
        yield Made(f"What {match['verb']} {term}?", "definition")
    elif match["verb"] in ("means", "refers to"):
        yield Made(f"What is meant by {term}?", "definition")
    else:
        ending = "include" if match["verb"].startswith("include") else "consist of"
        yield Made(f"What does {term} {ending}?", "definition")


def _is_name(term: str) -> bool:
    """Whether a run of words may be a name, and not the beginning of a sentence."""
    words = [word.casefold() for word in words_of(term)]
    return (
        1 <= len(words) <= 6
        and not _ANAPHORA.match(term)
        and words[0] not in _NO_NAME
        and _CLAUSE.isdisjoint(words)
    )


def _is_base_form(verb: str) -> bool:
    """Whether an English verb can follow *do*, judging by its ending."""
    return verb not in _AUXILIARIES and not verb.endswith(("ed", "ing"))


def figure(sentence: str) -> Iterator[Made]:
    """Questions about an amount, its change, and the reason for the change."""
    bare = _LEADING.sub("", sentence)
    match = _FIGURE.match(bare[:1].upper() + bare[1:])
    if match is None or _ANAPHORA.match(match["subject"]):
        return
    time = _TIME.search(sentence)
    when = f" {time.group()}" if time and time.group() not in match["subject"] else ""
    subject, verb = _third(lower(match["subject"]), "the company"), match["verb"]
    if len(words_of(subject)) > 16 or subject.startswith("the company "):
        return
    if verb in _BASE:
        yield Made(f"How much did {subject} {_BASE[verb]}{when}?", "figure")
        if re.search(r"\b(?:due to|because|driven by|attributable to)\b", sentence):
            yield Made(f"Why did {subject} {_BASE[verb]}{when}?", "figure")
    elif verb in ("was", "were", "is", "are"):
        yield Made(f"What {verb} {subject}{when}?", "figure")
    else:
        yield Made(f"How much was {subject}{when}?", "figure")


def effect(sentence: str) -> Iterator[Made]:
    """Questions about how something could affect something else."""
    bare = _LEADING.sub("", sentence)
    match = _EFFECT.match(bare[:1].upper() + bare[1:])
    if match is None or not _is_cause(match["cause"]):
        return
    cause = _third(lower(match["cause"]), "the company")
    affected = _trim(" ".join(_third(match["object"], "the company").split()[:14]))
    yield Made(f"How could {cause} {match['verb']} {affected}?", "effect")


def statement(sentence: str, speaker: str) -> Iterator[Made]:
    """Questions about what the writers say of themselves. `speaker` replaces "we"."""
    match = _STATEMENT.match(sentence)
    if match is None:
        return
    rest = " ".join(_third(match["rest"], speaker).split()[:14])
    singular = speaker == "the company"
    asked = "does" if singular else "do"
    verb = match["verb"]
    if match["who"] != "We":
        verb = verb.removesuffix("s")
    if not _is_base_form(verb):
        return
    yield Made(f"How {asked} {speaker} {verb} {_trim(rest)}?", "statement")


def _is_cause(text: str) -> bool:
    return not _ANAPHORA.match(text) and words_of(text)[0].casefold() not in _NO_NAME - {
        "any",
        "we",
    }


def _third(text: str, speaker: str) -> str:
    """The text in the third person."""
    text = re.sub(r"\b[Oo]ur\b", f"{speaker}'s", text)
    return re.sub(r"\b(?:[Ww]e|us)\b", speaker, text)


def lower(text: str) -> str:
    """Lower the first letter for use inside a sentence, if the first word is a function word."""
    first = text.split(" ", 1)[0]
    function_word = first.lower() in _FUNCTION_WORDS
    return text[:1].lower() + text[1:] if function_word else text


def _trim(text: str) -> str:
    """Remove words at the end that need another word after them."""
    words = text.rstrip(" ,").split()
    while words and words[-1].lower() in _OPEN_ENDS:
        words.pop()
    return " ".join(words).rstrip(" ,")


def words_of(text: str) -> list[str]:
    """The words of a text, without punctuation."""
    return _WORD.findall(text)


def is_prose(sentence: str) -> bool:
    """Whether a sentence is prose, and not a table row, a running head or a list of numbers."""
    letters = sum(char.isalpha() for char in sentence)
    return letters > 0.5 * len(sentence) and "|" not in sentence
