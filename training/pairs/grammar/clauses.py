"""
The main clause of an English sentence: its subject, its verb and what follows. Pure.

Only sentences of the plain form subject, verb, rest are read, after a leading phrase at most. All
others are given up, because a question made from a wrong reading is worse than none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from training.pairs.grammar.tagged import Word

Words = tuple[Word, ...]

# A leading phrase, and the number of prepositions that a subject may hold.
MOST_LEAD = 16
MOST_ATTACHED = 2
# What points outside the sentence.
POINTING = frozenset([
    "this", "these", "that", "those", "such", "it", "itself", "he", "she", "him", "her", "his",
    "they", "them", "one", "ones", "here", "there", "above", "below", "following", "foregoing",
    "former", "latter", "respectively", "thereof", "therein", "hereby", "herein", "hereto",
    "another", "otherwise", "same", "aforementioned", "accompanying",
])  # fmt: skip
_MODIFIERS = frozenset(["adjective", "number", "participle", "gerund", "noun", "name", "particle"])
_STOPS = frozenset([";", ":", "(", ")", ",", "—", "–", "“", "”", '"', "|", "[", "]", "•", "/"])


@dataclass(frozen=True)
class Clause:
    """
    A main clause.

    :param lead: What stands before the subject, without the comma.
    :param verb: The finite verb, or the modal or auxiliary that begins it.
    :param rest: What follows the verb, up to the end of the clause.
    :param after: What follows the clause.
    """

    lead: Words
    subject: Words
    verb: Word
    rest: Words
    after: Words


def clause(sentence: Sequence[Word]) -> Clause | None:
    """The main clause of a sentence, or None where it is not of the plain form."""
    words = _with_verb(_without_brackets(sentence))
    lead, start = _lead(words)
    if start is None:
        return None
    end = _subject(words, start)
    if end is None:
        return None
    at = end
    while at < len(words) and words[at].tag == "adverb":
        at += 1
    if at >= len(words) or words[at].tag not in ("finite", "modal"):
        return None
    if any(word.low in POINTING for word in words[start:at]):
        return None
    stop = _stop(words, at + 1)
    if any(word.text == "." for word in words[:-1][stop - 1 :]) or "." in _texts(words[:at]):
        return None  # of an abbreviation: what is cut there is half a phrase
    found = Clause(lead, words[start:end], words[at], words[at + 1 : stop], words[stop:])
    return found if _agrees(found) else None


def _texts(part: Words) -> set[str]:
    return {word.text for word in part}


def noun_phrase(words: Words, start: int) -> int | None:
    """
    The end of the noun phrase that begins at a word.

    :returns: None if no noun phrase begins there.
    """
    at = start
    if at < len(words) and words[at].tag in ("determiner", "possessive"):
        at += 1
    last = None
    while at < len(words):
        word = words[at]
        if word.tag == "adverb" and at + 1 < len(words) and words[at + 1].tag == "adjective":
            at += 1
        elif word.tag in _MODIFIERS:
            last = at + 1 if word.tag in ("noun", "name") else last
            at += 1
        elif word.low in ("and", "or") and last == at and _joins(words, at):
            at += 2 if words[at + 1].tag in ("determiner", "possessive") else 1
        else:
            break
    return last


def _joins(words: Words, at: int) -> bool:
    """Whether a conjunction between nouns is followed by another noun or what leads to one."""
    following = words[at + 1 : at + 4]
    return bool(following) and any(word.tag in ("noun", "name") for word in following)


def _without_brackets(sentence: Sequence[Word]) -> Words:
    kept, depth = [], 0
    for word in sentence:
        depth += word.text == "("
        if not depth:
            kept.append(word)
        depth = max(0, depth - (word.text == ")"))
    return tuple(kept)


def _with_verb(words: Words) -> Words:
    """In a sentence without a finite verb, what looks like the first participle is that verb."""
    if any(word.tag in ("finite", "modal") for word in words):
        return words
    at = next(
        (n for n, word in enumerate(words) if n and word.tag == "participle" and word.low.endswith("ed")
         and words[n - 1].tag in ("noun", "name", "adverb", "pronoun")),
        None,
    )  # fmt: skip
    if at is None:
        return words
    verb = replace(words[at], tag="finite", past=True)
    return (*words[:at], verb, *words[at + 1 :])


def _lead(words: Words) -> tuple[Words, int | None]:
    """What stands before the subject, and where the subject begins."""
    if not words:
        return (), None
    first = words[0]
    if first.tag not in ("preposition", "subordinate", "to", "adverb"):
        return (), 0
    commas = [n for n, word in enumerate(words[:MOST_LEAD]) if word.text == ","]
    if not commas:
        return (), None
    return words[: commas[0]], commas[0] + 1


def _subject(words: Words, start: int) -> int | None:
    if start < len(words) and words[start].low in ("we", "you"):
        return start + 1
    end = noun_phrase(words, start)
    for _ in range(MOST_ATTACHED):
        if end is None or end >= len(words):
            return None
        at = end + (words[end].tag == "participle")
        if at >= len(words) or words[at].tag != "preposition":
            break
        attached = noun_phrase(words, at + 1)
        if attached is None:
            return None
        end = attached
    return end


def _stop(words: Words, start: int) -> int:
    """Where the main clause ends."""
    for at in range(start, len(words)):
        word = words[at]
        if word.tag in ("relative", "subordinate") and word.low not in ("as", "than"):
            return at
        if word.text in _STOPS or (word.tag == "punctuation" and word.text in (".", "?", "!")):
            return at
        if word.low == "as" and words[at + 1 : at + 2] and words[at + 1].tag == "pronoun":
            return at
        if word.tag == "and" and _begins_a_clause(words, at + 1):
            return at
    return len(words)


def _begins_a_clause(words: Words, start: int) -> bool:
    """Whether a finite verb comes before the next sign."""
    for word in words[start : start + 8]:
        if word.tag == "punctuation":
            return False
        if word.tag in ("finite", "modal", "pronoun"):
            return True
    return False


def _agrees(found: Clause) -> bool:
    """Whether subject and verb agree in number, which betrays most wrong readings."""
    subject, verb = found.subject, found.verb
    if verb.tag == "modal" or (verb.past and verb.lemma != "be"):
        return True
    if len(subject) == 1 and subject[0].low in ("we", "you"):
        return not verb.third and verb.low != "was"
    head = next(
        (word for word, following in zip(subject, [*subject[1:], None], strict=True)
         if word.tag in ("noun", "name")
         and (following is None or following.tag in ("preposition", "participle"))),
        None,
    )  # fmt: skip
    if head is None:
        return False
    singular = verb.third or verb.low == "was"
    joined = any(word.low == "and" for word in subject)
    return singular != head.plural or (joined and not singular) or head.tag == "name"
