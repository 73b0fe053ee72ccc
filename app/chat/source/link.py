"""The link from a passage to its source. The page's script opens it. Pure."""

from __future__ import annotations

from app.chat.rendering.escaping import escape
from pipelines.store.chats import Shown


def reference(message_id: int, number: int, conversation: str | None) -> str:
    """
    The name of a source in addresses.

    :param conversation: Of an answer that is being written and has no id.
    """
    name = f"{int(message_id)}-{int(number)}"
    return name if message_id or conversation is None else f"{name}-{conversation}"


def link(passage: Shown, message_id: int, conversation: str | None) -> str:
    """The link that opens a passage's page, or its place in the document."""
    words = "Show the page" if is_drawn(passage.title) else "Show in the document"
    name = escape(reference(message_id, passage.number, conversation))
    kind = "show-source drawn" if is_drawn(passage.title) else "show-source"
    return f'<p><a class="{kind}" href="#page-{name}">{words}</a></p>'


def is_drawn(title: str) -> bool:
    """Whether pages of a document can be drawn, by its name."""
    return title.lower().endswith(".pdf")
