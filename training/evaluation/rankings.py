"""
Ranks the passages of a dataset by a model, with the windows, tables and search that users have.

Each model gets its own index in an empty database, so the measured index is what would serve.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pipelines.embedder.encoder import Encoder, Vectors
from pipelines.progress import NO_TASK, Progress, Task
from pipelines.search import hybrid
from pipelines.search.handle import SearchHandle
from pipelines.search.hybrid import Mode as SearchMode
from pipelines.store import graphs, indexes, models
from pipelines.store.db import Connection
from pipelines.store.ids import ChunkId, IndexId
from pipelines.text.languages import language_of_most
from pipelines.text.terms import terms
from pipelines.text.windows import WindowRule
from training.evaluation.corpus import load_dataset
from training.evaluation.dataset import Dataset
from training.evaluation.metrics import DEPTH, Ranked

# Plain BM25, the words of the app's search alone, whole passages cut at the model's limit, windows,
# and windows with words as served.
Mode = Literal["bm25", "words", "whole", "windows", "hybrid"]
SEARCH_MODE: dict[Mode, SearchMode] = {
    "words": "lexical",
    "windows": "dense",
    "hybrid": "hybrid",
}
# Questions embedded one at a time to see how long one takes.
TIMED_QUESTIONS = 50

Rankings = dict[str, list[Ranked]]  # by question, best first


@dataclass(frozen=True)
class Rules:
    """
    How a model's index is made: windows in tokens, and the share of the words in the score.

    `codes`: With codes of tokens, if the encoder gives them.
    """

    size_tokens: int
    stride_tokens: int
    lexical_weight: float
    codes: bool = True


@dataclass(frozen=True)
class Timings:
    """
    The time to build an index and to answer a question.

    `embed_ms` and `search_ms` are medians for one question. `embed_ms` is None if it was not
    measured.
    """

    windows: int
    index_s: float
    embed_ms: float | None
    search_ms: float


def by_search(
    conn: Connection,
    encoder: Encoder,
    dataset: Dataset,
    rules: Rules,
    modes: Sequence[Mode],
    *,
    task: Task = NO_TASK,
    time_questions: bool = True,
    on_indexed: Callable[[IndexId], object] = lambda _: None,
) -> tuple[dict[Mode, Rankings], Timings]:
    """
    The rankings of a model through the app's own search.

    :param conn: Of an empty scratch database.
    :param modes: Those of `SEARCH_MODE`.
    :param task: Told each step that begins.
    :param on_indexed: Called with the index when the passages are in it.
    :raises Stopped: The task was asked to stop.
    """
    task.tell(Progress("indexing"))
    started = time.perf_counter()
    handle, passage_of, windows = _index(conn, encoder, dataset, rules)
    index_s = time.perf_counter() - started
    on_indexed(handle.index_id)
    task.tell(Progress("embedding the questions"))
    questions = list(dataset.queries.values())
    embed_ms = _time_questions(handle, questions) if time_questions else None
    read = handle.read_all(questions)
    found: dict[Mode, Rankings] = {}
    times: list[float] = []
    for mode in modes:
        task.tell(Progress(f"searching: {mode}"))
        found[mode] = {}
        for name, question, (vector, tokens) in zip(dataset.queries, questions, read, strict=True):
            task.check()
            started = time.perf_counter()
            hits = hybrid.hybrid(
                conn, handle, question, vector, DEPTH, tokens=tokens, mode=SEARCH_MODE[mode]
            )
            if mode == "hybrid":
                times.append((time.perf_counter() - started) * 1000)
            found[mode][name] = [Ranked(passage_of[hit.chunk_id], hit.score) for hit in hits]
    search_ms = statistics.median(times) if times else 0.0
    return found, Timings(windows, index_s, embed_ms, search_ms)


def by_whole_passages(encoder: Encoder, dataset: Dataset) -> Rankings:
    """
    The rankings of whole passages, cut where the model stops reading, as published figures have
    them.

    They are made by sentence-transformers' own evaluator.
    """
    from sentence_transformers.sentence_transformer.evaluation import (
        InformationRetrievalEvaluator,
    )
    from sentence_transformers.util import dot_score

    evaluator = InformationRetrievalEvaluator(
        dict(dataset.queries),
        dict(dataset.corpus),
        {name: set(passages) for name, passages in dataset.relevant.items()},
        map_at_k=[DEPTH],
        write_csv=False,
        write_predictions=True,
        score_functions={"dot": dot_score},  # of unit vectors: the cosine
    )
    with tempfile.TemporaryDirectory(prefix="attune-") as folder:
        evaluator.compute_all_metrics(_AsModel(encoder), output_path=folder)
        (predictions,) = Path(folder).glob("*.jsonl")
        rows = [json.loads(line) for line in predictions.read_text("utf-8").splitlines()]
    return {
        row["query_id"]: [Ranked(hit["corpus_id"], hit["score"]) for hit in row["results"]]
        for row in rows
    }


def by_bm25(dataset: Dataset) -> Rankings:
    """
    The rankings of plain BM25, the baseline that every search has to beat: bm25s as it comes, over
    the stems of the passages. A passage that shares no word with the question is not found.
    """
    import bm25s

    tokens = [terms(text, dataset.languages[name]) for name, text in dataset.corpus.items()]
    passages = list(dataset.corpus)
    engine = bm25s.BM25()
    engine.index(tokens, show_progress=False)
    language = language_of_most(dataset.corpus.values())
    most = min(DEPTH, len(passages))
    found: Rankings = {}
    for name, question in dataset.queries.items():
        places, scores = engine.retrieve(
            [terms(question, language)], k=most, show_progress=False, n_threads=1
        )
        found[name] = [
            Ranked(passages[place], float(score))
            for place, score in zip(places[0], scores[0], strict=True)
            if score > 0
        ]
    return found


class _AsModel:
    """An encoder with the interface that the evaluator expects of a model."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder

    def encode_query(self, texts: Sequence[str], **_: Any) -> Any:
        return _tensor(self._encoder.encode_queries(texts))

    def encode_document(self, texts: Sequence[str], **_: Any) -> Any:
        return _tensor(self._encoder.encode_documents(texts))


def _tensor(vectors: Vectors) -> Any:
    import torch

    return torch.from_numpy(vectors)


def _index(
    conn: Connection, encoder: Encoder, dataset: Dataset, rules: Rules
) -> tuple[SearchHandle, Mapping[ChunkId, str], int]:
    """
    Index the passages.

    :returns: The handle, the passage of each chunk, and the number of windows.
    """
    rule = WindowRule(rules.size_tokens, rules.stride_tokens, encoder.tokenizer)
    coded = rules.codes and encoder.late
    with conn.transaction():
        model_id = models.add(
            conn, name="candidate", base="candidate", kind="base", dimension=encoder.dimension
        )
        rule_id = indexes.rule_id(conn, rule)
        index_id = indexes.add(
            conn,
            model_id,
            rule_id,
            dimension=encoder.dimension,
            lexical_weight=rules.lexical_weight,
            coded=coded,
        )
    handle = SearchHandle(
        epoch=0,
        index_id=index_id,
        model_id=model_id,
        model_name="candidate",
        rule_id=rule_id,
        size_tokens=rules.size_tokens,
        stride_tokens=rules.stride_tokens,
        lexical_weight=rules.lexical_weight,
        answer_threshold=None,
        encoder=encoder,
        coded=coded,
    )
    passage_of = load_dataset(conn, handle, dataset)
    graphs.create_hnsw(conn, index_id)
    indexes.mark(conn, index_id, "ready")
    return handle, passage_of, indexes.count_vectors(conn, index_id)


def _time_questions(handle: SearchHandle, questions: Sequence[str]) -> float:
    times = []
    for question in questions[:TIMED_QUESTIONS]:
        started = time.perf_counter()
        handle.read(question)
        times.append((time.perf_counter() - started) * 1000)
    return float(np.median(times))
