"""What long work shows where nobody watches a terminal."""

from __future__ import annotations

from app.cli import bar
from pipelines.progress import Progress


def test_a_line_tells_each_stage_and_then_one_every_few_seconds(monkeypatch, capsys):
    now = [100.0]
    monkeypatch.setattr("app.cli.bar.time.monotonic", lambda: now[0])
    with bar.progress_bar() as task:
        task.tell(Progress("embedding", 0, 2048))
        task.tell(Progress("embedding", 256, 2048, 103.4, 17.0))
        now[0] += bar.LINE_EVERY_S
        task.tell(Progress("embedding", 1024, 2048, 103.4, 120.0))
        task.tell(Progress("training", 5, 100, 9.31, figures={"loss": 0.51234, "other": 1}))
        now[0] += bar.LINE_EVERY_S
        task.tell(Progress("training", 14, 76, 0.06))
    assert capsys.readouterr().err.splitlines() == [
        "embedding, 0/2,048",
        "embedding, 1,024/2,048, 103 per second, about 2 min left",
        "training, 5%, 9.3 per second, loss 0.512",
        "training, 14/76, 17 s each",
    ]
