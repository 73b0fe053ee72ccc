"""
What search, ingest and evaluation need of an encoder: texts to unit vectors, and to codes of their
tokens. What an encoder embeds with is immutable once built. `loading` makes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pipelines.embedder.tokens import TokenCounter
from pipelines.errors import InputError
from pipelines.system.first_use import FIRST_USE
from pipelines.text.scoring import late
from pipelines.text.scoring.fusion import Reading
from pipelines.text.scoring.late import QueryTokens

Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Embedded:
    """
    What is stored of some windows.

    :param vectors: Unit rows. *Shape:* ``(n, d)``
    :param codes: Of the tokens of each (`late.pack`). None if the index has none.
    """

    vectors: Vectors
    codes: Sequence[bytes] | None = None

    def split(self, counts: Sequence[int]) -> list[Embedded]:
        """The parts of so many windows each, in their order."""
        ends = np.cumsum(counts, dtype=np.intp).tolist()
        return [
            Embedded(
                self.vectors[end - count : end],
                None if self.codes is None else self.codes[end - count : end],
            )
            for end, count in zip(ends, counts, strict=True)
        ]


class Encoder(Protocol):
    """What search, ingest and evaluation need of an embedding model."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        ...

    @property
    def tokenizer(self) -> str:
        """Fingerprint of the tokenizer that counts a window's tokens."""
        ...

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Embed questions with the model's query prompt. Unit rows. *Shape:* ``(n, d)``"""
        ...

    def encode_documents(self, texts: Sequence[str]) -> Vectors:
        """Embed windows with the model's document prompt. Unit rows. *Shape:* ``(n, d)``"""
        ...

    @property
    def late(self) -> bool:
        """Whether it gives the states of tokens too, for late interaction."""
        ...

    def encode_documents_late(self, texts: Sequence[str]) -> tuple[Vectors, Sequence[bytes]]:
        """
        Embed windows, and encode the states of their tokens by the same pass (`late.pack`).

        :returns: As `encode_documents`, and the codes of each text.
        :raises InputError: It is not `late`.
        """
        ...

    def encode_query_late(self, text: str) -> tuple[NDArray[np.float32], QueryTokens]:
        """
        Embed a question with the states of its tokens, which fit the codes of documents.

        A model that reads questions by a network of their own takes the states from the one that
        reads documents: states of two networks cannot be compared.

        :returns: As `encode_queries`, *Shape:* ``(d,)``, and its tokens.
        :raises InputError: It is not `late`.
        """
        ...

    def token_offsets(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """Start and end character of every token, without special tokens. *Shape:* ``(t, 2)`` each"""
        ...

    def token_ids(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """The vocabulary's id of every token, without special tokens. *Shape:* ``(t,)`` each"""
        ...

    def reading(self, text: str) -> Reading | None:
        """
        How the model's vocabulary covers a text.

        :returns: None if the model's own tokenizer is not at hand.
        """
        ...


class PooledOnly:
    """An encoder that gives no states of tokens."""

    late = False

    def encode_documents_late(self, texts: Sequence[str]) -> tuple[Vectors, Sequence[bytes]]:
        """:raises InputError: Always."""
        raise InputError("This embedder gives no states of tokens.")

    def encode_query_late(self, text: str) -> tuple[NDArray[np.float32], QueryTokens]:
        """
        See `Encoder.encode_query_late`. *Shape:* ``(d,)``

        :raises InputError: Always.
        """
        raise InputError("This embedder gives no states of tokens.")


def unit_rows(vectors: NDArray[Any], texts: Sequence[str]) -> Vectors:
    """
    The rows scaled to length 1, float32.

    :param vectors: *Shape:* ``(n, d)``
    :param texts: What each row was made of.
    :returns: *Shape:* ``(n, d)``
    :raises InputError: A row's norm is zero or not finite: a cosine index would drop it silently.
    """
    rows = np.asarray(vectors, dtype=np.float32)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    bad = np.flatnonzero(~(np.isfinite(norms[:, 0]) & (norms[:, 0] > 0)))
    if len(bad):
        raise InputError(f"No usable embedding for the text {texts[int(bad[0])][:60]!r}.")
    return np.asarray(rows / norms, dtype=np.float32)


def load_torch() -> None:
    """Import torch and what is built on it, while no other thread does the like."""
    with FIRST_USE:
        import sentence_transformers

        _ = sentence_transformers


def embed_documents(encoder: Encoder, texts: Sequence[str], *, coded: bool) -> Embedded:
    """Embed windows for an index, with the codes of their tokens if it is `coded`."""
    if coded:
        return Embedded(*encoder.encode_documents_late(texts))
    return Embedded(encoder.encode_documents(texts))


def own_tokens(
    counter: TokenCounter,
    ids: NDArray[np.int64],
    states: NDArray[np.float32],
    prompt: str,
    text: str,
) -> QueryTokens:
    """
    A question's own tokens of all that the model read.

    :param ids: *Shape:* ``(t,)``
    :param states: *Shape:* ``(t, d)``
    """
    own = counter.own(ids, prompt, text)
    rows = states[own]
    return QueryTokens(ids[own], rows / np.linalg.norm(rows, axis=1, keepdims=True))


def packed(states: NDArray[np.float32], lengths: Sequence[int]) -> list[bytes]:
    """
    The codes of several texts at once.

    :param states: Of all their tokens. *Shape:* ``(t, d)``
    :param lengths: Tokens of each text.
    """
    codes, width = late.pack(states), late.row_bytes(states.shape[1])
    ends = np.cumsum(lengths) * width
    return [codes[end - length * width : end] for end, length in zip(ends, lengths, strict=True)]
