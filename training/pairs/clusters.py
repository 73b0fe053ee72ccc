"""What depends on each other, directly or through others. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray


def clusters(relevant: Sequence[Iterable[Hashable]]) -> NDArray[np.int64]:
    """
    A number for each question, the same for all that share a relevant passage, directly or
    through others.

    :returns: Numbers from 0, in the order of the first question of each. *Shape:* ``(n,)``
    """
    seen: dict[Hashable, int] = {}
    ties = [(seen.setdefault(p, i), i) for i, passages in enumerate(relevant) for p in passages]
    return joined(len(relevant), ties)


def joined(count: int, ties: Sequence[tuple[int, int]]) -> NDArray[np.int64]:
    """
    A number for each of `count` things, the same for all that are tied, directly or through others.

    :param ties: Places of two things that belong together.
    :returns: Numbers from 0, in the order of the first thing of each. *Shape:* ``(count,)``
    """
    from scipy.sparse import coo_array  # half a second, for who needs it only
    from scipy.sparse.csgraph import connected_components

    if not count:
        return np.empty(0, dtype=np.int64)
    left, right = np.asarray(ties, dtype=np.int64).reshape(-1, 2).T
    graph = coo_array((np.ones(len(left)), (left, right)), shape=(count, count))
    _, labels = connected_components(graph, directed=False)
    _, first, numbers = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[numbers].astype(np.int64)
