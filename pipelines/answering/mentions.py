"""
Questions for every place that names something, answered by the passages, counted by document. Pure.

The rules are for English and German.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

from pipelines.search.evidence import is_common, is_german
from pipelines.store.hits import Hit
from pipelines.text import sentences
from pipelines.text.terms import terms

# Passages that are looked at, places that are told of a document, and the length of each.
MOST_PASSAGES, MOST_TOLD, LONGEST_TOLD = 50, 3, 200
# Fewer places are no list.
FEWEST_LISTED = 2

_DOCUMENTS = r"(?:documents?|files?|texts?|pages?|passages?|places?|reports?|dokumenten?|dateie?n?|stellen?|seiten?|texten?|berichten?)"
_NAME = r"(?:mentions?|contains?|names?|talks? about|speaks? (?:of|about)|deals? with|(?:is|are) about|says? (?:something|anything) about|erwähn(?:t|en)|enth(?:ält|alten)|nenn(?:t|en)|handel[nt] von|sprechen von)"
_RULES = tuple(
    re.compile(rule)
    for rule in (
        rf"(?:(?:list|show|find|give)(?: me)? )?(?:all |every |the )*{_DOCUMENTS} (?:that |which |where |die )*{_NAME} (?P<of>.+)",
        rf"(?:which|what|in which|how many|welche|wie viele|in wie vielen|in welchen) (?:of the )?{_DOCUMENTS} {_NAME} (?P<of>.+)",
        r"(?:list|show|find|give)(?: me)? (?:all |every |the )*(?:mentions?|occurrences?|places?|passages?) (?:of|about|on|with|where) (?P<of>.+?)(?: (?:is|are) (?:mentioned|named))?",
        rf"(?:in (?:how many|which) {_DOCUMENTS}|how often|where(?: everywhere)?) (?:is|are) (?P<of>.+) (?:mentioned|named)",
        rf"(?:in (?:wie vielen|welchen) {_DOCUMENTS}|wie oft|wo(?: überall)?) (?:wird|werden) (?P<of>.+) (?:erwähnt|genannt)",
    )
)  # fmt: skip

_ARTICLE = re.compile(r"(?i)^(?:the|an?|der|die|das|den|dem|eine?[nrms]?) (?=\w)")
_LISTS = tuple(
    re.compile(rule)
    for rule in (
        r"(?:list|show|find|name|give|collect)(?: me| us)? (?:all|every|each)(?: of)?(?: the)? (?P<of>.+?)(?: (?:that )?there are| in (?:the|all|my|these) documents?)?",
        r"(?:nenne|liste|zeige?|finde|gib)(?: mir| uns)? (?:alle|jede[nrs]?|sämtliche) (?P<of>.+?)(?: auf| in (?:den|allen|meinen) dokumenten)?",
    )
)
# "How many boats are there?", and not "How many boats are there in the west harbour?".
_COUNTS = tuple(
    re.compile(rule)
    for rule in (
        r"(?:how many|which|what) (?P<of>.+?) (?:are there|exist)(?: (?:in total|altogether|in all|overall))?(?: in (?:the|all|my|our|these) documents?)?",
        r"(?:wie ?viele|welche) (?P<of>.+?) gibt es(?: (?:insgesamt|alles))?(?: in (?:den|allen|meinen|unseren) dokumenten)?",
    )
)
_ONLY_DOCUMENTS = re.compile(rf"(?i)(?:different |other |verschiedene )?{_DOCUMENTS}")
# What counts in front of a thing: "three old boats", "14 boats". A year or a long number does not.
_NUMBER = re.compile(
    r"(?i)(?!(?:19|20)\d\d$)\d{1,4}|no|none|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozens?"
    r"|hundreds?|keine?|eine?|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf|dutzend|hundert"
)
_WORDS_BETWEEN = 2
_ENUMERATED = re.compile(r"(?i),[^,]+(?:,|\b(?:and|or|und|oder)\b)|\n\W*\w.*\n\W*\w")


def subject(question: str) -> str | None:
    """What a question wants all places of. None if it is another question."""
    return _of(question, _RULES)


def listed(question: str) -> str | None:
    """What a question wants all of, as in "List all invoices". None if it is another question."""
    return _of(question, _LISTS)


def counted(question: str) -> str | None:
    """What a question wants the number or the names of, as in "How many invoices are there?"."""
    wanted = _of(question, _COUNTS)
    return None if wanted is None or _ONLY_DOCUMENTS.fullmatch(wanted) else wanted


def is_told(text: str, wanted: str, language: str | None) -> bool:
    """Whether a text may say itself how many of something there are, or which."""
    is_list = _all(text, wanted, language) and _ENUMERATED.search(text) is not None
    return is_list or is_numbered(text, wanted, language)


def is_numbered(text: str, wanted: str, language: str | None) -> bool:
    """Whether a text has a number of something, as in "three old boats"."""
    names = set(_words(wanted, language))
    words = re.findall(r"\w+", text)
    return any(
        names & set(terms(" ".join(words[place + 1 : place + 2 + _WORDS_BETWEEN]), language))
        for place, word in enumerate(words)
        if _NUMBER.fullmatch(word)
    )


def _of(question: str, rules: Sequence[re.Pattern[str]]) -> str | None:
    asked = " ".join(re.sub(r"[?!.,;:“”\"]+(?=\s|$)|\"", " ", question).split())
    lowered = asked.casefold()
    if len(lowered) != len(asked) or len(asked) > 200:
        return None
    found = next((match for rule in rules if (match := rule.fullmatch(lowered))), None)
    return _ARTICLE.sub("", asked[found.start("of") : found.end("of")]) if found else None


def held(hits: Sequence[Hit], wanted: str) -> list[Hit]:
    """The passages that hold every word of what is wanted, those of a document together."""
    found = [hit for hit in hits if _all(hit.text, wanted, hit.language)]
    first = {hit.document_id: number for number, hit in reversed(list(enumerate(found)))}
    return sorted(found, key=lambda hit: (first[hit.document_id], hit.chunk_id))


def told(question: str, wanted: str, hits: Sequence[Hit], *, is_count: bool = False) -> str:
    """
    How many passages of which documents there are, and what some of them say.

    :param hits: Those of a document together. The text cites them by their numbers.
    :param is_count: The question asks for a number or for names, which nothing tells.
    """
    documents = len({hit.document_id for hit in hits})
    more = "+" if len(hits) >= MOST_PASSAGES else ""
    if is_german(question):
        line = f"„{wanted}“: {len(hits)}{more} Stellen in {documents}{more} Dokumenten."
        line += " Gezählt sind die Stellen, die das nennen." if is_count else ""
    else:
        line = f"“{wanted}”: {len(hits)}{more} passage{'s' * (len(hits) != 1)} in {documents}{more} document{'s' * (documents != 1)}."
        line += " This counts the passages that mention it." if is_count else ""
    parts = [line]
    numbered = enumerate(hits, start=1)
    for _, group in groupby(numbered, key=lambda pair: pair[1].document_id):
        own = list(group)
        lines = [f"**{own[0][1].title.replace('*', ' ')}** ({len(own)})", ""]
        lines += [f"- {_sentence(hit, wanted)} [{number}]" for number, hit in own[:MOST_TOLD]]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _sentence(hit: Hit, wanted: str) -> str:
    """The sentence of a passage that holds what is wanted, or most of it."""
    names = set(_words(wanted, hit.language))
    spans = sentences.split(hit.text) or [(0, len(hit.text))]
    start, end = max(
        spans, key=lambda span: len(names & set(terms(hit.text[slice(*span)], hit.language)))
    )
    said = re.sub(r"\[(\d{1,3})\]", r"(\1)", " ".join(hit.text[start:end].split()))
    said = re.sub(r"^(?:[-*•]|#{1,6})\s+", "", said)
    return said if len(said) <= LONGEST_TOLD else f"{said[:LONGEST_TOLD].rsplit(' ', 1)[0]}…"


def _all(text: str, wanted: str, language: str | None) -> bool:
    names = set(_words(wanted, language))
    return bool(names) and names <= set(terms(text, language))


def _words(wanted: str, language: str | None) -> list[str]:
    return [term for term in terms(wanted, language) if not is_common(term)]
