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

from pipelines.answering import cite
from pipelines.answering.extracts import candidates, extract
from pipelines.answering.extracts.answerable import answers, may_answer
from pipelines.answering.extracts.candidates import Met
from pipelines.answering.extracts.readout import Extract
from pipelines.embedder.encoder import Vectors
from pipelines.search import evidence, hybrid, threshold
from pipelines.search.handle import SearchHandle
from pipelines.search.hybrid import Searched
from pipelines.search.parts import PartScores
from pipelines.store.db import Connection, Pool
from pipelines.store.hits import Hit
from pipelines.store.scope import Within
from pipelines.store.standby import Standby, read_either
from pipelines.text.lines import Span
from pipelines.text.places import page_name
from pipelines.text.scoring.late import QueryTokens
from pipelines.text.thinking import answer_of

# At a fault Haystack tries to serialise what was under way, and warns that it cannot.
logging.getLogger("haystack.core.pipeline.breakpoint").setLevel(logging.ERROR)


class Immutable:
    """An immutable value that Haystack may share instead of copying."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


@dataclass(frozen=True, eq=False)
class Query(Immutable):
    """What is looked for, and with which version."""

    question: str = field(repr=False)
    handle: SearchHandle
    top_k: int
    collections: Within | None = None


@dataclass(frozen=True, eq=False)
class Found(Immutable):
    """
    What the search brought, best first.

    `vector` is the question's. *Shape:* ``(d,)``. `in_time` is False if late interaction was left
    out because its time was over. `parts` scores parts of the hits, if it took part. `possible`: they
    may hold the answer in other words, though they do not fit for sure.
    """

    query: Query
    vector: Vectors = field(repr=False)
    hits: Sequence[Hit] = field(repr=False)
    answerable: bool
    embed_ms: float
    search_ms: float
    in_time: bool = True
    parts: PartScores | None = field(default=None, repr=False)
    possible: bool = False

    @property
    def nearest(self) -> tuple[Span, ...]:
        """Of each of the best passages the part that comes nearest to the question."""
        return tuple(near.span for near in candidates.nearest(self.hits, self.met))

    @property
    def met(self) -> Met | None:
        """Scores parts of the hits by late interaction, if that took part."""
        return self.parts.of if self.parts else None


@dataclass(frozen=True, eq=False)
class EmbeddedQuery(Immutable):
    """A question's vector (*Shape:* ``(d,)``), and its tokens if the version compares them."""

    vector: Vectors = field(repr=False)
    tokens: QueryTokens | None
    embed_ms: float


@component
class Embed:
    """The question's vector and tokens, by the encoder of the handle."""

    @component.output_types(embedded=EmbeddedQuery)
    def run(self, query: Query) -> dict[str, Any]:
        """
        Embed the question with the encoder of its handle.

        :param query: The question and the version to search with.
        :returns: `embedded`, from one pass of the model.
        """
        started = time.perf_counter()
        vector, tokens = query.handle.read(query.question)
        return {"embedded": EmbeddedQuery(vector, tokens, _since(started))}


@component
class Retrieve:
    """The passages, in one transaction on one version's table."""

    def __init__(self, pool: Pool, standby: Standby | None = None) -> None:
        self._pool, self._standby = pool, standby

    @component.output_types(found=Found)
    def run(self, query: Query, embedded: EmbeddedQuery) -> dict[str, Any]:
        """
        Search the passages, and decide whether they can answer the question.

        :param query: The question, the version, and the collections to search.
        :param embedded: The question as the encoder reads it.
        :returns: `found`, the hits best first.
        :raises psycopg.OperationalError: The connection was lost twice.
        """
        started = time.perf_counter()
        try:
            searched, fit, weighed = self._search(query, embedded)
        except psycopg.OperationalError:
            # Reading again does no harm, and the pool waits for the database. No caller retries.
            searched, fit, weighed = self._search(query, embedded)
        ranked = searched.reranked
        compared = ranked and ranked.compared
        parts = PartScores(query.handle.encoder, compared) if compared else None
        met = parts.of if parts else None
        answerable = answers(fit, weighed, query.question, searched.hits)
        found = Found(
            query,
            embedded.vector,
            tuple(searched.hits),
            answerable,
            embedded.embed_ms,
            _since(started),
            in_time=ranked is None or ranked.in_time,
            parts=parts,
            possible=may_answer(fit, weighed, searched.hits, met),
        )
        return {"found": found}

    def _search(
        self, query: Query, embedded: EmbeddedQuery
    ) -> tuple[Searched, float | None, evidence.Evidence]:
        def searched(conn: Connection) -> tuple[Searched, float | None, evidence.Evidence]:
            found = hybrid.search(
                conn,
                query.handle,
                query.question,
                embedded.vector,
                query.top_k,
                tokens=embedded.tokens,
                collections=query.collections,
            )
            weighed = evidence.weigh(query.question, found.hits)
            fit = threshold.fit(conn, query.handle, weighed, found.hits)
            return found, fit, weighed

        return read_either(self._pool, self._standby, query.handle.epoch, searched)


@component
class Pose:
    """What the prompt needs: the question, and the passages behind a fence nobody can guess."""

    @component.output_types(question=str, passages=str, documents=list[Document], fence=str)
    def run(self, found: Found) -> dict[str, Any]:
        """
        Prepare the variables of the prompt.

        :param found: The result of the search.
        :returns: `question`, `passages` for the prompt, the same as Haystack `documents`, and
            `fence`, a random mark around the passages.
        """
        fence = secrets.token_hex(4)
        return {
            "question": found.query.question,
            "passages": "\n\n".join(fenced(hit, n, fence) for n, hit in enumerate(found.hits, 1)),
            "documents": [Document(id=str(hit.chunk_id), content=hit.text) for hit in found.hits],
            "fence": fence,
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
        question, handle = found.query.question, found.query.handle
        trusted, encode = hybrid.trusted(handle, question), handle.encoder.encode_documents
        chosen = extract.choose(question, found.vector, found.hits, encode, trusted, found.met)
        return {"extracts": chosen}


def retrieval(pool: Pool, standby: Standby | None = None) -> Pipeline:
    """Query -> Found, read on the standby where one is set and fit."""
    pipeline = Pipeline()
    pipeline.add_component("embed", Embed())
    pipeline.add_component("retrieve", Retrieve(pool, standby))
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
    return ", ".join(filter(None, (page_name(hit.page, hit.page_label), hit.heading)))


def fenced(hit: Hit, number: int, fence: str, name: str = "Document") -> str:
    """A passage as the language model reads it, between marks that its text cannot close."""
    where = f" ({place(hit)})" if place(hit) else ""
    return (
        f'<passage-{fence} number="{number}">\n'
        f"{name}: {hit.title}{where}\n{hit.text}\n</passage-{fence}>"
    )


def _since(started: float) -> float:
    return round((time.perf_counter() - started) * 1e3, 3)
