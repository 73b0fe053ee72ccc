"""
Orders the best candidates of a question again, by what takes their text and their tokens.

Both are added to the score that there is. Phrases belong to the words' side and count with its share
of the score. Late interaction belongs to the vectors' side and counts with the rest, where the index
has codes, the model reads the question, and the codes were read in time.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from psycopg import errors, sql

from pipelines.search.handle import SearchHandle
from pipelines.store import vectors
from pipelines.store.db import Connection
from pipelines.store.ids import ChunkId
from pipelines.store.postings import Terms
from pipelines.store.vectors import NearWindow
from pipelines.text.scoring import fusion, late, phrases
from pipelines.text.scoring.fusion import Scores
from pipelines.text.scoring.late import QueryTokens

# Of each passage. On train questions one window loses most of the gain, two lose a quarter.
WINDOWS_EACH = 3
# How much late interaction counts as a share of the vectors' side, and what phrases then gain
# besides `PHRASE_SHARE` as a share of the words' side. A softmax regression on the train questions of
# finance_10k and covid_qa (`python -m bench.fusion_weights`) says 2.1 and 0.27. A little less of
# both loses nothing on covid_qa and less on finance_10k.
LATE_SHARE, PHRASE_MORE = 1.7, 0.25
# Time that late interaction may take. It takes a tenth of it.
WITHIN_S = 0.25


@dataclass(frozen=True, eq=False)
class LateQuery:
    """A question as it is compared. `vector` has the *Shape:* ``(d,)``."""

    text: str = field(repr=False)
    vector: NDArray[np.float32] = field(repr=False)
    tokens: QueryTokens | None
    words: Terms
    trust: float


@dataclass(frozen=True, eq=False)
class RankedPassages:
    """
    The candidates to order, with their text and language, and the scores of the order that there is.
    *Shape:* ``(n,)``
    """

    ids: Sequence[ChunkId]
    texts: Sequence[tuple[str, str | None]] = field(repr=False)
    scores: Scores


@dataclass(frozen=True, eq=False)
class ComparedTokens:
    """
    What late interaction compared: the question's tokens with their weights, and the nearest windows
    of each candidate with the codes of theirs. *Shape of the weights:* ``(t,)``
    """

    tokens: QueryTokens
    weights: NDArray[np.float64] = field(repr=False)
    windows: Mapping[ChunkId, Sequence[NearWindow]] = field(repr=False)


@dataclass(frozen=True, eq=False)
class Reranked:
    """
    New scores of the candidates, in their order, and what they are made of.
    *Shape of each:* ``(n,)``

    `before` are the scores that there were. `phrase` is the share of the phrases, 0 to 1. `late` has the spread `fusion.SPREAD`, less
    where the model is trusted less. It is None if it did not count. `in_time` is False if that was
    because its time was over.
    """

    ids: Sequence[ChunkId]
    scores: Scores
    before: Scores
    phrase: Scores
    late: Scores | None = None
    in_time: bool = True
    compared: ComparedTokens | None = field(default=None, repr=False)


def rerank(
    conn: Connection,
    handle: SearchHandle,
    query: LateQuery,
    passages: RankedPassages,
    within_s: float | None,
) -> Reranked:
    """
    Score the candidates again.

    :param conn: In the snapshot of the search.
    :param within_s: Time that late interaction may take; None: whatever it takes.
    """
    words = query.words
    phrase = np.zeros(len(passages.ids))
    if len(words.weights):
        phrase = phrases.shares(query.text, passages.texts, words.by_term, words.unknown)
    scores = passages.scores + handle.lexical_weight * phrases.PHRASE_SHARE * phrase
    late_share = (1 - handle.lexical_weight) * LATE_SHARE
    if query.tokens is None or not (handle.late and late_share and query.trust and passages.ids):
        return Reranked(passages.ids, scores, passages.scores, phrase)
    compared = _compare(conn, handle, query.tokens, query, passages.ids, within_s)
    if compared is None:
        return Reranked(passages.ids, scores, passages.scores, phrase, in_time=False)
    met, what = compared
    trusted = query.trust * met
    more = handle.lexical_weight * PHRASE_MORE * query.trust
    scores = scores + more * phrase + late_share * trusted
    return Reranked(passages.ids, scores, passages.scores, phrase, trusted, compared=what)


def _compare(
    conn: Connection,
    handle: SearchHandle,
    tokens: QueryTokens,
    query: LateQuery,
    ids: Sequence[ChunkId],
    within_s: float | None,
) -> tuple[Scores, ComparedTokens] | None:
    """
    Compare tokens with those of each passage's nearest windows, of the best one and of all together.

    :returns: The scores (*Shape:* ``(n,)``), and what they are made of. None if there is no time.
    """
    pieces = handle.pieces.counts(conn, handle.encoder, handle.rule_id, query.words.chunks)
    started = time.perf_counter()
    windows = _read(conn, handle, query, ids, within_s)
    if windows is None or (within_s is not None and time.perf_counter() - started > within_s):
        return None
    coded = [(place, w.codes) for place, i in enumerate(ids) for w in windows.get(i, []) if w.codes]
    weights = pieces.weights(tokens.ids)
    best_window, together = late.maxsim(
        tokens,
        weights,
        [codes for _, codes in coded],
        np.array([place for place, _ in coded], dtype=np.int64),
        len(ids),
    )
    scores = fusion.spread_alike((best_window + together) / 2)
    return scores, ComparedTokens(tokens, weights, windows)


def _read(
    conn: Connection,
    handle: SearchHandle,
    query: LateQuery,
    ids: Sequence[ChunkId],
    within_s: float | None,
) -> dict[ChunkId, list[NearWindow]] | None:
    """The nearest windows of the passages with their codes. None if it takes too long."""
    if within_s is None:
        return vectors.nearest_windows(
            conn, handle.vectors_id, query.vector, ids, each=WINDOWS_EACH
        )
    try:
        with conn.transaction():
            _limit(conn, max(1, round(1000 * within_s)))
            found = vectors.nearest_windows(
                conn, handle.vectors_id, query.vector, ids, each=WINDOWS_EACH
            )
            _limit(conn, None)
            return found
    except errors.QueryCanceled:
        return None


def _limit(conn: Connection, milliseconds: int | None) -> None:
    """Limit each statement of this transaction, or have the usual limit again."""
    limit = sql.SQL("default") if milliseconds is None else sql.Literal(milliseconds)
    conn.execute(sql.SQL("set local statement_timeout to {}").format(limit))
