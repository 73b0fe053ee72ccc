"""
BM25, and a score for how close together a question's words are. Pure functions on counts.

Both are the share of the question's weight that a chunk contains (0 to 1): BM25 in the whole chunk,
closeness within one short stretch of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# The usual BM25 constants: saturation of repeats, and normalisation by length.
K1 = 1.2
B = 0.75

# A chunk is cut into up to 64 slices of equally many terms, one bit each. Short chunks have fewer.
SLICES = 64
SHORTEST_SLICE = 8
EVERYWHERE = -1  # all bits, for words of the title and headings, which apply to the whole chunk

# Lengths in terms over which closeness is measured: about a clause, and about a paragraph. They and
# BM25_SHARE were chosen on the train questions of finance_10k and covid_qa.
STRETCHES = (16, 64)
BM25_SHARE = 0.3


@dataclass(frozen=True)
class Matches:
    """
    The matches of a question's words in some chunks, as parallel arrays with one element per match.

    `places` are signed 64-bit masks of the slices that contain the term. *Shape of each:* ``(m,)``
    """

    chunk: NDArray[np.int64]
    word: NDArray[np.int64]
    tf: NDArray[np.int64]
    length: NDArray[np.int64]
    places: NDArray[np.int64]


def idf(chunks: int, holding: int) -> float:
    """The weight of a word that `holding` of `chunks` chunks contain, always above 0."""
    holding = min(holding, chunks)
    return math.log1p((chunks - holding + 0.5) / (holding + 0.5))


def slice_size(length: int) -> int:
    """The number of terms in a slice of a chunk with `length` terms."""
    return max(SHORTEST_SLICE, -(-length // SLICES))


def places(terms: Sequence[str]) -> dict[str, int]:
    """The mask of slices that contain each distinct term, signed like a bigint."""
    size = slice_size(len(terms))
    masks: dict[str, int] = {}
    for number, start in enumerate(range(0, len(terms), size)):
        for term in set(terms[start : start + size]):
            masks[term] = masks.get(term, 0) | 1 << number
    return {term: mask - (1 << SLICES if mask >> 63 else 0) for term, mask in masks.items()}


def shares(
    found: Matches, chunks: int, weights: NDArray[np.float64], mean_length: float
) -> NDArray[np.float64]:
    """
    The lexical score of each chunk, 0 to 1.

    :param found: Matches whose `chunk` counts from 0. *Shape of each array:* ``(m,)``
    :param chunks: The number of chunks. A chunk without a match scores 0.
    :param weights: idf of all the question's words, even of those in no chunk. *Shape:* ``(w,)``
    :returns: *Shape:* ``(chunks,)``
    """
    total = weights.sum()
    if not total or not len(found.chunk):
        return np.zeros(chunks)
    norm = K1 * (1 - B + B * found.length / mean_length)
    bm25 = np.zeros(chunks)
    np.add.at(bm25, found.chunk, weights[found.word] * found.tf / (found.tf + norm))
    masks = np.zeros((chunks, len(weights)), dtype=np.uint64)
    np.bitwise_or.at(masks, (found.chunk, found.word), found.places.view(np.uint64))
    lengths = np.ones(chunks)
    lengths[found.chunk] = found.length
    sizes = np.maximum(SHORTEST_SLICE, np.ceil(lengths / SLICES))
    close = sum(_closest(masks, weights, terms / sizes) for terms in STRETCHES) / len(STRETCHES)
    return np.asarray((BM25_SHARE * bm25 + (1 - BM25_SHARE) * close) / total)


def highest(
    chunk: NDArray[np.int64],
    weight: NDArray[np.float64],
    tf: NDArray[np.int64],
    length: NDArray[np.int64],
    mean_length: float,
    limit: int,
) -> NDArray[np.int64]:
    """
    The chunks with the highest BM25, from postings in parallel arrays. Ties are ordered by id.

    :param chunk: Chunk id of each posting. *Shape of this and the next three:* ``(p,)``
    :param weight: idf of each posting's word.
    :returns: Chunk ids, best first. *Shape:* ``(min(limit, chunks),)``
    """
    norm = K1 * (1 - B + B * length / mean_length)
    chunks, place = np.unique(chunk, return_inverse=True)
    scores = np.bincount(place, weights=weight * tf / (tf + norm))
    if len(chunks) > limit:
        enough = np.partition(scores, -limit)[-limit]
        chunks, scores = chunks[scores >= enough], scores[scores >= enough]
    return np.asarray(chunks[np.lexsort((chunks, -scores))[:limit]])


def _closest(
    masks: NDArray[np.uint64], weights: NDArray[np.float64], widths: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The largest weight of words within `widths` slices of each chunk."""
    slices = np.maximum(1, np.rint(widths)).astype(int)[:, None]
    # Afterwards a bit means that the stretch that starts at this slice contains the word.
    spread = masks.copy()
    for shift in range(1, int(slices.max())):
        spread |= np.where(shift < slices, masks >> np.uint64(shift), np.uint64(0))
    little = np.ascontiguousarray(spread, dtype="<u8").view(np.uint8)
    bits = np.unpackbits(little.reshape(*masks.shape, 8), axis=2, bitorder="little")
    return np.asarray(np.einsum("cws,w->cs", bits, weights).max(axis=1))
