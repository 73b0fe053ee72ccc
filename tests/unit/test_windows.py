"""Windows cover every token, overlap as specified, and never leave the text."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipelines.text.windows import cut


@given(st.integers(0, 400), st.integers(1, 130), st.integers(1, 130))
def test_every_token_is_in_a_window(tokens, size, stride):
    """With a stride no longer than the window nothing is left out, and all but the last are full."""
    stride = min(stride, size)
    offsets = np.array([[3 * i, 3 * i + 2] for i in range(tokens)]).reshape(-1, 2)
    spans = cut(offsets, size, stride)
    covered = {i for a, b in spans for i in range(tokens) if a <= 3 * i and 3 * i + 2 <= b}
    assert covered == set(range(tokens))
    assert all((b - a + 1) // 3 == size for a, b in spans[:-1])
    assert len(spans) == len(set(spans))
