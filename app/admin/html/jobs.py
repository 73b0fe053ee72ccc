"""Jobs in words: what each does, how far it is, what came of it. Pure."""

from __future__ import annotations

import json
from typing import Any

from markupsafe import Markup

from app import queue
from app.admin.html import parts
from app.admin.html.parts import Tone, bar, pill
from app.admin.html.template import Template
from app.admin.html.words import count, joined, seconds
from pipelines.progress import pace
from pipelines.store.jobs import Job
from pipelines.store.replicas import ReplicaRow
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

_html = Template("jobs")
_TONES: dict[str, Tone] = {
    "todo": "quiet",
    "doing": "busy",
    "succeeded": "good",
    "failed": "bad",
    "cancelled": "quiet",
    "aborted": "warn",
}
_SOURCES = {
    "offline": "without a language model",
    "llm": "with the language model",
    "feedback": "from votes and marks",
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
            return f"Estimate the tuning of {args.get('base')}"
        case "train":
            auto = ", promote if better" if args.get("auto") else ""
            return f"Train run {args.get('run_id')}{auto}"
        case "evaluate":
            return f"Compare {', '.join(args.get('models', []))}"
        case "build":
            return f"Build {args.get('name')}"
        case "promote":
            return f"Promote {args.get('name')}" + (" if better" if args.get("auto") else "")
        case "sync":
            return f"Read {args.get('address') or 'a source'}"
        case "cleanup":
            return "Clean up"
        case "improve":
            return "Improve the search"
        case "measure":
            return "Measure this machine"
    return job.task


def progress(job: Job) -> str:
    """How far a running job is, in a line."""
    item = job.item or ""
    return joined(
        job.stage or "starting",
        item if len(item) <= 60 else f"{item[:59]}…",
        _share_done(job),
        pace(job.rate) if job.rate else "",
        f"{seconds(job.eta_s)} left" if job.eta_s else "",
    )


def _share_done(job: Job) -> str:
    """How much is done: in percent where the units mean nothing to a person, else counted."""
    if not job.total:
        return ""
    comparing = ": " in (job.stage or "")  # a model and a step of it
    if comparing or job.task in ("ingest", "improve", "probe", "sync"):
        return f"{job.done / job.total:.0%}"
    return f"{job.done:,} of {job.total:,}"


def progress_bar(job: Job) -> Markup:
    """The same as a bar."""
    return bar(job.done, job.total, progress(job))


def state(job: Job) -> Markup | str:
    """How far it is, or what came of it, for a table's cell."""
    if job.status == "doing":
        return progress_bar(job)
    if job.status == "todo":
        if not job.attempts:
            return "queued"
        return f"queued again{f': {job.fault}' if job.fault else ''}"
    return job.fault or outcome(job)


def outcome(job: Job) -> str:
    """What came of a job that has ended well."""
    result: dict[str, Any] = job.result if isinstance(job.result, dict) else {}
    match job.task:
        case "ingest" if result:
            return _indexed(result)
        case "probe" | "measure" if result:
            method = LABELS.get(result["recommended"], result["recommended"])
            return f"Recommended: {method}. {result.get('reason')}"
        case "train" if "version" in result:
            return _trained(result)
        case "evaluate" if "verdict" in result:
            return str(result["verdict"])
        case "build" if result:
            return f"{result.get('version')} is built."
        case "promote" if result:
            if result.get("promoted") is False:
                return f"Not promoted: {result.get('reason')}"
            return f"{result.get('version')} serves since epoch {result.get('epoch')}."
        case "improve" | "sync" if result:
            return str(result.get("sentence", ""))
        case "import_pairs" if result:
            return imported(result)
        case "generate" if result:
            kept = result.get("accepted", result.get("added"))
            return f"{kept:,} pairs" if isinstance(kept, int) else "Pairs made."
    return ""


def _indexed(result: dict[str, Any]) -> str:
    counts = {name: result.get(name, 0) for name in ("indexed", "duplicates", "unchanged")}
    counts["failed"] = len(result.get("failed", []))
    return ", ".join(f"{n} {name}" for name, n in counts.items() if n or name == "indexed")


def _trained(result: dict[str, Any]) -> str:
    made, promotion = f"Made {result['version']}.", result.get("promotion")
    if promotion is None:
        return made
    if promotion["promoted"]:
        return f"{made} It serves now."
    return f"{made} It was not promoted: {promotion['reason']}"


def imported(result: dict[str, Any]) -> str:
    """What became of a file's pairs."""
    sides, refused = result["sides"], sum(result["rejected"].values())
    return (
        f"{count(result['accepted'], 'pair')} accepted ({sides.get('train', 0):,} for training,"
        f" {sides.get('heldout', 0):,} held-out), {result['review']:,} to review,"
        f" {refused:,} refused."
    )


def run_seconds(job: Job) -> float | None:
    """How long the last attempt took, or has been running."""
    if job.started_at is None or job.status == "todo":
        return None
    return (job.updated_at - job.started_at).total_seconds()


def job_list(found: list[Job], chosen: Job | None) -> str:
    """The jobs as rows to choose."""
    if not found:
        return parts.stack(parts.empty("No jobs here", _html.nothing()))
    rows = [
        (job.id, (title(job), status(job), _cell(state(job)), parts.when(job.updated_at)))
        for job in found
    ]
    headers = ("Job", "Status", "Progress or result", "When")
    return parts.stack(parts.choices(headers, rows, chosen.id if chosen else None))


def _cell(shown: Markup | str) -> Markup:
    """A bar as it is, words cut to a cell's room."""
    return shown if isinstance(shown, Markup) else parts.clipped(shown, 140)


def details(job: Job | None, log: str) -> str:
    """
    One job with its result.

    :param log: The last lines that it printed.
    """
    if job is None:
        return parts.stack(parts.empty("No job chosen", "Choose one in the list."))
    shown: list[str | Markup] = [parts.heading(title(job), status(job)), _facts(job)]
    if job.status == "doing":
        shown.append(progress_bar(job))
    if job.fault:
        shown.append(parts.note(job.fault, "bad" if job.status == "failed" else "warn"))
    elif said := outcome(job):
        shown.append(parts.note(said, "good" if job.status == "succeeded" else "quiet"))
    if log:
        shown += [parts.heading("Log", "the last lines"), parts.log(log)]
    arguments = {name: value for name, value in job.args.items() if name != "who"}
    raw = json.dumps({"arguments": arguments, "result": job.result}, indent=1, default=str)
    return parts.stack(*shown, parts.folded("Arguments and result", parts.log(raw)))


def _facts(job: Job) -> Markup:
    return parts.facts(
        [
            ("Job", job.id),
            ("Started by", job.args.get("who")),
            ("Queued", parts.when(job.created_at)),
            ("Running for" if job.status in OPEN else "Took", seconds(run_seconds(job))),
            ("Interrupted attempts", job.attempts or None),
        ]
    )


def server_list(found: list[ReplicaRow]) -> str:
    """The processes that answer questions, and whether they are up to date."""
    if not found:
        said = "Each server appears here after it has started."
        return parts.stack(parts.empty("No servers", said))
    newest = max((row.epoch or 0 for row in found if row.live), default=0)
    rows = [
        (
            row.id,
            parts.pill("live", "good") if row.live else parts.pill("silent", "warn"),
            row.epoch if row.epoch == newest or not row.live else f"{row.epoch}, switching",
            len(row.prepared),
            row.oldest_epoch if row.oldest_epoch is not None else "none",
            row.fault or "none",
            parts.when(row.seen_at),
        )
        for row in found
    ]
    headers = ("Server", "State", parts.term("epoch", "Epoch"), "Versions loaded",
               "Epoch of the oldest open question", "Fault", "Last seen")  # fmt: skip
    return parts.stack(parts.heading("Servers"), parts.table(headers, rows, numbers=(2, 3)))
