"""
Hybrid search: a question's passages by nearest windows and by words, fused.

All statements read one snapshot of one index.

Each side proposes chunks. Then both scores are computed exactly for all of them and fused, and the
best are ordered again (`pipelines/search/rerank`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from pipelines.search import rerank
from pipelines.search.handle import SearchHandle
from pipelines.search.rerank import WITHIN_S, Reranked
from pipelines.store import hits, postings, question_words, scope, vectors
from pipelines.store.db import Connection
from pipelines.store.hits import Hit
from pipelines.store.ids import ChunkId
from pipelines.store.postings import Terms
from pipelines.store.scope import Within
from pipelines.store.vectors import Window
from pipelines.text.scoring.fusion import Scores, fuse, reordered, trust
from pipelines.text.scoring.late import QueryTokens
from pipelines.text.stop_words import spoken

Mode = Literal["hybrid", "dense", "lexical"]

# What each side proposes. On train questions of covid_qa among 10,000 foreign windows, more of
# either found no more.
DENSE_WINDOWS = 100
LEXICAL_CHUNKS = 50
# So many of the best are ordered again with what takes their text and their tokens.
RERANKED = 30
# Enough of a question to see whether the encoder reads its language.
TRUST_CHARS = 300


@dataclass(frozen=True, eq=False)
class Searched:
    """
    What was found, best first, and how the best were ordered.

    `reranked` is None if one side alone ranked.
    """

    hits: list[Hit]
    reranked: Reranked | None = None


@dataclass(frozen=True, eq=False)
class _Candidates:
    """
    The chunks that the sides propose, in ascending order, with the scores of both.

    `windows` are their nearest windows. `shares` are the words' scores. *Shape of the arrays:*
    ``(n,)``
    """

    ids: list[ChunkId]
    windows: Mapping[ChunkId, Window]
    cosines: Scores
    shares: Scores
    asked: Terms


def hybrid(
    conn: Connection,
    handle: SearchHandle,
    question: str,
    vector: NDArray[np.float32],
    top_k: int,
    *,
    tokens: QueryTokens | None = None,
    collections: Within | None = None,
    mode: Mode = "hybrid",
) -> list[Hit]:
    """
    The best passages, best first, in whatever time it takes. See `search`.

    :param vector: The question's vector. *Shape:* ``(d,)``
    """
    return search(
        conn,
        handle,
        question,
        vector,
        top_k,
        tokens=tokens,
        collections=collections,
        mode=mode,
        within_s=None,
    ).hits


def search(
    conn: Connection,
    handle: SearchHandle,
    question: str,
    vector: NDArray[np.float32],
    top_k: int,
    *,
    tokens: QueryTokens | None = None,
    collections: Within | None = None,
    mode: Mode = "hybrid",
    within_s: float | None = WITHIN_S,
) -> Searched:
    """
    The best passages, best first. A question without a single word is left to the dense side.

    Opens a read-only snapshot of its own, unless `conn` is in a transaction already.

    :param vector: The question's, by the handle's encoder. *Shape:* ``(d,)``
    :param tokens: The question's, from the same pass (`SearchHandle.read`), for late interaction.
    :param collections: Only these, or a selection of them (`scope.narrow`); None: those open to
        everybody.
    :param mode: One side alone ranks, for comparison.
    :param within_s: Time that late interaction may take; None: whatever it takes.
    """
    if handle.words_only:
        mode = "lexical"
    with hits.snapshot(conn, handle.vectors_id):
        held = scope.held(conn)
        searched = scope.selected(scope.choose(held) if collections is None else collections)
        within, exact = hits.within(conn, held, searched)
        found = _candidates(conn, handle, question, vector, mode, within, exact)
        if not found.ids:
            return Searched([])
        weight = trusted(handle, question) if mode == "hybrid" else 1.0
        scores = {"dense": found.cosines, "lexical": found.shares}.get(mode)
        if scores is None:
            scores = fuse(found.cosines, found.shares, handle.lexical_weight, weight)
        best = np.argsort(-scores, kind="stable")[: max(top_k, RERANKED)]
        rows = hits.rows(conn, [found.ids[i] for i in best], searched)
        best = np.array([i for i in best if found.ids[i] in rows], dtype=np.intp)
        reranked = None
        if mode == "hybrid":
            first = best[:RERANKED]
            ids = [found.ids[i] for i in first]
            texts = [(rows[i]["text"], rows[i]["language"]) for i in ids]
            passages = rerank.RankedPassages(ids, texts, scores[first])
            query = rerank.LateQuery(question, vector, tokens, found.asked, weight)
            reranked = rerank.rerank(conn, handle, query, passages, within_s)
            scores = reordered(scores, first, reranked.scores)
            best = best[np.argsort(-scores[best], kind="stable")]
    # A table or form may have too few words to tell its language. It is read in the question's.
    own = spoken(question)
    made = [_hit(rows, found, i, float(scores[i]), own) for i in best[:top_k]]
    return Searched(made, reranked)


def _candidates(
    conn: Connection,
    handle: SearchHandle,
    question: str,
    vector: NDArray[np.float32],
    mode: Mode,
    within: sql.Composable | None,
    exact: bool,
) -> _Candidates:
    windows: dict[ChunkId, Window] = {}
    if mode != "lexical":
        windows = vectors.nearest(
            conn, handle.vectors_id, vector, DENSE_WINDOWS, within=within, exact=exact
        )
    asked = question_words.question(conn, question)
    named: list[ChunkId] = []
    if mode != "dense" and asked.rare:
        named = postings.candidates(conn, asked, LEXICAL_CHUNKS, within=within)
    ids = sorted({*windows, *named})
    # The nearest window of the others is known.
    others = [chunk for chunk in named if chunk not in windows]
    if not handle.words_only:
        windows |= vectors.best_windows(conn, handle.vectors_id, vector, others)
    cosines = np.array([windows[i].cosine if i in windows else 0.0 for i in ids])
    shares = postings.scores(conn, asked, ids) if ids else cosines
    return _Candidates(ids, windows, cosines, shares, asked)


def _hit(
    rows: Mapping[ChunkId, Mapping[str, Any]],
    found: _Candidates,
    place: int,
    score: float,
    language: str,
) -> Hit:
    chunk = found.ids[place]
    window = found.windows.get(chunk)
    hit = Hit(
        **{**rows[chunk], "language": rows[chunk]["language"] or language},
        score=score,
        dense=float(found.cosines[place]),
        lexical=float(found.shares[place]),
        window_start=window.start if window else None,
        window_end=window.end if window else None,
        weights=found.asked.by_term,
    )
    if window is None or not hit.places:
        return hit
    middle = hit.at((window.start + window.end) // 2)
    return replace(hit, page=middle.page, heading=middle.heading, page_label=middle.label)


def trusted(handle: SearchHandle, question: str) -> float:
    """The weight of the encoder's cosines for a question, from 0 to 1. See `fusion.trust`."""
    shown = question[:TRUST_CHARS]
    return trust(shown, handle.encoder.reading(shown))
