"""Batches in which questions that share a window stay together, and windows are of like length."""

from __future__ import annotations

from training.finetune.methods.batches import WindowBatchSampler


class Pairs:
    """Pairs as the trainer has them: the column of their windows, and how many they are."""

    def __init__(self, windows: list[str]) -> None:
        self._windows = windows

    def __len__(self) -> int:
        return len(self._windows)

    def __getitem__(self, column: str) -> list[str]:
        assert column == "window"
        return self._windows


def batches(windows: list[str], *, epoch: int = 0, drop_last: bool = False) -> list[list[int]]:
    sampler = WindowBatchSampler(Pairs(windows), 2, drop_last, seed=1)
    sampler.set_epoch(epoch)
    return list(sampler)


def test_questions_that_share_a_window_are_in_one_batch():
    """In every epoch, whatever the order of the batches."""
    for epoch in range(5):
        assert sorted(batches(["a", "bb", "a", "bb"], epoch=epoch)) == [[0, 2], [1, 3]]


def test_windows_of_a_batch_are_of_like_length():
    """Six windows of 1 to 6 characters: the longest two, the middle two, the shortest two."""
    lengths = ["x" * n for n in (3, 6, 1, 4, 2, 5)]
    assert sorted(batches(lengths)) == [[1, 5], [3, 0], [4, 2]]


def test_an_epoch_has_an_order_of_its_own_that_can_be_repeated():
    windows = ["x" * n for n in range(1, 13)]
    orders = [batches(windows, epoch=epoch) for epoch in range(4)]
    assert orders == [batches(windows, epoch=epoch) for epoch in range(4)]
    assert len({str(order) for order in orders}) > 1
    assert all(sorted(order) == sorted(orders[0]) for order in orders)


def test_a_short_batch_comes_last_or_not_at_all():
    windows = ["x" * n for n in range(1, 6)]
    for epoch in range(5):
        assert batches(windows, epoch=epoch)[-1] == [0]
        assert [0] not in batches(windows, epoch=epoch, drop_last=True)
