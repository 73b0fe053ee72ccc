"""What an answer is, and the events on the way to it. Plain data; importing this is cheap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pipelines.store.ids import ChunkId, DocumentId, IndexId
    from pipelines.store.search import Hit

Kind = Literal["llm", "extracts", "not_found", "error"]
Stage = Literal["rewrite", "search", "answer"]


@dataclass(frozen=True)
class Turn:
    """One message of the conversation so far."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True)
class Citation:
    """
    A passage that the answer names as ``[number]``.

    `span` marks the supporting sentence in `text`, in characters; None: unsure, nothing is marked.
    """

    number: int
    document_id: DocumentId
    title: str
    source: str
    page: int | None
    heading: str | None
    chunk_id: ChunkId
    text: str
    span: tuple[int, int] | None
    score: float

    @property
    def highlight(self) -> str | None:
        """The marked text."""
        return None if self.span is None else self.text[self.span[0] : self.span[1]]


@dataclass(frozen=True)
class Answer:
    """
    What a question came to. `passages` are all that were found, best first, and ``[n]`` in the
    text counts them from 1; `citations` are those that the text names.

    `note` tells of something short of a fault: an answer that broke off, a question rewritten.
    """

    text: str
    kind: Kind
    question: str
    citations: list[Citation]
    passages: list[Hit]
    model_name: str
    epoch: int
    index_id: IndexId
    timings_ms: dict[str, float]
    dropped_citations: int = 0
    note: str | None = None
    llm: str | None = None


@dataclass(frozen=True)
class StageStarted:
    """A step begins."""

    stage: Stage


@dataclass(frozen=True)
class Passages:
    """What the search found, before the answer is written; `question` as it was searched."""

    hits: list[Hit]
    question: str


@dataclass(frozen=True)
class Retrying:
    """
    The language model failed before its first word and is asked once more, after a pause.

    :param attempt: Which one begins, of `attempts`.
    :param reason: What was wrong, as the end of "The language model ...".
    """

    attempt: int
    attempts: int
    reason: str


@dataclass(frozen=True)
class Token:
    """The next piece of the answer's text, as it comes; `Done` holds the tidied whole."""

    text: str


@dataclass(frozen=True)
class Done:
    """The answer. Always the last event."""

    answer: Answer


Event = StageStarted | Passages | Retrying | Token | Done
