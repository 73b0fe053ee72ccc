"""Stores the pairs of a file. Its passages need not be in any document."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from pipelines.embedder.encoder import Vectors
from pipelines.progress import NO_TASK, Progress, Task
from pipelines.search.handle import SearchHandle
from pipelines.store.chunks import digest
from pipelines.store.db import Connection, Pool
from pipelines.store.pair_passages import Passage
from pipelines.store.pairs import Split
from pipelines.text.windows import cut
from training.pairs import quality
from training.pairs.collector import Collector, PairDraft, Summary
from training.pairs.seedfile import SeedFile

# Windows per batch. A batch takes seconds, so that a stop takes effect soon.
EMBEDDED_AT_ONCE = 256


def import_file(
    pool: Pool,
    handle: SearchHandle,
    seed: SeedFile,
    name: str,
    *,
    split: Split | None,
    created_by: str = "system",
    task: Task = NO_TASK,
    also: Callable[[Connection, Summary], object] = lambda conn, summary: None,
) -> Summary:
    """
    Store the pairs of a file, all or none. Its passages need not be in any document.

    :param split: Side of all of them. If None, a part is held out.
    :param task: Reports the windows that are embedded to rank the passages.
    :param also: Called in the same transaction.
    :raises Stopped: The task was asked to stop. Nothing is stored.
    """
    ordinals = {passage_id: n for n, passage_id in enumerate(seed.corpus)}
    language = _language_of(seed)
    passages = {
        passage_id: Passage(digest(text), text, name, passage_id, ordinals[passage_id], language, False)
        for passage_id, text in seed.corpus.items()
    }  # fmt: skip
    asked = [
        PairDraft(seed.queries[q], "given", passages[p], q)
        for q, ids in seed.relevant_docs.items()
        for p in ids
    ]
    ranks = _ranks_in(handle, asked, passages, task)
    collector = Collector(
        pool, handle, "import", list(passages.values()), created_by, origin=name, wanted=split
    )
    collector.summary.passages = len(passages)
    collector.store(asked, ranks, also=also)
    return collector.summary


def _ranks_in(
    handle: SearchHandle,
    asked: Sequence[PairDraft],
    passages: Mapping[str, Passage],
    task: Task,
) -> list[int | None]:
    """The ranks among the passages of a file. None if there are too few passages to rank."""
    if len(passages) <= quality.PLACED:
        return [None] * len(asked)
    order = {p.sha256: n for n, p in enumerate(passages.values())}
    windows, owner = [], []
    texts = [p.text for p in passages.values()]
    for n, tokens in enumerate(handle.encoder.token_offsets(texts)):
        for a, b in cut(tokens, handle.size_tokens, handle.stride_tokens):
            windows.append(texts[n][a:b])
            owner.append(n)
    parts = []
    for start in range(0, len(windows), EMBEDDED_AT_ONCE):
        task.check()
        task.tell(Progress("embedding", start, len(windows)))
        parts.append(handle.encoder.encode_documents(windows[start : start + EMBEDDED_AT_ONCE]))
    vectors, owners = np.concatenate(parts), np.array(owner)
    questions = handle.encoder.encode_queries([draft.question for draft in asked])
    return [
        _rank(vectors @ vector, owners, order[draft.passage.sha256])
        for vector, draft in zip(questions, asked, strict=True)
    ]


def _rank(scores: Vectors, owner: np.ndarray[Any, Any], right: int) -> int:
    best = np.full(owner.max() + 1, -np.inf)
    np.maximum.at(best, owner, scores)
    rank = int((best > best[right]).sum()) + 1
    return rank if rank <= quality.PLACED else 0


def _language_of(seed: SeedFile) -> str | None:
    from pipelines.text import clean

    return clean.language(" ".join(list(seed.corpus.values())[:20])[:4000])
