"""
Haystack components of the question's way: embed, retrieve, pose, tidy, extract.

What travels between them is small. Haystack deep-copies the inputs of every component and
writes the inputs of a run into the tracing span. So the objects here are immutable, answer a
copy with themselves, and keep texts out of their `repr`.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import psycopg
from haystack import Document, Pipeline, component
from haystack.core.errors import PipelineRuntimeError
from haystack.dataclasses import ChatMessage

from pipelines.answering import cite, extract
from pipelines.answering.readout import Extract
from pipelines.embedder.encoder import Vectors
from pipelines.search import hybrid, threshold
from pipelines.search.handle import SearchHandle
from pipelines.search.hybrid import Searched
from pipelines.store.db import Pool
from pipelines.store.hits import Hit
from pipelines.text.scoring.late import QueryTokens
from pipelines.text.thinking import answer_of

# At a fault Haystack tries to serialise what was under way, and warns that it cannot.
logging.getLogger("haystack.core.pipeline.breakpoint").setLevel(logging.ERROR)


class Shared:
    """An immutable value that Haystack may share instead of copying."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


@dataclass(frozen=True, eq=False)
class Query(Shared):
    """What is looked for, and with which version."""

    question: str = field(repr=False)
    handle: SearchHandle
    top_k: int
    collections: Sequence[str] | None = None


@dataclass(frozen=True, eq=False)
class Found(Shared):
    """
    What the search brought, best first.

    `vector` is the question's. *Shape:* ``(d,)``. `in_time` is False if late interaction was left
    out because its time was over.
    """

    query: Query
    vector: Vectors = field(repr=False)
    hits: Sequence[Hit] = field(repr=False)
    answerable: bool
    embed_ms: float
    search_ms: float
    in_time: bool = True


@dataclass(frozen=True, eq=False)
class Embedded(Shared):
    """A question's vector (*Shape:* ``(d,)``), and its tokens if the version compares them."""

    vector: Vectors = field(repr=False)
    tokens: QueryTokens | None
    embed_ms: float


@component
class Embed:
    """The question's vector and tokens, by the encoder of the handle."""

    @component.output_types(embedded=Embedded)
    def run(self, query: Query) -> dict[str, Any]:
        """
        Embed the question with the encoder of its handle.

        :param query: The question and the version to search with.
        :returns: `embedded`, from one pass of the model.
        """
        started = time.perf_counter()
        vector, tokens = query.handle.read(query.question)
        return {"embedded": Embedded(vector, tokens, _since(started))}


@component
class Retrieve:
    """The passages, in one transaction on one version's table."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @component.output_types(found=Found)
    def run(self, query: Query, embedded: Embedded) -> dict[str, Any]:
        """
        Search the passages, and decide whether they can answer the question.

        :param query: The question, the version, and the collections to search.
        :param embedded: The question as the encoder reads it.
        :returns: `found`, the hits best first.
        :raises psycopg.OperationalError: The connection was lost twice.
        """
        started = time.perf_counter()
        try:
            searched, answerable = self._search(query, embedded)
        except psycopg.OperationalError:
            # The connection was lost during the search. Reading again does no harm, and the pool
            # waits until the database is back. No caller retries.
            searched, answerable = self._search(query, embedded)
        found = Found(
            query,
            embedded.vector,
            tuple(searched.hits),
            answerable,
            embedded.embed_ms,
            _since(started),
            searched.reranked is None or searched.reranked.in_time,
        )
        return {"found": found}

    def _search(self, query: Query, embedded: Embedded) -> tuple[Searched, bool]:
        with self._pool.connection() as conn:
            found = hybrid.search(
                conn,
                query.handle,
                query.question,
                embedded.vector,
                query.top_k,
                tokens=embedded.tokens,
                collections=query.collections,
            )
            return found, threshold.answerable(conn, query.handle, query.question, found.hits)


@component
class Pose:
    """What the prompt needs: the question, and the passages behind a fence nobody can guess."""

    @component.output_types(
        question=str, passages=list[dict[str, str]], documents=list[Document], fence=str
    )
    def run(self, found: Found) -> dict[str, Any]:
        """
        Prepare the variables of the prompt.

        :param found: The result of the search.
        :returns: `question`, `passages` for the prompt, the same as Haystack `documents`, and
            `fence`, a random mark around the passages.
        """
        return {
            "question": found.query.question,
            "passages": [
                {"title": hit.title, "place": place(hit), "text": hit.text} for hit in found.hits
            ],
            "documents": [Document(id=str(hit.chunk_id), content=hit.text) for hit in found.hits],
            "fence": secrets.token_hex(4),
        }


@component
class PoseAgain:
    """What the prompt for another form of an answer needs."""

    @component.output_types(request=str, answer=str, documents=list[Document], fence=str)
    def run(self, found: Found, last: str) -> dict[str, Any]:
        """
        Prepare the variables of the prompt.

        :param found: The passages that the answer cites.
        :param last: The answer.
        :returns: `request`, `answer`, the passages as Haystack `documents`, and `fence`.
        """
        documents = [Document(id=str(hit.chunk_id), content=hit.text) for hit in found.hits]
        return {
            "request": found.query.question,
            "answer": last,
            "documents": documents,
            "fence": secrets.token_hex(4),
        }


@component
class Tidy:
    """Replies to store and show: no thinking, citations in one spelling, no control characters."""

    @component.output_types(replies=list[str], meta=list[dict[str, Any]])
    def run(self, replies: list[ChatMessage]) -> dict[str, Any]:
        """
        Normalise the replies' citations, and remove thinking and control characters.

        :param replies: Messages of the chat model.
        :returns: `replies` as text, and the `meta` of each message.
        """
        return {
            "replies": [cite.normalise(answer_of(reply.text or "")) for reply in replies],
            "meta": [dict(reply.meta) for reply in replies],
        }


@component
class ExtractSentences:
    """The sentences that answer best."""

    @component.output_types(extracts=list[Extract])
    def run(self, found: Found) -> dict[str, Any]:
        """
        Choose the sentences that answer the question best.

        :param found: The result of the search.
        :returns: `extracts` from the hits.
        """
        encoder = found.query.handle.encoder
        return {
            "extracts": extract.choose(
                found.query.question, found.vector, found.hits, encoder.encode_documents
            )
        }


def retrieval(pool: Pool) -> Pipeline:
    """Query -> Found."""
    pipeline = Pipeline()
    pipeline.add_component("embed", Embed())
    pipeline.add_component("retrieve", Retrieve(pool))
    pipeline.connect("embed.embedded", "retrieve.embedded")
    return pipeline


def extraction() -> Pipeline:
    """Found -> extracts."""
    pipeline = Pipeline()
    pipeline.add_component("extract", ExtractSentences())
    return pipeline


def run(pipeline: Pipeline, data: dict[str, Any]) -> dict[str, Any]:
    """Run a pipeline. What a component raises comes out as it was raised, without a wrapping."""
    try:
        return pipeline.run(data)
    except PipelineRuntimeError as error:
        raise error.__cause__ or error from None


def place(hit: Hit) -> str:
    """Where in its document a passage stands, for people: ``page 3, Revenue``."""
    page = f"page {hit.page}" if hit.page is not None else ""
    return ", ".join(part for part in (page, hit.heading or "") if part)


def _since(started: float) -> float:
    return round((time.perf_counter() - started) * 1e3, 3)
