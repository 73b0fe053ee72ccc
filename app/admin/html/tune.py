"""Runs as the screen of tuning shows them: methods, estimates, the list, one run, curves. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from app.admin.html import jobs, parts, words
from app.admin.html.parts import Tone
from app.admin.html.template import Template
from pipelines.store.ids import ModelId
from pipelines.store.jobs import Job
from pipelines.store.pairs import SourceSides
from pipelines.store.runs import Run
from training.finetune.heldout import BASE, HIT, NDCG
from training.finetune.options import Method, label
from training.finetune.progress import Point

if TYPE_CHECKING:
    import pandas as pd

    from app.actions.methods import MethodChoice

MEANS: dict[Method, str] = {
    "adapter": "Trains a small layer on top of the encoder. It takes seconds to minutes and suits few"
    " pairs. The gain is modest. Every window is embedded again afterwards, unless the adapter is"
    " for questions only.",
    "query": "Trains only how questions are embedded. The vectors of the documents stay, so nothing"
    " is embedded again. It takes minutes and brings most of the gain.",
    "lora": "Trains thin layers inside the encoder. It needs less memory than training the whole"
    " encoder. Every window is embedded again afterwards.",
    "full": "Trains the whole encoder. It brings the largest gain, takes the longest and needs many"
    " pairs. Every window is embedded again afterwards.",
}
STATES: dict[str, tuple[str, Tone]] = {
    "new": ("not started", "quiet"),
    "running": ("running", "busy"),
    "done": ("done", "good"),
    "failed": ("failed", "bad"),
    "interrupted": ("stopped", "warn"),
}
# Measured on the validation questions after each epoch.
CURVES = {NDCG: "NDCG@10", HIT: "hit@5"}
RESUMED = ("new", "failed", "interrupted")

_html = Template("tune")


def method_note(method: Method, choice: MethodChoice | None = None) -> str:
    """What a method does, in plain words, and how long it takes here."""
    took = "" if choice is None else choice.sentence(method)
    advised = " Recommended here." if choice is not None and choice.method == method else ""
    return str(parts.quiet(f"{MEANS[method]} {took}{advised}".rstrip()))


def side_label(side: SourceSides) -> str:
    """A source of pairs with its counts."""
    return f"{source(side.generator)}: {side.train:,} training pairs"


def source(generator: str) -> str:
    """A source of pairs as people call it."""
    if generator == "offline":
        return "Made without a language model"
    if generator == "feedback":
        return "Liked answers"
    if generator.startswith("llm:"):
        return f"Written by {generator.removeprefix('llm:')}"
    return f"Imported, {generator}"


def data(sides: Sequence[SourceSides]) -> str:
    """How many pairs there are on each side."""
    train, heldout = sum(s.train for s in sides), sum(s.heldout for s in sides)
    if not train:
        return str(parts.empty("No training pairs yet", _html.no_pairs()))
    said = (
        f"{words.count(train, 'training pair')}. A tenth of them is for validation: it tells when to"
        f" stop. {words.count(heldout, 'pair')} held out: no run learns from them, so they prove the"
        " gain."
    )
    return str(parts.quiet(said))


def estimate(job: Job | None) -> str:
    """What a run would take here, method by method. Empty if it was not measured."""
    if job is None:
        return ""
    if job.status == "doing":
        return parts.stack(jobs.progress_bar(job))
    if job.status == "todo":
        return str(parts.note(f"Estimate: {jobs.state(job)}.", "busy"))
    if job.fault or job.result is None:
        return str(parts.note(job.fault or "The estimate was cancelled.", "warn"))
    result: Mapping[str, Any] = job.result
    said = _html.recommended(
        label(result["recommended"]),
        result["reason"],
        parts.when(job.updated_at),
        job.args.get("base"),
    )
    warnings = (f"{warning[:1].upper()}{warning[1:]}." for warning in result["warnings"])
    return parts.stack(
        _estimates(result), parts.quiet(said), *(parts.note(one, "warn") for one in warnings)
    )


def _estimates(result: Mapping[str, Any]) -> Markup:
    """A row for each method, the quickest first."""
    rows = [
        (
            _html.method(label(row["method"]), row["method"] == result["recommended"]),
            words.seconds(60 * row["minutes"]),
            words.size(int(row["memory_mb"] * 1e6)),
            words.size(int(row["disk_mb"] * 1e6)),
            _html.reason(row["serving"]),
        )
        for row in sorted(result["methods"], key=lambda row: row["minutes"])
    ]
    headers = ("Method", "Time", "Memory", "Disk", "Before it can serve")
    return parts.table(headers, rows, numbers=(1, 2, 3))


def run_list(found: Sequence[Run], job_of: Mapping[int, Job], names: Mapping[ModelId, str],
             chosen: int | None) -> str:  # fmt: skip
    """Runs as rows to choose, newest first."""
    if not found:
        return parts.stack(
            parts.empty("No runs yet", "Start one above. Its curves and its log appear here.")
        )
    rows = []
    for run in found:
        job = job_of.get(run.id)
        result = (
            f"made {names.get(run.model_id, '')}" if run.model_id is not None else run.error or ""
        )
        rows.append(
            (
                run.id,
                (
                    f"Run {run.id}",
                    state(run, job),
                    method_name(run),
                    run.settings.get("base", ""),
                    run.settings.get("pairs", ""),
                    parts.clipped(result, 80),
                    parts.when(run.created_at),
                ),
            )
        )
    headers = ("Run", "State", "Method", "From", "Pairs", "Result", "When")
    return parts.stack(parts.heading("Runs"), parts.choices(headers, rows, chosen, numbers=(4,)))


def method_name(run: Run) -> str:
    """The method of a run as people call it."""
    return label(str(run.settings.get("options", {}).get("method", "")))


def state(run: Run, job: Job | None) -> Markup:
    """How a run stands, in a word."""
    if job is not None and job.status == "todo":
        return parts.pill("waiting", "quiet")
    if job is not None and job.status == "doing":
        return jobs.status(job)
    return parts.pill(*STATES[run.status])


def run_details(
    run: Run,
    job: Job | None,
    made: str | None,
    metrics: Mapping[str, Any],
    ended: tuple[int, int] | None = None,
) -> str:
    """
    One run: what was asked for, how far it is, what came of it.

    :param made: Name of the version that it made.
    :param ended: The last step, and how many were planned.
    """
    options = run.settings.get("options", {})
    shown: list[str | Markup] = [
        parts.heading(f"Run {run.id}", state(run, job)),
        _facts(run, options),
        *_progress(run, job),
    ]
    if run.status == "done" and (early := stopped_early(options, ended)):
        shown.append(parts.quiet(early))
    if made is not None:
        shown.append(_result(made, metrics, job))
    return parts.stack(*shown)


def _facts(run: Run, options: Mapping[str, Any]) -> Markup:
    return parts.facts(
        [
            ("Method", method_name(run)),
            ("From", run.settings.get("base")),
            ("Training pairs", run.settings.get("pairs")),
            ("Passages marked wrong", run.settings.get("wrong") or None),
            (parts.term("validation", "Validation questions"), run.settings.get("heldout")),
            ("Epochs", options.get("epochs")),
            ("Batch size", options.get("batch_size")),
            ("Learning rate", options.get("learning_rate")),
            ("Started by", run.created_by),
            ("Took", _took(run)),
        ]
    )


def _progress(run: Run, job: Job | None) -> list[Markup]:
    """The bar or the note of a run that has not ended well."""
    shown = []
    if job is not None and job.status == "doing":
        shown.append(jobs.progress_bar(job))
    if job is not None and job.status == "todo":
        shown.append(parts.note(f"It is {jobs.state(job)}.", "busy"))
    if run.error:
        shown.append(parts.note(run.error, "bad"))
    if run.status == "interrupted" and (job is None or job.status not in jobs.OPEN):
        said = "It was stopped. Resume continues from its last checkpoint."
        shown.append(parts.note(said, "warn"))
    return shown


def stopped_early(options: Mapping[str, Any], ended: tuple[int, int] | None) -> str:
    """Why a run ended before its last step. Empty if it did not."""
    if ended is None or ended[0] >= ended[1]:
        return ""
    checks = options.get("patience", 0) + (options.get("method") == "adapter")
    return (
        f"Stopped early at step {ended[0]:,} of {ended[1]:,}: {checks} validations brought no"
        " improvement."
    )


def _took(run: Run) -> str | None:
    if run.started_at is None or run.ended_at is None:
        return None
    return words.seconds((run.ended_at - run.started_at).total_seconds())


def _result(made: str, metrics: Mapping[str, Any], job: Job | None) -> Markup:
    """What a run made, whether it is better, and what to do with it."""
    said, better = f"It made {made}.", True
    if NDCG in metrics and BASE + NDCG in metrics:
        before, after = metrics[BASE + NDCG], metrics[NDCG]
        said += (
            f" NDCG@10 of the whole search on the validation questions: {before:.3f} → {after:.3f}."
        )
        better = after > before
    if not better:
        said += " It finds no more than the version it was made from, so do not promote it."
    promotion = job.result.get("promotion") if job and isinstance(job.result, dict) else None
    if promotion:
        decided = promotion["reason"]
        served = f"It serves now: {decided}" if promotion["promoted"] else decided
        return parts.note(f"{said} {served}", "good" if promotion["promoted"] else "warn")
    return parts.note(_html.made(said), "good") if better else parts.note(said, "warn")


def curve(points: Sequence[Point], names: Mapping[str, str]) -> pd.DataFrame | None:
    """Points as a plot takes them, or None if there are none yet."""
    import pandas as pd

    rows = [(p.step, p.value, names[p.curve]) for p in points if p.curve in names]
    return pd.DataFrame(rows, columns=["step", "value", "figure"]) if rows else None
