"""Compare: versions side by side on held-out questions, and on any question of one's own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import gradio as gr
from markupsafe import Markup

from app import queue
from app.actions import plans
from app.actions.comparisons import Comparisons
from app.actions.tryout import Tryout, askable
from app.admin.handout import Handout
from app.admin.html import compare, parts, pieces
from app.admin.html import jobs as jobs_html
from app.admin.html.compare import Known
from app.admin.screen import Screen, Updates, View, header
from pipelines.errors import InputError
from pipelines.store import evaluations, jobs, pairs
from pipelines.store.db import Connection
from pipelines.store.evaluations import Evaluation
from pipelines.store.ids import EvaluationId, JobId
from pipelines.store.jobs import Job
from training.evaluation.candidates import identity
from training.evaluation.figures import report as reports
from training.evaluation.figures.changes import Kind
from training.finetune.card import SHOWN, label

OPENAI = ("openai:text-embedding-3-small", "openai:text-embedding-3-large")
KINDS: dict[str, Kind | None] = {"Lost": "lost", "Won": "won", "Alike": "alike", "All": None}
MOST_SHOWN = 30
MOST_COMPARED = 6


def build(screen: Screen) -> None:
    """Lay out the screen and connect it."""
    header(
        "Compare",
        "Versions answer the same held-out questions. None of them was trained on these. The verdict"
        " says whether one is better by more than chance, and what to do next.",
    )
    _Compare(screen)


class _Compare:
    """Components and handlers of the screen."""

    def __init__(self, screen: Screen) -> None:
        self._screen, self._services = screen, screen.services
        self._handout = Handout()
        self._comparisons = Comparisons(screen.services.pool)
        self._tryout = Tryout(screen.services)
        self.chosen = gr.State(None)
        self.shown = gr.State(None)  # the evaluation whose details the page shows
        self.offered = gr.State(None)  # the names that the choices hold
        self.page = gr.State(0)
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        with gr.Column(visible=False, elem_id="results") as self.results:
            self.verdicts = gr.HTML(elem_id="verdicts")
            with gr.Accordion(
                "All figures, chart and report", open=False, elem_classes="folded", elem_id="more"
            ):
                self._lay_out_figures()
            with gr.Accordion(
                "Question by question", open=False, elem_classes="folded", elem_id="by-question"
            ):
                self._lay_out_questions()
        with gr.Column(elem_classes="board"):
            self._lay_out_form()
        self.list = gr.HTML(pieces.LOADING, js_on_load=pieces.PICK, elem_id="evaluation-list")
        gr.HTML(
            str(pieces.heading("Try it", "ask two versions one question; nothing of it is kept"))
        )
        with gr.Column(elem_classes="board"):
            self._lay_out_tryout()

    def _lay_out_form(self) -> None:
        with gr.Row():
            self.reference = gr.Dropdown(
                [], label="Reference", info="What the others are measured against.",
                elem_id="reference", min_width=200, scale=1,
            )  # fmt: skip
            self.candidates = gr.Dropdown(
                [], label="Compared with it", multiselect=True, max_choices=MOST_COMPARED,
                info="Versions, and OpenAI's models when a key is set (paid by the token).",
                elem_id="candidates", min_width=260, scale=2,
            )  # fmt: skip
        with gr.Row(elem_classes="actions"):
            self.start = gr.Button("Compare", variant="primary", size="sm", elem_id="compare")
            self.cancel = gr.Button("Cancel", size="sm", visible=False)
            self.data = gr.HTML(elem_id="compare-data", min_width=240)
        self.progress = gr.HTML(elem_id="compare-progress")

    def _lay_out_figures(self) -> None:
        with gr.Row(elem_classes="actions"):
            self.html = gr.DownloadButton("Report (HTML)", size="sm", elem_id="report-html")
            self.json = gr.DownloadButton("Report (JSON)", size="sm", elem_id="report-json")
        self.measure = gr.Radio(
            [(label(name), name) for name in SHOWN], value="mrr@10", label="Chart of",
            elem_classes="filter", elem_id="measure",
        )  # fmt: skip
        self.chart = gr.HTML(elem_id="chart")
        self.summary = gr.HTML(elem_id="summary")

    def _lay_out_questions(self) -> None:
        with gr.Row(elem_classes="fields"):
            self.old = gr.Dropdown([], label="From", min_width=180, elem_id="from")
            self.new = gr.Dropdown([], label="To", min_width=180, elem_id="to")
            self.kind = gr.Radio(
                list(KINDS), value="Lost", label="Show", elem_id="kind", elem_classes="filter",
                min_width=260,
            )  # fmt: skip
        self.questions = gr.HTML(elem_id="questions")
        with gr.Row(elem_classes="actions"):
            self.back = gr.Button("‹ Previous", size="sm", min_width=80)
            self.place = gr.HTML(min_width=120)
            self.forth = gr.Button("Next ›", size="sm", min_width=80)

    def _lay_out_tryout(self) -> None:
        with gr.Row():
            self.left = gr.Dropdown([], label="Version", min_width=140, elem_id="try-left")
            self.right = gr.Dropdown([], label="Next to it", min_width=140, elem_id="try-right")
            self.question = gr.Textbox(
                label="Question", placeholder="Ask as a person would", max_lines=2, scale=3,
                max_length=1000, min_width=240, elem_id="try-question",
            )  # fmt: skip
        self.unbuilt = gr.HTML(elem_id="try-unbuilt")
        with gr.Row(elem_classes="actions"):
            self.ask = gr.Button("Ask", size="sm", elem_id="try-ask")
        self.answers = gr.HTML(elem_id="try-answers")

    def _connect(self) -> None:
        screen = self._screen
        content = [
            self.results, self.html, self.json, self.summary, self.chart, self.old, self.new,
            self.kind, self.questions, self.place, self.back, self.forth, self.page, self.shown,
        ]  # fmt: skip
        frame = [
            self.verdicts, self.reference, self.candidates, self.left, self.right, self.unbuilt,
            self.offered, self.data, self.start, self.cancel, self.progress, self.list,
        ]  # fmt: skip
        screen.shows(
            self._look, [self.chosen, self.shown, self.offered, self.measure], [*frame, *content]
        )
        screen.on(
            self.list.select, self._choose, [], [self.chosen], then_look=True,
            js="(...given) => { window.attuneShow('results'); return given; }",
        )  # fmt: skip
        screen.on(
            self.start.click, self._start, [self.reference, self.candidates], [self.chosen],
            then_look=True,
        )  # fmt: skip
        screen.on(self.cancel.click, self._cancel, [], [], then_look=True)
        screen.on(self.measure.input, self._draw, [self.shown, self.measure], [self.chart])
        where = [self.shown, self.old, self.new, self.kind]
        shown = [self.questions, self.place, self.back, self.forth, self.page]
        screen.on([self.old.input, self.new.input, self.kind.input], self._first_page, where, shown)
        screen.on(self.back.click, self._page_before, [*where, self.page], shown)
        screen.on(self.forth.click, self._page_after, [*where, self.page], shown)
        screen.on(
            [self.ask.click, self.question.submit], self._ask,
            [self.question, self.left, self.right], [self.answers], show_progress="minimal",
        )  # fmt: skip

    def _look(
        self, who: str, chosen: int | None, shown: int | None, offered: Any, measure: str
    ) -> View:
        with self._services.pool.connection() as conn:
            found = evaluations.list_all(conn, limit=MOST_SHOWN)
            listed = plans.listed(conn)
            built = askable(conn)
            job, ended = _running(conn), _ended_badly(conn)
            heldout = sum(side.heldout for side in pairs.sides(conn))
            one = next((e for e in found if e.id == chosen), found[0] if found else None)
            verdicts = "" if one is None else compare.verdicts(one, _known(conn, one, listed))
        names = [row.model.name for row in listed]
        updates: Updates = {
            self.verdicts: verdicts,
            self.data: str(pieces.quiet(self._said(heldout, found))),
            self.start: gr.Button(
                interactive=heldout > 0, variant="secondary" if found else "primary"
            ),
            self.cancel: gr.Button(visible=job is not None and not job.stopping),
            self.progress: _told(job) if job else _told_end(ended) if ended else "",
            self.list: compare.evaluation_list(found, one.id if one else None)
            if found
            else str(parts.empty("Nothing compared yet", _first_steps(heldout, len(names)))),
        }
        if offered != [names, built]:
            updates |= self._choices(names, built)
        if one is None:
            updates[self.results] = gr.Column(visible=False)
        elif one.id != shown:
            updates |= self._content(one, measure)
        return View(updates, running=job is not None)

    def _said(self, heldout: int, found: list[Evaluation]) -> str:
        said = f"{parts.count(heldout, 'held-out pair')}."
        if found:
            last = found[0].figures
            versions = parts.count(len(last["models"]), "version")
            said += f" The last comparison took {parts.seconds(last['seconds'])} for {versions}."
        return said

    def _choices(self, names: list[str], built: list[str]) -> Updates:
        """What can be compared and asked; at first the serving version and the newest other."""
        settings = self._services.settings
        has_key = bool(settings.openai_api_key.get_secret_value() or settings.openai_base_url)
        everything = [*names, *(OPENAI if has_key else ())]
        serving = built[0] if built else None
        newest = next((name for name in reversed(names) if name != serving), None)
        other = next((name for name in built if name != serving), None)
        unbuilt = [name for name in names if name not in built]
        asked = [*built, *((f"{name} (not built)", name) for name in unbuilt)]
        return {
            self.reference: gr.Dropdown(everything, value=serving),
            self.candidates: gr.Dropdown(everything, value=[newest] if newest else []),
            self.left: gr.Dropdown(asked, value=serving),
            self.right: gr.Dropdown(asked, value=other),
            self.unbuilt: compare.unbuilt(unbuilt),
            self.offered: [names, built],
        }

    def _content(self, one: Evaluation, measure: str) -> Updates:
        """All that is shown of an evaluation below its verdict."""
        systems = [system["name"] for system in one.figures["systems"]]
        models = [model["name"] for model in one.figures["models"]]
        old = f"{models[0]}, hybrid"
        new = f"{models[-1]}, hybrid" if len(models) > 1 else systems[0]
        counts = self._comparisons.page(one.id, old, new, None, 0).counts
        kind = next((k for k in ("Lost", "Won", "Alike") if counts[KINDS[k]]), "All")  # type: ignore[index]
        return {
            self.results: gr.Column(visible=True),
            **self._reports(one),
            self.summary: compare.details(one),
            self.chart: compare.bars(one.figures, measure),
            self.old: gr.Dropdown(systems, value=old),
            self.new: gr.Dropdown(systems, value=new),
            self.kind: kind,
            self.shown: one.id,
            **self._page(one.id, old, new, kind, 0),
        }

    def _reports(self, one: Evaluation) -> Updates:
        """The two files to download."""
        html = self._services.settings.home / "evaluations" / str(one.id) / "report.html"
        with self._services.pool.connection() as conn:
            value = reports.stored(conn, one)
        text = json.dumps(value, ensure_ascii=False, indent=1, default=str)
        copy = self._handout.copy(html, f"comparison-{one.id}.html") if html.is_file() else None
        made = self._handout.make(
            f"comparison-{one.id}.json", lambda path: path.write_text(text, "utf-8")
        )
        return {
            self.html: gr.DownloadButton(value=copy, visible=copy is not None),
            self.json: gr.DownloadButton(value=made),
        }

    def _page(self, shown: int, old: str, new: str, kind: str, number: int) -> Updates:
        page = self._comparisons.page(EvaluationId(shown), old, new, KINDS.get(kind), number)
        return {
            self.questions: compare.questions(page, old, new),
            self.place: str(pieces.quiet(f"Page {page.number + 1} of {page.pages}")),
            self.back: gr.Button(interactive=page.number > 0),
            self.forth: gr.Button(interactive=page.number + 1 < page.pages),
            self.page: page.number,
        }

    def _choose(self, who: str, event: gr.EventData) -> int:
        return int(event.pick)

    def _start(self, who: str, reference: str | None, candidates: list[str] | None) -> None:
        """Queue the comparison; the page shows it when it is there, being the newest."""
        if not reference:
            raise InputError("Choose a reference first.")
        names = [reference, *(name for name in candidates or [] if name != reference)]
        queue.defer(self._services, "evaluate", who=who, dataset=pairs.CORPUS, models=names)

    def _cancel(self, who: str) -> None:
        with self._services.pool.connection() as conn:
            job = _running(conn)
        if job is not None:
            queue.cancel(self._services, JobId(job.id))

    def _draw(self, who: str, shown: int | None, measure: str) -> str:
        with self._services.pool.connection() as conn:
            one = evaluations.get(conn, EvaluationId(shown or 0))
        return "" if one is None else compare.bars(one.figures, measure)

    def _first_page(self, who: str, shown: int, old: str, new: str, kind: str) -> Updates:
        return self._page(shown, old, new, kind, 0)

    def _page_before(
        self, who: str, shown: int, old: str, new: str, kind: str, page: int
    ) -> Updates:
        return self._page(shown, old, new, kind, page - 1)

    def _page_after(
        self, who: str, shown: int, old: str, new: str, kind: str, page: int
    ) -> Updates:
        return self._page(shown, old, new, kind, page + 1)

    def _ask(self, who: str, question: str | None, left: str | None, right: str | None) -> str:
        names = [name for name in (left, right) if name]
        return compare.tried(self._tryout.ask(question or "", names))


def _known(conn: Connection, one: Evaluation, listed: Sequence[plans.Listed]) -> Known:
    """What the verdicts of an evaluation depend on beyond itself."""
    reference, *candidates = (facts["identity"] for facts in one.figures["models"])
    newest = {name: evaluations.latest_of(conn, name, reference) for name in candidates}
    return Known(
        serving=next(row.model for row in listed if row.state == "serving"),
        versions={identity(row.model): row.model.name for row in listed},
        outdated=frozenset(name for name, e in newest.items() if e is not None and e.id != one.id),
    )


def _running(conn: Connection) -> Job | None:
    """The comparison under way, if there is one; else one that waits."""
    found = jobs.recent(conn, limit=5, tasks=["evaluate"], statuses=jobs_html.OPEN)
    return next((job for job in found if job.status == "doing"), found[0] if found else None)


def _ended_badly(conn: Connection) -> Job | None:
    """The newest comparison, if it failed or was cancelled."""
    newest = next(iter(jobs.recent(conn, limit=1, tasks=["evaluate"])), None)
    bad = newest is not None and newest.status in ("failed", "cancelled", "aborted")
    return newest if bad else None


def _told_end(job: Job) -> str:
    if job.status == "failed":
        return str(parts.note(f"{jobs_html.title(job)} failed: {job.fault or 'see Jobs'}", "bad"))
    text = f"{jobs_html.title(job)}: cancelled. Press Compare for the same again: it goes on where it was."
    return str(parts.note(text, "quiet"))


def _told(job: Job) -> str:
    if job.stopping:
        return str(parts.note(f"{jobs_html.title(job)}: stopping…", "warn"))
    if job.status == "todo":
        return str(
            parts.note(f"{jobs_html.title(job)}: {str(jobs_html.state(job)).rstrip('.')}.", "busy")
        )
    return pieces.stack(pieces.quiet(f"{jobs_html.title(job)}, asked for by {job.args.get('who')}"),
                        jobs_html.progress_bar(job))  # fmt: skip


def _first_steps(heldout: int, versions: int) -> Markup:
    if not heldout:
        return Markup("Comparing needs held-out questions. {} first.").format(
            parts.link("Make pairs", "pairs")
        )
    if versions == 1:
        return Markup("There is one version only. {} first.").format(
            parts.link("Tune another", "tune")
        )
    return Markup("Choose versions above and press Compare. It takes a few minutes.")
