"""The pieces of HTML and the curves that the screen of tuning shows. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from app.admin.html import jobs, parts, pieces
from app.admin.html.parts import Tone
from pipelines.store.ids import ModelId
from pipelines.store.jobs import Job
from pipelines.store.pairs import Side
from pipelines.store.runs import Run
from training.finetune.heldout import BASE, HIT, NDCG
from training.finetune.options import Method, label
from training.finetune.progress import Point

if TYPE_CHECKING:
    import pandas as pd

    from app.actions.methods import Choice

MEANS: dict[Method, str] = {
    "adapter": "A small layer on top of the encoder learns your words. Seconds to minutes, the safest"
    " first try, and the right one for few pairs. The gain is modest; every window is embedded again"
    " afterwards, unless it is laid on questions only.",
    "query": "Only how questions are read is trained; vectors of documents stay as they are, so"
    " nothing has to be embedded again. Minutes, with most of the gain.",
    "lora": "Thin layers inside the encoder are trained. Needs less memory than the whole encoder;"
    " every window is embedded again afterwards.",
    "full": "All of the encoder is trained. The largest gain and the longest wait, on many pairs;"
    " every window is embedded again afterwards.",
}
STATES: dict[str, tuple[str, Tone]] = {
    "new": ("not started", "quiet"),
    "running": ("running", "busy"),
    "done": ("done", "good"),
    "failed": ("failed", "bad"),
    "interrupted": ("stopped", "warn"),
}
CURVES = {NDCG: "NDCG@10", HIT: "hit@5"}
RESUMED = ("new", "failed", "interrupted")


def method_note(method: Method, choice: Choice | None = None) -> str:
    """What a method does, in plain words, and how long it takes here."""
    took = "" if choice is None else choice.sentence(method)
    advised = " Recommended here." if choice is not None and choice.method == method else ""
    return str(pieces.quiet(f"{MEANS[method]} {took}{advised}".rstrip()))


def side_label(side: Side) -> str:
    """A source of pairs with its counts."""
    return f"{source(side.generator)}: {side.train:,} to train on"


def source(generator: str) -> str:
    """A source of pairs as people call it."""
    if generator == "offline":
        return "Made offline"
    if generator == "feedback":
        return "Liked answers"
    if generator.startswith("llm:"):
        return f"Asked by {generator.removeprefix('llm:')}"
    return f"Imported, {generator}"


def data(sides: Sequence[Side]) -> str:
    """How many pairs there are on each side."""
    train, heldout = sum(s.train for s in sides), sum(s.heldout for s in sides)
    if not train:
        return str(
            parts.empty(
                "No pairs to learn from yet",
                Markup("{} from your documents; it takes a minute and needs no key.").format(
                    parts.link("Make pairs", "pairs")
                ),
            )
        )
    said = (
        f"{parts.count(train, 'pair')} to train on, a tenth of them to tell when to stop."
        f" {parts.count(heldout, 'pair')} held out: no run looks at them, so they prove the gain."
    )
    return str(pieces.quiet(said))


def estimate(job: Job | None) -> str:
    """What a run would take here, method by method; empty when it was not measured."""
    if job is None:
        return ""
    if job.status == "doing":
        return pieces.stack(jobs.progress_bar(job))
    if job.status == "todo":
        return str(parts.note(f"The estimate {jobs.state(job)}.", "busy"))
    if job.fault or job.result is None:
        return str(parts.note(job.fault or "The estimate was cancelled.", "warn"))
    found: Mapping[str, Any] = job.result
    rows = [
        (
            Markup("{} {}").format(
                label(row["method"]),
                parts.pill("recommended", "good") if row["method"] == found["recommended"] else "",
            ),
            parts.seconds(60 * row["minutes"]),
            parts.size(int(row["memory_mb"] * 1e6)),
            parts.size(int(row["disk_mb"] * 1e6)),
            Markup('<div class="reason">{}</div>').format(row["serving"]),
        )
        for row in sorted(found["methods"], key=lambda row: row["minutes"])
    ]
    headers = ("Method", "Time", "Memory", "Disk", "To serve it")
    told: list[str | Markup] = [
        parts.table(headers, rows, numbers=(1, 2, 3)),
        pieces.quiet(
            Markup("{} is recommended: {} Measured {}, for {}.").format(
                label(found["recommended"]),
                found["reason"],
                parts.when(job.updated_at),
                job.args.get("base"),
            )
        ),
    ]
    told += [
        parts.note(f"{warning[:1].upper()}{warning[1:]}.", "warn") for warning in found["warnings"]
    ]
    return pieces.stack(*told)


def run_list(found: Sequence[Run], job_of: Mapping[int, Job], names: Mapping[ModelId, str],
             chosen: int | None) -> str:  # fmt: skip
    """Runs as rows to choose, newest first."""
    if not found:
        return pieces.stack(
            parts.empty("No runs yet", "Start one above: its curves and its log appear here.")
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
    return pieces.stack(pieces.heading("Runs"), pieces.choices(headers, rows, chosen, numbers=(4,)))


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

    :param ended: The last step, and how many were planned.
    """
    options = run.settings.get("options", {})
    told: list[str | Markup] = [
        pieces.heading(f"Run {run.id}", state(run, job)),
        pieces.facts(
            [
                ("Method", method_name(run)),
                ("From", run.settings.get("base")),
                ("Pairs to train on", run.settings.get("pairs")),
                ("Check questions", run.settings.get("heldout")),
                ("Rounds", options.get("epochs")),
                ("Batch", options.get("batch_size")),
                ("Learning rate", options.get("learning_rate")),
                ("By", run.created_by),
                ("Took", _took(run)),
            ]
        ),
    ]
    if job is not None and job.status == "doing":
        told.append(jobs.progress_bar(job))
    if job is not None and job.status == "todo":
        told.append(parts.note(f"It {jobs.state(job)}.", "busy"))
    if run.error:
        told.append(parts.note(run.error, "bad"))
    if run.status == "interrupted" and (job is None or job.status not in jobs.OPEN):
        told.append(
            parts.note("It was stopped. Resumed, it goes on from its last checkpoint.", "warn")
        )
    if run.status == "done" and (early := stopped_early(options, ended)):
        told.append(pieces.quiet(early))
    if made is not None:
        told.append(_result(made, metrics, job))
    return pieces.stack(*told)


def stopped_early(options: Mapping[str, Any], ended: tuple[int, int] | None) -> str:
    """That a run ended before its last step, and why; empty: it did not."""
    if ended is None or ended[0] >= ended[1]:
        return ""
    checks = options.get("patience", 0) + (options.get("method") == "adapter")
    return f"Stopped early at step {ended[0]:,} of {ended[1]:,}: no better for {checks} checks."


def _took(run: Run) -> str | None:
    if run.started_at is None or run.ended_at is None:
        return None
    return parts.seconds((run.ended_at - run.started_at).total_seconds())


def _result(made: str, metrics: Mapping[str, Any], job: Job | None) -> Markup:
    if NDCG in metrics and BASE + NDCG in metrics:
        before, after = metrics[BASE + NDCG], metrics[NDCG]
        said = f"It made {made}. NDCG@10 over the questions set aside: {before:.3f} → {after:.3f}."
        better = after > before
    else:
        said, better = f"It made {made}.", True
    if not better:
        said += " It finds no more than what it was made from: there is no reason to promote it."
    if job is not None and isinstance(job.result, dict) and (found := job.result.get("promotion")):
        served = f"It serves now: {found['reason']}" if found["promoted"] else found["reason"]
        return parts.note(f"{said} {served}", "good" if found["promoted"] else "warn")
    if not better:
        return parts.note(said, "warn")
    link = parts.link("Compare it", "compare")
    return parts.note(
        Markup("{} {} with the version that serves to see whether it is better.").format(
            said, link
        ),
        "good",
    )


def curve(points: Sequence[Point], names: Mapping[str, str]) -> pd.DataFrame | None:
    """Points as a plot takes them; None: there are none yet."""
    import pandas as pd

    rows = [(p.step, p.value, names[p.curve]) for p in points if p.curve in names]
    return pd.DataFrame(rows, columns=["step", "value", "figure"]) if rows else None
