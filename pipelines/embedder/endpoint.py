"""Embeddings of an OpenAI-compatible endpoint."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipelines.embedder.encoder import PooledOnly, Vectors, unit_rows
from pipelines.embedder.tokens import TokenCounter
from pipelines.errors import ProviderError


class OpenAIEncoder(PooledOnly):
    """Embeddings of an OpenAI-compatible endpoint. Windows are counted with a local tokenizer."""

    def __init__(
        self,
        model: str,
        *,
        dimension: int | None,
        counter: TokenCounter,
        api_key: str | None = None,
        base_url: str | None = None,
        batch_size: int = 128,
        timeout_s: float = 30,
    ) -> None:
        """
        :param dimension: Length of its vectors. If None, ask the endpoint when it is first needed.
        """
        from openai import OpenAI

        self.model = model
        self._client = OpenAI(
            api_key=api_key or "none", base_url=base_url, timeout=timeout_s, max_retries=4
        )
        self._dimension = dimension
        self._counter = counter
        self.batch_size = batch_size
        self.tokens_used = 0

    @property
    def base_url(self) -> str:
        """The endpoint that is asked."""
        return str(self._client.base_url)

    @property
    def dimension(self) -> int:
        """See `Encoder.dimension`."""
        if self._dimension is None:
            self._dimension = len(self._request(["dimension"])[0])
        return self._dimension

    @property
    def tokenizer(self) -> str:
        """See `Encoder.tokenizer`."""
        return self._counter.fingerprint

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """See `Encoder.encode_queries`. *Shape:* ``(n, d)``"""
        return self._encode(texts)

    def encode_documents(self, texts: Sequence[str]) -> Vectors:
        """See `Encoder.encode_documents`. *Shape:* ``(n, d)``"""
        return self._encode(texts)

    def token_offsets(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """See `Encoder.token_offsets`. *Shape:* ``(t, 2)`` each"""
        return self._counter.offsets(texts)

    def token_ids(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """See `Encoder.token_ids`. *Shape:* ``(t,)`` each"""
        return self._counter.ids(texts)

    def reading(self, text: str) -> None:
        """None: the provider's tokenizer is not known, and windows are counted by another."""

    def _encode(self, texts: Sequence[str]) -> Vectors:
        rows: list[list[float]] = []
        for start in range(0, len(texts), self.batch_size):
            rows.extend(self._request(list(texts[start : start + self.batch_size])))
        found = {len(row) for row in rows} or {self.dimension}
        if found != {self.dimension}:
            raise ProviderError(
                f"{self.model} returned vectors of length {sorted(found)}, expected {self.dimension}."
            )
        return unit_rows(np.asarray(rows, dtype=np.float32).reshape(len(rows), -1), texts)

    def _request(self, batch: list[str]) -> list[list[float]]:
        from openai import OpenAIError

        try:
            answer = self._client.embeddings.create(model=self.model, input=batch)
        except OpenAIError as error:
            raise ProviderError(f"Embeddings by {self.model} failed: {error}") from error
        if len(answer.data) != len(batch):
            raise ProviderError(
                f"{self.model} returned {len(answer.data)} vectors for {len(batch)} texts."
            )
        if answer.usage:
            self.tokens_used += answer.usage.total_tokens
        return [row.embedding for row in sorted(answer.data, key=lambda row: row.index)]
