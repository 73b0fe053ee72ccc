"""Batches in which questions that share a window stay together, and windows are of like length."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from sentence_transformers.base.sampler import DefaultBatchSampler

QUESTION, WINDOW, LABEL = "question", "window", "label"
# Batches whose pairs are sorted by length among each other. More would make batches alike in topic.
POOL = 8


class WindowBatchSampler(DefaultBatchSampler):  # type: ignore[misc]
    """
    Shuffles windows instead of pairs, by seed and epoch.

    The loss encodes a shared window once, and a batch is padded to its longest window.
    """

    def __init__(self, dataset: Any, batch_size: int, drop_last: bool, **others: Any) -> None:
        super().__init__(range(len(dataset)), batch_size=batch_size, drop_last=drop_last)
        self.seed: int = others.get("seed") or 0
        by_window: dict[str, list[int]] = {}
        for pair, text in enumerate(dataset[WINDOW]):
            by_window.setdefault(text, []).append(pair)
        self._groups = list(by_window.values())
        self._lengths = [len(text) for text in by_window]

    def __iter__(self) -> Iterator[list[int]]:
        generator = torch.Generator().manual_seed(self.seed + self.epoch)
        order = torch.randperm(len(self._groups), generator=generator).tolist()
        pairs = [(g, pair) for g in order for pair in self._groups[g]]
        batches: list[list[int]] = []
        for start in range(0, len(pairs), POOL * self.batch_size):
            pool = pairs[start : start + POOL * self.batch_size]
            pool.sort(key=lambda item: (-self._lengths[item[0]], item[0]))
            rows = [pair for _, pair in pool]
            batches += [rows[i : i + self.batch_size] for i in range(0, len(rows), self.batch_size)]
        # A rest of one pair has no negative. A short batch anywhere but last would misalign processes.
        rest = [b for b in batches if len(b) < self.batch_size]
        whole = [b for b in batches if len(b) == self.batch_size]
        for i in torch.randperm(len(whole), generator=generator).tolist():
            yield whole[i]
        if not self.drop_last:
            yield from rest
