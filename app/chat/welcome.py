"""The text of an empty chat: what can be asked, and how to add documents."""

from __future__ import annotations

from app.access.adders import Adder
from pipelines.indexing.readers.kinds import readable
from pipelines.store import scope
from pipelines.store.db import Connection

# The page's script opens the file picker when this link is clicked.
ADD = "[Add documents](#add-documents)"
CITED = "Every answer cites the passages it comes from: open a number to check it."
DROP = f"Drop files anywhere on this page, or choose them: {readable()}."
ONLY_YOU = "Only you can ask about the files that you add."
HELP = (
    "## Help\nAsk how Attune works: answers come from its handbook. *New chat* brings you back to"
    " your documents."
)


def welcome(conn: Connection, adder: Adder, *, help: bool = False) -> str:
    """
    The text of an empty chat, as Markdown.

    :param help: It is about Attune itself.
    """
    if help:
        return HELP
    has_documents = adder.reader.readable(conn) not in ([], [scope.HANDBOOK])
    if adder.refusal is not None and not has_documents:
        return f"## There are no documents yet\n{adder.refusal}"
    parts = [f"## Ask your documents\n{CITED if has_documents else DROP}"]
    if adder.refusal is None:
        parts += [ADD] if adder.admin else [ADD, ONLY_YOU]
    else:
        parts.append(adder.refusal)
    return "\n\n".join(parts)
