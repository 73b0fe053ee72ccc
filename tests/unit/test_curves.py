"""The curves of a run, read from its progress file, and the end of its log."""

from __future__ import annotations

import json
from pathlib import Path

from training.finetune.progress import curves
from training.finetune.rundir import last_lines


def write(path: Path, rows: list[dict[str, object]], *, tail: str = "") -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + tail, encoding="utf-8")


def line(step: int, loss: float | None, heldout: float | None = None, stage: str = "training"):
    evaluation = {} if heldout is None else {"heldout_ndcg@10": heldout}
    return {"at": 1.0, "stage": stage, "step": step, "total": 100, "loss": loss,
            "evaluation": evaluation}  # fmt: skip


def test_curves_hold_each_step_once_and_evaluations_where_they_were_made(tmp_path):
    """
    Lines repeat the newest evaluation. A resumed run reports some steps again, and the later report
    counts.
    """
    path = tmp_path / "progress.jsonl"
    write(
        path,
        [line(5, None, stage="embedding"), line(1, 2.0), line(2, 1.5, 0.6), line(3, 1.2, 0.6),
         line(2, 1.4, 0.6), line(4, 1.0, 0.7)],
        tail='{"stage": "training", "step": 9',
    )  # fmt: skip
    found = curves(path)
    loss = [(p.step, p.value) for p in found if p.curve == "loss"]
    heldout = [(p.step, p.value) for p in found if p.curve == "heldout_ndcg@10"]
    assert loss == [(1, 2.0), (2, 1.4), (3, 1.2), (4, 1.0)]
    assert heldout == [(2, 0.6), (4, 0.7)]


def test_long_run_is_thinned_and_keeps_its_newest_point(tmp_path):
    """A plot gets as many points as it can show, from the first to the last."""
    path = tmp_path / "progress.jsonl"
    write(path, [line(step, 1 / step) for step in range(1, 1001)])
    found = curves(path, most=100)
    assert len(found) <= 101
    assert (found[0].step, found[-1].step) == (1, 1000)


def test_run_that_told_nothing_yet_has_no_curves(tmp_path):
    """No file is no fault."""
    assert curves(tmp_path / "progress.jsonl") == []


def test_log_shows_its_last_lines_and_the_last_state_of_a_progress_bar(tmp_path):
    """What a terminal would show."""
    path = tmp_path / "log.txt"
    path.write_bytes(b"first\n10%\r50%\r100%\nlast\n")
    assert last_lines(path, 2) == "100%\nlast"
    assert last_lines(tmp_path / "none.txt", 2) == ""
