"""Paid embeddings, cached by content hash, with their cost."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines.embedder.encoder import PooledOnly, Vectors
from pipelines.embedder.endpoint import OpenAIEncoder
from pipelines.store.vector_cache import VectorCache

# US dollars for a million tokens, by OpenAI's price list at that date.
PRICES_AS_OF = "2025-06"
DOLLARS_PER_MILLION = {
    "text-embedding-3-small": 0.02,
    "text-embedding-3-large": 0.13,
    "text-embedding-ada-002": 0.10,
}
# OpenAI's models accept at most 8,191 of their tokens. The local tokenizer that counts here makes
# more tokens of the same text, seldom fewer.
MAX_TOKENS = 7000


def dollars(model: str, tokens: int) -> float | None:
    """The price of that many tokens, or None if it is unknown."""
    price = DOLLARS_PER_MILLION.get(model)
    return None if price is None else tokens * price / 1e6


class PaidEncoder(PooledOnly):
    """
    An `OpenAIEncoder` with a cache, which embeds only texts that it has never embedded before.
    """

    def __init__(self, encoder: OpenAIEncoder, cache: Path) -> None:
        self._encoder = encoder
        self._cache = VectorCache(cache)
        # One name at two endpoints may be two models.
        self._key = f"{encoder.base_url} {encoder.model}"
        self.texts_from_cache = 0
        # A waiting thread then finds the vectors that another one has bought.
        self._lock = threading.Lock()

    @property
    def model(self) -> str:
        """The model's name at the endpoint."""
        return self._encoder.model

    @property
    def tokens_used(self) -> int:
        """Tokens that this encoder has paid for, as the endpoint counted them."""
        return self._encoder.tokens_used

    @property
    def dimension(self) -> int:
        """The length of its vectors."""
        return self._encoder.dimension

    @property
    def tokenizer(self) -> str:
        """The name of the tokenizer that windows are cut with."""
        return self._encoder.tokenizer

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Embed questions. *Shape:* ``(n, d)``"""
        with self._lock:
            return self._encode(texts)

    def encode_documents(self, texts: Sequence[str]) -> Vectors:
        """Embed texts of documents. *Shape:* ``(n, d)``"""
        with self._lock:
            return self._encode(texts)

    def token_offsets(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """Start and end character of each text's tokens. *Shape of each:* ``(t, 2)``"""
        return self._encoder.token_offsets(texts)

    def token_ids(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """The vocabulary's id of each text's tokens. *Shape of each:* ``(t,)``"""
        return self._encoder.token_ids(texts)

    def reading(self, text: str) -> None:
        """None, as the provider's encoder says it."""

    def close(self) -> None:
        """Close the cache."""
        self._cache.close()

    def _encode(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        shown = self._cut(texts)
        sums = [hashlib.sha256(text.encode()).hexdigest() for text in shown]
        known = self._cache.get(self._key, list(dict.fromkeys(sums)))
        missing = {s: text for s, text in zip(sums, shown, strict=True) if s not in known}
        self.texts_from_cache += len(known)
        # Batch by batch, so that a fault in the middle loses no more than one.
        wanted = list(missing.items())
        for start in range(0, len(wanted), self._encoder.batch_size):
            batch = wanted[start : start + self._encoder.batch_size]
            rows = self._encoder.encode_documents([text for _, text in batch])
            bought = {s: row for (s, _), row in zip(batch, rows, strict=True)}
            self._cache.put(self._key, bought)
            known.update(bought)
        return np.stack([known[s] for s in sums])

    def _cut(self, texts: Sequence[str]) -> list[str]:
        return [
            text if len(offsets) <= MAX_TOKENS else text[: int(offsets[MAX_TOKENS - 1, 1])]
            for text, offsets in zip(texts, self.token_offsets(texts), strict=True)
        ]
