"""The words of an English question: the auxiliary first, the persons changed, a fitting length. Pure."""

from __future__ import annotations

from training.pairs.grammar.clauses import Clause, Words
from training.pairs.grammar.tagged import Word

MOST_REST = 14
BE = {"is", "are", "was", "were", "am"}
_HAVE = {"has", "have", "had"}
_FILLERS = frozenset(["also", "therefore", "then", "however", "thus", "further", "likely"])
_ENDS = frozenset(["noun", "name", "number", "infinitive", "participle"])
_SIGNS_BEFORE = frozenset([".", ",", "%", "'s", "’s", ")", "'", "’"])


class Turned:
    """A clause with its auxiliary apart, as questions need it."""

    def __init__(self, found: Clause, speaker: str) -> None:
        self.lead, self.after, self.verb = found.lead, found.after, found.verb
        plain = tuple(word for word in found.rest if word.low not in _FILLERS)
        self.rest = persons(plain, speaker)
        self.subject = text_of(persons(found.subject, speaker, subject=True))
        self.words = found.subject
        self.auxiliary, self.main = _auxiliary(found, speaker)
        if self.subject[:1].isupper():
            self.subject = lower_first(found.subject, self.subject)

    def ask(self, rest: Words, first: str = "") -> str:
        """The question with a rest, and with a question word if one is given."""
        parts = [first, self.auxiliary, self.subject, self.main, text_of(rest)]
        line = " ".join(part for part in parts if part)
        return line[:1].upper() + line[1:] + "?"


def _auxiliary(found: Clause, speaker: str) -> tuple[str, str]:
    """The word before the subject, and the base form of a main verb."""
    verb, subject = found.verb, found.subject
    low, alone = verb.low, len(subject) == 1
    following = next((word.tag for word in found.rest if word.tag not in ("adverb", "not")), "")
    first, second = alone and subject[0].low == "we", alone and subject[0].low == "you"
    singular = first and speaker == "the company"
    if verb.tag == "modal":
        return ("can" if low == "cannot" else low), ""
    if low in BE or (low in _HAVE and following == "participle"):
        if second:
            return {"are": "am", "were": "was"}.get(low, low), ""
        return {"are": "is", "were": "was", "have": "has"}.get(low, low) if singular else low, ""
    if verb.lemma == "do":
        return "does" if singular and low == "do" else low, ""
    if verb.past:
        return "did", verb.lemma
    return ("does" if verb.third or singular else "do"), verb.lemma


def fitting(rest: Words, most: int = MOST_REST) -> Words:
    """As much of the rest as makes a question of fair length, up to the end of a phrase."""
    best = 0
    for end in range(1, min(len(rest), most) + 1):
        following = rest[end].tag if end < len(rest) else ""
        inside = following in ("noun", "name", "particle", "number", "participle", "adjective", "gerund", "infinitive", "determiner", "possessive")  # fmt: skip
        if rest[end - 1].tag in _ENDS and not inside:
            best = end
    if best < len(rest) and best and rest[best].low in ("of", "to") and best > 1:
        # "of" and "to" belong to what stands before them.
        shorter = fitting(rest[: best - 1], most)
        return shorter if shorter else rest[:best]
    return rest[:best]


def persons(part: Words, speaker: str, *, subject: bool = False) -> Words:
    """A part with the writers named, and the reader as the one who asks."""
    whose = f"{speaker}'" if speaker.endswith("s") else f"{speaker}'s"
    named = {"we": speaker, "us": speaker, "our": whose, "ours": whose}
    asked = {"your": "my", "yours": "mine", "yourself": "myself", "you": "I" if subject else "me"}
    both = named | asked
    return tuple(
        Word(both[word.low], word.lemma, word.tag) if word.low in both else word for word in part
    )


def lower_first(part: Words, text: str) -> str:
    """A phrase with its first letter lowered, where that letter is the sentence's and not a name's."""
    first = part[0]
    common = first.tag in ("determiner", "possessive", "adjective", "participle") or first.plural
    common = common or (first.tag == "noun" and first.lemma.islower() and len(part) > 1)
    titled = any(word.text[:1].isupper() for word in part[1:]) and first.tag != "determiner"
    plain = first.text[1:].islower() or len(first.text) == 1
    return text[:1].lower() + text[1:] if plain and common and not titled else text


def text_of(part: Words) -> str:
    """The words as text, with no space before a punctuation mark."""
    line = ""
    for word in part:
        line += word.text if word.text in _SIGNS_BEFORE or not line else f" {word.text}"
    return line
