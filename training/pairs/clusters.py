"""Questions that depend on each other: those that share a passage. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray


def clusters(relevant: Sequence[Iterable[Hashable]]) -> NDArray[np.int64]:
    """
    A number for each question, the same for all that share a relevant passage, directly or
    through others.
    """
    parent = list(range(len(relevant)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    seen: dict[Hashable, int] = {}
    for i, passages in enumerate(relevant):
        for passage in passages:
            parent[root(i)] = root(seen.setdefault(passage, i))
    _, numbers = np.unique([root(i) for i in range(len(relevant))], return_inverse=True)
    return np.asarray(numbers, dtype=np.int64)
