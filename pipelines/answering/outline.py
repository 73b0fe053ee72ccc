"""
Questions about whole documents, answered by an outline: titles, headings, and narrower questions.

"What is this about?" has no passage that answers it. Which documents are meant is told by their
titles, or by the answer before. The rules are for English and German.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter

from pipelines.answering import examples
from pipelines.search.evidence import is_common, is_german
from pipelines.store import document_passages, documents, hits, scope
from pipelines.store.db import Connection
from pipelines.store.document_passages import Excerpt
from pipelines.store.documents import Document
from pipelines.store.hits import Hit
from pipelines.store.ids import DocumentId
from pipelines.store.scope import Selection, Within
from pipelines.text.terms import terms

# Documents of one outline, and those whose titles are compared with a question.
MOST_DOCUMENTS, MOST_COMPARED = 5, 500
# A longer question is about something of its own.
LONGEST = 200
# Passages of a document that are looked at, and headings that are listed of it.
PASSAGES, MOST_HEADINGS = 200, 8
LONGEST_HEADING, LONGEST_OPENING = 90, 200

_NOUN = (
    r"(?:documents?|files?|pdfs?|papers?|texts?|reports?|library|collection|pages?|books?|articles?"
    r"|manuals?|contents?|dokumente?[ns]?|dateie?n?|texte?[ns]?|berichte?[ns]?|sammlung|inhalte?s?)"
)
_THING = (
    rf"(?:(?:this|these|that|those|the|my|our|your|all|it|everything|here|dies(?:es?|er|en|em)?|das|die|der"
    rf"|dem|den|des|meine?[rnms]?|alles?|es|hier|jedes)(?: |$)){{0,3}}(?:uploaded |whole |hochgeladenen )?{_NOUN}?"
)
# What is summarised may also be a title.
_SUMMARY = r"(?:summary|overview|outline|gist|zusammenfassung|übersicht|überblick|inhalt)"
_RULES = tuple(
    re.compile(rule)
    for rule in (
        r"(?:summari[sz]e|sum up|outline)(?P<of>.*?)(?: (?:for me|briefly|in brief|in \w+ sentences))*",
        rf"(?:(?:can|could) you )?(?:(?:give|show|write|get|make|gib|zeig|schreib)e? (?:me |us |mir |uns )?)?(?:an? |the |eine?n? |die |den )?(?:\w+ )?{_SUMMARY}(?: (?:of|about|for|on|von|über|zu))?(?P<of>.*)",
        r"what(?: is|'s| are|s)(?P<of>.+?) (?:all |mainly |mostly )?about",
        r"what (?:does|do)(?P<of>.+?) (?:cover|contain|deal with|say|discuss)",
        rf"(?:what(?: is|'s)|what do you have) in(?P<of> {_THING})",
        rf"(?:tell me|explain|describe)(?: (?:more|something|everything|all))?(?: about)?(?P<of> {_THING})",
        rf"(?:what|which|list|show|name)(?: me)?(?: all)?(?P<of> {_THING})(?: (?:are there|are here|do you have|do you know|can i ask(?: about)?|have you got))?",
        r"what can i ask(?: about)?(?P<of>.*)",
        r"(?:worum geht(?:'s| es)|wovon handel[tn]|um was geht(?:'s| es))(?: (?:in|bei))?(?P<of>.*)",
        r"(?:fasse?|fassen sie)(?: mir)?(?P<of>.*?)(?: kurz)? zusammen",
        rf"was (?:steht|ist)(?: (?:in|alles))*(?P<of> {_THING})(?: (?:drin|alles))?",
        rf"(?:erzähle?|erkläre?)(?: mir)?(?: (?:etwas|mehr|alles))?(?: über)?(?P<of> {_THING})",
        rf"(?:welche|zeige?|liste)(?: mir)?(?: alle)?(?P<of> {_THING})(?: (?:gibt es|hast du|sind da|auf))?",
    )
)
_GENERIC = re.compile(_THING)
_CLEAN = re.compile(r"[?!.,;:“”\"]+(?=\s|$)|\b(?:please|bitte)\b")

_SAID = {
    "one": ("This is what the document holds. A narrower question gets an exact answer.",
            "Das steht in dem Dokument. Eine engere Frage bekommt eine genaue Antwort."),
    "several": ("These are the documents and what they hold. A narrower question gets an exact answer.",
                "Das sind die Dokumente und was darin steht. Eine engere Frage bekommt eine genaue Antwort."),
    "more": ("and {} more", "und {} weitere"),
}  # fmt: skip


@dataclass(frozen=True)
class Outline:
    """An outline. `text` cites `hits`, the beginnings of its documents, by their numbers."""

    text: str
    hits: tuple[Hit, ...]
    suggestions: tuple[str, ...]


def subject(question: str) -> str | None:
    """
    What a broad question is about.

    :returns: A phrase that may be a title. Empty for "this document" or all of them, None if the
        question is not broad.
    """
    asked = " ".join(_CLEAN.sub(" ", question.casefold().replace("’", "'")).split())
    if len(asked) > LONGEST:
        return None
    for rule in _RULES:
        if match := rule.fullmatch(asked):
            of = match["of"].strip()
            return "" if _GENERIC.fullmatch(of) else of
    return None


def outline(
    conn: Connection,
    question: str,
    collections: Within | None = None,
    before: Sequence[DocumentId] = (),
) -> Outline | None:
    """
    The outline that answers a broad question. None if it is another question.

    :param collections: Only their documents. If None, those open to everybody.
    :param before: The documents that the answer before came from.
    """
    about = subject(question)
    if about is None:
        return None
    searched = scope.selected(scope.readable(conn) if collections is None else collections)
    found = meant(conn, about, searched, before)
    if not found:
        return None
    excerpts = document_passages.excerpts(conn, [document.id for document in found], PASSAGES)
    opened = _openings(conn, found, searched)
    language = int(is_german(question))
    parts = [_SAID["several" if len(found) > 1 else "one"][language]]
    for number, document in enumerate((d for d in found if d.id in opened), start=1):
        own = [excerpt for excerpt in excerpts if excerpt.document_id == document.id]
        parts.append("\n".join(_part(document, own, number, language)))
    return Outline(
        "\n\n".join(parts), tuple(opened.values()), tuple(examples.suggest(excerpts))
    )  # fmt: skip


def meant(
    conn: Connection, about: str, searched: Selection, before: Sequence[DocumentId]
) -> list[Document]:
    """
    The documents that a broad question means: those whose titles hold a phrase, or those in view.

    :param about: The phrase. Empty if the question names none.
    :param before: The documents that the answer before came from.
    """
    newest = document_passages.newest(conn, searched, MOST_COMPARED)
    if not about:
        in_view = [document for document in newest if document in set(before)]
        return documents.get_many(conn, (in_view or newest)[:MOST_DOCUMENTS])
    wanted = {term for term in terms(about.replace("_", " "), "en") if not is_common(term)}
    named = [
        document
        for document in documents.get_many(conn, newest)
        if wanted and wanted <= set(terms(document.title.replace("_", " ").replace("-", " "), "en"))
    ]
    return named[:MOST_DOCUMENTS]


def _openings(
    conn: Connection, found: Sequence[Document], searched: Selection
) -> dict[DocumentId, Hit]:
    """The first passage of each document."""
    first = {
        document.id: chunk.id
        for document in found
        for chunk in document_passages.of_document(conn, document.id, limit=1)
    }
    rows = hits.rows(conn, list(first.values()), searched)
    return {
        document: hits.unranked(rows[chunk]) for document, chunk in first.items() if chunk in rows
    }


def _part(
    document: Document, excerpts: Sequence[Excerpt], number: int, language: int
) -> Iterator[str]:
    """A document's title with its headings, or with its first words if it has none."""
    yield f"**{document.title.replace('*', ' ')}** [{number}]"
    yield ""
    headings = _headings(excerpts, document.title)
    for heading in headings[:MOST_HEADINGS]:
        yield f"- {heading[:LONGEST_HEADING]}"
    if len(headings) > MOST_HEADINGS:
        yield f"- {_SAID['more'][language].format(len(headings) - MOST_HEADINGS)}"
    if not headings:
        lead = " ".join(next(map(attrgetter("lead"), excerpts), "").split())
        yield (
            lead if len(lead) <= LONGEST_OPENING else f"{lead[:LONGEST_OPENING].rsplit(' ', 1)[0]}…"
        )


def _headings(excerpts: Sequence[Excerpt], title: str) -> list[str]:
    """The headings of the highest level that has several, in reading order."""
    paths = [tuple((excerpt.heading or "").split(" > ")) for excerpt in excerpts]
    for level in range(max(map(len, paths), default=0)):
        at_level = dict.fromkeys(
            " ".join(path[level].split()) for path in paths if len(path) > level
        )
        found = [heading for heading in at_level if heading and heading != title]
        if len(found) > 1:
            return found
    return []
