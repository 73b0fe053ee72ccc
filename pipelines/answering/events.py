"""An answer, and the events on the way to it. Plain data that is cheap to import."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from pipelines.store.chats import Remarks

if TYPE_CHECKING:
    from pipelines.store.hits import Hit
    from pipelines.store.ids import ChunkId, DocumentId, IndexId
    from pipelines.text.lines import Span

Kind = Literal["llm", "extracts", "not_found", "error", "greeting", "outline"]
Stage = Literal["rewrite", "search", "deeper", "answer"]

# Follows the line that says why the language model did not answer.
THEMSELVES = "This is what the documents say themselves."


def _no_limit() -> bool:
    return True


@dataclass(frozen=True)
class Depth:
    """
    How deep an answer may look, if there is a language model.

    :param wanted: Whether to look deeper. None: if the question asks for it.
    :param may_call: Counts one more call of the language model than an ordinary answer takes. It
        returns False if there are none left.
    """

    wanted: bool | None = None
    may_call: Callable[[], bool] = _no_limit

    def applies(self, asks_for_it: bool) -> bool:
        """Whether to look deeper at a question that asks for it, or does not."""
        return asks_for_it if self.wanted is None else self.wanted


# Look deeper if the question asks for it.
AS_ASKED = Depth()


@dataclass(frozen=True)
class Turn:
    """
    One message of the conversation so far.

    Of an answer, `searched` is the question as it was searched, if that is not what was typed.
    `passages` are those that it showed, in the order of their numbers, and `documents` those that
    it cites.
    """

    role: Literal["user", "assistant"]
    text: str
    searched: str | None = None
    passages: tuple[ChunkId, ...] = ()
    documents: tuple[DocumentId, ...] = ()


@dataclass(frozen=True)
class Citation:
    """
    A passage that the answer cites as ``[number]``.

    `span` marks the supporting sentence in `text`, in characters. It is None if no sentence is
    sure. `page_label` is what is printed on the page, if that differs from its number.
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
    page_label: str | None = None

    @property
    def highlight(self) -> str | None:
        """The text of the supporting sentence."""
        return None if self.span is None else self.text[self.span[0] : self.span[1]]


@dataclass(frozen=True)
class Answer:
    """
    The answer to a question.

    `passages` are all that were found: first those that the text cites, in order of appearance,
    then the others, best first. ``[n]`` in the text counts them from 1. `citations` are those that
    the text cites. `nearest` are spans of the first passages, where the documents do not answer: what
    comes nearest to the question in each. `note` reports minor problems: an answer that broke off, or a rewritten
    question. `in_time` is False if late interaction was left out because its time was over.
    `has_failed_llm` is True if this is the answer without a language model because that failed. Then
    `note` says why.
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
    remarks: Remarks = field(default_factory=Remarks)
    in_time: bool = True
    has_failed_llm: bool = False
    nearest: tuple[Span, ...] = ()

    @property
    def uncited(self) -> bool:
        """
        Whether it was written by the LLM without naming a source, so that nobody can check it.
        """
        return self.kind == "llm" and not self.citations

    def noted(self, note: str | None) -> Answer:
        """The answer with another note, if there is one."""
        return self if note is None else replace(self, note=note)

    def without_llm(self, why: str) -> Answer:
        """
        The answer to a question that the LLM failed at.

        :param why: Tells the fault.
        """
        is_answer = self.kind in ("extracts", "outline")
        return replace(self, note=f"{why} {THEMSELVES}" if is_answer else why, has_failed_llm=True)


@dataclass(frozen=True)
class StageStarted:
    """A step begins."""

    stage: Stage


@dataclass(frozen=True)
class Passages:
    """
    The hits of the search, before the answer is written. `question` is the question as searched.
    """

    hits: list[Hit]
    question: str


@dataclass(frozen=True)
class StepTaken:
    """
    One step of a deeper look, in words.

    :param replaces: Whether it takes the place of the step before, which was its beginning.
    """

    text: str
    replaces: bool = False


@dataclass(frozen=True)
class Retrying:
    """
    The language model failed before its first word and is tried again after a pause.

    :param attempt: Number of the attempt that begins, of `attempts`.
    :param reason: The fault, as the end of "The language model ...".
    """

    attempt: int
    attempts: int
    reason: str


@dataclass(frozen=True)
class Thinking:
    """
    The next piece of what a reasoning model thinks, which is no part of the answer.

    :param takes_back: Whether all tokens before were thinking, too.
    """

    text: str
    takes_back: bool = False


@dataclass(frozen=True)
class Token:
    """
    The next piece of the answer's text as it arrives. `Done` has the complete, tidied text.

    `cited` are the numbers of the passages cited so far, as `Passages` counts them, in order of
    appearance. ``[n]`` in the text counts `cited` from 1.
    """

    text: str
    cited: tuple[int, ...] = ()


@dataclass(frozen=True)
class Done:
    """The finished answer, always the last event."""

    answer: Answer


Event = StageStarted | Passages | StepTaken | Retrying | Thinking | Token | Done


def cited_first(hits: Sequence[Hit], order: Sequence[int]) -> list[Hit]:
    """The passages with these numbers first, in that order, then the others."""
    cited = set(order)
    rest = [hit for number, hit in enumerate(hits, start=1) if number not in cited]
    return [*(hits[number - 1] for number in order), *rest]
