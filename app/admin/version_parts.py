"""The pieces of HTML that the screen of versions shows. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from app.admin import parts, pieces, work
from app.admin.parts import Tone, pill
from app.plans import Listed, Plan
from app.versions import Status
from pipelines.store.active import Audit
from pipelines.store.jobs import Job
from pipelines.store.models import Model
from pipelines.store.shadows import ShadowReport
from training.gate import Advice
from training.heldout import BASE, NDCG

STATES: dict[str, Tone] = {
    "serving": "good",
    "previous": "quiet",
    "ready": "busy",
    "building": "busy",
    "failed": "bad",
    "not built": "quiet",
}
KINDS = {
    "base": "as it came",
    "openai": "an API",
    "full": "tuned whole",
    "lora": "tuned with LoRA",
    "query": "question side tuned",
    "adapter": "adapter",
}


ADVICE: dict[Advice, Tone] = {
    "promote": "good",
    "wait": "warn",
    "leave": "bad",
    "compare": "quiet",
    "serves": "quiet",
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
    made = []
    for row in rows:
        job = job_of.get(row.model.name)
        made.append(
            (
                row.model.name,
                (
                    Markup('<span class="branch" style="--depth:{}">{}</span>').format(
                        row.depth, row.model.name
                    ),
                    KINDS.get(row.model.kind, row.model.kind),
                    gain(row.model.metrics),
                    work.progress_bar(job) if job is not None else state(row.state),
                    parts.when(row.model.created_at),
                ),
            )
        )
    headers = ("Version", "Made", "NDCG@10 in training", "State", "When")
    return pieces.stack(pieces.choices(headers, made, chosen))


def details(
    model: Model, parent: str | None, found: Status, plan: Plan, job: Job | None, kept: str | None
) -> str:
    """
    One version: what it is, how far, what speaks for it, and what promoting it will do.

    :param kept: Why it cannot be deleted; None: it can be.
    """
    told: list[str | Markup] = [
        pieces.heading(model.name, state(found.state)),
        pieces.facts(
            [
                ("Made from", parent or model.base),
                ("How", KINDS.get(model.kind, model.kind)),
                ("Pairs", model.metrics.get("pairs")),
                ("Set aside in training", model.metrics.get("heldout")),
                ("NDCG@10 in training", gain(model.metrics)),
                ("Vector length", model.dimension),
                ("Loaded by", parts.count(found.loaded_by, "server")),
                ("By", model.created_by),
            ]
        ),
    ]
    if job is not None:
        told.append(work.progress_bar(job) if job.status == "doing" else parts.note(
            f"{work.title(job)}: {work.state(job)}", "busy"))  # fmt: skip
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


def promotion(plan: Plan) -> list[Markup]:
    """What promoting does and how long it takes, and whether the figures allow it."""
    told = [
        parts.note(plan.verdict.sentence, ADVICE[plan.verdict.advice]),
        pieces.quiet(plan.verdict.reason),
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


def serving(current: str, epoch: int, changed: Any, previous: str | None) -> str:
    """The line on top: what serves, since when, and what did before."""
    told = Markup("<strong>{}</strong> serves, since {} (epoch {}). {}").format(
        current,
        parts.when(changed),
        epoch,
        f"Before it: {previous}, kept complete for a rollback." if previous else "",
    )
    return str(Markup('<div class="note good">{}</div>').format(told))


def audit(found: Sequence[Audit]) -> str:
    """Who did what, newest first."""
    if not found:
        return pieces.stack(
            pieces.heading("Audit"),
            parts.empty("Nothing was done yet", "Every promotion and rollback is kept here."),
        )
    rows = []
    for act in found:
        detail = act.detail
        said = detail.get("reason") or detail.get("gate") or ""
        epoch = f"epoch {detail['epoch']}" if "epoch" in detail else ""
        rows.append(
            (
                parts.when(act.at),
                pieces.short(act.who),
                pieces.short(f"{act.action} {detail.get('version', '')}"),
                pieces.short(epoch),
                parts.clipped(str(said), 200),
            )
        )
    headers = ("When", "Who", "Did", "", "Why, or what the figures said")
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
