"""What `make fleet` calls failed, mixed and cut off."""

from __future__ import annotations

import pytest

from tests.fleet import check

ROW = {"epoch": 3, "index": 7, "model": "v1"}


def answer(began, ended, epoch, server="web0"):
    return {"server": server, "began": began, "t": ended, "epoch": epoch, "model": "v1"}


@pytest.mark.parametrize(
    ("epoch", "row", "by_epoch", "one"),
    [
        (3, ROW, {3: 7}, True),
        (3, ROW, {3: 8}, False),
        (2, ROW, {2: 7, 3: 7}, False),
        (3, {**ROW, "model": "base"}, {3: 7}, False),
        (0, {**ROW, "epoch": 0}, {3: 7}, False),
    ],
)
def test_answer_row_and_audit_name_one_version(epoch, row, by_epoch, one):
    """The epoch is the one that the audit gives this index, in the answer as in its row."""
    assert check.is_one_version(answer(0, 1, epoch), row, by_epoch, {7: "v1", 8: "base"}) is one


def test_a_server_that_goes_back_is_noticed():
    """Questions that overlap may come in any order, and other servers may follow later."""
    assert check.went_back([answer(0, 1, 4), answer(2, 3, 3)]) == ["web0 went back from 4 to 3"]
    assert check.went_back([answer(0, 2, 4), answer(1, 3, 3)]) == []
    assert check.went_back([answer(0, 1, 4), answer(2, 3, 3, "web1")]) == []


def test_only_the_killed_server_may_cut_a_question_off():
    """It must have had the question at that moment."""
    killed = [("web0", 10.0)]
    assert check.by_kill(answer(9, 10.1, 1), killed)
    assert not check.by_kill(answer(9, 10.1, 1, "web1"), killed)
    assert not check.by_kill(answer(8, 9, 1), killed)
    assert not check.by_kill(answer(20, 21, 1), killed)
