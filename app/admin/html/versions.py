"""Versions as their screen shows them: the list, one version, its history, shadow mode. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup

from app.actions.plans import PromotionPlan, VersionEntry
from app.actions.version_status import Status
from app.admin.html import jobs, parts, words
from app.admin.html.parts import Tone, pill
from app.admin.html.template import Template
from pipelines.store.active import Audit
from pipelines.store.jobs import Job
from pipelines.store.models import Model
from pipelines.store.shadows import ShadowReport
from training.evaluation.gate import Verdict
from training.finetune.heldout import BASE, NDCG

STATES: dict[str, Tone] = {
    "serving": "good",
    "previous": "quiet",
    "ready": "busy",
    "building": "busy",
    "failed": "bad",
    "not built": "quiet",
}
KINDS = {
    "base": "original",
    "openai": "an API",
    "full": "whole encoder",
    "lora": "LoRA",
    "query": "query side",
    "adapter": "adapter",
}

_html = Template("versions")


def state(word: str) -> Markup:
    """How far a version is, in a word."""
    return pill(word, STATES.get(word, "quiet"))


def gain(metrics: dict[str, Any]) -> str:
    """What training says of itself: NDCG@10 on held-out questions before and after."""
    if NDCG not in metrics or BASE + NDCG not in metrics:
        return ""
    return f"{metrics[BASE + NDCG]:.3f} → {metrics[NDCG]:.3f}"


def version_list(rows: Sequence[VersionEntry], chosen: str | None, job_of: dict[str, Job]) -> str:
    """Versions as rows to choose, each below the one it was made from."""
    made = [
        (
            row.model.name,
            (
                _html.branch(row.model.name, row.depth),
                KINDS.get(row.model.kind, row.model.kind),
                _state_cell(row.state, job_of.get(row.model.name)),
                parts.when(row.model.created_at),
            ),
        )
        for row in rows
    ]
    headers = ("Version", "Method", "State", "Made")
    return parts.stack(parts.choices(headers, made, chosen))


def _state_cell(word: str, job: Job | None) -> Markup:
    """A version's state, with a bar if the job builds it or lets it serve."""
    if job is None or word == "serving":
        return state(word)
    if job.task == "evaluate":
        return _html.states(state(word), pill("being compared", "busy"))
    return jobs.progress_bar(job) if job.status == "doing" else pill("queued", "quiet")


def _waits(job: Job) -> Markup:
    """Why nothing else can be done with a version now."""
    return _html.waits(jobs.title(job), job.status == "doing", words.seconds(job.eta_s or None))


def head(name: str, status: Status, plan: PromotionPlan, job: Job | None) -> str:
    """The version's name and state, whether it should serve, and why nothing can be done now."""
    shown: list[str | Markup] = [parts.heading(name, state(status.state))]
    if status.state != "serving":
        verdict = plan.verdict
        shown.append(parts.note(verdict.sentence, jobs.ADVICE[verdict.advice]))
        if verdict.advice in ("promote", "wait", "leave"):
            shown.append(_html.figures(verdict.reason))
        shown.append(parts.doors(_next_steps(verdict)))
        if job is not None:
            shown.append(_waits(job))
    return parts.stack(*shown)


def details(
    model: Model,
    parent: str | None,
    status: Status,
    plan: PromotionPlan,
    job: Job | None,
    kept: str | None,
) -> str:
    """
    One version: what it is, how much it covers, and what promoting it will do.

    :param kept: Why it cannot be deleted. None if it can be.
    """
    shown: list[str | Markup] = [_facts(model, parent, status)]
    if job is not None and job.status == "doing" and job.task != "evaluate":
        shown.append(jobs.progress_bar(job))
    if status.reason:
        shown.append(parts.note(status.reason, "bad"))
    shown += [parts.heading("Coverage", "how many documents it can search"), coverage(status)]
    if status.state != "serving":
        shown += promotion(plan)
    if status.proof:
        checks = [(c["passed"], c["name"], c["detail"]) for c in status.proof["checks"]]
        shown += [parts.heading("Proof", "checked before it may serve"), parts.checks(checks)]
    settings = [
        ("SHA-256 of its files", model.manifest_sha256),
        ("Base model", model.base),
        *((name.replace("_", " "), value) for name, value in model.settings.items()),
    ]
    shown.append(parts.folded("Settings and identity", parts.facts(settings)))
    if kept is not None and status.state not in ("serving", "previous"):
        shown.append(parts.quiet(f"It cannot be deleted now. {kept}"))
    return parts.stack(*shown)


def _facts(model: Model, parent: str | None, status: Status) -> Markup:
    return parts.facts(
        [
            ("Made from", parent or model.base),
            ("Method", KINDS.get(model.kind, model.kind)),
            ("Training pairs", model.metrics.get("pairs")),
            ("Passages marked wrong", model.metrics.get("wrong") or None),
            (parts.term("validation", "Validation questions"), model.metrics.get("heldout")),
            (_html.in_training(parts.term("NDCG@10")), gain(model.metrics)),
            ("Vector length", model.dimension),
            ("Loaded by", words.count(status.loaded_by, "server")),
            ("Started by", model.created_by),
        ]
    )


def coverage(status: Status) -> Markup:
    """How much of the documents a version covers."""
    if status.state == "not built":
        return parts.note("It has no vectors yet. Building it makes one for every window of text.")
    if not status.windows:
        return parts.note("There are no documents yet, so nothing is missing.")
    said = (
        f"{status.complete:,} of {words.count(status.documents, 'document')},"
        f" {status.vectors:,} of {status.windows:,} windows"
    )
    return parts.bar(status.vectors, status.windows, said)


def _next_steps(verdict: Verdict) -> list[Markup]:
    """The link to what should be done before promoting, or none if the buttons do it."""
    if verdict.advice == "wait":
        return [parts.door("Make more pairs", "pairs")]
    return [parts.door("Tune another version", "tune")] if verdict.advice == "leave" else []


def promotion(plan: PromotionPlan) -> list[Markup]:
    """What promoting does, and how long it takes."""
    shown = [
        parts.heading("What promoting does", total(plan)),
        parts.steps((step.name, step.means, takes(step.seconds)) for step in plan.steps),
    ]
    if plan.windows and plan.measured is None:
        shown.append(parts.quiet("The first comparison will measure how fast this machine embeds."))
    elif plan.windows:
        shown.append(parts.quiet(f"Estimated from how fast {plan.measured} was embedded here."))
    return shown


def takes(seconds: float | None) -> str:
    """About how long a step takes."""
    if seconds is None:
        return "not measured"
    if seconds < 1:
        return "at once"
    return f"about {words.seconds(seconds)}"


def total(plan: PromotionPlan) -> str:
    """About how long all steps take."""
    return "" if plan.seconds is None else takes(plan.seconds)


def serving(
    current: str, epoch: int, changed: datetime, previous: str | None, left: Audit | None
) -> str:
    """
    The line on top: what serves, since when, and what served before.

    :param left: The rollback from the version before. None if it was left by a promotion.
    """
    history = why_left(previous, left) if previous else ""
    if previous and not left:
        history = f"Before that, {previous} served. It stays ready for a rollback."
    since, number = parts.when(changed), parts.term("epoch", f"epoch {epoch}")
    return str(_html.serving(current, since, number, history))


def why_left(name: str, left: Audit | None) -> str:
    """When a version was rolled back, by whom and why. Empty if it was not."""
    if left is None:
        return ""
    reason = left.detail.get("reason")
    when = words.ago(datetime.now(UTC) - left.at)
    why = f": “{reason}”" if reason else ", without a reason"
    return f"{name} was rolled back {when} by {left.who}{why}."


def audit(found: Sequence[Audit]) -> str:
    """Who did what, newest first."""
    if not found:
        return parts.stack(
            parts.heading("History"),
            parts.empty("No promotions yet", "Every promotion and rollback is listed here."),
        )
    headers = ("When", "Who", "Did", "Reason or result")
    rows = [
        (
            parts.when(act.at),
            parts.short(act.who),
            parts.short(f"{act.action} {act.detail.get('version', '')}"),
            parts.clipped(_why(act), 200),
        )
        for act in found
    ]
    return parts.stack(parts.heading("History", "who did what"), parts.table(headers, rows))


def _why(act: Audit) -> str:
    """The reason that was given, else the figures, else the documents it was about."""
    titles = ", ".join(map(str, act.detail.get("titles", [])))
    return str(act.detail.get("reason") or act.detail.get("gate") or titles)


def shadow(report: ShadowReport) -> str:
    """What a version found for live questions that the serving one answered."""
    shown: list[str | Markup] = []
    if report.share:
        said = f"It answers {report.share:.0%} of the live questions silently."
        shown.append(parts.note(said, "busy"))
    if not report.questions:
        shown.append(parts.note("It has answered no live question yet."))
        if report.faults:
            said = f"It failed {report.faults} times. The last time: {report.last_fault}"
            shown.append(parts.note(said, "bad"))
        return parts.stack(*shown)
    assert report.overlap is not None
    return parts.stack(*shown, parts.facts(_shadow_rows(report)))


def _shadow_rows(report: ShadowReport) -> list[tuple[object, object]]:
    times = (
        f"{report.candidate_p50_ms or 0:.0f} / {report.candidate_p95_ms or 0:.0f} ms; serving"
        f" version {report.serving_p50_ms or 0:.0f} / {report.serving_p95_ms or 0:.0f} ms"
    )
    faults = f"{report.faults}, the last one: {report.last_fault}" if report.faults else None
    return [
        ("Questions answered by both", report.questions),
        ("Passages in common", f"{report.overlap:.0%}"),
        ("First passage differs", _share(report.first_differs)),
        ("No passage in common", _share(report.none_shared)),
        ("Search time, p50 / p95", times),
        ("Passages cited in liked answers", _judged(report.liked)),
        ("Passages cited in disliked answers", _judged(report.disliked)),
        ("Better where the two differ", _share(report.preferred)),
        ("Failures", faults),
    ]


def _share(value: float | None) -> str | None:
    return None if value is None else f"{value:.0%}"


def _judged(judged: Any) -> str | None:
    if not judged.count:
        return None
    return f"{judged.higher} ranked higher, {judged.same} equal, {judged.lower} lower"
