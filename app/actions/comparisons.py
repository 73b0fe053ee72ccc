"""
Stored evaluations as a person reads them: the questions page by page, with passages and causes.

What an evaluation's questions hold is read once and kept for the last few that were looked at.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.store import evaluations, pair_passages
from pipelines.store.db import Pool
from pipelines.store.evaluations import QuestionRow
from pipelines.store.ids import EvaluationId
from training.evaluation.figures import changes
from training.evaluation.figures.causes import Causes
from training.evaluation.figures.changes import Change, Kind

PAGE = 10
MOST_KEPT = 2


@dataclass(frozen=True)
class ShownPassage:
    """A passage as it is shown: the document's title and the text."""

    title: str
    text: str


@dataclass(frozen=True)
class Entry:
    """One question: how it changed, why perhaps (of losses), and the passages by their id."""

    change: Change
    cause: str
    passages: Mapping[str, ShownPassage]


@dataclass(frozen=True)
class Page:
    """
    Some of an evaluation's questions.

    :param total: Number of questions of the chosen kind.
    :param counts: Number of questions of each kind.
    """

    entries: list[Entry]
    number: int
    total: int
    counts: dict[Kind, int]

    @property
    def pages(self) -> int:
        """How many pages there are, one at least."""
        return max(1, -(-self.total // PAGE))


@dataclass
class _Loaded:
    questions: list[QuestionRow]
    passages: dict[str, ShownPassage]
    causes: Causes | None = None


class Comparisons:
    """Reads evaluations. Safe to share between threads."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._lock = threading.Lock()
        self._loaded: OrderedDict[EvaluationId, _Loaded] = OrderedDict()

    def page(
        self, evaluation_id: EvaluationId, old: str, new: str, kind: Kind | None, number: int
    ) -> Page:
        """
        A page of the questions that two ways to search answer, the largest changes first.

        :param kind: Only this kind of change. Without it, all kinds.
        :param number: Counted from 0. Beyond the last page it means the last one.
        """
        with self._lock:
            loaded = self._load(evaluation_id)
            found = changes.changes(loaded.questions, old, new)
            chosen = [change for change in found if kind is None or change.kind == kind]
            last = max(0, -(-len(chosen) // PAGE) - 1)
            number = min(max(0, number), last)
            shown = chosen[number * PAGE : (number + 1) * PAGE]
            entries = [self._entry(loaded, change) for change in shown]
            return Page(entries, number, len(chosen), changes.count(found))

    def _load(self, evaluation_id: EvaluationId) -> _Loaded:
        if evaluation_id not in self._loaded:
            with self._pool.connection() as conn:
                questions = evaluations.questions_of(conn, evaluation_id)
                wanted = {p for q in questions for p in changes.passages_in(q)}
                texts = pair_passages.texts(conn, wanted)
            passages = {name: ShownPassage(title, text) for name, (title, text) in texts.items()}
            self._loaded[evaluation_id] = _Loaded(questions, passages)
        self._loaded.move_to_end(evaluation_id)
        while len(self._loaded) > MOST_KEPT:
            self._loaded.popitem(last=False)
        return self._loaded[evaluation_id]

    def _entry(self, loaded: _Loaded, change: Change) -> Entry:
        texts = {name: passage.text for name, passage in loaded.passages.items()}
        cause = ""
        if change.kind == "lost":
            if loaded.causes is None:
                loaded.causes = Causes(texts)
            cause = changes.cause(change, texts, loaded.causes)
        shown = {*change.relevant, *(hit.passage for hit in (*change.old, *change.new))}
        held = {name: loaded.passages[name] for name in shown if name in loaded.passages}
        return Entry(change, cause, held)
