"""
Late interaction: how well each token of a question is met by some token of a passage (MaxSim).

The tokens' states of windows are stored as codes of 2 bits a value. Before, they are turned by a
fixed random rotation: it leaves every product of two states as it is, and spreads what a state says
evenly over its values, so that all of them have the same distribution. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from pipelines.text.scoring.fusion import Scores

States = NDArray[np.float32]

SEED = 20_261
PER_BYTE = 4
# The best four levels for values with a normal distribution, and the bounds between them, in units
# of its deviation (Max 1960).
LEVELS = np.array([-1.5104, -0.4528, 0.4528, 1.5104], dtype=np.float32)
BOUNDS = np.array([-0.9816, 0.0, 0.9816], dtype=np.float32)
# Tokens of a question that are compared, those that weigh most. Questions are shorter.
MOST_TOKENS = 64


@dataclass(frozen=True, eq=False)
class QueryTokens:
    """
    The tokens of a question, without the special ones at both ends, and their states.

    `ids` are those of the tokenizer. *Shape:* ``(t,)``. `states` has unit rows, not yet rotated.
    *Shape:* ``(t, d)``
    """

    ids: NDArray[np.int64]
    states: States = field(repr=False)


@dataclass(frozen=True, eq=False)
class PieceCounts:
    """
    How many of some sampled windows hold each word piece of a tokenizer.

    `holding` is indexed by a piece's id. Ids beyond its end are in no window. *Shape:* ``(v,)``
    """

    windows: int
    holding: NDArray[np.int64] = field(repr=False)

    @classmethod
    def of(cls, windows: Sequence[NDArray[np.int64]]) -> PieceCounts:
        """:param windows: The ids of each window's pieces. *Shape:* ``(t,)`` each"""
        each = [np.unique(ids) for ids in windows]
        ids = np.concatenate(each) if each else np.zeros(0, dtype=np.int64)
        return cls(len(windows), np.bincount(ids).astype(np.int64))

    def weights(self, ids: NDArray[np.int64]) -> NDArray[np.float64]:
        """
        The idf of a question's pieces, above 0, and all alike without any window.

        :param ids: *Shape:* ``(t,)``
        :returns: *Shape:* ``(t,)``
        """
        known = ids < len(self.holding)
        held = np.zeros(len(ids))
        held[known] = self.holding[ids[known]]
        return np.asarray(np.log1p((self.windows - held + 0.5) / (held + 0.5)))


@cache
def rotation(dimension: int) -> States:
    """The random rotation of all states with this many values. *Shape:* ``(d, d)``"""
    random = np.random.default_rng(SEED).standard_normal((dimension, dimension))
    found, triangle = np.linalg.qr(random)
    # The signs that QR may choose freely are fixed, so that every library gives the same.
    return np.asarray(found * np.sign(np.diag(triangle)), dtype=np.float32)


def pack(states: States) -> bytes:
    """
    Encode the states of one window's tokens, or of many windows' at once, 2 bits a value.

    :param states: Of any length above 0, not yet rotated. *Shape:* ``(t, d)``
    :returns: `row_bytes` of each token, one after the other.
    """
    dimension = states.shape[1]
    rows = _unit_rows(states) @ rotation(dimension)
    numbers = np.zeros((len(rows), PER_BYTE * row_bytes(dimension)), dtype=np.uint8)
    for bound in BOUNDS / np.sqrt(dimension):
        numbers[:, :dimension] += rows > bound
    codes = numbers[:, ::PER_BYTE].copy()
    for place in range(1, PER_BYTE):
        codes |= numbers[:, place::PER_BYTE] << np.uint8(2 * place)
    return codes.tobytes()


def unpack(codes: bytes, dimension: int) -> States:
    """
    Decode states, which stay rotated.

    :returns: Unit rows. *Shape:* ``(t, d)``
    """
    return _unit_rows(_decoded(codes, dimension))


def row_bytes(dimension: int) -> int:
    """The bytes of one token's code."""
    return -(-dimension // PER_BYTE)


def maxsim(
    query: QueryTokens,
    weights: NDArray[np.float64],
    codes: Sequence[bytes],
    chunk: NDArray[np.int64],
    chunks: int,
) -> tuple[Scores, Scores]:
    """
    Compare a question with some windows of each chunk.

    A token scores its highest cosine with a token of the passage. Their weighted mean is the score.

    :param weights: Of each token of the question. *Shape:* ``(t,)``
    :param codes: Of each window. They may be empty.
    :param chunk: The number of each window's chunk, from 0, in any order. *Shape:* ``(windows,)``
    :returns: For each chunk the score of its best window, and that of all its windows together. NaN
        where a chunk has no codes. *Shape of both:* ``(chunks,)``
    """
    best_window, together = np.full(chunks, np.nan), np.full(chunks, np.nan)
    coded = np.array([n for n, code in enumerate(codes) if code], dtype=np.int64)
    if not len(coded) or not len(query.ids) or not weights.sum():
        return best_window, together
    order = coded[np.argsort(chunk[coded], kind="stable")]
    kept = np.sort(np.argsort(-weights, kind="stable")[:MOST_TOKENS])
    dimension = query.states.shape[1]
    shares = weights[kept] / weights[kept].sum()
    asked = np.ascontiguousarray((query.states[kept] @ rotation(dimension)).T)
    of_window = np.empty((len(order), len(kept)), dtype=np.float32)
    # A second thread of BLAS only waits, and takes the CPU from other questions. Two threads that end
    # here at once may leave the process with one, which is harmless.
    with _blas().limit(limits=1, user_api="blas"):
        for place, number in enumerate(order):  # one by one, which stays in the cache
            found = _decoded(codes[number], dimension)
            lengths = np.sqrt(np.einsum("td,td->t", found, found))
            of_window[place] = ((found @ asked) / lengths[:, None]).max(axis=0)
    numbers, first = np.unique(chunk[order], return_index=True)
    best_window[numbers] = np.maximum.reduceat(of_window @ shares, first)
    together[numbers] = np.maximum.reduceat(of_window, first, axis=0) @ shares
    return best_window, together


def of_spans(
    query: QueryTokens,
    weights: NDArray[np.float64],
    windows: Sequence[tuple[bytes, NDArray[np.int64]]],
    spans: Sequence[tuple[int, int]],
) -> Scores:
    """
    Compare a question with parts of one passage, each read with what stands around it.

    :param weights: Of each token of the question. *Shape:* ``(t,)``
    :param windows: Of each window the codes, and the characters of the passage where each token of
        its text begins and ends. *Shape:* ``(tokens, 2)`` each
    :param spans: The parts, by their characters in the passage.
    :returns: The weighted mean of what each token of the question scores in a part (see `maxsim`).
        NaN where no window has it. *Shape:* ``(spans,)``
    """
    best = np.full((len(spans), len(query.ids)), np.nan)
    if not len(query.ids) or not weights.sum():
        return np.full(len(spans), np.nan)
    dimension = query.states.shape[1]
    asked = np.ascontiguousarray((query.states @ rotation(dimension)).T)
    for codes, places in windows:
        # The text's tokens stand last, before the one that ends every text.
        before = len(codes) // row_bytes(dimension) - 1 - len(places)
        if before < 0 or not len(places):
            continue
        with _blas().limit(limits=1, user_api="blas"):
            met = unpack(codes, dimension)[before:-1] @ asked
        for number, (start, end) in enumerate(spans):
            first = np.searchsorted(places[:, 1], start, side="right")
            last = np.searchsorted(places[:, 0], end, side="left")
            if first < last:
                best[number] = np.fmax(best[number], met[first:last].max(axis=0))
    return np.asarray(best @ (weights / weights.sum()), dtype=np.float64)


# What a byte of codes stands for. Small enough for the nearest cache. *Shape:* ``(256, 4)``
_BYTES: States = LEVELS[
    np.arange(256, dtype=np.uint8)[:, None] >> np.arange(0, 8, 2, dtype=np.uint8) & 3
]


@cache
def _blas() -> ThreadpoolController:
    """What numpy's libraries can be told."""
    return ThreadpoolController()


def _decoded(codes: bytes, dimension: int) -> States:
    """States in units of their values' deviation. *Shape:* ``(t, d)``"""
    decoded = np.take(_BYTES, np.frombuffer(codes, dtype=np.uint8), axis=0)
    return decoded.reshape(-1, row_bytes(dimension) * PER_BYTE)[:, :dimension]


def _unit_rows(states: States) -> States:
    return np.asarray(states / np.linalg.norm(states, axis=1, keepdims=True), dtype=np.float32)


def alike(codes: bytes, others: bytes) -> float:
    """Share of the values that have the same code in both. 0 if the number of tokens differs."""
    if len(codes) != len(others):
        return 0.0
    changed = np.frombuffer(codes, dtype=np.uint8) ^ np.frombuffer(others, dtype=np.uint8)
    same = sum(np.count_nonzero(changed >> shift & 3 == 0) for shift in range(0, 8, 2))
    return float(same / max(1, PER_BYTE * len(changed)))
