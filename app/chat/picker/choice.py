"""
What a conversation is limited to, and the language model that answers in it: as the page sends it,
as it is kept, and as it is searched.

Whatever a page sends gives no rights. It is settled again at every question: what is gone, or not
the reader's to read, drops out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from app.access.reader import Reader
from app.chat.picker import words
from pipelines.answering.compose import TOO_VAGUE
from pipelines.answering.events import Answer
from pipelines.store import choices, scope
from pipelines.store.choices import Choosable
from pipelines.store.db import Connection
from pipelines.store.ids import DocumentId, LanguageModelId
from pipelines.store.language_models import LanguageModel
from pipelines.store.scope import Choice, Within

MOST_DOCUMENTS, MOST_COLLECTIONS = 50, 20
LARGEST_ID = 2**63 - 1


@dataclass(frozen=True)
class Wanted:
    """
    What a reader has chosen. Nothing chosen stands for everything.

    :param llm: The language model, or `app.live.llms.NO_MODEL`. None stands for the one that answers by default.
    """

    own: bool = False
    collections: tuple[str, ...] = ()
    documents: tuple[DocumentId, ...] = ()
    llm: LanguageModelId | None = None


@dataclass(frozen=True)
class Settled:
    """
    What is left of a choice for its reader now.

    :param readable: All that the reader may search.
    :param gone: Names of what dropped out.
    :param llm: As in `Wanted`.
    """

    readable: tuple[str, ...]
    own: str | None = None
    collections: tuple[str, ...] = ()
    documents: tuple[Choosable, ...] = ()
    gone: tuple[str, ...] = ()
    llm: LanguageModelId | None = None

    @property
    def is_empty(self) -> bool:
        """Whether everything is searched."""
        return not (self.own or self.collections or self.documents)

    @property
    def label(self) -> str:
        """The choice in some words."""
        titles = [document.title for document in self.documents]
        return words.label(bool(self.own), self.collections, titles)

    def within(self, conn: Connection) -> Within:
        """Where to search."""
        if self.is_empty:
            return list(self.readable)
        whole = (*self.collections, *([self.own] if self.own else []))
        ids = choices.searched_as(conn, [document.id for document in self.documents])
        return scope.narrow(self.readable, Choice(whole, ids))

    def mark(self, answer: Answer) -> Answer:
        """The answer, with what it was searched in and what dropped out."""
        note = words.gone(self.gone, is_empty=self.is_empty)
        if note:
            answer = replace(answer, note=f"{note} {answer.note}" if answer.note else note)
        was_searched = "search" in answer.timings_ms and answer.text != TOO_VAGUE
        was_searched = was_searched or bool(answer.remarks.steps)
        if self.is_empty or not (was_searched or answer.kind == "outline"):
            return answer
        if answer.kind == "not_found":
            text = words.not_found(self.label, has_nearest=bool(answer.passages))
            answer = replace(answer, text=text)
        of = {document.collection for document in self.documents}.union(self.collections)
        of = of.union([self.own] if self.own else [], answer.remarks.within_of)
        within = tuple(sorted(of))
        remarks = replace(answer.remarks, within=self.label, within_of=within)
        return replace(answer, remarks=remarks)

    def kept(self) -> dict[str, Any] | None:
        """The choice as it is kept with the conversation."""
        if self.is_empty and self.llm is None:
            return None
        model = {} if self.llm is None else {"llm": self.llm}
        return model | {
            "own": bool(self.own),
            "collections": list(self.collections),
            "documents": [vars(document) for document in self.documents],
        }

    def shown(self, models: Sequence[LanguageModel] = (), *, help: bool = False) -> str:
        """
        The choice as the page's script reads it.

        :param models: The language models that there are. One alone is no choice.
        :param help: The conversation is about Attune, so there is nothing to choose.
        """
        return json.dumps({
            "own": bool(self.own),
            "collections": self.collections,
            "documents": [{"id": one.id, "title": one.title} for one in self.documents],
            "gone": words.gone(self.gone, is_empty=self.is_empty),
            "help": help,
            "llm": self.llm,
            "llms": [[one.id, one.name] for one in models] if len(models) > 1 else [],
        })  # fmt: skip


def read(text: str | None) -> Wanted:
    """The choice that a page sent. What is no choice counts as none."""
    try:
        value = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return Wanted()
    return _wanted(value) if isinstance(value, dict) else Wanted()


def settle(
    conn: Connection, reader: Reader, wanted: Wanted | None, conversation: UUID | None
) -> Settled:
    """
    What a choice means now.

    :param wanted: None: as it is kept with the conversation.
    """
    kept = choices.remembered(conn, reader.visitor, conversation) if conversation else None
    if wanted is None:
        wanted = _wanted(kept or {})
    readable = reader.readable(conn)
    there: dict[DocumentId, Choosable] = {}
    if wanted.documents:
        there = {one.id: one for one in choices.with_ids(conn, readable, wanted.documents)}
    before = {one.id: one for one in _documents(kept or {})}
    documents: list[Choosable] = []
    gone: list[str] = []
    for wished in wanted.documents:
        old = before.get(wished)
        document = there.get(wished) or _next_version(conn, readable, old)
        if document is not None:
            documents.append(document)
        else:
            is_named = old is not None and reader.may_read(old.collection)
            gone.append(old.title if old is not None and is_named else words.CLOSED)
    collections = tuple(name for name in wanted.collections if name in readable)
    gone += [
        f"Collection {name}"
        for name in (kept or {}).get("collections", ())
        if name in wanted.collections and name not in readable and reader.may_read(name)
    ]
    own = reader.own if wanted.own and reader.own in readable else None
    unique = {document.id: document for document in documents}
    return Settled(
        tuple(readable),
        own,
        collections,
        tuple(unique.values()),
        tuple(dict.fromkeys(gone)),
        wanted.llm,
    )


def _next_version(
    conn: Connection, readable: Sequence[str], old: Choosable | None
) -> Choosable | None:
    if old is None:
        return None
    return choices.next_version(conn, readable, old.collection, old.source)


def _wanted(value: Mapping[str, Any]) -> Wanted:
    documents, collections = value.get("documents"), value.get("collections")
    model = value.get("llm")
    ids = [one.get("id") for one in _list(documents) if isinstance(one, dict)]
    known = [i for i in ids if type(i) is int and 0 < i <= LARGEST_ID]
    names = [name for name in _list(collections) if isinstance(name, str)]
    return Wanted(
        value.get("own") is True,
        tuple(dict.fromkeys(names[:MOST_COLLECTIONS])),
        tuple(dict.fromkeys(map(DocumentId, known[:MOST_DOCUMENTS]))),
        LanguageModelId(model) if type(model) is int and 0 <= model <= LARGEST_ID else None,
    )


def _documents(kept: Mapping[str, Any]) -> Iterable[Choosable]:
    return (Choosable(**document) for document in kept.get("documents", ()))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
