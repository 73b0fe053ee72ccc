"""How jobs are told to a person: what they do, how far they are, what came of them. Pure."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from app import queue
from app.admin.html.parts import Tone, bar, count, pill, seconds
from pipelines.store.jobs import Job
from training.evaluation.gate import Advice
from training.finetune.options import LABELS, Method

METHODS: dict[str, Method] = {label: method for method, label in LABELS.items()}
# How the advice on a version looks, on every screen.
ADVICE: dict[Advice, Tone] = {
    "promote": "good",
    "wait": "warn",
    "leave": "bad",
    "compare": "quiet",
    "serves": "quiet",
}
OPEN = ("todo", "doing")
_TONES: dict[str, Tone] = {
    "todo": "quiet",
    "doing": "busy",
    "succeeded": "good",
    "failed": "bad",
    "cancelled": "quiet",
    "aborted": "warn",
}
_SOURCES = {
    "offline": "offline",
    "llm": "with the language model",
    "feedback": "from liked answers",
}


def status(job: Job) -> Markup:
    """The state of a job in a word."""
    if job.status == "doing" and job.stopping:
        return pill("stopping", "warn")
    return pill(queue.WORDS[job.status], _TONES[job.status])


def title(job: Job) -> str:
    """What a job does."""
    args = job.args
    match job.task:
        case "ingest":
            return f"Index {count(len(args.get('document_ids', [])), 'document')}"
        case "generate":
            return f"Make pairs {_SOURCES.get(args.get('source', 'offline'), '')}".rstrip()
        case "import_pairs":
            return f"Import {args.get('name')}"
        case "probe":
            return f"Estimate tuning {args.get('base')}"
        case "train":
            auto = ", promote if better" if args.get("auto") else ""
            return f"Train run {args.get('run_id')}{auto}"
        case "evaluate":
            return f"Compare {', '.join(args.get('models', []))}"
        case "build":
            return f"Build {args.get('name')}"
        case "promote":
            return f"Promote {args.get('name')}" + (" if better" if args.get("auto") else "")
        case "cleanup":
            return "Clean up"
        case "improve":
            return "Improve the search"
        case "measure":
            return "Measure this machine"
    return job.task


def progress(job: Job) -> str:
    """How far a running job is, in a line."""
    parts = [job.stage or "starting"]
    if job.item:
        parts.append(job.item if len(job.item) <= 60 else f"{job.item[:59]}…")
    comparing = ": " in (job.stage or "")  # a model and a step of it
    if job.total and (comparing or job.task in ("ingest", "improve", "probe")):
        parts.append(f"{job.done / job.total:.0%}")  # of what nobody counts
    elif job.total:
        parts.append(f"{job.done:,} of {job.total:,}")
    if job.rate:
        parts.append(f"{job.rate:.1f} a second" if job.rate < 10 else f"{job.rate:.0f} a second")
    if job.eta_s:
        parts.append(f"{seconds(job.eta_s)} left")
    return " · ".join(parts)


def progress_bar(job: Job) -> Markup:
    """The same as a bar."""
    return bar(job.done, job.total, progress(job))


def state(job: Job) -> Markup | str:
    """How far it is, or what came of it, in the room of a table's cell."""
    if job.status == "doing":
        return progress_bar(job)
    if job.status == "todo":
        if not job.attempts:
            return "queued"
        return f"queued to be tried again{f': {job.fault}' if job.fault else ''}"
    return job.fault or outcome(job)


def outcome(job: Job) -> str:
    """What came of a job that has ended well."""
    result: dict[str, Any] = job.result if isinstance(job.result, dict) else {}
    match job.task:
        case "ingest" if result:
            counts = {name: result.get(name, 0) for name in ("indexed", "duplicates", "unchanged")}
            counts["failed"] = len(result.get("failed", []))
            return ", ".join(f"{n} {name}" for name, n in counts.items() if n or name == "indexed")
        case "probe" if result:
            names = {method: name for name, method in METHODS.items()}
            method = names.get(result["recommended"], result["recommended"])
            return f"{method} is recommended: {result.get('reason')}"
        case "train" if "version" in result:
            promotion = result.get("promotion")
            if promotion is None:
                return f"Made {result['version']}."
            served = "It serves now." if promotion["promoted"] else "It does not serve:"
            reason = "" if promotion["promoted"] else f" {promotion['reason']}"
            return f"Made {result['version']}. {served}{reason}"
        case "evaluate" if "verdict" in result:
            return str(result["verdict"])
        case "build" if result:
            return f"{result.get('version')} is built."
        case "promote" if result:
            if result.get("promoted") is False:
                return f"Not promoted: {result.get('reason')}"
            return f"{result.get('version')} serves since epoch {result.get('epoch')}."
        case "improve" if result:
            return str(result.get("sentence", ""))
        case "measure" if result:
            return f"{LABELS[result['recommended']]} is recommended: {result['reason']}"
        case "import_pairs" if result:
            return imported(result)
        case "generate" if result:
            kept = result.get("accepted", result.get("added"))
            return f"{kept:,} pairs" if isinstance(kept, int) else "Pairs made."
    return ""


def imported(result: dict[str, Any]) -> str:
    """What became of a file's pairs."""
    sides, refused = result["sides"], sum(result["rejected"].values())
    return (
        f"{count(result['accepted'], 'pair')} accepted ({sides.get('train', 0):,} to train on,"
        f" {sides.get('heldout', 0):,} held-out), {result['review']:,} to review,"
        f" {refused:,} not taken."
    )


def run_seconds(job: Job) -> float | None:
    """How long the last attempt took, or has been running."""
    if job.started_at is None or job.status == "todo":
        return None
    return (job.updated_at - job.started_at).total_seconds()
