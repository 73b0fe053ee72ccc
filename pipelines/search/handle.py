"""
The handle: everything one question needs of the serving version, taken once, never changed.

A question's vector and the table it searches always come from the same handle (invariant I1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pipelines.embedder.encoder import Embedded, Encoder, embed_documents
from pipelines.store.ids import IndexId, ModelId, RuleId


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

    @property
    def vectors_id(self) -> IndexId:
        """The index whose vector table is searched and written."""
        return self.vectors_of or self.index_id

    def embed(self, texts: Sequence[str]) -> Embedded:
        """Embed windows as the index stores them, with codes of their tokens if it has codes."""
        return embed_documents(self.encoder, texts, coded=self.coded)

    def __deepcopy__(self, memo: dict[int, Any]) -> SearchHandle:
        """Itself: Haystack deep-copies run inputs, and weights must not be copied per question."""
        return self
