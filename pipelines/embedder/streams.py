"""
Threads that run torch side by side, one core each. On a CPU that is faster than one batch spread
over the cores: those wait for each other after every layer, and for whatever else has one of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    import torch

T = TypeVar("T")

# Rows, and values before and after, of the products that are timed: those of a small encoder.
TIMED_SIZE = (2048, 384, 1536)
TIMED_ROUNDS = 6
# Less than this factor is not worth vectors that differ in the fourth digit.
WORTH = 1.3


class Streams:
    """Safe to use from several threads; what they ask for together is computed in turn."""

    def __init__(self, count: int) -> None:
        """:param count: Streams for many texts; a text alone has one of its own."""
        self._count = count
        self._many = ThreadPoolExecutor(count, "torch", initializer=_one_core)
        self._alone = ThreadPoolExecutor(1, "torch-alone", initializer=_one_core)

    def run(
        self, encode: Callable[[list[str]], Sequence[T]], texts: Sequence[str], batch_size: int
    ) -> list[T]:
        """
        What `encode` gives for each text, in their order.

        :param encode: Called with texts of like length, `batch_size` at most if there are several
            streams, from several threads at once.
        """
        if len(texts) == 1 or self._count == 1:
            pool = self._alone if len(texts) == 1 else self._many
            return list(pool.submit(encode, list(texts)).result())
        order = np.argsort([-len(text) for text in texts], kind="stable")
        parts = [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
        made = self._many.map(lambda part: encode([texts[i] for i in part]), parts)
        given = {
            place: one
            for part, some in zip(parts, made, strict=True)
            for place, one in zip(part.tolist(), some, strict=True)
        }
        return [given[place] for place in range(len(texts))]


def _one_core() -> None:
    import torch

    torch.set_num_threads(1)  # of this thread: OpenMP keeps the number by thread


def halved(halves: bool) -> torch.autocast:
    """Within it, this thread computes in bf16 on the CPU, if it shall."""
    import torch

    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=halves)


@cache
def bf16_pays() -> bool:
    """
    Whether this CPU computes clearly faster in bf16, as those with AVX512_BF16 or AMX do. Others are
    slower. It is timed once, by half a second of products.
    """
    import torch

    rows, before, after = TIMED_SIZE
    layer, inputs = torch.nn.Linear(before, after), torch.rand(rows, before)

    def seconds(half: bool) -> float:
        with torch.no_grad(), halved(half):
            started = time.thread_time()  # whatever else the machine does
            layer(inputs)
            return time.thread_time() - started

    times = [(seconds(False), seconds(True)) for _ in range(TIMED_ROUNDS)]
    full, half = (min(column) for column in zip(*times, strict=True))
    return bool(full > WORTH * half)
