"""The pieces of HTML that the screen of versions shows. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup

from app.actions.plans import Listed, Plan
from app.actions.versions import Status
from app.admin.html import jobs, parts, pieces
from app.admin.html.parts import Tone, pill
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
    "query": "question side",
    "adapter": "adapter",
}


def state(word: str) -> Markup:
    """How far a version is, in a word."""
    return pill(word, STATES.get(word, "quiet"))


def gain(metrics: dict[str, Any]) -> str:
    """What training says of itself: NDCG@10 on held-out questions before and after."""
    if NDCG not in metrics or BASE + NDCG not in metrics:
        return ""
    return f"{metrics[BASE + NDCG]:.3f} → {metrics[NDCG]:.3f}"


def version_list(rows: Sequence[Listed], chosen: str | None, job_of: dict[str, Job]) -> str:
    """Versions as rows to choose, each below the one it was made from."""
    made = [
        (
            row.model.name,
            (
                Markup('<span class="branch" style="--depth:{}">{}</span>').format(
                    row.depth, row.model.name
                ),
                KINDS.get(row.model.kind, row.model.kind),
                _state_cell(row.state, job_of.get(row.model.name)),
                parts.when(row.model.created_at),
            ),
        )
        for row in rows
    ]
    headers = ("Version", "Method", "State", "Made")
    return pieces.stack(pieces.choices(headers, made, chosen))


def _state_cell(word: str, job: Job | None) -> Markup:
    """Its own state; with a bar only where the job builds it or lets it serve."""
    if job is None or word == "serving":
        return state(word)
    if job.task == "evaluate":
        return state(word) + Markup(" ") + pill("being compared", "busy")
    return jobs.progress_bar(job) if job.status == "doing" else pill("queued", "quiet")


def _waits(job: Job) -> Markup:
    """Why nothing else can be done with a version now."""
    left = f", about {parts.seconds(job.eta_s)} left" if job.eta_s else ""
    doing = "is running" if job.status == "doing" else "is queued"
    return Markup('<p class="soft">“{}” {}{}. The buttons work again when it ends. {}</p>').format(
        jobs.title(job), doing, left, parts.link("See the job.", "jobs")
    )


def head(name: str, found: Status, plan: Plan, job: Job | None) -> str:
    """The version's name and state, whether it should serve, and why nothing can be done now."""
    told: list[str | Markup] = [pieces.heading(name, state(found.state))]
    if found.state != "serving":
        verdict = plan.verdict
        told.append(parts.note(verdict.sentence, jobs.ADVICE[verdict.advice]))
        if verdict.advice in ("promote", "wait", "leave"):
            told.append(
                Markup(
                    '<details><summary>The figures</summary><p class="soft">{}</p></details>'
                ).format(verdict.reason)
            )
        if step := _next_step(verdict):
            told.append(Markup('<div class="doors">{}</div>').format(step))
        if job is not None:
            told.append(_waits(job))
    return pieces.stack(*told)


def details(
    model: Model, parent: str | None, found: Status, plan: Plan, job: Job | None, kept: str | None
) -> str:
    """
    One version: what it is, how much it covers, and what promoting it will do.

    :param kept: Why it cannot be deleted; None: it can be.
    """
    told: list[str | Markup] = [
        pieces.facts(
            [
                ("Made from", parent or model.base),
                ("Method", KINDS.get(model.kind, model.kind)),
                ("Pairs", model.metrics.get("pairs")),
                ("Check questions in training", model.metrics.get("heldout")),
                (Markup("{} in training").format(parts.term("NDCG@10")), gain(model.metrics)),
                ("Vector length", model.dimension),
                ("Loaded by", parts.count(found.loaded_by, "server")),
                ("Started by", model.created_by),
            ]
        )
    ]
    if job is not None and job.status == "doing" and job.task != "evaluate":
        told.append(jobs.progress_bar(job))
    if found.reason:
        told.append(parts.note(found.reason, "bad"))
    told += [pieces.heading("Coverage"), coverage(found)]
    if found.state != "serving":
        told += promotion(plan)
    if found.proof:
        checks = [(c["passed"], c["name"], c["detail"]) for c in found.proof["checks"]]
        told += [pieces.heading("Proof", "made before it may serve"), pieces.checks(checks)]
    told.append(
        Markup("<details><summary>Settings and identity</summary>{}</details>").format(
            pieces.facts(
                [
                    ("Files", model.manifest_sha256),
                    ("Base", model.base),
                    *((name.replace("_", " "), value) for name, value in model.settings.items()),
                ]
            )
        )
    )
    if kept is not None and found.state not in ("serving", "previous"):
        told.append(pieces.quiet(f"Cannot be deleted now: {kept}"))
    return pieces.stack(*told)


def coverage(found: Status) -> Markup:
    """How much of the documents a version holds."""
    if found.state == "not built":
        return parts.note("It has no vectors yet. Building makes one for every window.")
    if not found.windows:
        return parts.note("There are no documents yet, so it is complete.")
    words = (
        f"{found.complete:,} of {parts.count(found.documents, 'document')},"
        f" {found.vectors:,} of {found.windows:,} windows"
    )
    return parts.bar(found.vectors, found.windows, words)


def _next_step(verdict: Verdict) -> Markup | None:
    """The link to what is worth doing before promoting; None: the buttons do it."""
    if verdict.advice == "wait":
        return parts.door("Make more pairs", "pairs")
    return parts.door("Tune another", "tune") if verdict.advice == "leave" else None


def promotion(plan: Plan) -> list[Markup]:
    """What promoting does, and how long it takes."""
    told = [
        pieces.heading("What promoting does", total(plan)),
        pieces.steps((step.name, step.means, takes(step.seconds)) for step in plan.steps),
    ]
    if plan.windows and plan.measured is None:
        told.append(
            pieces.quiet("How fast this machine embeds is known after the first comparison.")
        )
    elif plan.windows:
        told.append(pieces.quiet(f"By how fast {plan.measured} was embedded in its comparison."))
    return told


def takes(seconds: float | None) -> str:
    """About how long a step takes."""
    if seconds is None:
        return "not measured"
    if seconds < 1:
        return "at once"
    return f"about {parts.seconds(seconds)}"


def total(plan: Plan) -> str:
    """About how long all steps take."""
    return "" if plan.seconds is None else takes(plan.seconds)


def serving(
    current: str, epoch: int, changed: Any, previous: str | None, left: Audit | None
) -> str:
    """
    The line on top: what serves, since when, and what did before.

    :param left: The rollback by which the version before was left; None: there was none.
    """
    told = Markup("<strong>{}</strong> serves since {} ({} {}). ").format(
        current, parts.when(changed), parts.term("epoch"), epoch
    )
    if previous and left:
        told += why_left(previous, left)
    elif previous:
        told += f"Before it: {previous}, kept ready for a rollback."
    return str(Markup('<div class="note good">{}</div>').format(told))


def why_left(name: str, left: Audit | None) -> str:
    """When a version was rolled back, by whom and why; empty if it was not."""
    if left is None:
        return ""
    reason = left.detail.get("reason")
    when = parts.ago(datetime.now(UTC) - left.at)
    why = f": “{reason}”" if reason else ", without a reason"
    return f"{name} was rolled back {when} by {left.who}{why}."


def audit(found: Sequence[Audit]) -> str:
    """Who did what, newest first."""
    if not found:
        return pieces.stack(
            pieces.heading("Audit"),
            parts.empty("No promotions yet", "Every promotion and rollback is listed here."),
        )
    rows = []
    for act in found:
        detail = act.detail
        titles = ", ".join(map(str, detail.get("titles", [])))
        said = detail.get("reason") or detail.get("gate") or titles
        rows.append(
            (
                parts.when(act.at),
                pieces.short(act.who),
                pieces.short(f"{act.action} {detail.get('version', '')}"),
                parts.clipped(str(said), 200),
            )
        )
    headers = ("When", "Who", "Did", "Reason, or what the figures said")
    return pieces.stack(pieces.heading("Audit", "who did what"), parts.table(headers, rows))


def shadow(found: ShadowReport) -> str:
    """What a version found for live questions that the serving one answered."""
    told: list[str | Markup] = []
    if found.share:
        told.append(
            parts.note(f"It answers {found.share:.0%} of the live questions silently.", "busy")
        )
    if not found.questions:
        told.append(parts.note("No live question has been asked of both yet."))
        if found.faults:
            told.append(parts.note(f"It failed {found.faults} times: {found.last_fault}", "bad"))
        return pieces.stack(*told)
    assert found.overlap is not None
    rows = [
        ("Questions asked of both", found.questions),
        ("Passages in common", f"{found.overlap:.0%}"),
        ("First passage differs", _share(found.first_differs)),
        ("No passage in common", _share(found.none_shared)),
        ("Time, middle and slowest of 20",
         f"{found.candidate_p50_ms or 0:.0f} and {found.candidate_p95_ms or 0:.0f} ms;"
         f" serving {found.serving_p50_ms or 0:.0f} and {found.serving_p95_ms or 0:.0f} ms"),
        ("Liked answers, cited passages", _judged(found.liked)),
        ("Disliked answers, cited passages", _judged(found.disliked)),
        ("Better where the two differ", _share(found.preferred)),
        ("Faults", f"{found.faults}: {found.last_fault}" if found.faults else None),
    ]  # fmt: skip
    return pieces.stack(*told, pieces.facts(rows))


def _share(value: float | None) -> str | None:
    return None if value is None else f"{value:.0%}"


def _judged(judged: Any) -> str | None:
    if not judged.count:
        return None
    return f"{judged.higher} higher, {judged.same} same, {judged.lower} lower"
