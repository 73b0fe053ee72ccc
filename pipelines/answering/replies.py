"""
The replies that no language model writes: greetings, outlines, extracts and refusals.

They run in a thread, because they read the database.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from pipelines.answering import cite, followup, mentions, outline
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
from pipelines.search import evidence, spelling
from pipelines.store import documents, hits, scope
from pipelines.store.chats import Remarks
from pipelines.store.db import Pool
from pipelines.system.first_use import FIRST_USE
from pipelines.text.lines import title_words

if TYPE_CHECKING:
    from haystack import Pipeline

    from pipelines.answering.components import Found, Query
    from pipelines.answering.extracts.readout import Extract

# What a later reading of a follow-up must be surer by.
LIKELIER = 0.2
# How sure the best part must be by words and kind, so that its passage is shown. Chosen on halves i
# and j of bench/answers.py.
LIKELY = 0.35


class Replies:
    """Replies from the documents of one database. Safe to share between threads."""

    def __init__(self, pool: Pool) -> None:
        """Cheap, because the pipeline loads with the first question."""
        self._pool = pool

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
            rows = hits.rows(conn, last.passages, scope.everything(collections))
        kept = [chunk for chunk in last.passages if chunk in rows]
        if kept[: max(cited)] != list(last.passages[: max(cited)]):
            return None
        return untouched(query, [hits.unranked(rows[chunk]) for chunk in kept])

    def readings(self, question: str, turns: Sequence[Turn]) -> list[str]:
        """What a question may mean after what was said before, likeliest first."""
        before = next((turn.documents for turn in reversed(turns) if turn.documents), ())
        with self._pool.connection() as conn:
            titles = [document.title for document in documents.get_many(conn, before[:1])]
        return followup.readings(question, turns, *map(title_words, titles)) or [question]

    def spelt(self, found: Found, search: Callable[[Query], Found]) -> Found:
        """
        What is found for a question without its typos, if its passages hold more of it.

        :param search: Called where the documents hold no word like one that was typed.
        """
        question = found.query.question
        if not found.hits or not evidence.has_unknown(question, found.hits):
            return found
        with self._pool.connection() as conn:
            meant = spelling.corrected(conn, question, found.query.collections)
        if meant is None:
            return found
        again = search(replace(found.query, question=meant))
        more = evidence.weigh(meant, again.hits).coverage
        is_better = more > evidence.weigh(question, found.hits).coverage
        return again if again.answerable and is_better else found

    def at_once(
        self, query: Query, turns: Sequence[Turn], clock: Clock, search: Callable[[Query], Found]
    ) -> Answer | None:
        """The outline that a broad question asks for, or all places that name something."""
        if answer := self.outline(query, turns, clock):
            return answer
        wanted = mentions.subject(query.question)
        if wanted is None:
            return None
        return self.mentions(search(replace(query, top_k=mentions.MOST_PASSAGES)), wanted, clock)

    def outline(self, query: Query, turns: Sequence[Turn], clock: Clock) -> Answer | None:
        """The outline of the documents that a broad question is about."""
        before = next((turn.documents for turn in reversed(turns) if turn.documents), ())
        with self._pool.connection() as conn:
            made = outline.outline(conn, query.question, query.collections, before)
        if made is None:
            return None
        remarks = Remarks(suggestions=made.suggestions)
        return told(query, clock, "outline", made.text, made.hits, remarks=remarks)

    def mentions(self, found: Found, wanted: str, clock: Clock) -> Answer | None:
        """Every place that names what is wanted, counted by document. None if there is none."""
        held = mentions.held(found.hits, wanted)
        if not held:
            return None
        text = mentions.told(found.query.question, wanted, held)
        return told(found.query, clock, "outline", text, held)

    def refuse(self, found: Found, turns: Sequence[Turn], clock: Clock, *, vague: bool) -> Answer:
        """The answer to a question that the documents do not answer as it stands."""
        clock.mark("answer")
        if outlined := self.outline(found.query, turns, clock):
            return outlined
        if not found.hits:
            return compose(found, clock, "not_found", TOO_VAGUE if vague else NOTHING_INDEXED)
        if found.possible and (where := self._where(found, clock)):
            return where
        remarks = Remarks(suggestions=self._respelt(found.query))
        return compose(found, clock, "not_found", NOT_FOUND, remarks=remarks)

    def _where(self, found: Found, clock: Clock) -> Answer | None:
        """
        Where the answer may stand, as cards. None if it is a kind of value that stands in none of them.
        """
        from pipelines.answering.extracts import extract, readout

        cards = readout.cards(found.hits, found.nearest)
        if not extract.holds_looks(found.query.question, " ".join(card.text for card in cards)):
            return None
        remarks = Remarks(suggestions=self._respelt(found.query))
        text = f"{HERE}\n\n{readout.render_cards(cards)}"
        marks = readout.marks(cards)
        return compose(found, clock, "extracts", text, marks, note=WITHOUT_LLM, remarks=remarks)

    def _respelt(self, query: Query) -> tuple[str, ...]:
        with self._pool.connection() as conn:
            return tuple(spelling.suggestions(conn, query.question, query.collections))

    def _every(self, found: Found, clock: Clock, search: Callable[[Query], Found]) -> Answer | None:
        """All places of what a question wants all of, if there is more than one."""
        wanted = mentions.listed(found.query.question)
        return None if wanted is None else self._places(found, wanted, clock, search)

    def counted(
        self,
        found: Found,
        clock: Clock,
        search: Callable[[Query], Found],
        extracts: Sequence[Extract] = (),
    ) -> Answer | None:
        """
        All places that mention what a question wants the number or the names of.

        :param extracts: What else would answer. None is returned if that may tell it.
        """
        wanted = mentions.counted(found.query.question)
        if wanted is None:
            return None
        if any(
            mentions.is_told(one.text, wanted, found.hits[one.number - 1].language)
            for one in extracts
        ):
            return None
        return self._places(found, wanted, clock, search, is_count=True)

    def _places(
        self,
        found: Found,
        wanted: str,
        clock: Clock,
        search: Callable[[Query], Found],
        *,
        is_count: bool = False,
    ) -> Answer | None:
        hits = search(replace(found.query, top_k=mentions.MOST_PASSAGES)).hits
        held = mentions.held(hits, wanted)
        if len(held) < mentions.FEWEST_LISTED:
            return None
        if is_count and any(mentions.is_numbered(hit.text, wanted, hit.language) for hit in held):
            return None  # the documents may say another number
        text = mentions.told(found.query.question, wanted, held, is_count=is_count)
        return told(found.query, clock, "outline", text, held)

    def extract(self, found: Found, clock: Clock, search: Callable[[Query], Found]) -> Answer:
        """
        What answers in the passages.

        Where all of something is wanted and no list holds it, every place that names it. Where nothing
        fits well, but one passage holds what was asked in words or meets it, the best ones as cards.

        :param search: Finds more passages.
        """
        from pipelines.answering.components import run
        from pipelines.answering.extracts import candidates, extract, listing, readout

        extracts: list[Extract] = run(self.extraction, {"extract": {"found": found}})["extract"][
            "extracts"
        ]
        clock.mark("answer")
        if not listing.is_listing(extracts) and (every := self._every(found, clock, search)):
            return every
        if not listing.is_listing(extracts) and (
            counted := self.counted(found, clock, search, extracts)
        ):
            return counted
        if extracts and extract.is_sure(extracts):
            marks = readout.marks(extracts)
            return compose(found, clock, "extracts", readout.render(extracts), marks)
        question = found.query.question
        weighed = evidence.weigh(question, found.hits)
        is_likely = not weighed.absent and candidates.sureness(question, found.hits) >= LIKELY
        may_stand = extracts and (weighed.is_whole or is_likely or found.possible)
        may_stand = may_stand and not extract.asks_for_looks(question)
        if may_stand and (where := self._where(found, clock)):
            return where
        remarks = Remarks(suggestions=self._respelt(found.query))
        return compose(found, clock, "not_found", NOT_FOUND, remarks=remarks)

    @cached_property
    def extraction(self) -> Pipeline:
        """The pipeline from `Found` to extracts."""
        with FIRST_USE:
            from pipelines.answering import components

        return components.extraction()


def surest(every: Sequence[Found]) -> Found:
    """The reading of a question that its passages answer best. An earlier one is likelier."""
    from pipelines.answering.extracts import candidates

    sure = [
        found.answerable * candidates.sureness(found.query.question, found.hits) - LIKELIER * place
        for place, found in enumerate(every)
    ]
    return every[sure.index(max(sure))]
