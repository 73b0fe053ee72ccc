"""One bar over an evaluation: it goes up only, and its time left leaves out what was done before."""

from __future__ import annotations

import time

import pytest

from pipelines.progress import Progress, Task
from training.evaluation import dataset, meter
from training.evaluation.dataset import Dataset


@pytest.fixture
def asked() -> Dataset:
    """Ten questions over a hundred passages of one window each."""
    corpus = {f"p{n}": "a" * 300 for n in range(100)}
    queries = {f"q{n}": "What is it?" for n in range(10)}
    relevant = {name: ["p1"] for name in queries}
    return dataset.of_passages("asked", queries, corpus, relevant, dict.fromkeys(corpus, "en"))


@pytest.fixture
def told() -> list[Progress]:
    return []


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_steps_and_texts_fill_one_bar(asked, told):
    """Two models of the same steps: the second begins at one half."""
    bar = meter.ComparisonMeter(Task(told.append), ["base", "v1"], asked, asked, whole=True)
    for model in ("base", "v1"):
        for step in meter.costs(asked, asked, whole=True):
            bar.begin(model, step)
            bar.embedding().tell(Progress("embedding", 5, 10))
            bar.embedding().tell(Progress("embedding", 10, 10))
            bar.embedding().tell(
                Progress("embedding", 20, 90)
            )  # another lot of texts of the same step
    shares = [at.done for at in told]
    assert shares == sorted(shares)
    assert {at.total for at in told} == {100}
    second = next(at for at in told if at.stage == "v1: loading")
    assert 48 <= second.done <= 50
    assert shares[-1] < 100


def test_time_left_is_told_by_what_this_attempt_did(asked, told, clock):
    """The first model was there: half of the second in ten seconds leaves ten."""
    bar = meter.ComparisonMeter(Task(told.append), ["base", "v1"], asked, asked, whole=True)
    steps = meter.costs(asked, asked, whole=True)
    for step in steps:
        bar.skip("base", step)
    assert told[-1].done in (49, 50)
    assert told[-1].eta_s is None
    clock[0] = 10.0
    half, done = sum(steps.values()) / 2, 0.0
    for step, cost in steps.items():
        if done + cost > half:
            break
        done += cost
        bar.begin("v1", step)
    bar.begin("v1", step)
    total = sum(steps.values())
    assert told[-1].eta_s == pytest.approx(10 / done * (total - done))


def test_searching_in_several_ways_is_one_step(asked, told):
    """The text after the colon is shown, and the step counts once."""
    bar = meter.ComparisonMeter(Task(told.append), ["base"], asked, asked, whole=True)
    bar.begin("base", "searching: words")
    bar.begin("base", "searching: hybrid")
    assert told[0].done == told[1].done
    assert told[1].stage == "base: searching: hybrid"
