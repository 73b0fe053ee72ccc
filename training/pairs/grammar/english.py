"""
Questions from English sentences: the clause is turned round, and a part is asked for. Pure.

After the rules of Heilman and Smith (2010), "Good Question! Statistical Ranking for Question
Generation": the auxiliary goes before the subject, and the phrase that answers is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from training.pairs.forms import Made
from training.pairs.grammar.clauses import POINTING, Words, clause, noun_phrase
from training.pairs.grammar.tagged import Word, words
from training.pairs.grammar.turned import BE, Turned, fitting, persons, text_of

# Yes-or-no questions name less of the sentence: people do not ask with all of an answer's words.
SHORT_REST = 9
FEWEST_CONTENT = 2
MOST_SUBJECT = 10

_ABBREVIATION = re.compile(
    r"\b((?:[A-Z][\w-]+ (?:of |and |for |the )?){1,5}[A-Z][\w-]+)"
    r" \([“\"]?(?:the [“\"])?([A-Z][A-Z0-9&-]{1,8})[”\"]?\)"
)
_TIMES = frozenset([
    "day", "week", "month", "year", "quarter", "hour", "minute", "second", "january", "february",
    "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december", "monday", "friday", "date", "end", "night", "period",
])  # fmt: skip
_WHEN = frozenset(
    ["in", "during", "within", "before", "after", "until", "since", "by", "on", "for"]
)
_CAUSES = ("because", "due", "owing", "since", "as a result of", "driven by", "attributable to")
_CHANGES = frozenset(["increase", "decrease", "grow", "rise", "fall", "decline"])
_EFFECTS = frozenset([
    "affect", "harm", "reduce", "increase", "impact", "lead", "result", "cause", "limit", "prevent",
    "delay", "damage", "require", "decrease", "improve", "hurt", "weaken", "influence",
])  # fmt: skip
_NO_EVIDENCE = frozenset(["purpose", "goal", "aim", "result", "example", "reason", "fact", "case"])
_CONTENT = frozenset(["noun", "name", "adjective", "number", "infinitive", "participle", "gerund"])
_BEFORE_NOUNS = frozenset(["determiner", "possessive", "adjective"])


def questions(sentence: str, speaker: str) -> Iterator[Made]:
    """
    Questions that a sentence answers, those that ask for most first.

    :param speaker: Who writes the documents. It replaces "we".
    """
    if "n't" in sentence or "n’t" in sentence:
        sentence = sentence.replace("can't", "cannot").replace("n't", " not").replace("n’t", " not")
    for whole, short in _ABBREVIATION.findall(sentence):
        yield Made(f"What does {short} stand for?", "definition")
        yield Made(f"What is {whole.strip()}?", "definition")
    read = words(sentence, "en")
    yield from (made for made in _how_to(read) if _stands_alone(made))
    found = clause(read)
    if found is None or not found.rest or len(found.subject) > MOST_SUBJECT:
        return
    turned = Turned(found, speaker)
    asked = [
        made
        for maker in (_definition, _reason, _manner, _amount, _time, _effect)
        for made in maker(turned)
        if _stands_alone(made)
    ]
    yield from asked
    # With an amount or an effect in it, "whether" would say what is asked for.
    if not {"figure", "effect"} & {made.kind for made in asked}:
        yield from (made for made in _whether(turned) if _stands_alone(made))


def of_heading(heading: str) -> str | None:
    """The question of a heading that names something to do, as "Packaging your assets"."""
    read = tuple(words(heading, "en"))
    if len(read) < 3 or read[1].tag == "preposition":
        return None
    first = read[0]
    if first.tag not in ("gerund", "infinitive") and not _is_order(first):
        return None
    has_object = any(word.plural or word.tag in _BEFORE_NOUNS for word in read[1:5])
    if not has_object or first.lemma in ("include", "follow", "relate", "understand"):
        return None
    return f"How do I {first.lemma} {text_of(persons(read[1:], 'the authors'))}?"


def _how_to(read: list[Word]) -> Iterator[Made]:
    """From "To create a table, choose ...": how it is done."""
    comma = next((n for n, word in enumerate(read) if word.text == ","), 0)
    if not (3 < comma < 16 and read[0].low == "to" and read[1].tag == "infinitive"):
        return
    told = read[comma + 1 : comma + 2]
    if told and (told[0].low == "you" or told[0].tag == "infinitive" or _is_order(told[0])):
        yield Made(f"How do I {text_of(persons(tuple(read[1:comma]), 'the authors'))}?", "how")


def _is_order(word: Word) -> bool:
    return word.tag == "finite" and word.low == word.lemma and word.lemma != "be"


def _definition(turned: Turned) -> Iterator[Made]:
    first = turned.rest[0]
    if turned.verb.low in ("is", "are") and first.low in ("a", "an", "the", "any", "all"):
        if _is_specific(turned.words, first) and turned.words[0].tag != "number":
            yield Made(f"What {turned.verb.low} {turned.subject}?", "definition")
    elif turned.verb.lemma in ("include", "mean", "comprise") and len(turned.words) > 2:
        yield Made(turned.ask((), "What"), "definition")


def _is_specific(subject: Words, first: Word) -> bool:
    """Whether a subject says enough to ask what it is: a name, two words, or a kind of thing."""
    content = [word for word in subject if word.tag in ("noun", "name", "adjective")]
    if not content or content[-1].lemma in _NO_EVIDENCE:
        return False
    named = any(word.tag == "name" or not word.text[1:].islower() for word in content)
    kind = subject[0].low in ("a", "an") and first.low in ("a", "an")
    return len(content) > 1 or named or kind


def _reason(turned: Turned) -> Iterator[Made]:
    whole = text_of((*turned.rest, *turned.after)).casefold()
    if any(f" {cause} " in f" {whole} " for cause in _CAUSES[2:]) or any(
        word.low in _CAUSES[:3] for word in (*turned.rest, *turned.after[:2])
    ):
        at = next(
            (n for n, word in enumerate(turned.rest)
             if word.low in ("due", "because", "owing", "as", "driven", "attributable", "primarily")),
            len(turned.rest),
        )  # fmt: skip
        rest = fitting(_without_amount(turned.rest[:at]))
        if _says_something(rest) or turned.verb.lemma in _CHANGES:
            yield Made(turned.ask(rest, "Why"), "reason")


def _manner(turned: Turned) -> Iterator[Made]:
    for at, word in enumerate(turned.rest):
        by = word.low in ("by", "through") and turned.rest[at + 1 : at + 2]
        if (by and by[0].tag == "gerund") or (word.low == "using" and at):
            rest = fitting(turned.rest[:at])
            done = turned.verb.low not in BE or any(w.tag == "participle" for w in rest)
            if _says_something(rest) and done:
                yield Made(turned.ask(rest, "How"), "manner")
            return


def _says_something(rest: Words) -> bool:
    return any(word.tag in ("noun", "name", "participle", "adjective") for word in rest)


def _amount(turned: Turned) -> Iterator[Made]:
    """How much something was or changed, or how many of something there are."""
    at = 0
    while at < len(turned.rest) and (
        turned.rest[at].tag == "adverb" or turned.rest[at].low in ("by", "to", "of", "about")
    ):
        at += 1
    number = turned.rest[at : at + 1]
    if not number or number[0].tag != "number":
        return
    end = at
    while end < len(turned.rest) and turned.rest[end].tag == "number":
        end += 1
    counted = turned.rest[end : end + 1]
    when = text_of(_when(turned.rest[at:]) or _when(turned.lead))
    when = when[:1].lower() + when[1:]
    when = f" {when}" if when and when.casefold() not in turned.subject.casefold() else ""
    low = turned.verb.low
    money = number[0].text[0] in "$€£" or number[0].text.endswith("%")
    if low in BE:
        if not (counted and counted[0].plural) or money:
            yield Made(f"What {low} {turned.subject}{when}?", "figure")
    elif counted and counted[0].plural and turned.main and not money:
        stop = noun_phrase(turned.rest, end) or end + 1
        yield Made(turned.ask(fitting(turned.rest[stop:]), f"How many {text_of(turned.rest[end:stop])}"), "figure")  # fmt: skip
    elif turned.main and money:
        yield Made(f"How much {turned.auxiliary} {turned.subject} {turned.main}{when}?", "figure")


def _time(turned: Turned) -> Iterator[Made]:
    for at, word in enumerate(turned.rest):
        if at and word.low in _WHEN and word.tag in ("preposition", "subordinate"):
            end = noun_phrase(turned.rest, at + 1)
            part = turned.rest[at + 1 : end]
            if (
                end
                and any(w.tag == "number" for w in part)
                and any(w.lemma.casefold() in _TIMES or w.low in _TIMES for w in part)
            ):
                rest = fitting(_without_amount(turned.rest[:at]))
                if _says_something(rest) and len(rest) == at:
                    asked = "How long" if word.low == "for" else "When"
                    yield Made(turned.ask(rest, asked), "time")
                return


def _effect(turned: Turned) -> Iterator[Made]:
    if turned.verb.low in ("may", "could", "can", "might", "would"):
        rest = tuple(word for word in turned.rest if word.tag != "adverb")
        if rest and rest[0].lemma in _EFFECTS:
            rest = fitting(rest)
            if len(rest) > 1:
                yield Made(turned.ask(rest, "How").replace("How may", "How can"), "effect")


def _whether(turned: Turned) -> Iterator[Made]:
    rest = fitting(tuple(word for word in turned.rest if word.tag != "not"), SHORT_REST)
    if not rest:
        return
    if turned.verb.low in BE and rest[0].tag not in ("participle", "adjective", "infinitive"):
        return
    if sum(word.tag in ("noun", "name") for word in rest) == 0:
        return
    yield Made(turned.ask(rest), "whether")


def _without_amount(rest: Words) -> Words:
    at = next((n for n, word in enumerate(rest) if word.tag == "number"), len(rest))
    return rest[:at] if at < 2 else rest


def _when(rest: Words) -> Words:
    """A phrase of time with a year in it."""
    for at, word in enumerate(rest):
        if word.low in ("in", "during", "for", "as", "since") and word.tag in (
            "preposition",
            "subordinate",
        ):
            for end in range(at + 1, min(at + 9, len(rest))):
                if rest[end].tag == "number" and rest[end].text[:2] in ("19", "20") and len(rest[end].text) == 4:  # fmt: skip
                    return rest[at : end + 1]
    return ()


def _stands_alone(made: Made) -> bool:
    """Whether a question names what it asks about, and points at nothing outside it."""
    said = words(made.question, "en")
    content = {word.lemma for word in said if word.tag in _CONTENT} - {"be", "have", "do"}
    pointing = any(word.low in POINTING for word in said)
    return not pointing and len(content) >= (1 if made.kind == "definition" else FEWEST_CONTENT)
