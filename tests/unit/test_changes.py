"""What changed from one way to search to another, question by question."""

from __future__ import annotations

from pipelines.store.evaluations import QuestionRow
from training.evaluation.figures import changes
from training.evaluation.figures.causes import Causes

OLD, NEW = "base, hybrid", "v1, hybrid"


def row(question: str, before: int | None, after: int | None) -> QuestionRow:
    def result(rank: int | None) -> dict[str, object]:
        top = [["gold" if n == rank else f"p{n}", 1 / n] for n in range(1, 6)]
        return {"rank": rank, "top": top}

    return QuestionRow(question, False, ["gold"], {OLD: result(before), NEW: result(after)})


def test_largest_changes_come_first_and_a_loss_before_a_win():
    """What a person should look at is on top."""
    rows = [row("same", 2, 2), row("won a little", 3, 2), row("won", 2, 1), row("lost", 1, 2)]
    found = changes.changes(rows, OLD, NEW)
    assert [change.question for change in found] == ["lost", "won", "won a little", "same"]
    assert [change.kind for change in found] == ["lost", "won", "won", "alike"]
    assert changes.count(found) == {"won": 2, "lost": 1, "alike": 1}


def test_rank_beyond_ten_is_as_good_as_none():
    """Users see ten passages, so a change from 40 to 12 changes nothing for them."""
    (change,) = changes.changes([row("deep", 40, 12)], OLD, NEW)
    assert (change.kind, change.before, change.after) == ("alike", None, None)
    (found,) = changes.changes([row("found", 40, 10)], OLD, NEW)
    assert (found.kind, found.before, found.after) == ("won", None, 10)


def test_lists_say_which_passage_answers():
    """The right passage is marked in both lists, at its place."""
    (change,) = changes.changes([row("q", 3, 1)], OLD, NEW)
    assert [hit.gold for hit in change.old] == [False, False, True, False, False]
    assert [hit.gold for hit in change.new] == [True, False, False, False, False]
    assert changes.passages_in(row("q", 3, 1)) == {"gold", "p1", "p2", "p3", "p4", "p5"}


def test_cause_is_told_only_where_the_passages_are_still_known():
    """Without the text that answers it there is nothing to guess from."""
    texts = {"gold": "The harbour took 412 tonnes.", "p1": "The harbour took 412 tonnes of timber."}
    (change,) = changes.changes([row("How much did the harbour take?", 1, 2)], OLD, NEW)
    assert changes.cause(change, texts, Causes(texts)) != ""
    del texts["gold"]
    assert "no longer" in changes.cause(change, texts, Causes(texts))
