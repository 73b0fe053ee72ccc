"""Puts an answer together from what was found and what was said about it, and times the way there."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pipelines.answering import cite
from pipelines.answering.events import Answer, Citation, Kind, cited_first
from pipelines.errors import ProviderError
from pipelines.store.chats import Remarks

if TYPE_CHECKING:
    from haystack.dataclasses import GeneratedAnswer

    from pipelines.answering.components import Found, Query
    from pipelines.store.hits import Hit

NOT_FOUND = "The documents do not answer this question. The nearest passages are below."
NOTHING_INDEXED = "Nothing was found: there are no indexed documents to search."
TOO_VAGUE = "Please ask a fuller question: this one has no word that a document could be found by."
HERE = "No single passage answers this for certain. Here is where it stands:"
WITHOUT_LLM = (
    "A language model can write the answer from these passages. To add one, set OPENAI_BASE_URL or"
    ' OPENAI_API_KEY as the handbook says under "Asking questions".'
)
EMPTY = "The language model returned an empty answer. Try again."
# What the model is told to say when the passages do not hold the answer.
REFUSAL = "NOT IN THE DOCUMENTS"


@dataclass
class Clock:
    """Milliseconds of the stages of one question."""

    started: float = field(default_factory=time.perf_counter)
    marked: float = field(default_factory=time.perf_counter)
    ms: dict[str, float] = field(default_factory=dict)

    def mark(self, stage: str) -> None:
        now = time.perf_counter()
        self.ms[stage] = round((now - self.marked) * 1e3, 2)
        self.marked = now

    def total(self) -> dict[str, float]:
        return self.ms | {"total": round((time.perf_counter() - self.started) * 1e3, 2)}


def written(
    found: Found,
    clock: Clock,
    llm: str,
    text: str,
    whole: GeneratedAnswer | None,
    fault: ProviderError | None,
) -> Answer:
    """What the LLM's words come to: an answer, a refusal, or a fault with what came before it."""
    text = cite.normalise(text) if whole is None else (whole.data or "")
    text, dropped = cite.drop_dangling(text, len(found.hits))
    if not text:
        message = EMPTY if fault is None else str(fault)
        return compose(found, clock, "error", message, dropped=dropped, llm=llm)
    if fault is None and text.strip(" .\"'*").upper() == REFUSAL:
        return compose(found, clock, "not_found", NOT_FOUND, llm=llm)
    aligned = cite.Aligner([(hit.text, hit.language) for hit in found.hits]).spans(text)
    spans = {number: aligned.get(number) for number in cite.numbers(text)}
    clock.mark("cite")
    note = f"The answer breaks off here. {fault}" if fault else _ending(whole)
    kind: Kind = "error" if fault else "llm"
    return compose(found, clock, kind, text, spans, dropped=dropped, note=note, llm=llm)


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
    )


def told(
    query: Query,
    clock: Clock,
    kind: Kind,
    text: str,
    hits: Sequence[Hit] = (),
    *,
    remarks: Remarks,
) -> Answer:
    """
    An answer that needed no search.

    :param text: It cites the hits by their numbers.
    """
    from pipelines.answering.components import Found

    found = Found(query, np.zeros(0, np.float32), tuple(hits), False, 0.0, 0.0)
    return compose(found, clock, kind, text, dict.fromkeys(cite.numbers(text)), remarks=remarks)


def _citation(hit: Hit, number: int, span: tuple[int, int] | None) -> Citation:
    page, heading = (hit.page, hit.heading) if span is None else hit.at(span[0])
    return Citation(
        number=number,
        document_id=hit.document_id,
        title=hit.title,
        source=hit.source,
        page=page,
        heading=heading,
        chunk_id=hit.chunk_id,
        text=hit.text,
        span=span,
        score=hit.score,
    )
