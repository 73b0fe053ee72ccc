"""The panel "Improve the search": the plan, what came of the last time, the schedule. Pure."""

from __future__ import annotations

from markupsafe import Markup

from app.actions.improve.plan import ImprovementPlan
from app.actions.improve.schedule import ScheduleState
from app.admin.html import jobs, parts, words
from app.admin.html.overview import joined
from pipelines.store.improvements import Improvement
from pipelines.store.jobs import Job

TONES: dict[str, parts.Tone] = {
    "promoted": "good",
    "kept": "quiet",
    "nothing": "warn",
    "failed": "bad",
    "stopped": "quiet",
}


def outcome(job: Job | None, last: Improvement | None) -> Markup:
    """How far it is, else what came of the last time."""
    if job is not None and job.status == "doing":
        return jobs.progress_bar(job)
    if job is not None and job.status == "todo":
        return parts.note(f"It is {jobs.state(job)}.", "busy")
    if job is not None and job.status == "failed" and (last is None or last.ended_at is None):
        return parts.note(job.fault or "It failed.", "bad")
    if last is None:
        return Markup("")
    if last.ended_at is None:
        said = "It was stopped. What is done is kept, and it continues from there."
        return parts.note(said, "warn")
    said = joined(last.sentence, *_links(last), parts.when(last.ended_at))
    return parts.note(said, TONES[last.outcome or "stopped"])


def _links(last: Improvement) -> list[Markup]:
    """Where to look at what came of it."""
    links = []
    if last.version is not None:
        links.append(parts.link(f"See {last.version}", "versions"))
    if last.evaluation_id is not None:
        links.append(parts.link("See the comparison", "compare"))
    if last.outcome == "kept" and last.version is None:
        links.append(parts.link("Add pairs", "pairs"))
    if last.outcome == "nothing":
        links.append(parts.link("Add documents", "documents"))
    return links


def plan(found: ImprovementPlan | str) -> Markup:
    """
    What it will do, step by step.

    :param found: The plan, or what stands in its way.
    """
    if isinstance(found, str):
        return parts.note(found, "warn")
    if not found.own:
        link = parts.link("Add documents", "documents")
        return parts.quiet(joined("It learns from your own documents.", link))
    rows = [
        (step.name, step.means, f"about {words.seconds(step.seconds)}" if step.seconds else "")
        for step in found.steps
    ]
    begins = "What it does" if found.unfinished is None else "What is left to do"
    summary = f"{begins}: {found.sentence}"
    return parts.folded(summary, parts.steps(rows))


def schedule(found: ScheduleState) -> str:
    """When it will run next, and what came of the last time."""
    if found.schedule.every == "off" or found.last is None:
        return found.sentence
    return f"{found.sentence} The last time: {found.last.sentence or 'it has not ended yet.'}"
