"""
The three tools that the language model may call: search, read, list.

What it passes to them is checked like a stranger's input. A wrong argument is told to it in a short
sentence, and the look goes on. A fault of ours ends it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from haystack.tools.tool import Tool

from pipelines.answering.deeper.library import Library
from pipelines.answering.deeper.notebook import Notebook
from pipelines.answering.events import StepTaken
from pipelines.errors import InputError
from pipelines.store.ids import DocumentId
from pipelines.text.clean import typed

T = TypeVar("T")

NAMES = ("search_documents", "read_document", "list_documents")
LONGEST_QUERY, LARGEST_ID, MOST_PARTS_OF_A_DOCUMENT = 300, 2**63 - 1, 1_000_000
# Calls that are answered for one question, and in one reply of the model.
MOST_CALLS, MOST_AT_ONCE = 24, 6
ENOUGH = "Error: no more tool calls are answered. Answer now from what you have read."
# Characters of a query that a step shows.
SHOWN = 80


class Tools:
    """The tools of one question."""

    def __init__(
        self,
        library: Library,
        notebook: Notebook,
        in_thread: Callable[[Callable[[], Any]], Awaitable[Any]],
        tell: Callable[[StepTaken], None],
    ) -> None:
        """
        :param in_thread: Awaits a call that reads the database.
        :param tell: Called with each step when it is done.
        """
        self._library, self._notebook = library, notebook
        self._in_thread, self._tell = in_thread, tell
        self._calls = 0
        # What broke here, and not in what the model sent.
        self.fault: Exception | None = None

    def every(self) -> list[Tool]:
        """The tools as Haystack's agent takes them."""
        query = {"type": "string", "description": "Words to search for."}
        document = {"type": "integer", "description": "The number before a document's title."}
        part = {"type": "integer", "description": "Which part to read, from 1.", "default": 1}
        search, read, listing = NAMES
        return [
            self._tool(search, "Find passages by words.", self._search, {"query": query}, "query"),
            self._tool(
                read, "Read a part of a document.", self._read,
                {"document": document, "part": part}, "document",
            ),
            self._tool(listing, "List the documents.", self._list, {}),
        ]  # fmt: skip

    def _tool(
        self,
        name: str,
        description: str,
        run: Callable[[dict[str, Any]], Awaitable[str]],
        properties: dict[str, Any],
        *required: str,
    ) -> Tool:
        async def answered(**given: Any) -> str:
            return await self._answered(run, given)

        schema = {"type": "object", "properties": properties, "required": list(required)}
        return Tool(name, description, schema, async_function=answered)

    async def _answered(
        self, run: Callable[[dict[str, Any]], Awaitable[str]], given: dict[str, Any]
    ) -> str:
        self._calls += 1
        if self._calls > MOST_CALLS or self._notebook.is_full or self.fault:
            return ENOUGH
        try:
            return await run(given)
        except InputError as error:
            return self._notebook.spend(f"Error: {error}")
        except Exception as error:
            self.fault = error
            return ENOUGH

    async def _search(self, given: dict[str, Any]) -> str:
        query = given.get("query")
        if not isinstance(query, str) or not query.strip() or len(query) > LONGEST_QUERY:
            raise InputError(f"query: expected a text of 1 to {LONGEST_QUERY} characters.")
        words = " ".join(typed(query).split())
        found = await self._in_thread(lambda: self._library.search(words))
        self._tell(searched(words, len(found)))
        return self._notebook.passages(found) or "Nothing was found."

    async def _read(self, given: dict[str, Any]) -> str:
        document = _number(given.get("document"), "document", LARGEST_ID)
        part = _number(given.get("part", 1), "part", MOST_PARTS_OF_A_DOCUMENT)
        portion = await self._in_thread(lambda: self._library.part(DocumentId(document), part))
        if portion is None:
            raise InputError(f"document: there is no document {document}.")
        if not portion.hits:
            raise InputError(f"part: the document has {portion.parts} parts.")
        whole = portion.parts == 1
        which = "" if whole else f", part {part} of {portion.parts}"
        self._tell(StepTaken(f"Read {portion.title}{which}"))
        head = f"Part {part} of {portion.parts}:\n\n"
        return self._notebook.spend(head) + self._notebook.passages(portion.hits)

    async def _list(self, given: dict[str, Any]) -> str:
        listed, has_more = await self._in_thread(self._library.listed)
        count = f"{len(listed)}{'+' * has_more}"
        self._tell(StepTaken(f"Listed {count} {'document' if count == '1' else 'documents'}"))
        fence = f"passage-{self._notebook.fence}"
        lines = [
            f"{one.document.id}: {' '.join(one.document.title.split())} ({one.parts} parts)"
            for one in listed
        ]
        more = ["There are more documents, which only a search finds."] if has_more else []
        return self._notebook.spend("\n".join([f"<{fence}>", *lines, f"</{fence}>", *more]))


def searched(words: str, count: int) -> StepTaken:
    """The step of a search."""
    shown = words if len(words) <= SHOWN else f"{words[:SHOWN].rsplit(' ', 1)[0]}…"
    return StepTaken(f"Searched for “{shown}”: {count} {'passage' if count == 1 else 'passages'}")


def _number(value: Any, name: str, most: int) -> int:
    """A number from 1 on, which some models write as text."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if type(value) is not int or not 1 <= value <= most:
        raise InputError(f"{name}: expected a number from 1 to {most}.")
    return value
