"""
Windows: the short, overlapping token spans of a chunk that are embedded.

Pure function from token offsets to character spans. A window never extends beyond its chunk.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class WindowRule:
    """How windows are cut: `size` and `stride` in tokens of the named tokenizer."""

    size_tokens: int
    stride_tokens: int
    tokenizer: str


def cut(offsets: NDArray[np.int64], size: int, stride: int) -> list[tuple[int, int]]:
    """
    The character spans of the windows over one text.

    :param offsets: Start and end character of each token, in order. *Shape:* ``(t, 2)``
    :param size: Tokens in a window.
    :param stride: Tokens from one window's start to the next.
    :returns: One span per window, the last one up to the text's last token. Empty without tokens.
    """
    total = len(offsets)
    spans = []
    for start in range(0, max(total, 1), stride):
        end = min(start + size, total)
        if end > start:
            spans.append((int(offsets[start, 0]), int(offsets[end - 1, 1])))
        if end >= total:
            break
    return spans
