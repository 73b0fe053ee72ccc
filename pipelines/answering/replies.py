"""
The replies that no language model writes: greetings, outlines, extracts and refusals.

They run in a thread, because they read the database.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from pipelines.answering import cite, outline
from pipelines.answering.compose import (
    HERE,
    NOT_FOUND,
    NOTHING_INDEXED,
    TOO_VAGUE,
    WITHOUT_LLM,
    Clock,
    compose,
    told,
    untouched,
)
from pipelines.answering.events import Answer, Turn
from pipelines.answering.examples import starters
from pipelines.search import spelling
from pipelines.store import hits, scope
from pipelines.store.chats import Remarks
from pipelines.store.db import Pool
from pipelines.system.first_use import FIRST_USE

if TYPE_CHECKING:
    from haystack import Pipeline

    from pipelines.answering.components import Found, Query
    from pipelines.answering.readout import Extract


class Replies:
    """Replies from the documents of one database. Safe to share between threads."""

    def __init__(self, pool: Pool, *, has_llm: bool) -> None:
        """
        Cheap, because the pipeline loads with the first question.

        :param has_llm: Whether a language model is set up, so that nobody is told to add one.
        """
        self._pool = pool
        self._has_llm = has_llm

    def greet(self, query: Query, greeting: str, clock: Clock) -> Answer:
        """The reply to a greeting, with questions to start with."""
        with self._pool.connection() as conn:
            collections = query.collections
            if collections is None:
                collections = scope.readable(conn)
            remarks = Remarks(suggestions=tuple(starters(conn, collections)))
        return told(query, clock, "greeting", greeting, remarks=remarks)

    def before(self, query: Query, turns: Sequence[Turn]) -> Found | None:
        """
        What the answer before was made from, in the order of its numbers.

        :returns: None if the last turn is no answer with sources, or one of them is gone.
        """
        last = turns[-1]
        cited = cite.numbers(last.text)
        if last.role != "assistant" or not cited or max(cited) > len(last.passages):
            return None
        with self._pool.connection() as conn:
            collections = query.collections
            if collections is None:
                collections = scope.readable(conn)
            rows = hits.rows(conn, last.passages, collections)
        kept = [chunk for chunk in last.passages if chunk in rows]
        if kept[: max(cited)] != list(last.passages[: max(cited)]):
            return None
        return untouched(query, [hits.unranked(rows[chunk]) for chunk in kept])

    def outline(self, query: Query, turns: Sequence[Turn], clock: Clock) -> Answer | None:
        """The outline of the documents that a broad question is about."""
        before = next((turn.documents for turn in reversed(turns) if turn.documents), ())
        with self._pool.connection() as conn:
            made = outline.outline(conn, query.question, query.collections, before)
        if made is None:
            return None
        remarks = Remarks(suggestions=made.suggestions)
        return told(query, clock, "outline", made.text, made.hits, remarks=remarks)

    def refuse(self, found: Found, turns: Sequence[Turn], clock: Clock, *, vague: bool) -> Answer:
        """The answer to a question that the documents do not answer as it stands."""
        clock.mark("answer")
        if outlined := self.outline(found.query, turns, clock):
            return outlined
        if not found.hits:
            return compose(found, clock, "not_found", TOO_VAGUE if vague else NOTHING_INDEXED)
        remarks = Remarks(suggestions=self._respelt(found.query))
        return compose(found, clock, "not_found", NOT_FOUND, remarks=remarks)

    def _respelt(self, query: Query) -> tuple[str, ...]:
        with self._pool.connection() as conn:
            return tuple(spelling.suggestions(conn, query.question, query.collections))

    def extract(self, found: Found, clock: Clock) -> Answer:
        """
        What answers in the passages. Where nothing fits well, the best passages as cards.
        """
        from pipelines.answering import extract, readout
        from pipelines.answering.components import run

        extracts: list[Extract] = run(self.extraction, {"extract": {"found": found}})["extract"][
            "extracts"
        ]
        clock.mark("answer")
        if extracts and extract.is_sure(extracts):
            spans = {e.number: e.span for e in extracts}
            return compose(found, clock, "extracts", readout.render(extracts), spans)
        remarks = Remarks(suggestions=self._respelt(found.query))
        if not extracts:
            return compose(found, clock, "not_found", NOT_FOUND, remarks=remarks)
        cards = readout.cards(found.hits)
        spans = {e.number: e.span for e in cards}
        note = None if self._has_llm else WITHOUT_LLM
        text = f"{HERE}\n\n{readout.render_cards(cards)}"
        return compose(found, clock, "extracts", text, spans, note=note, remarks=remarks)

    @cached_property
    def extraction(self) -> Pipeline:
        """The pipeline from `Found` to extracts."""
        with FIRST_USE:
            from pipelines.answering import components

        return components.extraction()
