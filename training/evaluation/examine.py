"""
Measures one model of an evaluation step by step: search, whole passages, general questions.

Results of a step are kept. The model is loaded only when a step needs it that is not done yet.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from pipelines.embedder.batches import Watched
from pipelines.embedder.encoder import Encoder
from pipelines.store.db import Connection
from pipelines.store.ids import IndexId
from pipelines.store.scratch import scratch_database
from training.evaluation import made, rankings
from training.evaluation import stages as stages_of
from training.evaluation.dataset import Dataset
from training.evaluation.figures.comparison import ModelFacts
from training.evaluation.meter import ComparisonMeter
from training.evaluation.paid import PaidEncoder, dollars
from training.evaluation.rankings import Mode, Rankings, Rules, Timings
from training.evaluation.stages import Stages


@dataclass(frozen=True)
class Candidate:
    """
    A model to evaluate. `identity` is the sha256 of its files' manifest, or ``openai:NAME``.

    `load` is called when it is the model's turn, so that only one model is in memory.
    """

    name: str
    identity: str
    kind: str
    rules: Rules
    load: Callable[[], Encoder] = field(repr=False)
    size_bytes: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)
    # Digests (`metrics.fingerprint`) of the questions it was trained on, where known.
    trained_on: Collection[str] = frozenset()
    # Where to keep the vectors of its windows, if they will be needed.
    made: Path | None = None


class Examined:
    """One model's measurement. The model is loaded when the first unfinished step needs it."""

    def __init__(
        self,
        dsn: str,
        candidate: Candidate,
        dataset: Dataset,
        stages: Stages,
        meter: ComparisonMeter,
    ) -> None:
        self._dsn, self._candidate, self._dataset = dsn, candidate, dataset
        self._stages, self._meter = stages, meter

    def search(self, *, words: bool) -> tuple[dict[Mode, Rankings], Timings]:
        """
        Rank by the app's own search.

        :param words: What takes no model as well: plain BM25, and the words alone.
        """
        step = "search with words" if words else "search"
        find = partial(self._search, words=words)
        value = self._once(step, find, "indexing", "embedding the questions", "searching")
        return stages_of.search_of(value)

    def whole(self) -> Rankings:
        """Rank whole passages, as published figures do."""

        def find() -> dict[str, Any]:
            self._meter.begin(self._candidate.name, "whole passages")
            return stages_of.ranked(rankings.by_whole_passages(self._watched, self._dataset))

        return stages_of.rankings_of(self._once("whole", find, "whole passages"))

    def general(self, general: Dataset) -> Rankings:
        """Rank the passages of general questions."""

        def find() -> dict[str, Any]:
            self._meter.begin(self._candidate.name, "general questions")
            return stages_of.ranked(rankings.by_whole_passages(self._watched, general))

        step = f"general {general.sha256[:16]}"
        return stages_of.rankings_of(self._once(step, find, "general questions"))

    def facts(self, timings: Timings) -> ModelFacts:
        """The model's properties and costs."""
        told = self._stages.once("facts", lambda: _told(self._encoder))
        candidate = self._candidate
        return ModelFacts(
            name=candidate.name,
            identity=candidate.identity,
            kind=candidate.kind,
            size_mb=round(candidate.size_bytes / 1e6, 1),
            rules=candidate.rules,
            timings=timings,
            settings=dict(candidate.settings),
            **told,
        )

    def _search(self, *, words: bool) -> dict[str, Any]:
        modes: list[Mode] = ["windows", "hybrid"]
        if words:
            modes.insert(0, "words")
        with scratch_database(self._dsn) as pool, pool.connection() as conn:
            found, timings = rankings.by_search(
                conn,
                self._watched,
                self._dataset,
                self._candidate.rules,
                modes,
                task=self._meter.steps_of(self._candidate.name),
                # A question to a provider is paid for, and waits for the network.
                time_questions=not isinstance(self._encoder, PaidEncoder),
                on_indexed=partial(self._keep_made, conn),
            )
        if words:
            found["bm25"] = rankings.by_bm25(self._dataset)
        return stages_of.searched(found, timings)

    def _keep_made(self, conn: Connection, index_id: IndexId) -> None:
        if self._candidate.made is not None:
            made.keep(conn, index_id, self._candidate.made)

    def _once(self, step: str, find: Callable[[], Any], *steps: str) -> Any:
        value = self._stages.get(step)
        if value is None:
            return self._stages.once(step, find)
        for one in steps:
            self._meter.skip(self._candidate.name, one)
        return value

    @cached_property
    def _encoder(self) -> Encoder:
        self._meter.begin(self._candidate.name, "loading")
        return self._candidate.load()

    @cached_property
    def _watched(self) -> Watched:
        return Watched(self._encoder, self._meter.embedding())

    def __enter__(self) -> Examined:
        return self

    def __exit__(self, *_: object) -> None:
        encoder = self.__dict__.get("_encoder")
        if isinstance(encoder, PaidEncoder):
            encoder.close()


def _told(encoder: Encoder) -> dict[str, Any]:
    """Facts that only the loaded model knows."""
    paid = encoder if isinstance(encoder, PaidEncoder) else None
    return {
        "dimension": encoder.dimension,
        "tokens_paid": paid.tokens_used if paid else None,
        "dollars": dollars(paid.model, paid.tokens_used) if paid else None,
        "texts_from_cache": paid.texts_from_cache if paid else 0,
    }
