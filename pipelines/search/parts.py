"""
How well parts of the passages that were found meet a question, token by token.

The search has read the codes of their nearest windows already, so no model runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from pipelines.embedder.encoder import Encoder
from pipelines.search.rerank import ComparedTokens
from pipelines.store.hits import Hit
from pipelines.text.lines import Span
from pipelines.text.scoring import late
from pipelines.text.scoring.fusion import Scores


@dataclass(frozen=True, eq=False)
class PartScores:
    """Scores parts of passages by late interaction. `encoder` is that of the version searched with."""

    encoder: Encoder = field(repr=False)
    compared: ComparedTokens = field(repr=False)

    def of(self, hit: Hit, spans: Sequence[Span]) -> Scores:
        """
        The scores of parts of one passage, -1 to 1.

        :param spans: By their characters in its text.
        :returns: NaN where none of its compared windows has a part. *Shape:* ``(spans,)``
        """
        windows = [w for w in self.compared.windows.get(hit.chunk_id, ()) if w.codes]
        texts = [hit.text[window.start : window.end] for window in windows]
        places = self.encoder.token_offsets(texts) if texts else []
        read = [
            (window.codes or b"", np.asarray(place) + window.start)
            for window, place in zip(windows, places, strict=True)
        ]
        return late.of_spans(self.compared.tokens, self.compared.weights, read, spans)
