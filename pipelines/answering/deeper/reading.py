"""Documents read from the beginning to the end: whole if they fit, else part by part into notes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial

from haystack.dataclasses import GeneratedAnswer

from pipelines.answering import cite
from pipelines.answering.compose import NOT_FOUND, compose, untouched
from pipelines.answering.deeper.budget import MOST_PARTS
from pipelines.answering.deeper.library import Listed, Portion
from pipelines.answering.deeper.question import DeepQuestion
from pipelines.answering.events import Done, Event, Retrying, StepTaken
from pipelines.answering.prompts.template import REFUSAL

NOTES = (
    "Take notes for somebody who will answer this question: “{}” Write at most ten short lines in the"
    " language of that question. Each line says what a passage says, with its number. Leave out what"
    " does not matter for the question."
)
# Of one part. The notes of all parts are read at once in the end.
LONGEST_NOTES = 2000
SHORTENED = "The limit of {} was reached: {} of {} parts were read. The rest is not in this answer."


async def read(question: DeepQuestion, documents: Sequence[Listed]) -> AsyncGenerator[Event, None]:
    """
    The events of an answer from whole documents.

    :raises LLMError: The language model failed before it had written anything.
    """
    ids = [one.document.id for one in documents]
    chars = await question.in_thread(partial(question.library.chars, ids))
    reading = _Reading(question)
    fits = chars <= question.budget.chars
    async with aclosing(reading.whole(documents) if fits else reading.by_parts(documents)) as steps:
        async for step in steps:
            yield step
    if not question.notebook.hits and not reading.notes:
        yield Done(compose(question.found(), question.clock, "not_found", NOT_FOUND))
        return
    async with aclosing(question.write("\n\n".join(reading.notes) or None)) as events:
        async for event in events:
            yield event


class _Reading:
    """The reading of some documents. `notes` cite the passages by their numbers in the notebook."""

    def __init__(self, question: DeepQuestion) -> None:
        self._question = question
        self.notes: list[str] = []

    async def whole(self, documents: Sequence[Listed]) -> AsyncGenerator[Event, None]:
        """Number all passages of the documents."""
        for one in documents:
            portion = await self._part(one, 1)
            if portion is not None:
                for hit in portion.hits:
                    self._question.notebook.number(hit)
                yield StepTaken(f"Read {portion.title}")

    async def by_parts(self, documents: Sequence[Listed]) -> AsyncGenerator[Event, None]:
        """
        Take notes of the parts, one after the other, as far as the budget allows.

        :raises LLMError: The language model failed.
        """
        meter = self._question.meter(MOST_PARTS)
        total, done = sum(one.parts for one in documents), 0
        for one in documents:
            title = one.document.title
            for number in range(1, one.parts + 1):
                if not await self._question.in_thread(meter.may_go_on):
                    self._question.note = SHORTENED.format(meter.ended, done, total)
                    return
                yield StepTaken(
                    f"Reading {title}: part {number} of {one.parts}", replaces=number > 1
                )
                portion = await self._part(one, number)
                if portion is not None and portion.hits:
                    async with aclosing(self._take_notes(portion)) as events:
                        async for event in events:
                            yield event
                done += 1
            parts = f" in {one.parts} parts" if one.parts > 1 else ""
            yield StepTaken(f"Read {title}{parts}", replaces=True)

    async def _take_notes(self, portion: Portion) -> AsyncGenerator[Retrying, None]:
        asked = NOTES.format(self._question.query.question)
        found = untouched(replace(self._question.query, question=asked), portion.hits)
        text = ""
        async with aclosing(self._question.generation.answer(found, is_note=True)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Retrying):
                    yield piece
                elif isinstance(piece, GeneratedAnswer):
                    text = piece.data or ""
        text, _ = cite.drop_dangling(_shortened(text), len(portion.hits))
        if text and text.strip(" .\"'*").upper() != REFUSAL:
            number = self._question.notebook.number
            new = {old: number(portion.hits[old - 1]) for old in cite.numbers(text)}
            self.notes.append(cite.repointed(text, new))

    async def _part(self, one: Listed, number: int) -> Portion | None:
        size = self._question.budget.chars
        read = partial(self._question.library.part, one.document.id, number, size)
        portion: Portion | None = await self._question.in_thread(read)
        return portion


def _shortened(notes: str) -> str:
    """Notes of at most `LONGEST_NOTES` characters, without half a line."""
    if len(notes) <= LONGEST_NOTES:
        return notes
    return notes[:LONGEST_NOTES].rpartition("\n")[0] or notes[:LONGEST_NOTES].rpartition(" ")[0]
