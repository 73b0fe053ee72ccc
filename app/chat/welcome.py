"""The text of an empty chat: what can be asked, and how to add documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.access.adders import Adder, adder_of
from app.access.auth import person_of
from pipelines.answering.examples import starters
from pipelines.indexing.readers.kinds import readable
from pipelines.store import scope
from pipelines.store.db import Connection
from pipelines.store.scope import Within

if TYPE_CHECKING:
    from app.services import Services

# The page's script opens the file picker when this link is clicked.
ADD = "[Add documents](#add-documents)"
CITED = "Every answer cites the passages it comes from: open a number to check it."
DROP = f"Drop files anywhere on this page, or choose them: {readable()}."
ONLY_YOU = "Only you can ask about the files that you add."
ADD_LLM = (
    "Answers are quotes from your documents. [Add a language model](/admin/?tab=llm) to get written"
    " ones."
)
HELP = (
    "## Help\nAsk how Attune works: answers come from its handbook. *New chat* brings you back to"
    " your documents."
)


def welcome(conn: Connection, adder: Adder, *, help: bool = False, lacks_llm: bool = False) -> str:
    """
    The text of an empty chat, as Markdown.

    :param help: It is about Attune itself.
    :param lacks_llm: Whether the reader may add a language model, and there is none.
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
    if lacks_llm and has_documents:
        parts.append(ADD_LLM)
    return "\n\n".join(parts)


def empty_chat(
    services: Services,
    conn: Connection,
    request: Any,
    within: Within | None = None,
    *,
    help: bool = False,
) -> dict[str, Any]:
    """
    The content of an empty chat: a welcome, and questions to start with.

    :param request: What the page's visitor sent.
    :param within: What was chosen to search. None: all that may be read.
    :param help: It is about Attune itself.
    """
    adder, person = adder_of(request), person_of(request)
    lacks_llm = person is not None and person.admin and not services.llms.is_set(conn)
    searched = adder.reader.readable(conn, help=help) if within is None else within
    return {
        "placeholder": welcome(conn, adder, help=help, lacks_llm=lacks_llm),
        "examples": [{"text": question} for question in starters(conn, searched)],
    }
