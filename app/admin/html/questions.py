"""People's questions as their screen shows them: the table, one question with its sources. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from app.admin.html import parts, words
from app.admin.html.parts import Tone
from app.admin.html.template import Template
from pipelines.store.chats import Shown
from pipelines.store.feedback import AskedQuestion, Mark, QuestionDetail, Source
from pipelines.text.places import page_name

# Colour is for what people said: how an answer was made says nothing about how good it is.
KINDS: dict[str | None, tuple[str, Tone]] = {
    "llm": ("answered", "quiet"),
    "extracts": ("extracts", "quiet"),
    "not_found": ("found nothing", "quiet"),
    "error": ("failed", "bad"),
    "greeting": ("greeting", "quiet"),
    "outline": ("outline", "quiet"),
}
VOTES: dict[str | None, tuple[str, Tone]] = {
    "like": ("liked", "good"),
    "dislike": ("disliked", "bad"),
}

_html = Template("questions")


def table(rows: Sequence[AskedQuestion]) -> Markup:
    """A page of questions."""
    headers = ["Question", "Answer", "Vote", "Comment", "Sources", "Version", "Asked"]
    return parts.table(headers, [_row(row) for row in rows])


def _row(row: AskedQuestion) -> tuple[object, ...]:
    marks = words.count(row.marks, "mark") if row.marks else ""
    return (
        parts.pick(parts.clipped(row.question, 110), "open", row.message_id, css="title"),
        parts.pill(*KINDS.get(row.kind, (row.kind or "", "quiet"))),
        parts.pill(*VOTES[row.verdict]) if row.verdict in VOTES else "",
        parts.clipped(row.reason or "", 60),
        parts.pill("kept", "busy") if row.taught else marks,
        row.model_name or "",
        parts.when(row.asked_at),
    )


def nothing(filtered: bool) -> Markup:
    """What stands in place of the table."""
    if filtered:
        return parts.empty("No question matches", "Change the filter or the search above.")
    return parts.empty(
        "Nobody has asked anything yet", "Questions from the chat appear here with their votes."
    )


@dataclass(frozen=True)
class _Vote:
    text: str
    tone: Tone


@dataclass(frozen=True)
class _SourceShown:
    """A source to mark. `decided`: right, wrong, or empty while no admin has said."""

    chunk_id: int
    place: str
    decided: str
    summary: Markup
    text: str


def detail(asked: QuestionDetail, marks: Sequence[Mark], extra: Sequence[Source]) -> Markup:
    """
    A question with its answer and the sources to mark.

    :param extra: Sources that were not shown to the visitor but found by an admin.
    """
    pills = [parts.pill(*KINDS.get(asked.kind, (asked.kind or "", "quiet")))]
    if asked.taught:
        pills.append(parts.pill("kept", "busy"))
    facts = words.joined(
        f"visitor {asked.visitor[:6]}", f"version {asked.model_name}" if asked.model_name else ""
    )
    sources = [_source(one, one.number, one.cited, marks) for one in asked.shown]
    sources += [_source(one, None, False, marks) for one in extra]
    return _html.detail(asked, pills, facts, _vote(asked), sources)


def _vote(asked: QuestionDetail) -> _Vote | None:
    if not asked.verdict:
        return None
    word, tone = VOTES[asked.verdict]
    word = word.capitalize()
    return _Vote(f"{word}: {asked.reason}" if asked.reason else word, tone)


def _source(
    source: Shown | Source, number: int | None, cited: bool, marks: Sequence[Mark]
) -> _SourceShown:
    mine = [mark for mark in marks if mark.chunk_id == source.chunk_id]
    decided = next((mark.verdict for mark in reversed(mine) if mark.by_admin), None)
    visitor = [mark.verdict for mark in mine if not mark.by_admin]
    place = words.joined(
        f"[{number}]" if number else "found by you",
        source.title,
        page_name(source.page, source.page_label) or (source.heading or "").split(" > ")[-1],
        "cited" if cited else "",
        f"the visitor says: {visitor[-1]}" if visitor else "",
    )
    summary = parts.clipped(source.text, 150)
    return _SourceShown(source.chunk_id, place, decided or "", summary, source.text)
