"""What was read for one question: the passages with their numbers, and the steps. Pure."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace

from pipelines.answering.components import fenced
from pipelines.answering.events import Answer, StepTaken
from pipelines.store.hits import Hit
from pipelines.store.ids import ChunkId

# Passages that are kept with an answer besides those that it cites, and steps.
MOST_OTHERS, MOST_STEPS = 6, 40


class Notebook:
    """Passages and steps of one question."""

    def __init__(self, most_chars: int) -> None:
        """:param most_chars: Characters of what `passages` writes, altogether."""
        self.hits: list[Hit] = []
        self.fence = secrets.token_hex(4)
        self._numbers: dict[ChunkId, int] = {}
        self._left = most_chars
        self._steps: list[str] = []

    @property
    def is_full(self) -> bool:
        """Whether no more passages fit."""
        return self._left <= 0

    def number(self, hit: Hit) -> int:
        """The number of a passage, which gets the next one if it is new."""
        if hit.chunk_id not in self._numbers:
            self.hits.append(hit)
            self._numbers[hit.chunk_id] = len(self.hits)
        return self._numbers[hit.chunk_id]

    def passages(self, hits: Sequence[Hit]) -> str:
        """
        Passages as the model reads them, as many as fit. Those that it has seen are only named.
        """
        written = []
        for hit in hits:
            if hit.chunk_id in self._numbers:
                written.append(f"Passage {self._numbers[hit.chunk_id]}: you have read it above.")
            elif len(hit.text) > self._left:
                self._left = 0
                written.append("There is more, but you have read as much as you may. Answer now.")
                break
            else:
                written.append(self._passage(hit))
                self._left -= len(hit.text)
        return "\n\n".join(written)

    def spend(self, text: str) -> str:
        """The text, its characters counted as those of passages are."""
        self._left -= len(text)
        return text

    def note(self, step: StepTaken) -> None:
        """Note a step."""
        if step.replaces and self._steps:
            self._steps.pop()
        if len(self._steps) < MOST_STEPS:
            self._steps.append(step.text)

    def remarked(self, answer: Answer, note: str | None) -> Answer:
        """
        The answer with its steps, and with few of the passages that it does not cite.

        :param note: Why the look ended early, if it did.
        """
        remarks = replace(
            answer.remarks,
            steps=tuple(self._steps),
            looked_in=len({hit.document_id for hit in self.hits}),
            # The steps name documents.
            within_of=tuple(sorted({hit.collection for hit in self.hits})),
        )
        notes = " ".join(filter(None, [note, answer.note]))
        passages = answer.passages[: len(answer.citations) + MOST_OTHERS]
        return replace(answer, passages=passages, note=notes or None, remarks=remarks)

    def _passage(self, hit: Hit) -> str:
        return fenced(hit, self.number(hit), self.fence, f"Document {hit.document_id}")
