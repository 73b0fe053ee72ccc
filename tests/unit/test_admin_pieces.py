"""The screens about versions and runs as HTML, and the display of jobs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.actions.plans import PromotionPlan, Step, VersionEntry, lineage
from app.actions.version_status import Status
from app.admin.html import figures, jobs, parts, template, tune, versions
from pipelines.store.active import Audit
from pipelines.store.ids import JobId, ModelId
from pipelines.store.jobs import Job
from pipelines.store.models import Model
from training.evaluation.gate import Verdict

NOW = datetime(2024, 5, 14, 12, tzinfo=UTC)
READY = Verdict(True, "x", "promote", "Ready to serve: better on 240 questions.")
TEMPLATES = Path(template.__file__).with_name("templates")
HOSTILE = '<img src=x onerror="alert(1)">'


def job(task: str, status: str = "doing", **values: Any) -> Job:
    fields: dict[str, Any] = {
        "id": JobId(7), "task": task, "queue": "train", "status": status, "args": {},
        "stopping": False, "attempts": 0, "stage": "", "done": 0, "total": None, "rate": None,
        "eta_s": None, "result": None, "fault": None, "created_at": NOW, "started_at": NOW,
        "updated_at": NOW,
    }  # fmt: skip
    return Job(**(fields | values))


def model(id_: int, name: str, parent: int | None = None, **values: Any) -> Model:
    fields: dict[str, Any] = {
        "id": ModelId(id_), "name": name, "base": "tiny", "kind": "adapter", "dimension": 32,
        "prompts": {}, "artefact": None, "manifest_sha256": "abc", "settings": {}, "metrics": {},
        "parent_id": parent, "created_by": "admin", "created_at": NOW,
    }  # fmt: skip
    return Model(**(fields | values))


def test_versions_stand_below_what_they_were_made_from():
    """Depth first, each with its depth. A version whose parent is gone starts a new tree."""
    found = [model(1, "base"), model(2, "v1", 1), model(3, "v2", 1), model(4, "v3", 2),
             model(5, "v4", 99)]  # fmt: skip
    shown = [(depth, one.name) for depth, one in lineage(found)]
    assert shown == [(0, "base"), (1, "v1"), (2, "v3"), (1, "v2"), (0, "v4")]


def test_time_of_a_promotion_is_told_only_when_every_step_is_known():
    """One step without a measurement, and there is no sum."""
    steps = (Step("Build.", "", 60.0), Step("Load.", "", 8.0))
    assert PromotionPlan("base", steps, 10, "v1", READY).seconds == 68
    unknown = (Step("Build.", "", None), Step("Load.", "", 8.0))
    assert PromotionPlan("base", unknown, 10, None, READY).seconds is None
    assert versions.takes(None) == "not measured"


@pytest.mark.parametrize(
    ("one", "title", "said"),
    [
        (job("train", "succeeded", args={"run_id": 3}, result={"run": 3, "version": "v2"}),
         "Train run 3", "Made v2."),
        (job("train", "succeeded", args={"run_id": 3, "auto": True},
             result={"version": "v2", "promotion": {"promoted": False, "reason": "No gain."}}),
         "Train run 3, promote if better", "Made v2. It was not promoted: No gain."),
        (job("promote", "succeeded", args={"name": "v2"}, result={"version": "v2", "epoch": 4}),
         "Promote v2", "v2 serves since epoch 4."),
        (job("evaluate", "succeeded", args={"models": ["base", "v2"]}, result={"verdict": "Alike."}),
         "Compare base, v2", "Alike."),
        (job("ingest", "succeeded", args={"document_ids": [1, 2]},
             result={"indexed": 1, "unchanged": 0, "failed": [{}]}),
         "Index 2 documents", "1 indexed, 1 failed"),
    ],
)  # fmt: skip
def test_job_is_told_by_what_it_did(one, title, said):
    """No task names, no JSON."""
    assert jobs.title(one) == title
    assert jobs.state(one) == said


def test_running_job_tells_stage_count_rate_and_time_left():
    """Everything that is known, and nothing that is not."""
    running = job("build", stage="embedding", done=512, total=2048, rate=103.2, eta_s=15.0)
    assert jobs.progress(running) == "embedding · 512 of 2,048 · 103 per second · 15 s left"
    assert jobs.progress(job("build")) == "starting"
    assert "stopping" in jobs.status(job("build", stopping=True))
    comparing = job("evaluate", stage="v1: indexing", done=37, total=100, eta_s=15.0)
    assert jobs.progress(comparing) == "v1: indexing · 37% · 15 s left"


def test_a_job_that_waits_again_says_why():
    """The first time there is nothing to say."""
    assert jobs.state(job("evaluate", "todo")) == "queued"
    again = job("evaluate", "todo", attempts=1, fault="its worker ended")
    assert jobs.state(again) == "queued again: its worker ended"


def test_texts_of_others_are_shown_as_text():
    """Names, faults, questions, logs: nothing of theirs becomes markup."""
    verdict = Verdict(False, HOSTILE, "compare", HOSTILE)
    plan = PromotionPlan("base", (Step(HOSTILE, HOSTILE, 1.0),), 1, HOSTILE, verdict)
    status = Status(HOSTILE, "adapter", "failed", HOSTILE, proof={
        "checks": [{"passed": False, "name": HOSTILE, "detail": HOSTILE}]})  # fmt: skip
    shown = [
        versions.details(model(1, HOSTILE, settings={HOSTILE: HOSTILE}), HOSTILE, status,
                              plan, job("build", stage=HOSTILE), HOSTILE),
        versions.head(HOSTILE, status, plan, job("build", args={"name": HOSTILE})),
        parts.stack(parts.choices([HOSTILE], [(HOSTILE, [HOSTILE])], HOSTILE), parts.log(HOSTILE)),
        tune.estimate(job("probe", "failed", fault=HOSTILE)),
    ]  # fmt: skip
    for html in shown:
        assert "<img" not in html
        assert "&lt;img" in html


@pytest.mark.parametrize("name", sorted(path.stem for path in TEMPLATES.glob("*.html")))
def test_every_template_can_be_read(name):
    """A screen that is seldom empty has its template read for the first time by a visitor."""
    assert template.ENVIRONMENT.get_template(f"{name}.html").module


def test_a_list_without_jobs_says_how_one_begins():
    """With a link to each screen that starts one."""
    html = jobs.job_list([], None)
    assert [f"#tab-{name}" in html for name in ("documents", "pairs", "tune")] == [True] * 3


def test_chosen_row_is_told_to_everybody():
    """By a colour, and to those who cannot see it."""
    html = parts.choices(["Name", "n"], [("a", ["a", 1]), ("b", ["b", 2])], "b")
    assert html.count('aria-pressed="true"') == 1
    assert '<tr data-pick="b" class="chosen">' in html


def test_bars_show_the_interval_within_the_chart():
    """An interval that reaches below 0 or beyond 1 is cut there."""
    system = {"name": "base, hybrid", "mode": "hybrid", "figures": {"mrr@10": 0.9},
              "intervals": {"mrr@10": {"mean": 0.9, "low": 0.7, "high": 1.2}}}  # fmt: skip
    html = figures.bars({"systems": [system]}, "mrr@10")
    assert "width:90.0%" in html
    assert "left:70.0%;width:30.0%" in html


def test_estimate_names_the_recommended_method_and_what_speaks_against():
    """In words of the form, not of the code."""
    result = {
        "methods": [
            {"method": "full", "minutes": 30.0, "memory_mb": 2000.0, "disk_mb": 900.0,
             "serving": "every window is embedded again"},
            {"method": "adapter", "minutes": 0.4, "memory_mb": 800.0, "disk_mb": 200.0,
             "serving": "stored vectors stay"},
        ],
        "recommended": "adapter", "reason": "60 pairs are too few to train the encoder itself.",
        "base_hit": 0.8, "warnings": ["60 pairs are few; a gain is unlikely to show"],
    }  # fmt: skip
    html = tune.estimate(job("probe", "succeeded", args={"base": "base"}, result=result))
    assert "Recommended: Adapter. 60 pairs are too few" in html
    assert html.index("Adapter") < html.index("Full (whole encoder)")  # the quickest first
    assert "60 pairs are few; a gain is unlikely to show." in html


def test_a_running_job_is_a_bar_in_the_list_and_not_its_source():
    """Words are clipped to a cell's width. A bar is markup and stays complete."""
    running = job("train", stage="training", done=3, total=10)
    failed = job("train", "failed", fault=HOSTILE + " and so on" * 40)
    html = str(jobs.job_list([running, failed], None))
    assert '<div class="bar" role="progressbar"' in html
    assert "&lt;div" not in html
    assert HOSTILE not in html


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        (READY, "Ready to serve: better on 240 questions."),
        (Verdict(True, "x", "wait", "Not proved better: about as good."), "Not proved better"),
        (Verdict(False, "x", "leave", "Worse: do not promote."), "Worse: do not promote."),
    ],
)
def test_the_advice_on_a_version_is_said_once_and_in_its_colour(verdict, said):
    """Only a better version is green. The next step is shown next to it."""
    plan = PromotionPlan("base", (Step("Load.", "x", 1.0),), 0, None, verdict)
    html = versions.head("v1", Status("v1", "adapter", "ready"), plan, None)
    assert html.count(said) == 1
    assert ("note good" in html) == verdict.better
    assert ("Make more pairs" in html) == (verdict.advice == "wait")


def test_a_comparison_under_way_is_no_state_of_a_version():
    """It is shown next to the state, and its bar does not hide the state."""
    row = VersionEntry(model(2, "v1"), 1, "ready")
    comparing = job("evaluate", stage="base: whole passages", done=1, total=2)
    html = versions.version_list([row], "v1", {"v1": comparing})
    assert "ready" in html
    assert "being compared" in html
    assert "whole passages" not in html
    plan = PromotionPlan("base", (), 0, None, READY)
    head = versions.head("v1", Status("v1", "adapter", "ready"), plan, comparing)
    assert "“Compare" in head
    assert "is running" in head


def test_what_was_left_by_a_rollback_says_when_and_why():
    """So that nobody returns to it as if it were the obvious step."""
    left = Audit(1, datetime.now(UTC), "alice", "rollback", {"reason": "answers got worse"})
    html = versions.serving("base", 3, NOW, "v1", left)
    assert "v1 was rolled back just now by alice: “answers got worse”." in html
    assert "It stays ready for a rollback" in versions.serving("base", 3, NOW, "v1", None)
