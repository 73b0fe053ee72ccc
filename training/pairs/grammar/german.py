"""
Questions from German sentences: the finite verb goes to the front, and a part is asked for. Pure.

A main clause has its finite verb in second place, with the subject before it or after it, and the
rest of the verb at its end. So only whole clauses are turned round, never parts of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from training.pairs.forms import Made
from training.pairs.grammar.tagged import Word, words

Words = tuple[Word, ...]

MOST_WORDS = 16
FEWEST_CONTENT = 2
_CONTENT = frozenset(["noun", "name", "number", "infinitive", "participle"])
_BEFORE_NOUNS = frozenset(["determiner", "possessive", "adjective", "number"])
_STOPS = frozenset([",", ";", ":", ".", "?", "!", "(", ")", "–", "—", "„", "“", '"', "|", "•"])
_POINTING = frozenset([
    "dies", "diese", "dieser", "dieses", "diesem", "diesen", "jene", "jener", "jenes", "solche",
    "solcher", "solches", "er", "es", "ihm", "ihn", "hier", "dort", "dabei", "dafür", "dagegen",
    "damit", "danach", "daran", "darauf", "daraus", "darin", "darüber", "davon", "dazu", "hierbei",
    "hierfür", "hierzu", "oben", "unten", "folgende", "folgenden", "folgender", "folgendes",
    "wir", "uns", "unser", "unsere", "unseren", "unserem", "unserer", "dessen", "deren",
    "letztere", "erstere", "dann", "so", "deshalb", "daher", "dadurch", "somit",
])  # fmt: skip
_PAST = frozenset(["betrug", "betrugen", "belief", "beliefen", "lag", "lagen"])
_LEFT_OUT = frozenset(["auch", "nicht", "jedoch", "zudem", "außerdem"])
_TIMES = frozenset([
    "tag", "tage", "tagen", "woche", "wochen", "monat", "monate", "monaten", "monats", "jahr",
    "jahre", "jahren", "jahres", "stunde", "stunden", "minute", "minuten", "quartal", "quartals",
    "januar", "februar", "märz", "april", "mai", "juni", "juli", "august", "september", "oktober",
    "november", "dezember", "uhr", "ende", "beginn", "frist",
])  # fmt: skip
_WHEN = frozenset(["bis", "am", "ab", "im", "innerhalb", "spätestens", "binnen", "vor", "nach", "seit", "um"])  # fmt: skip
_WHY = frozenset(["wegen", "aufgrund", "weil", "da", "infolge"])
# What becomes of the verb when the reader, who is addressed, asks.
_FIRST_PERSON = {
    "müssen": "muss", "können": "kann", "dürfen": "darf", "sollen": "soll", "sollten": "sollte",
    "werden": "werde", "haben": "habe", "sind": "bin", "erhalten": "erhalte", "brauchen": "brauche",
}  # fmt: skip


@dataclass(frozen=True)
class _Clause:
    """A clause with its verb in second place. `first` stands before the verb."""

    first: Words
    subject: Words
    verb: Word
    rest: Words
    after: Words


def questions(sentence: str) -> Iterator[Made]:
    """Questions that a sentence answers, those that ask for most first."""
    found = _clause(tuple(words(sentence, "de")))
    if found is None:
        return
    for maker in (_definition, _amount, _duty, _reason, _time, _whether):
        yield from (made for made in maker(found) if _stands_alone(made))


def _clause(read: Words) -> _Clause | None:
    start = 0
    verb = next((n for n, word in enumerate(read) if word.tag in ("finite", "modal")), None)
    if not verb or any(word.text in _STOPS for word in read[start:verb] if word.text != "."):
        return None
    stop = next(
        (n for n in range(verb + 1, len(read)) if _stops(read, n)),
        len(read),
    )  # fmt: skip
    first, rest, after = read[:verb], read[verb + 1 : stop], read[stop:]
    if not rest or len(first) + len(rest) > MOST_WORDS or any(w.tag == "finite" for w in rest):
        return None
    polite = len(first) == 1 and first[0].text == "Sie"
    if polite or _noun_phrase(first, 0) == len(first):
        return _Clause((), first, read[verb], rest, after)
    if first[0].tag not in ("preposition", "adverb", "other"):
        return None
    end = 1 if rest[0].text == "Sie" else _noun_phrase(rest, 0)
    return _Clause(first, rest[:end], read[verb], rest[end:], after) if end else None


def _stops(read: Words, at: int) -> bool:
    """Whether the clause ends here. The full stop of an ordinal as in "1. Mai" does not end it."""
    word = read[at]
    if word.text == "." and read[at - 1].tag == "number" and at + 1 < len(read):
        return False
    return word.text in _STOPS


def _noun_phrase(part: Words, start: int) -> int | None:
    """The end of the noun phrase that begins at a word, with what is attached to it."""
    at, last = start, None
    while at < len(part):
        word = part[at]
        if word.tag in ("noun", "name"):
            last = at = at + 1
        elif word.tag in _BEFORE_NOUNS and (last is None or _goes_on(part, at)):
            at += 1
        elif last == at and word.tag in ("preposition", "and") and at + 1 < len(part):
            at += 1
            if part[at].tag in ("determiner", "possessive"):
                at += 1
        else:
            break
    return last


def _goes_on(part: Words, at: int) -> bool:
    """Whether a genitive begins here, or an adjective stands after what leads to a noun."""
    if part[at].low in ("der", "des", "eines", "einer"):
        return True
    return part[at].tag == "adjective" and part[at - 1].tag in (
        *_BEFORE_NOUNS,
        "and",
        "preposition",
    )


def _definition(found: _Clause) -> Iterator[Made]:
    if found.first or found.verb.low not in ("ist", "sind", "bezeichnet", "bedeutet", "umfasst"):
        return
    content = [word for word in found.subject if word.tag in ("noun", "name")]
    if not content or len(found.subject) > 5:
        return
    subject = _text(_asked(found.subject))
    if found.verb.low in ("ist", "sind"):
        if found.rest[0].low in (
            "ein",
            "eine",
            "einer",
            "der",
            "die",
            "das",
            "jede",
            "jeder",
            "alle",
        ):
            yield Made(f"Was {found.verb.low} {subject}?", "definition")
    elif found.verb.low == "umfasst":
        yield Made(f"Was umfasst {subject}?", "definition")
    else:
        yield Made(f"Was bedeutet {subject}?", "definition")


def _amount(found: _Clause) -> Iterator[Made]:
    """How high or how long something is, of which the sentence tells the amount."""
    if found.first or not _tells_amount(found):
        return
    past = found.verb.low in _PAST
    many = found.verb.low in ("betragen", "betrugen", "beliefen", "belaufen", "liegen", "lagen")
    be = ("waren" if many else "war") if past else ("sind" if many else "ist")
    long = any(word.low in _TIMES for word in found.rest[:4])
    subject = _text(_asked(found.subject))
    if found.verb.lemma == "kosten":
        yield Made(f"Wie viel {found.verb.low} {subject}?", "figure")
    else:
        yield Made(f"Wie {'lang' if long else 'hoch'} {be} {subject}?", "figure")


def _tells_amount(found: _Clause) -> bool:
    near = any(word.tag == "number" for word in found.rest[:4])
    lies = found.verb.lemma == "liegen" and found.rest[0].low == "bei"
    told = lies or found.verb.lemma in ("betragen", "belaufen", "kosten")
    return near and told and any(word.tag == "noun" for word in found.subject)


def _reason(found: _Clause) -> Iterator[Made]:
    at = next((n for n, word in enumerate(found.rest) if word.low in _WHY), None)
    late = found.after[1:2] and found.after[1].low in ("weil", "da")
    led = found.first and found.first[0].low in _WHY
    if led or late:
        yield Made(_ask(found, found.rest, "Warum"), "reason")
    elif at is not None and found.rest[at].tag == "preposition":
        end = _noun_phrase(found.rest, at + 1)
        if end:
            yield Made(_ask(found, found.rest[:at] + found.rest[end:], "Warum"), "reason")


def _time(found: _Clause) -> Iterator[Made]:
    if found.first and _is_time(found.first):
        yield Made(_ask(found, found.rest, _when(found.first)), "time")
        return
    for at, word in enumerate(found.rest):
        if word.low in _WHEN:
            end = _end_of_time(found.rest, at)
            if end and _is_time(found.rest[at:end]):
                rest = found.rest[:at] + found.rest[end:]
                if rest:
                    yield Made(_ask(found, rest, _when(found.rest[at:end])), "time")
                return


def _is_time(part: Words) -> bool:
    return any(word.low in _WHEN for word in part) and any(word.low in _TIMES for word in part)


def _when(part: Words) -> str:
    return (
        "Bis wann"
        if any(w.low in ("bis", "spätestens", "innerhalb", "binnen") for w in part)
        else "Wann"
    )


def _end_of_time(rest: Words, at: int) -> int | None:
    """The end of a phrase of time: up to its last noun of time, with a year after it."""
    last = None
    for n in range(at + 1, min(at + 9, len(rest))):
        word = rest[n]
        if word.low in _TIMES or (word.tag == "number" and last == n):
            last = n + 1
        elif word.tag in ("infinitive", "participle"):
            break
    return last


def _whether(found: _Clause) -> Iterator[Made]:
    if _tells_amount(found):
        return
    rest = tuple(word for word in found.rest if word.low not in _LEFT_OUT)
    if found.first and found.first[0].tag == "preposition" and not _is_time(found.first):
        rest = _asked(found.first) + rest
    if any(word.tag in ("noun", "name") for word in (*found.subject, *rest)):
        yield Made(_ask(found, rest, ""), "whether")


def _duty(found: _Clause) -> Iterator[Made]:
    """From "Vor dem Öffnen müssen Sie ...": what has to be done then."""
    addressed = len(found.subject) == 1 and found.subject[0].text == "Sie"
    if (
        addressed
        and found.verb.low == "müssen"
        and found.first[:1]
        and (found.first[0].tag == "preposition" and len(found.first) > 2)
    ):
        yield Made(f"Was muss ich {_text(_asked(found.first))} tun?", "how")


def _ask(found: _Clause, rest: Words, first: str) -> str:
    verb, subject = found.verb.text, _text(_asked(found.subject, subject=True))
    if len(found.subject) == 1 and found.subject[0].text == "Sie":
        verb = _FIRST_PERSON.get(verb.lower(), "")
        if not verb:
            return ""
    # The reflexive pronoun stands before a subject that is a noun.
    itself = "sich" if any(word.low == "sich" for word in rest) else ""
    others = tuple(word for word in rest if word.low != "sich")
    line = " ".join(part for part in (first, verb, itself, subject, _text(_asked(others))) if part)
    return line[:1].upper() + line[1:] + "?"


def _asked(part: Words, *, subject: bool = False) -> Words:
    """A part as the reader says it, who was addressed. A first word loses its capital."""
    said = []
    for n, word in enumerate(part):
        text = word.text
        if text == "Sie":
            text = "ich" if subject else "mich"
        elif text == "Ihnen":
            text = "mir"
        elif text.startswith("Ihr") and word.tag in ("possessive", "pronoun"):
            text = f"mein{text[3:]}"
        elif n == 0 and word.tag not in ("noun", "name", "other"):
            text = text[:1].lower() + text[1:]
        said.append(Word(text, word.lemma, word.tag))
    return tuple(said)


def _text(part: Words) -> str:
    line = ""
    for word in part:
        line += word.text if word.text in (".", ",", "%") or not line else f" {word.text}"
    return line


def _stands_alone(made: Made) -> bool:
    if not made.question:
        return False
    said = words(made.question, "de")
    content = {word.lemma for word in said if word.tag in _CONTENT}
    pointing = any(word.low in _POINTING for word in said)
    return not pointing and len(content) >= (
        1 if made.kind in ("definition", "figure") else FEWEST_CONTENT
    )
