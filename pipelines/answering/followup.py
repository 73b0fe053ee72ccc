"""
Follow-ups without a language model: what a question leaves out comes from the question before.

Pure. The rules are for English and German. Whoever asks is shown what was searched for, so that a
wrong guess does no harm.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipelines.answering.events import Turn
from pipelines.search import evidence
from pipelines.store.hits import Hit
from pipelines.text.lines import YEAR
from pipelines.text.terms import terms

# A follow-up with more words of its own stands alone.
MOST_WORDS = 8
# Nothing is taken from a longer question. Its parts could not be told apart anyway.
LONGEST = 300
# Each is searched for.
MOST_READINGS = 3
# A passage of the documents before comes first if it scores this share of the best.
AS_GOOD = 0.85

_OPENING = re.compile(
    r"(?i)^(?:(?:ok(?:ay)?|so|well|and|but|or|also|then|und|aber|oder|auch)[,\s]+)*"
    r"(?:(?:what|how) about|what(?:'s| is) with|same (?:question )?for|the same for|what if|wie (?:ist|war|sieht) es (?:mit|bei|für|in|im)"
    r"|was ist mit|wie steht es (?:mit|um)|dasselbe für|and|but|or|also|und|aber|oder)\b[,\s]*"
)
_POINTING = re.compile(
    r"(?i)\b(?:it|its|they|them|their|he|him|his|she|her|this|that|these|those|there|one|the same"
    r"|er|es|ihm|ihn|ihre?[rnms]?|seine?[rnms]?|davon|dafür|darin|dort|daran|damit|dazu|diese[rnms]?|dessen|deren)\b(?! \w+ (?:of|in|on)\b)"
)
# "Is there a bus?" points at nothing.
_EXISTS = re.compile(r"(?i)\b(?:(?:is|are|was|were) there|there (?:is|are|was)|gibt es|es gibt)\b")
_YEAR_SHIFT = (
    (re.compile(r"(?i)\b(?:the )?(?:year before(?: that| last)?|(?:previous|prior|preceding|last) year|year earlier)\b|\b(?:(?:das|dem|im) )?(?:jahr (?:davor|zuvor)|vorjahr|letzte[ns]? jahr)\b"), -1),
    (re.compile(r"(?i)\b(?:the )?(?:year after(?: that)?|(?:next|following) year|year later)\b|\b(?:(?:das|dem|im) )?(?:jahr (?:danach|darauf)|folgejahr|nächste[ns]? jahr)\b"), 1),
)  # fmt: skip
_PREPOSITION = (
    r"(?:of|for|in|at|with|by|from|on|to|during|per|von|vom|für|in|im|bei|mit|aus|an|am|zu|zum|zur)"
)
_LEADING = re.compile(rf"(?i)^{_PREPOSITION}\s+")
# The verb that ends a question: "does a night in summer cost", "hat die Fahrt im Mai gekostet".
_LAST_VERB = re.compile(
    r"(?i)\s+(?:cost|take|last|weigh|need|use|open|close|start|begin|end|mean|contain|include|happen|earn|pay"
    r"|charge|work|run|go|leave|arrive|increase|decrease|grow|fall|change|kosten|dauern|wiegen|brauchen|öffnen"
    r"|schließen|beginnen|enden|gelten|steigen|sinken|zahlen|bezahlen|ge\w{3,}(?:t|en))$"
)
_DETERMINER = re.compile(r"(?i)^(?:the|a|an|der|die|das|den|dem|des|ein|eine[rnms]?)\s+")
_ASKING = re.compile(
    r"(?i)^(?:who|whom|whose|what|when|where|why|which|how|is|are|was|were|do|does|did|can|could|will|would|should"
    r"|wer|wem|wen|was|wann|wo|wohin|woher|warum|weshalb|wieso|welche[rnms]?|wie|ist|sind|war|waren|kann|wird|hat|haben)\b"
)
# "What is the torque of ...": the thing asked for stands between the verb and the preposition.
_WHAT_OF = re.compile(
    rf"(?i)^(.*?\b(?:is|are|was|were|has|have|had|ist|sind|war|waren|hat|haben|betrug|beträgt)\s+"
    rf"(?:the|der|die|das|den)\s+)(.+?)(\s+{_PREPOSITION}\s+.+)$"
)
# "Uber's revenue in 2021", and "the pilot" at the end.
_POSSESSED = re.compile(rf"(?i)^(.*?\b\w+['’]s\s+)(.+?)(\s+{_PREPOSITION}\s+.+)?$")
_LAST_THING = re.compile(r"(?i)\b(?:the|der|die|das|den|dem)\s+\w+(?:\s\w+)?$")
# "did the ferry terminal cost", and "do I reset the device".
_DOER = re.compile(
    rf"(?i)\b(?:do|does|did)\s+(?!(?:i|we|you|one)\b)((?:\w\S*\s+)+?)(?<!\bthe\s)(?<!\ba\s)(?<!\ban\s)\w+(?:\s+{_PREPOSITION}\s.+)?$"
)
_DONE_TO = re.compile(r"(?i)\b(?:do|does|did|can|should|must|kann|muss)\s+(?:i|we|you|one|ich|man|wir)\s+(?:\w+\s+(?=the|a|an|my|our)\b)?(.+)$")  # fmt: skip
# "was the swing at Mill Green closed": what something was done to.
_WAS_DONE = re.compile(
    r"(?i)\b(?:is|are|was|were|has|have|had|ist|sind|war|waren|wird|wurde|wurden)\s+"
    r"((?:the|a|an|my|our|der|die|das)\s+(?:\S+\s+)*?\S+)\s+(?:been\s+)?\w{2,}(?:ed|en|t)$"
)
# "dauert das Programm Wolle": a verb that comes first.
_VERB_FIRST = re.compile(r"(?i)^\w+\s+(?=(?:the|a|an|der|die|das|den|dem|ein|eine|einen)\s)")
# "and by when?": nothing but what is asked with.
_ONLY_ASKS = re.compile(rf"(?i)^(?:(?:{_PREPOSITION}|until|since|bis|seit|ab)\s+)?(?:who|whom|when|where|why|how (?:much|many|long|often|far)|what (?:time|day|date)|wer|wem|wen|wann|wo|warum|weshalb|wie ?(?:viel|viele|lange|oft|weit)|qui|quand|où|pourquoi|combien)$")  # fmt: skip
_QUESTION_WORDS = re.compile(
    r"(?i)\b(?:who|whom|whose|what|when|where|why|which|how|many|much|long|often|old|is|are|was|were|do|does|did|has|have"
    r"|had|can|could|will|would|should|wer|wem|wen|was|wann|wo|warum|welche[rnms]?|wie|viele?|lange|ist|sind|war|waren|kann|wird|hat|haben)\b"
)


def readings(question: str, turns: Sequence[Turn], title: str = "") -> list[str]:
    """
    What a question may mean with what it takes from the turns before, likeliest first.

    Empty if it stands alone. "How loud is it?" after "How long is the warranty of the pump?" may ask
    for the warranty, the pump, or whatever the document before is about. Whoever searches for each
    sees which one has an answer.

    :param turns: The conversation, oldest first. What an answer was searched for counts before what
        was typed.
    :param title: Of the document that the answer before came from.
    """
    before = _before(turns)
    if before is None or len(before) > LONGEST or not _leans(question):
        return []
    bare = _OPENING.sub("", question).strip(" ?!.") or question.strip(" ?!.")
    exchanged = _of_another_year(bare, before, turns)
    if exchanged is not None:
        return [exchanged]
    if _ONLY_ASKS.match(bare):
        return [f"{bare} ({' '.join(_QUESTION_WORDS.sub(' ', before).split())})?"]
    about = _opens_with_about(question, bare)
    found = [_with_subject(bare, subject) for subject in _subjects(before)]
    if not any(found):
        found = [_of_another_thing(bare, before), _in_place_of(bare, before)]
        if found[0] is None:
            found.append(_of_another_kind(bare, before, open_about=about))
    if not any(found):
        own = " ".join(_POINTING.sub(" ", bare).split())
        told = " ".join(_QUESTION_WORDS.sub(" ", before).split()) if about else _subjects(before)[0]
        found = [f"{own}, {told}?" if told else None]
        if _ASKING.match(bare) and not _POINTING.search(bare):
            found = [f"{bare} ({told})?" if told else None, f"{bare}?"]
    if title:
        found.append(f"{bare} ({title})?")
    return list(dict.fromkeys(reading for reading in found if reading))[:MOST_READINGS]


def prefer(hits: Sequence[Hit], question: str, turns: Sequence[Turn]) -> list[Hit]:
    """
    The hits of a follow-up, best first, those of the documents before first if they are as good.

    A follow-up that names something new may be about another document.
    """
    told = " ".join(
        turn.searched or turn.text for turn in turns if turn.role == "user" or turn.searched
    )
    before = next((turn.documents for turn in reversed(turns) if turn.role == "assistant"), ())
    is_new = any(
        not evidence.holds(told, word)
        for word in (*evidence.names(question), *evidence.codes(question))
    )
    if is_new or not hits:
        return list(hits)
    least = AS_GOOD * hits[0].score
    return sorted(hits, key=lambda hit: not (hit.document_id in before and hit.score >= least))


def _opens_with_about(question: str, bare: str) -> bool:
    """Whether a follow-up names another thing, and not another side of the same thing."""
    opening = question.rstrip(" ?!.").removesuffix(bare).casefold()
    return any(word in opening for word in ("about", " mit ", "same", "dasselbe"))


def _before(turns: Sequence[Turn]) -> str | None:
    """The question before, as it was searched."""
    for turn in reversed(turns):
        if turn.role == "user" or turn.searched:
            return (turn.searched or turn.text).strip(" ?!.")
    return None


def _leans(question: str) -> bool:
    """Whether a question cannot be understood alone."""
    if len(question.split()) > MOST_WORDS + 4:
        return False
    opening = _OPENING.match(question)
    if _ONLY_ASKS.match(question.strip(" ?!.")):
        return True
    rest = question[opening.end() :] if opening else question
    own = [t for t in terms(rest, None) if not evidence.is_common(t)]
    if opening and len(own) <= MOST_WORDS:
        return True
    if any(rule.search(question) for rule, _ in _YEAR_SHIFT):
        return len(own) <= 3
    question = _EXISTS.sub(" ", question)
    has_name = bool(evidence.names(question) or evidence.codes(question))
    return bool(_POINTING.search(question)) and len(own) <= 3 and not has_name


def _of_another_year(bare: str, before: str, turns: Sequence[Turn]) -> str | None:
    """ "the year before", "in 2020": the question before with another year."""
    known = YEAR.findall(before)
    for rule, step in _YEAR_SHIFT:
        if rule.search(bare):
            told = known or _years_told(turns)
            if not told:
                return None
            return _with_year(before, known, str(int(told[0]) + step))
    new = YEAR.findall(bare)
    rest = [t for t in terms(YEAR.sub("", bare), None) if not evidence.is_common(t)]
    if len(new) != 1 or [t for t in rest if t not in ("year", "jahr")]:
        return None
    return _with_year(before, known, new[0])


def _years_told(turns: Sequence[Turn]) -> list[str]:
    """The years that the answer before names, if it is only one."""
    last = next((turn.text for turn in reversed(turns) if turn.role == "assistant"), "")
    found = list(dict.fromkeys(YEAR.findall(last)))
    return found if len(found) == 1 else []


def _with_year(before: str, known: Sequence[str], year: str) -> str:
    return f"{before.replace(known[0], year)}?" if known else f"{before} in {year}?"


def _of_another_thing(bare: str, before: str) -> str | None:
    """ "for model B": the question before with another name, code or thing of the same kind."""
    new = _DETERMINER.sub("", _LEADING.sub("", bare))
    if _ASKING.match(bare):
        return None
    led = _LEADING.match(bare)
    old = (_led_name(led[0], before) if led and new[:1].isupper() else None) or _counterpart(
        new, before
    )
    if old is not None:
        return f"{before.replace(old, new)}?"
    if led is None:
        return None
    place = re.search(rf"(?i)\b{re.escape(led[0].strip())}\s+(.+)$", before)
    if place is None:
        return f"{before} {bare}?"
    verb = _LAST_VERB.search(before, place.start(1))
    return f"{before[: place.start(1)]}{bare[led.end() :]}{verb[0] if verb else ''}?"


def _led_name(preposition: str, before: str) -> str | None:
    """The name after a preposition: of "the first Sunday bus from Harbour Square", the square."""
    found = re.search(
        rf"(?i:\b{re.escape(preposition.strip())})\s+(?:(?:the|der|dem|den|die|das)\s+)?"
        r"([A-ZÄÖÜ][\w'-]*(?:\s+[A-ZÄÖÜ][\w'-]*)*)",
        before,
    )
    return found[1] if found else None


def _in_place_of(bare: str, before: str) -> str | None:
    """ "a canoe": the question before with it in the place of its own first thing, "a kayak"."""
    article = _DETERMINER.match(bare)
    if article is None or _LEADING.match(bare) or len(bare.split()) > 3:
        return None
    old = re.search(rf"(?i)\b{re.escape(article[0].strip())}\s+\w+", before)
    return f"{before[: old.start()]}{bare}{before[old.end() :]}?" if old else None


def _counterpart(new: str, before: str) -> str | None:
    """What of the question before is of the same kind as a new thing."""
    words = new.split()
    if len(words) in (2, 3):  # "model B" for "model A", "Team plan" for "Business plan"
        first, last = re.escape(words[0]), re.escape(words[-1])
        for rule in (rf"(?i)\b{first}\s+[\w./-]+", rf"(?i)(?<=the )[\w./-]+\s+{last}\b"):
            match = re.search(rule, before)
            if match and match[0].casefold() != new.casefold():
                return match[0]
    for kind in (evidence.codes, evidence.names):
        olds, news = kind(before), kind(f"x {new}")
        if olds and news and "".join(news) == "".join(words):
            return _run(before, olds)
    return None


def _run(text: str, parts: Sequence[str]) -> str:
    """The words that stand together from the first of some names to the last one next to it."""
    found = re.search(rf"{re.escape(parts[0])}(?:\s+(?:{'|'.join(map(re.escape, parts))}))*", text)
    return found[0] if found else parts[0]


def _of_another_kind(bare: str, before: str, *, open_about: bool) -> str | None:
    """ "the weight": the question before, asking for something else."""
    if _ASKING.match(bare) or _LEADING.match(bare) or len(bare.split()) > 4 or open_about:
        return None
    if match := _WHAT_OF.match(before) or _POSSESSED.match(before):
        return f"{match[1]}{_DETERMINER.sub('', bare)}{match[3] or ''}?"
    if _DETERMINER.match(bare) and (match := _LAST_THING.search(before)):
        return f"{before[: match.start()]}{bare}?"
    return None


def _with_subject(bare: str, subject: str) -> str | None:
    """ "how long does it take": what *it* stands for."""
    match = _POINTING.search(bare)
    if match is None or not _ASKING.match(bare) or not subject:
        return None
    if match[0].casefold() in ("it", "they", "them", "there", "he", "she", "es", "er"):
        return f"{bare[: match.start()]}{subject}{bare[match.end() :]}?"
    return f"{bare} ({subject})?"


def _subjects(before: str) -> list[str]:
    """
    What a question is about: who does it, what it is done to, or what follows its last preposition.

    Of "the warranty of the pump" that may be the whole or the pump.
    """
    before = re.sub(rf"(?i)\s+{_PREPOSITION}\s+(?:the year |jahr )?{YEAR.pattern}", "", before)
    of = re.search(rf"(?i)^.*\b{_PREPOSITION}\s+(.+)$", before)
    done = _DOER.search(before) or _DONE_TO.search(before) or _WAS_DONE.search(before)
    match = done or of
    whole = " ".join((match[1] if match else _QUESTION_WORDS.sub(" ", before)).split())
    whole = _VERB_FIRST.sub("", whole)
    inner = re.search(r"(?i)^.*\b(?:of|for|von|vom|für)\s+(.+)$", whole)
    return [whole, inner[1]] if inner else [whole]
