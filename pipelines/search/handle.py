"""
The handle: everything one question needs of the serving version, taken once, never changed.

A question's vector and the table it searches always come from the same handle (invariant I1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.embedder.encoder import Embedded, Encoder, embed_documents
from pipelines.search.pieces import Pieces
from pipelines.store.ids import IndexId, ModelId, RuleId
from pipelines.text.scoring.late import QueryTokens


@dataclass(frozen=True, eq=False)
class SearchHandle:
    """
    One version as it serves: the index, its encoder, and the rules that belong to them.

    `answer_threshold` is None while the index holds too little to calibrate on.
    """

    epoch: int
    index_id: IndexId
    model_id: ModelId
    model_name: str
    rule_id: RuleId
    size_tokens: int
    stride_tokens: int
    lexical_weight: float
    answer_threshold: float | None
    encoder: Encoder = field(repr=False)
    # Set when the index has no vectors of its own, but another way to embed questions.
    vectors_of: IndexId | None = None
    # Set when the encoder is not the one that made the vectors, so they cannot be searched.
    words_only: bool = False
    # Whether the index has codes of its windows' tokens, for late interaction.
    coded: bool = False
    # Whether questions use these codes. `ATTUNE_LATE_INTERACTION=off` switches that off.
    compares: bool = True
    # How common the pieces of words are, counted when first needed.
    pieces: Pieces = field(default_factory=Pieces, repr=False)

    @property
    def vectors_id(self) -> IndexId:
        """The index whose vector table is searched and written."""
        return self.vectors_of or self.index_id

    @property
    def late(self) -> bool:
        """Whether questions are compared with passages token by token."""
        return self.coded and self.compares and self.encoder.late

    def read(self, question: str) -> tuple[NDArray[np.float32], QueryTokens | None]:
        """
        Embed a question, in one pass of the model.

        :returns: Its vector (*Shape:* ``(d,)``), and its tokens if the version compares them.
        """
        if self.late:
            return self.encoder.encode_query_late(question)
        return self.encoder.encode_queries([question])[0], None

    def read_all(
        self, questions: Sequence[str]
    ) -> list[tuple[NDArray[np.float32], QueryTokens | None]]:
        """
        Embed questions as `read` does, together where that is possible.

        :returns: The vector (*Shape:* ``(d,)``) and the tokens of each.
        """
        if self.late:
            return [self.read(question) for question in questions]
        return [(vector, None) for vector in self.encoder.encode_queries(questions)]

    def embed(self, texts: Sequence[str]) -> Embedded:
        """Embed windows as the index stores them, with codes of their tokens if it has codes."""
        return embed_documents(self.encoder, texts, coded=self.coded)

    def __deepcopy__(self, memo: dict[int, Any]) -> SearchHandle:
        """Itself: Haystack deep-copies run inputs, and weights must not be copied per question."""
        return self
