"""Puts an answer together from what was found and what was said about it, and times the way there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from pipelines.answering import cite, support
from pipelines.answering.events import (
    Answer,
    Citation,
    Done,
    Event,
    Kind,
    Retrying,
    Thinking,
    Token,
    cited_first,
)
from pipelines.answering.llm import LLMError, empty_answer
from pipelines.answering.prompts.template import REFUSAL
from pipelines.store.chats import Remarks
from pipelines.text.places import Place
from pipelines.text.thinking import Part

if TYPE_CHECKING:
    from haystack.dataclasses import GeneratedAnswer

    from pipelines.answering.components import Found, Query
    from pipelines.answering.generation import Generation
    from pipelines.store.hits import Hit

NOT_FOUND = "The documents do not answer this question. The nearest passages are below."
NOTHING_INDEXED = "Nothing was found: there are no indexed documents to search."
TOO_VAGUE = "Please ask a fuller question: this one has no word that a document could be found by."
HERE = "No single passage answers this for certain. It may stand here:"
WITHOUT_LLM = (
    "A language model can write the answer from these passages. An admin can add one: on the tab"
    " Language model of the admin pages, or with attune llm set."
)
NEEDS_LLM = (
    "Only a language model can put an answer into another form, and none answers here. Ask about"
    " the documents instead."
)
NOT_DEEPER = (
    "A deeper look needs a language model, and none answers here. This is an ordinary answer."
)


@dataclass
class Clock:
    """Milliseconds of the stages of one question."""

    started: float = field(default_factory=time.perf_counter)
    marked: float = field(default_factory=time.perf_counter)
    ms: dict[str, float] = field(default_factory=dict)

    def mark(self, stage: str) -> None:
        """Note the time since the last mark as that of a stage."""
        now = time.perf_counter()
        self.ms[stage] = round((now - self.marked) * 1e3, 2)
        self.marked = now

    def total(self) -> dict[str, float]:
        """The time of each stage, and the time since the start."""
        return self.ms | {"total": round((time.perf_counter() - self.started) * 1e3, 2)}


class Writing:
    """
    What the reader sees of an answer while the LLM writes it.

    :param count: Number of passages that it may cite.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._begin()

    def _begin(self) -> None:
        self.text = self._held = ""
        self._numbering = cite.CitationNumbers(self._count)

    def take(self, piece: Part) -> Token | Thinking | None:
        """The event of the next piece. None while nothing can be shown."""
        if piece.takes_back:
            event = Thinking(self.text + piece.text, takes_back=True)
            self._begin()
            return event
        if piece.is_thought:
            return Thinking(piece.text)
        self.text, self._held = self.text + piece.text, self._held + piece.text
        # A refusal is replaced by a plain sentence, and not shown on its way.
        if REFUSAL.startswith(self.text.strip(" .\n")):
            return None
        shown, self._held = self._numbering.feed(self._held), ""
        return Token(shown, tuple(self._numbering.order)) if shown else None


async def streamed(
    found: Found,
    clock: Clock,
    llm: str,
    pieces: AsyncIterator[Part | Retrying | GeneratedAnswer],
    *,
    last: str | None = None,
) -> AsyncGenerator[Event, None]:
    """
    The events of an answer that the LLM writes, `Done` last.

    :param pieces: What the LLM sends.
    :param last: The answer before, if this is another form of it.
    :raises LLMError: The LLM failed before it had written anything.
    """
    writing = Writing(len(found.hits))
    whole: GeneratedAnswer | None = None
    fault: LLMError | None = None
    try:
        async for piece in pieces:
            if isinstance(piece, Retrying):
                yield piece
            elif not isinstance(piece, Part):
                whole = piece
                break
            elif (event := writing.take(piece)) is not None:
                yield event
    except LLMError as error:
        fault = error
    clock.mark("answer")
    text = writing.text
    yield Done(await asyncio.to_thread(written, found, clock, llm, text, whole, fault, last))


async def generated(
    generation: Generation,
    found: Found,
    clock: Clock,
    draft: str | None = None,
    *,
    is_final: bool = False,
) -> AsyncGenerator[Event, None]:
    """
    The events of an answer that the LLM writes from passages, `Done` last.

    :param draft: Write it from this text, which cites them.
    :param is_final: The draft is an answer that was given, so its sentences were judged already.
    :raises LLMError: The LLM failed before it had written anything.
    """
    async with aclosing(generation.answer(found, draft)) as pieces:
        last = draft if is_final else None
        async with aclosing(
            streamed(found, clock, generation.options.model, pieces, last=last)
        ) as events:
            async for event in events:
                yield event


def written(
    found: Found,
    clock: Clock,
    llm: str,
    text: str,
    whole: GeneratedAnswer | None,
    fault: LLMError | None,
    last: str | None = None,
) -> Answer:
    """
    What the LLM's words come to: an answer, a refusal, or a fault with what came before it.

    :param last: The answer before, if this is another form of it. Its citations are kept, and its
        sentences were judged already.
    :raises LLMError: The LLM failed before it had written anything.
    """
    text = cite.normalise(text) if whole is None else (whole.data or "")
    aligner = cite.Aligner([(hit.text, hit.language) for hit in found.hits])
    text, corrected = (text, 0) if last else support.correct(text, aligner, len(found.hits))
    text, dropped = cite.drop_dangling(text, len(found.hits))
    said = text.strip(" .\"'*").upper()
    if said == REFUSAL:
        return compose(found, clock, "not_found", NOT_FOUND, llm=llm)
    if fault is not None and REFUSAL.startswith(said):
        raise fault
    if not text:
        raise empty_answer(llm)
    if last and not cite.numbers(text):
        text = f"{text} {''.join(f'[{number}]' for number in cite.numbers(last))}"
    aligned = aligner.spans(text)
    spans = {number: aligned.get(number) for number in cite.numbers(text)}
    weak = [] if last else support.unsupported(text, aligner, found.hits)
    clock.mark("cite")
    note = f"The answer breaks off here. {fault}" if fault else _ending(whole)
    kind: Kind = "error" if fault else "llm"
    answer = compose(found, clock, kind, text, spans, dropped=dropped, note=note, llm=llm)
    remarks = Remarks(unsupported=support.spans(answer.text, weak), corrected=corrected)
    return replace(answer, remarks=remarks)


def _ending(whole: GeneratedAnswer | None) -> str | None:
    """A note where the model stopped for another reason than being done."""
    reason = whole.meta.get("finish_reason") if whole else None
    if reason == "stop":
        return None
    if reason == "length":
        return "The answer reached the language model's length limit and may be incomplete."
    if reason == "content_filter":
        return "The provider's content filter cut the answer."
    return (
        "The language model stopped without saying that it was done; the answer may be incomplete."
    )


def compose(
    found: Found,
    clock: Clock,
    kind: Kind,
    text: str,
    spans: Mapping[int, tuple[int, int] | None] | None = None,
    *,
    dropped: int = 0,
    note: str | None = None,
    llm: str | None = None,
    remarks: Remarks | None = None,
) -> Answer:
    """
    The answer with the passages it cites, numbered in order of appearance.

    :param text: Its citations count the passages as they were found.
    :param spans: One entry for each number cited, with the supporting sentence.
    """
    handle = found.query.handle
    spans = spans or {}
    order = [number for number in cite.numbers(text) if number in spans]
    return Answer(
        text=cite.renumber(text, order) if order else text,
        kind=kind,
        question=found.query.question,
        citations=[
            _citation(found.hits[number - 1], place, spans[number])
            for place, number in enumerate(order, start=1)
        ],
        passages=cited_first(found.hits, order),
        model_name=handle.model_name,
        epoch=handle.epoch,
        index_id=handle.index_id,
        timings_ms=clock.total(),
        dropped_citations=dropped,
        note=note,
        llm=llm,
        remarks=remarks or Remarks(),
        in_time=found.in_time,
        nearest=found.nearest if kind == "not_found" else (),
    )


def untouched(query: Query, hits: Sequence[Hit]) -> Found:
    """Passages that need no search, as if they had been found."""
    from pipelines.answering.components import Found

    return Found(query, np.zeros(0, np.float32), tuple(hits), True, 0.0, 0.0)


def told(
    query: Query,
    clock: Clock,
    kind: Kind,
    text: str,
    hits: Sequence[Hit] = (),
    *,
    remarks: Remarks | None = None,
) -> Answer:
    """
    An answer that needed no search.

    :param text: It cites the hits by their numbers.
    """
    found = untouched(query, hits)
    return compose(found, clock, kind, text, dict.fromkeys(cite.numbers(text)), remarks=remarks)


def _citation(hit: Hit, number: int, span: tuple[int, int] | None) -> Citation:
    place = Place(0, hit.page, hit.heading, hit.page_label) if span is None else hit.at(span[0])
    return Citation(
        number=number,
        document_id=hit.document_id,
        title=hit.title,
        source=hit.source,
        page=place.page,
        heading=place.heading,
        chunk_id=hit.chunk_id,
        text=hit.text,
        span=span,
        score=hit.score,
        page_label=place.label,
    )
