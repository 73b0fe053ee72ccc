"""The held-out questions as the library's trainer asks them between epochs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sentence_transformers.sentence_transformer.evaluation import SentenceEvaluator

from pipelines.embedder.local import LocalEncoder
from training.finetune.heldout import NDCG, HeldOut
from training.finetune.whole import Floats


class HeldOutEvaluator(SentenceEvaluator):  # type: ignore[misc]
    """NDCG@10 of the whole retrieval over the held-out questions."""

    def __init__(self, heldout: HeldOut, base: Path, *, frozen_documents: bool = False) -> None:
        """
        :param base: Folder of the base model, for its tokenizer.
        :param frozen_documents: Windows keep the base model's vectors and states. Only questions are
            embedded, and late interaction stays as it is.
        """
        super().__init__()
        self.primary_metric = NDCG
        self.greater_is_better = True
        self._heldout, self._base, self._frozen = heldout, base, frozen_documents

    def __call__(
        self, model: Any, output_path: str | None = None, epoch: float = -1, steps: int = -1
    ) -> dict[str, float]:
        return self._heldout.figures(self.side(model))

    def side(self, model: Any) -> Floats:
        """The side of the vectors by the model as it is now. *Shape:* ``(questions, p)``"""
        heldout = self._heldout
        encoder = LocalEncoder.around(model, self._base)
        if self._frozen:
            cosines = encoder.encode_queries(heldout.questions) @ heldout.vectors.T
            return heldout.side(cosines, heldout.base_late)
        return heldout.side(*heldout.read(encoder))
