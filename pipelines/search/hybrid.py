"""
Hybrid search: a question's passages by nearest windows and by words, fused.

All statements read one snapshot of one index.

Each side proposes chunks. Then both scores are computed exactly for all of them, and the best gain
by the question's phrases that they hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipelines.search.handle import SearchHandle
from pipelines.store import hits, postings, scope, vectors
from pipelines.store.db import Connection
from pipelines.store.hits import Hit
from pipelines.store.ids import ChunkId
from pipelines.store.vectors import Window
from pipelines.text import phrases
from pipelines.text.fusion import fuse, trust

Mode = Literal["hybrid", "dense", "lexical"]

# What each side proposes. On train questions of covid_qa among 10,000 foreign windows, more of
# either found no more.
DENSE_WINDOWS = 100
LEXICAL_CHUNKS = 50
# So many of the best are ordered again with what takes their text.
RERANKED = 30
# Enough of a question to see whether the encoder reads its language.
TRUST_CHARS = 300


def hybrid(
    conn: Connection,
    handle: SearchHandle,
    question: str,
    vector: NDArray[np.float32],
    top_k: int,
    *,
    collections: Sequence[str] | None = None,
    mode: Mode = "hybrid",
) -> list[Hit]:
    """
    The best passages, best first. A question without a single word is left to the dense side.

    Opens a read-only snapshot of its own, unless `conn` is in a transaction already.

    :param vector: The question's, by the handle's encoder. *Shape:* ``(d,)``
    :param collections: Only these, as `scope.readable` tells them; None: those open to everybody.
    :param mode: One side alone ranks, for comparison.
    """
    if handle.words_only:
        mode = "lexical"
    with hits.snapshot(conn, handle.vectors_id):
        held = scope.held(conn)
        searched = scope.choose(held) if collections is None else list(collections)
        within, exact = hits.within(conn, held, searched)
        windows: dict[ChunkId, Window] = {}
        if mode != "lexical":
            windows = vectors.nearest(
                conn, handle.vectors_id, vector, DENSE_WINDOWS, within=within, exact=exact
            )
        asked = postings.question(conn, question)
        named: list[ChunkId] = []
        if mode != "dense" and asked.rare:
            named = postings.candidates(conn, asked, LEXICAL_CHUNKS, within=within)
        ids = sorted({*windows, *named})
        if not ids:
            return []
        # The nearest window of the others is known.
        others = [chunk for chunk in named if chunk not in windows]
        if not handle.words_only:
            windows |= vectors.best_windows(conn, handle.vectors_id, vector, others)
        cosines = np.array([windows[i].cosine if i in windows else 0.0 for i in ids])
        shares = postings.scores(conn, asked, ids)
        scores = {"dense": cosines, "lexical": shares}.get(mode)
        if scores is None:
            scores = fuse(cosines, shares, handle.lexical_weight, _trust(handle, question))
        best = np.argsort(-scores, kind="stable")[: max(top_k, RERANKED)]
        rows = hits.rows(conn, [ids[i] for i in best], searched)
    weights = {term: float(asked.weights[number]) for term, number in asked.word.items()}
    if mode == "hybrid" and len(asked.weights):
        first = [int(i) for i in best[:RERANKED] if ids[i] in rows]
        texts = [(rows[ids[i]]["text"], rows[ids[i]]["language"]) for i in first]
        phrase = phrases.shares(question, texts, weights, float(asked.weights.max()))
        scores[first] += handle.lexical_weight * phrases.PHRASE_SHARE * phrase
        best = best[np.argsort(-scores[best], kind="stable")]
    found = []
    for i in best[:top_k]:
        window = windows.get(ids[i])
        if ids[i] in rows:
            hit = Hit(
                **rows[ids[i]],
                score=float(scores[i]),
                dense=float(cosines[i]),
                lexical=float(shares[i]),
                window_start=window.start if window else None,
                window_end=window.end if window else None,
                weights=weights,
            )
            if window is not None and hit.places:
                page, heading = hit.at((window.start + window.end) // 2)
                hit = replace(hit, page=page, heading=heading)
            found.append(hit)
    return found


def _trust(handle: SearchHandle, question: str) -> float:
    shown = question[:TRUST_CHARS]
    return trust(shown, handle.encoder.reading(shown))
