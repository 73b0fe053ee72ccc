"""
Answers, questions and passages as safe HTML for the chat. Pure.

Answers quote documents, which may contain anything. `app.chat.rendering.markdown` writes their text.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from app.chat.rendering import markdown
from app.chat.rendering.escaping import escape
from app.chat.rendering.writer import Cite
from pipelines.store.chats import Message, Remarks, Shown
from pipelines.text.places import page_name

LABELS = {
    "extracts": "Extracts: sentences from the documents",
    "uncited": "No source cited",
    "not_found": "Not in the documents",
    "error": "Something went wrong",
    "hidden": "Not open to you",
}
NEAREST = 3
LONGEST_QUOTE = 240
# The page's script asks the question again without the limit.
EVERYWHERE = '<p><a class="everywhere" href="#everywhere">Search everything</a></p>'
# The page's script asks the same question again, to be looked at deeper.
DEEPER = '<p class="deeper"><a class="deeper" href="#deeper">Look deeper</a></p>'
# Kinds of answers that a deeper look may improve.
IMPROVABLE = ("llm", "not_found")
UNSUPPORTED = "What is grey was not found in the passages."
# Kinds of answers whose suggestions are other spellings of the question.
DID_YOU_MEAN = ("not_found", "extracts")
DID_YOU_MEAN_TITLE, TO_ASK_TITLE = "Did you mean", "Ask, for example"
NEXT_TITLE = "Ask next"
# A line of a page that continues in the next line. Shorter ones are headings, lists or table rows.
_WRAPPED = re.compile(r"(?m)^([^\n|]{60,}[^\n|.:;!?])\n(?=[^\W_][^\n|]*$)")


def question(text: str) -> str:
    """A question as it was typed."""
    return markdown.plain(text)


def growing(text: str, found: Sequence[Shown]) -> str:
    """An unfinished answer, with links to the passages it cites so far."""
    return markdown.html(text, cite=_links(0, found))


def answer(message: Message, *, deeper: bool = False) -> str:
    """
    An answer with its label and linked citations, and the nearest passages if it has none.

    :param deeper: Whether to offer a deeper look, where there was none.
    """
    remarks = message.remarks
    parts = [
        _label(message),
        searched(remarks.searched),
        searched_in(remarks.within),
        markdown.html(
            message.text, cite=_links(message.id, message.shown), faint=remarks.unsupported
        ),
        f'<p class="note">{UNSUPPORTED}</p>' if remarks.unsupported else "",
    ]
    if remarks.steps:
        parts.append(_steps_taken(remarks))
    if message.note:
        # The page's script looks deeper when such an answer is asked for again.
        css = "note wants-deeper" if remarks.wants_deeper else "note"
        parts.append(f'<p class="{css}" dir="auto">{escape(message.note)}</p>')
    if message.kind in DID_YOU_MEAN:
        parts.append(_suggested(DID_YOU_MEAN_TITLE, remarks.suggestions))
    if message.kind in ("not_found", "error") and message.shown:
        parts.append(_nearest(message))
    if message.kind == "not_found" and remarks.within:
        parts.append(EVERYWHERE)
    if deeper and message.kind in IMPROVABLE and not remarks.steps:
        parts.append(DEEPER)
    if message.kind not in DID_YOU_MEAN:
        parts.append(_suggested(TO_ASK_TITLE, remarks.suggestions))
    if message.kind not in ("not_found", "error"):
        parts.append(_suggested(NEXT_TITLE, remarks.follow_ups, "asks next"))
    return "\n\n".join(filter(None, parts))


def steps(taken: Sequence[str]) -> str:
    """What has been done for an answer, as a list."""
    rows = "".join(f'<li dir="auto">{escape(" ".join(step.split()))}</li>' for step in taken)
    return f'<ol class="steps">{rows}</ol>' if taken else ""


def looked_in(remarks: Remarks) -> str:
    """How far a deeper look went, in some words."""
    documents, count = remarks.looked_in, len(remarks.steps)
    return (
        f"Looked in {documents} {'document' if documents == 1 else 'documents'},"
        f" {count} {'step' if count == 1 else 'steps'}"
    )


def _steps_taken(remarks: Remarks) -> str:
    """The steps of a deeper look, folded."""
    return f'<details class="steps"><summary>{looked_in(remarks)}</summary>{steps(remarks.steps)}</details>'


def earlier(messages: Sequence[Message]) -> str:
    """Turns whose place this answer has taken, folded."""
    if not messages:
        return ""
    parts = ['<details class="earlier"><summary>Earlier version</summary>']
    for message in messages:
        if message.role == "user":
            words = escape(" ".join(message.text.split()))
            parts.append(f'<p class="searched" dir="auto">You asked: {words}</p>')
        else:
            parts.append(markdown.html(message.text, cite=_links(message.id, message.shown)))
    return "\n\n".join([*filter(None, parts), "</details>"])


def searched(question: str | None) -> str:
    """What was searched for, where that is not what was typed."""
    if not question:
        return ""
    words = escape(" ".join(question.split()))
    return f'<p class="searched" dir="auto">Searched for: {words}</p>'


def searched_in(label: str | None) -> str:
    """The documents that were searched, where the question was limited to some."""
    if not label:
        return ""
    return f'<p class="searched" dir="auto">Searched in: {escape(" ".join(label.split()))}</p>'


def _suggested(title: str, questions: Sequence[str], css: str = "asks") -> str:
    """Questions that the page's script asks when they are clicked."""
    if not questions:
        return ""
    rows = "".join(
        f'<li dir="auto"><a class="ask" href="#ask">{escape(" ".join(question.split()))}</a></li>'
        for question in questions
    )
    return f'<p class="{css}">{title}</p><ul class="{css}">{rows}</ul>'


def label_of(message: Message) -> str | None:
    """The kind of answer to label, or None for a written answer that cites its sources."""
    if message.kind == "llm" and not any(passage.cited for passage in message.shown):
        return "uncited"
    return message.kind if message.kind in LABELS else None


def _label(message: Message) -> str:
    kind = label_of(message)
    return f'<p><strong class="label {kind}">{LABELS[kind]}</strong></p>' if kind else ""


def _links(message_id: int, shown: Sequence[Shown]) -> Cite:
    """
    A function that links each ``[n]`` with a passage. The page's script opens the link in the
    panel.
    """
    known = {passage.number: passage for passage in shown}

    def link(number: int) -> str | None:
        passage = known.get(number)
        if passage is None:
            return None
        where = escape(_where(passage))
        return _chip("a", number, f' href="#source-{int(message_id)}-{number}" title="{where}"')

    return link


def _chip(tag: str, number: int, attributes: str = "") -> str:
    return f'<{tag} class="citation"{attributes}>&#91;{number}&#93;</{tag}>'


def _nearest(message: Message) -> str:
    """The first hits as a list."""
    nearest = message.shown[:NEAREST]
    link = _links(message.id, nearest)
    rows = (
        f'<li dir="auto">{link(near.number)} {escape(_where(near))}{_quoted(near)}</li>'
        for near in nearest
    )
    return f"<ul>{''.join(rows)}</ul>"


def _quoted(passage: Shown) -> str:
    """What is marked in a passage, as a quote."""
    if passage.span is None:
        return ""
    words = " ".join(passage.text[slice(*passage.span)].replace("|", " ").split()).lstrip("#-*• ")
    quote = words if len(words) <= LONGEST_QUOTE else f"{words[:LONGEST_QUOTE].rsplit(' ', 1)[0]}…"
    return f"<blockquote>{escape(quote)}</blockquote>" if quote else ""


def place(passage: Shown) -> str:
    """The position of a passage in its document: its page, or the nearest heading."""
    if passage.page:
        return page_name(passage.page, passage.page_label)
    return (passage.heading or "").split(" > ")[-1][:60]


def source_label(passage: Shown) -> str:
    """One line that identifies a passage."""
    return " · ".join(filter(None, [str(passage.number), passage.title, place(passage)]))


def _where(passage: Shown) -> str:
    return " · ".join(filter(None, [passage.title, place(passage)]))


def source_details(passage: Shown) -> str:
    """The details of a passage, shown above its text."""
    lines = [
        f"<strong>{escape(passage.title)}</strong>",
        page_name(passage.page, passage.page_label and escape(passage.page_label), word="Page"),
        escape(passage.heading or ""),
        "" if passage.cited else "Not cited in the answer",
    ]
    return f'<p dir="auto">{"<br>".join(filter(None, lines))}</p>'


def passage_text(passage: Shown) -> str:
    """A passage with its supporting sentence marked and wrapped lines joined."""
    return markdown.html(unwrapped(passage.text), span=passage.span)


def unwrapped(text: str) -> str:
    """A text with wrapped lines joined. Joining changes no offset."""
    return _WRAPPED.sub(r"\1 ", text)


def transcript(title: str, messages: Sequence[Message]) -> str:
    """A conversation as a Markdown file with the cited passages."""
    parts = [f"# {_plain(title)}"]
    for message in messages:
        if message.role == "user":
            parts.append(f"## {_plain(message.text)}")
            continue
        label = LABELS.get(label_of(message) or "")
        parts.append(f"{f'*{label}.* ' if label else ''}{message.text}")
        for passage in message.shown:
            if passage.cited:
                quoted = passage.text[slice(*passage.span)] if passage.span else passage.text
                parts.append(
                    f"[{passage.number}] {passage.title}, {place(passage)}\n\n"
                    + "\n".join(f"> {line}" for line in quoted.splitlines())
                )
    return "\n\n".join(parts) + "\n"


def _plain(text: str) -> str:
    """Escape every character that Markdown or HTML could interpret."""
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|~:@$])", r"\\\1", html.escape(text, quote=False))
