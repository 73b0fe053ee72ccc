"""
Which questions one search cannot answer: about whole documents, all of something, or several things.

Pure. The rules are for English and German. A question that they miss can still be looked at deeper
by hand, and one that they take by mistake only takes longer.
"""

from __future__ import annotations

import re

from pipelines.answering import mentions, outline

# A longer question is about something of its own.
LONGEST = 300

_DOCUMENTS = (
    r"(?:documents?|files?|texts?|reports?|papers?|contracts?|pages?|dokumente?n?|dateie?n?|texten?"
    r"|berichten?|unterlagen|verträgen?)"
)
# What asks for the names of the documents, and not for what they say.
_LISTING = re.compile(
    rf"(?:which|list|show|name|welche|zeige?|liste|nenne)\b.*|what {_DOCUMENTS}\b.*|what can i ask\b.*"
)
_RULES = tuple(
    re.compile(rule)
    for rule in (
        # All of something.
        r"(?:list|name|show|give|find|collect|enumerate)(?: me| us)? (?:all|every|each)\b.+",
        r"what are all\b.+",
        r"(?:nenne|liste|zeige?|finde|sammle|gib|zähle)(?: mir| uns)? (?:alle|jede[nrs]?|sämtliche)\b.+",
        rf".+\b(?:in|across|from|of) all (?:of )?(?:the |my |our |these |those )?{_DOCUMENTS}",
        rf".+\b(?:in|aus|über) (?:allen?|sämtlichen?) (?:meinen |unseren |diesen )?{_DOCUMENTS}.*",
        # How many.
        r"count (?:all|every|the|how)\b.+",
        r"how many .+ (?:are there|exist)(?: in total| altogether| in all| overall)?",
        rf"(?:in )?how many (?:of the )?{_DOCUMENTS}\b.+",
        r"how often (?:is|are|does|do) .+ (?:mentioned|named|appear|occur)\b.*",
        r"wie ?viele .+ gibt es(?: insgesamt)?",
        rf"(?:in )?wie ?vielen? (?:der )?{_DOCUMENTS}\b.+",
        r"wie oft (?:wird|werden) .+ (?:erwähnt|genannt)|wie oft komm(?:t|en) .+ vor",
        # Several things against each other.
        r"(?:compare|contrast)\b.+ (?:with|to|and|against) .+",
        r"(?:what(?: is|'s| are)? )?(?:the )?differences? between .+ and .+",
        r"how (?:do|does|did) .+ (?:compare|differ)\b.*",
        r"vergleich(?:e|en sie)?\b.+ (?:mit|und) .+",
        r"(?:was (?:ist|sind) )?(?:der |die )?unterschiede? zwischen .+ und .+",
        r"worin unterscheide[nt] sich .+",
    )
)
_CLEAN = re.compile(r"[?!.,;:“”„\"]+(?=\s|$)|[“„\"]|\b(?:please|bitte)\b")


def is_about_whole(question: str) -> bool:
    """Whether a question asks what documents hold altogether, as "Summarise this document" does."""
    return outline.subject(question) is not None and not _LISTING.fullmatch(_plain(question))


def wants_more(question: str) -> bool:
    """Whether one search cannot answer a question."""
    asked = _plain(question)
    if len(asked) > LONGEST:
        return False
    if is_about_whole(question) or mentions.subject(question) is not None:
        return True
    return any(rule.fullmatch(asked) for rule in _RULES)


def _plain(question: str) -> str:
    return " ".join(_CLEAN.sub(" ", question.casefold().replace("’", "'")).split())
