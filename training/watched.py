"""An encoder that tells how far it is and can be stopped: block by block, longest texts first."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from pipelines.build import Stop, Stopped
from pipelines.encoder import Encoder, Vectors

# Texts between two looks at the stop: about a second on a CPU.
BLOCK = 128
# Texts embedded so far and in all, of one call.
OnTexts = Callable[[int, int], None]


def never() -> bool:
    """The stop of whoever cannot be stopped."""
    return False


def check(stop: Stop) -> None:
    """:raises Stopped: `stop` says so."""
    if stop():
        raise Stopped


class Watched:
    """The same vectors as the encoder's. A block is padded little, as its texts are of like length."""

    def __init__(self, encoder: Encoder, on_texts: OnTexts, stop: Stop) -> None:
        self._encoder, self._on_texts, self._stop = encoder, on_texts, stop

    @property
    def dimension(self) -> int:
        return self._encoder.dimension

    @property
    def tokenizer(self) -> str:
        return self._encoder.tokenizer

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """:raises Stopped: The stop said so."""
        return self._encode(self._encoder.encode_queries, texts)

    def encode_documents(self, texts: Sequence[str]) -> Vectors:
        """:raises Stopped: The stop said so."""
        return self._encode(self._encoder.encode_documents, texts)

    def token_offsets(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        return self._encoder.token_offsets(texts)

    def _encode(self, method: Callable[[Sequence[str]], Vectors], texts: Sequence[str]) -> Vectors:
        if len(texts) <= 1:
            return method(texts)
        order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        for start in range(0, len(order), BLOCK):
            check(self._stop)
            block = order[start : start + BLOCK]
            vectors[block] = method([texts[i] for i in block])
            self._on_texts(min(start + BLOCK, len(order)), len(order))
        return vectors
