"""The overview: what serves, how it does, and what to do next."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import gradio as gr
from markupsafe import Markup

from app.actions import versions
from app.actions.backup import keeping
from app.actions.drift import judge
from app.admin.html import overview as html
from app.admin.html import parts
from app.admin.html.suggestions import Facts, suggest
from app.admin.html.weeks import weekly
from app.admin.screen import Screen, View, header
from app.admin.screens.improve import Panel, Times
from app.settings import Settings
from pipelines.store import backups, jobs, overview, question_weeks, scope
from pipelines.store.db import Connection
from pipelines.store.jobs import Job
from pipelines.store.overview import ContentCounts, QuestionCounts

DAY, WEEK = timedelta(days=1), timedelta(days=7)
RUNNING = ("todo", "doing")
MOST_JOBS = 5
# Versions that are judged, the newest ones.
MOST_ADVISED = 5


def build(screen: Screen) -> None:
    """Fill the tab."""
    header("Overview", "What serves now, how well it does, and what to do next.")
    panel = Panel(screen, "improve", outcome_id="improve-outcome")
    page = gr.HTML(parts.LOADING, elem_id="overview")
    times = Times(screen)

    def look(_: str) -> View:
        with screen.services.pool.connection() as conn:
            running = jobs.recent(conn, limit=MOST_JOBS, statuses=RUNNING)
            shown = _render(conn, running, screen.services.settings)
        updates, improving = panel.look()
        return View({page: shown, **updates, **times.look()}, running=bool(running) or improving)

    screen.shows(look, [], [page, *panel.outputs, *times.outputs])
    panel.connect()
    times.connect()


def _render(conn: Connection, running: list[Job], settings: Settings) -> Markup:
    serving = overview.serving(conn)
    held = overview.held(conn, bundled=scope.HANDBOOK)
    day, week = overview.asked(conn, DAY), overview.asked(conn, WEEK)
    figures = overview.figures_of(conn, serving.identity if serving else "")
    facts = _facts(conn, held, week, running, evaluated=figures is not None)
    weeks = question_weeks.latest(conn)
    facts = replace(facts, changes=tuple(judge.changes(weeks)))
    backup = backups.get(conn)
    if settings.backup:
        late = keeping.is_late(backup, settings.backup_period, datetime.now(UTC))
        facts = replace(facts, backup_fault=backup.fault, backup_late=late)
    cards = [
        html.version(serving),
        html.retrieval(figures),
        html.documents(held),
        html.questions(day),
        html.votes(week),
        html.speed(week),
        *([html.backup(backup)] if settings.backup else []),
    ]
    return html.joined(
        html.suggestions(suggest(facts)),
        parts.cards(cards),
        weekly.table(weeks),
        html.running(running),
    )


def _facts(
    conn: Connection,
    held: ContentCounts,
    week: QuestionCounts,
    running: list[Job],
    *,
    evaluated: bool,
) -> Facts:
    since = overview.since_last_run(conn)
    advised = versions.advised(conn, limit=MOST_ADVISED)
    return Facts(
        own_documents=held.own,
        failed_documents=held.failed,
        unread_language=held.unread_language,
        train_pairs=held.train_pairs,
        heldout_pairs=held.heldout_pairs,
        review_pairs=held.review_pairs,
        fresh_pairs=since.pairs,
        fresh_likes=overview.liked_without_pair(conn),
        not_found=week.not_found,
        disliked=week.disliked,
        failed_jobs=overview.failed_jobs(conn, WEEK),
        ever_trained=since.last_run is not None,
        evaluated=evaluated,
        busy_training=any(job.task in ("train", "improve") for job in running),
        busy_comparing=any(job.task in ("evaluate", "improve") for job in running),
        retrieval_p95_ms=week.p95_ms,
        better=tuple(model.name for model, verdict in advised if verdict.better),
        uncompared=tuple(m.name for m, verdict in advised[:1] if verdict.advice == "compare"),
    )
