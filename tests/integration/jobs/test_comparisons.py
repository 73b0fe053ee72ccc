"""A comparison as a worker does it. No other worker may be there, which would go on with it."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from app import queue
from app.admin.html import jobs as jobs_html
from pipelines.store import evaluations, queue_workers
from tests.fakes import build_tiny_model
from tests.queueing import get
from tests.workers import until

pytestmark = pytest.mark.long


def test_a_comparison_goes_on_where_its_worker_was_killed(
    services, tiny_model, start, home, tmp_path
):
    """The first model is not measured again. Its kept results are in the report."""
    second = build_tiny_model(tmp_path, seed=1)
    words = [a + b for a in "abcdefghijklmnop" for b in "aeioun"]
    texts = [" ".join(words[(n * k) % 96] for k in range(1, 80)) for n in range(1, 120)]
    path = tmp_path / "asked.json"
    queries = {f"q{n}": " ".join(text.split()[5:15]) for n, text in enumerate(texts)}
    corpus = {f"p{n}": f"{n} {text}" for n, text in enumerate(texts)}
    relevant = {f"q{n}": [f"p{n}"] for n in range(len(texts))}
    path.write_text(json.dumps({"queries": queries, "corpus": corpus, "relevant_docs": relevant}))
    models = [str(tiny_model), str(second)]
    job_id = queue.defer(services, "evaluate", who="eve", dataset=str(path), models=models)
    kept = home / "evaluations" / "unfinished"
    with start() as killed:
        until(lambda: list(kept.glob("*.facts.json")))
        killed.kill()
    (done,) = kept.glob("*.search with words.json")
    value = json.loads(done.read_text())
    value["timings"]["windows"] = 4711
    done.write_text(json.dumps(value))
    with services.pool.connection() as conn:
        assert [
            (i, how) for i, how in queue_workers.rescue(conn, timedelta(0), 3) if i == job_id
        ] == [(job_id, "queued")]
    job = get(services, job_id)
    assert "its worker ended" in jobs_html.state(job)
    with start():
        job = until(lambda: (j := get(services, job_id)).status == "succeeded" and j)
    with services.pool.connection() as conn:
        stored = evaluations.get(conn, job.result["evaluation"])
    windows = [model["timings"]["windows"] for model in stored.figures["models"]]
    assert windows[0] == 4711
    assert windows[1] not in (0, 4711)
    assert list(kept.iterdir()) == []
