"""
Threads that run torch side by side, one core each. On a CPU that is faster than one batch spread
over the cores: those wait for each other after every layer, and for whatever else has one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

Encode = Callable[[list[str]], NDArray[Any]]


class Streams:
    """Safe to use from several threads; what they ask for together is computed in turn."""

    def __init__(self, count: int) -> None:
        """:param count: Streams for many texts; a text alone has one of its own."""
        self._count = count
        self._many = ThreadPoolExecutor(count, "torch", initializer=_one_core)
        self._alone = ThreadPoolExecutor(1, "torch-alone", initializer=_one_core)

    def run(self, encode: Encode, texts: Sequence[str], batch_size: int) -> NDArray[Any]:
        """
        What `encode` gives for all texts, in their order. *Shape:* ``(n, d)``

        :param encode: Called with texts of like length, `batch_size` at most if there are several
            streams, from several threads at once.
        """
        if len(texts) == 1 or self._count == 1:
            pool = self._alone if len(texts) == 1 else self._many
            return pool.submit(encode, list(texts)).result()
        order = np.argsort([-len(text) for text in texts], kind="stable")
        parts = [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
        rows = list(self._many.map(lambda part: encode([texts[i] for i in part]), parts))
        return np.concatenate(rows)[np.argsort(np.concatenate(parts), kind="stable")]


def _one_core() -> None:
    import torch

    torch.set_num_threads(1)  # of this thread: OpenMP keeps the number by thread
