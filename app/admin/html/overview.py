"""The overview's suggestions, figures and running jobs. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from app.admin.html import jobs, parts, words
from app.admin.html.suggestions import Suggestion
from app.admin.html.template import Template
from pipelines.store.backups import BackupState
from pipelines.store.jobs import Job
from pipelines.store.overview import (
    ContentCounts,
    QuestionCounts,
    RetrievalFigures,
    ServingVersion,
)

Card = tuple[object, object, object]

_html = Template("overview")


def joined(*pieces: object, between: str = " ") -> Markup:
    """Texts and pieces in one line."""
    return _html.joined(pieces, between)


def suggestions(found: Sequence[Suggestion]) -> Markup:
    """What to do next."""
    if not found:
        return parts.note("Nothing needs you now. Everything that was added is searched.", "good")
    return _html.next(found)


def version(serving: ServingVersion | None) -> Card:
    """The card of the version that serves."""
    title = "Serving version"
    if serving is None:
        return title, "none", "The first start sets one."
    before = f"before it: {serving.previous}" if serving.previous else "the first one"
    since = joined("since", parts.when(serving.since))
    return title, serving.name, joined(since, before, between=" · ")


def retrieval(figures: RetrievalFigures | None) -> Card:
    """The card of how often the right passage is found."""
    title = parts.term("hit@5", "Finds the right passage")
    if figures is None:
        return title, "–", parts.link("Compare it on held-out questions", "compare")
    questions = words.count(figures.questions, "held-out question")
    return (
        title,
        f"{figures.hit5:.1%}",
        joined(
            f"among the first five, for {questions}",
            joined(parts.term("MRR@10"), f"{figures.mrr:.3f}"),
            parts.when(figures.at),
            between=" · ",
        ),
    )


def documents(held: ContentCounts) -> Card:
    """The card of the documents."""
    queued = f"{held.queued:,} in progress" if held.queued else ""
    failed = f"{held.failed:,} failed" if held.failed else ""
    return (
        "Documents",
        f"{held.indexed:,}",
        words.joined(f"{held.chunks:,} passages", queued, failed),
    )


def questions(day: QuestionCounts) -> Card:
    """The card of a day's questions."""
    title = "Questions, last 24 hours"
    if not day.questions:
        return title, "0", "Nobody asked anything."
    missed = f"{day.not_found:,} found nothing" if day.not_found else "all found something"
    visitors = words.count(day.visitors, "visitor")
    return title, f"{day.questions:,}", words.joined(visitors, missed)


def votes(week: QuestionCounts) -> Card:
    """The card of a week's votes."""
    title = "Answers with a vote, last 7 days"
    if not week.questions:
        return title, "–", "There are no answers yet."
    share = (week.liked + week.disliked) / week.questions
    return title, f"{share:.0%}", f"{week.liked:,} liked · {week.disliked:,} disliked"


def speed(week: QuestionCounts) -> Card:
    """The card of how fast passages are found."""
    title = "Search time, last 7 days"
    if week.p50_ms is None or week.p95_ms is None:
        return title, "–", "Nothing was searched yet."
    slow = joined(parts.term("p95"), f"{week.p95_ms:,.0f} ms")
    remark = joined(parts.term("p50", "median"), slow, between=" · ")
    return title, f"{week.p50_ms:,.0f} ms", remark


def backup(state: BackupState) -> Card:
    """The card of the newest scheduled backup."""
    title = "Last backup"
    if state.taken_at is None:
        return title, "none yet", "It is made soon after the start."
    size = f"{state.size_bytes / 1e6:,.1f} MB"
    if state.current_at is None or state.current_at == state.taken_at:
        return title, parts.when(state.taken_at), size
    checked = joined("nothing new", parts.when(state.current_at))
    return title, parts.when(state.taken_at), joined(size, checked, between=" · ")


def running(found: Sequence[Job]) -> Markup:
    """Jobs that run or wait, or nothing if there are none."""
    if not found:
        return Markup("")
    rows = [
        (
            jobs.title(job),
            jobs.status(job),
            parts.bar(job.done, job.total, job.stage) if job.status == "doing" else "",
            words.seconds(job.eta_s),
        )
        for job in found
    ]
    return _html.running(parts.table(["Job", "Status", "Progress", "Time left"], rows))
