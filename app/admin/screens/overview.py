"""The overview: what serves, how it does, and what to do next."""

from __future__ import annotations

from datetime import timedelta

import gradio as gr
from markupsafe import Markup

from app.actions import versions
from app.admin.html import jobs as jobs_html
from app.admin.html import parts, pieces
from app.admin.html.suggestions import Facts, Suggestion, suggest
from app.admin.screen import Screen, View, header
from app.admin.screens.improve import Panel, Times
from pipelines.store import dashboard, jobs, scope
from pipelines.store.dashboard import Asked, Held, Serving
from pipelines.store.db import Connection
from pipelines.store.jobs import Job

DAY, WEEK = timedelta(days=1), timedelta(days=7)
RUNNING = ("todo", "doing")
MOST_JOBS = 5
# Versions that are looked at, the newest ones.
MOST_ADVISED = 5


def build(screen: Screen) -> None:
    """Fill the tab."""
    header("Overview", "What serves now, how it does, and what to do next.")
    panel = Panel(screen, "improve", outcome_id="improve-outcome")
    page = gr.HTML(pieces.LOADING, elem_id="overview")
    times = Times(screen)

    def look(_: str) -> View:
        with screen.services.pool.connection() as conn:
            running = jobs.recent(conn, limit=MOST_JOBS, statuses=RUNNING)
            shown = _render(conn, running)
        updates, improving = panel.look()
        return View({page: shown, **updates, **times.look()}, running=bool(running) or improving)

    screen.shows(look, [], [page, *panel.outputs, *times.outputs])
    panel.connect()
    times.connect()


def _render(conn: Connection, running: list[Job]) -> Markup:
    serving = dashboard.serving(conn)
    held = dashboard.held(conn, bundled=scope.HANDBOOK)
    day, week = dashboard.asked(conn, DAY), dashboard.asked(conn, WEEK)
    identity = serving.identity if serving else ""
    figures = dashboard.figures_of(conn, identity)
    facts = _facts(conn, held, week, running, evaluated=figures is not None)
    return Markup("").join(
        [
            _next(suggest(facts)),
            parts.cards(
                [
                    _version_card(serving),
                    _figures_card(figures),
                    _documents_card(held),
                    _questions_card(day),
                    _feedback_card(week),
                    _speed_card(week),
                ]
            ),
            _running(running),
        ]
    )


def _facts(
    conn: Connection,
    held: Held,
    week: Asked,
    running: list[Job],
    *,
    evaluated: bool,
) -> Facts:
    since = dashboard.since_last_run(conn)
    advised = versions.advised(conn, limit=MOST_ADVISED)
    return Facts(
        own_documents=held.own,
        failed_documents=held.failed,
        unread_language=held.unread_language,
        train_pairs=held.train_pairs,
        heldout_pairs=held.heldout_pairs,
        review_pairs=held.review_pairs,
        fresh_pairs=since.pairs,
        fresh_likes=dashboard.liked_without_pair(conn),
        not_found=week.not_found,
        disliked=week.disliked,
        failed_jobs=dashboard.failed_jobs(conn, WEEK),
        ever_trained=since.last_run is not None,
        evaluated=evaluated,
        busy_training=any(job.task in ("train", "improve") for job in running),
        busy_comparing=any(job.task in ("evaluate", "improve") for job in running),
        retrieval_p95_ms=week.p95_ms,
        better=tuple(model.name for model, verdict in advised if verdict.better),
        uncompared=tuple(m.name for m, verdict in advised[:1] if verdict.advice == "compare"),
    )


def _next(found: list[Suggestion]) -> Markup:
    if not found:
        return parts.note("Nothing asks for you now: all that came in is searched.", "good")
    return Markup('<ul class="next" aria-label="What to do next">{}</ul>').format(
        Markup("").join(
            Markup('<li class="{}"><span>{}</span> {}</li>').format(
                one.tone,
                one.fact,
                parts.link(one.advice, one.screen) if one.screen else one.advice,
            )
            for one in found
        )
    )


def _version_card(serving: Serving | None) -> tuple[str, object, object]:
    if serving is None:
        return "Version that serves", "none", "The first start sets one."
    since = Markup("{} {}").format("since", parts.when(serving.since))
    before = f"before it: {serving.previous}" if serving.previous else "the first one"
    return "Version that serves", serving.name, Markup("{} · {}").format(since, before)


def _figures_card(figures: dashboard.Figures | None) -> tuple[str, object, object]:
    title = "Finds the right passage"
    if figures is None:
        return title, "–", parts.link("Compare it on held-out questions", "compare")
    remark = Markup("in the first five, of {} · MRR@10 {:.3f} · {}").format(
        parts.count(figures.questions, "held-out question"), figures.mrr, parts.when(figures.at)
    )
    return title, f"{figures.hit5:.1%}", remark


def _documents_card(held: Held) -> tuple[str, object, object]:
    parts_of = [f"{held.chunks:,} passages"]
    if held.queued:
        parts_of.append(f"{held.queued:,} on the way")
    if held.failed:
        parts_of.append(f"{held.failed:,} failed")
    return "Documents", f"{held.indexed:,}", " · ".join(parts_of)


def _questions_card(day: Asked) -> tuple[str, object, object]:
    title = "Questions, last 24 hours"
    if not day.questions:
        return title, "0", "Nobody has asked anything."
    missed = f"{day.not_found:,} found nothing" if day.not_found else "all found something"
    return title, f"{day.questions:,}", f"{parts.count(day.visitors, 'visitor')} · {missed}"


def _feedback_card(week: Asked) -> tuple[str, object, object]:
    title, votes = "Answers with a vote, 7 days", week.liked + week.disliked
    if not week.questions:
        return title, "–", "There are no answers yet."
    remark = f"{week.liked:,} liked · {week.disliked:,} disliked"
    return title, f"{votes / week.questions:.0%}", remark


def _speed_card(week: Asked) -> tuple[str, object, object]:
    title = "Finding passages, 7 days"
    if week.p50_ms is None or week.p95_ms is None:
        return title, "–", "Nothing was searched yet."
    return title, f"{week.p50_ms:,.0f} ms", f"median · 95 of 100 within {week.p95_ms:,.0f} ms"


def _running(running: list[Job]) -> Markup:
    if not running:
        return Markup("")
    rows = [
        (
            jobs_html.title(job),
            jobs_html.status(job),
            parts.bar(job.done, job.total, job.stage) if job.status == "doing" else "",
            parts.seconds(job.eta_s),
        )
        for job in running
    ]
    return Markup("<h3>Jobs under way</h3>{}<p>{}</p>").format(
        parts.table(["Job", "Status", "How far", "Left"], rows), parts.link("All jobs", "jobs")
    )
