"""Versions: what there is, what speaks for it, and letting one serve, go back, or go away."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from app import queue
from app.actions import plans, versions
from app.admin.handout import Handout
from app.admin.html import jobs as jobs_html
from app.admin.html import parts, pieces
from app.admin.html import versions as versions_html
from app.admin.screen import Screen, Updates, View, header
from pipelines.embedder import registry
from pipelines.errors import AttuneError, InputError
from pipelines.store import active, jobs, models, pairs
from pipelines.store.db import Connection
from pipelines.store.jobs import Job
from training.evaluation.gate import SHORTEST_REASON, Verdict
from training.finetune.card import card_of

TASKS = ("build", "promote", "evaluate")
AUDITS = 30
# How the button of a step looks that a person confirms: bold only where it is what is advised.
BUTTONS: dict[str, Any] = {"promote": "primary", "delete": "stop"}


@dataclass(frozen=True)
class Pending:
    """A step that waits for a person's yes: what, with which version, and the words to ask with."""

    action: str
    name: str
    question: str
    button: str
    reason: bool = False


def build(screen: Screen) -> None:
    """Lay out the screen and connect it."""
    header(
        "Versions",
        "Each version is an embedder with its vectors of all documents. One of them serves. Another"
        " takes over in one step, and people can go on asking meanwhile.",
    )
    _Versions(screen)


class _Versions:
    """Components and handlers of the screen."""

    def __init__(self, screen: Screen) -> None:
        self._screen, self._services = screen, screen.services
        self._handout = Handout()
        self.chosen = gr.State(None)
        self.pending = gr.State(None)
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        with gr.Row(elem_classes="actions serving-row"):
            self.serving = gr.HTML(pieces.LOADING, elem_id="serving", min_width=260)
            self.back = gr.Button("Roll back", size="sm", visible=False, elem_id="roll-back")
        with gr.Column(visible=False, elem_classes="board asks") as self.asks:
            self.question = gr.HTML(elem_id="asked")
            self.reason = gr.Textbox(
                label="Reason (kept in the audit)", max_lines=2, max_length=500, visible=False,
                elem_id="why-reason",
            )  # fmt: skip
            with gr.Row(elem_classes="actions"):
                self.yes = gr.Button("Yes", variant="primary", size="sm", elem_id="confirm")
                self.no = gr.Button("Cancel", size="sm", elem_id="leave-it")
        with gr.Row(elem_classes="sides"):
            with gr.Column(scale=3, min_width=340):
                self.list = gr.HTML(pieces.LOADING, js_on_load=pieces.PICK, elem_id="version-list")
                self.audit = gr.HTML(elem_id="audit")
            with gr.Column(scale=2, min_width=320):
                with gr.Column(elem_classes="board"):
                    self.head = gr.HTML(pieces.LOADING, elem_id="version-head")
                    with gr.Row(elem_classes="actions", elem_id="version-actions") as self.steps:
                        self.promote = gr.Button(
                            "Promote", variant="primary", size="sm", elem_id="promote"
                        )
                        self.evaluate = gr.Button("Compare", size="sm", elem_id="evaluate")
                        self.override = gr.Button("Promote anyway", size="sm", elem_id="override")
                        self.build = gr.Button("Build only", size="sm", elem_id="build")
                        self.prepare = gr.Button("Load on servers", size="sm", elem_id="prepare")
                        self.release = gr.Button("Unload", size="sm", elem_id="release")
                    self.details = gr.HTML(elem_id="version-details")
                with gr.Accordion(
                    "Shadow", open=False, elem_id="shadow", elem_classes="folded"
                ) as self.shadow_box:
                    gr.Markdown(
                        "It answers some of the live questions silently, after the visitor has the"
                        " answer. Nobody sees what it finds; it is compared with what was shown."
                    )
                    self.share = gr.Slider(
                        5, 100, value=20, step=5, label="Share of questions, in percent"
                    )
                    with gr.Row(elem_classes="actions"):
                        self.shadow_on = gr.Button("Start", size="sm", elem_id="shadow-on")
                        self.shadow_off = gr.Button("Stop", size="sm", elem_id="shadow-off")
                    self.shadow = gr.HTML(elem_id="shadow-report")
                with gr.Accordion(
                    "Export, push, delete", open=False, elem_id="hand-on", elem_classes="folded"
                ):
                    with gr.Row(elem_classes="actions"):
                        self.export = gr.Button("Make a ZIP of its files", size="sm")
                        self.file = gr.DownloadButton("Download", visible=False, size="sm")
                    self.repo = gr.Textbox(
                        label="Hugging Face repository", placeholder="OWNER/NAME", max_lines=1,
                        info="Needs a token of the hub on this machine (hf auth login).",
                    )  # fmt: skip
                    self.private = gr.Checkbox(True, label="Private: only you and those you invite")
                    with gr.Row(elem_classes="actions"):
                        self.push = gr.Button("Push to the hub", size="sm", elem_id="push")
                    self.pushed = gr.HTML()
                    with gr.Row(elem_classes="actions"):
                        self.delete = gr.Button(
                            "Delete", size="sm", variant="stop", elem_id="delete"
                        )

    def _connect(self) -> None:
        screen = self._screen
        view = [
            self.serving, self.back, self.asks, self.question, self.reason, self.yes, self.list,
            self.head, self.details, self.steps, self.promote, self.evaluate, self.override, self.build, self.prepare, self.release,
            self.shadow_box, self.shadow_on, self.shadow_off, self.shadow, self.delete, self.audit,
        ]  # fmt: skip
        screen.shows(self._look, [self.chosen, self.pending], view)
        screen.on(
            self.list.select, self._choose, [], [self.chosen, self.pending, self.file, self.pushed],
            then_look=True,
        )  # fmt: skip
        for button, ask in (
            (self.promote, self._ask_promote),
            (self.override, self._ask_override),
            (self.delete, self._ask_delete),
        ):
            screen.on(button.click, ask, [self.chosen], [self.pending], then_look=True)
        screen.on(self.back.click, self._ask_back, [], [self.pending], then_look=True)
        screen.on(self.no.click, self._forget, [], [self.pending, self.reason], then_look=True)
        screen.on(
            self.yes.click, self._do, [self.pending, self.reason],
            [self.pending, self.reason, self.chosen], then_look=True,
        )  # fmt: skip
        screen.on(self.evaluate.click, self._evaluate, [self.chosen], [], then_look=True)
        screen.on(self.build.click, self._build, [self.chosen], [], then_look=True)
        screen.on(self.prepare.click, self._prepare, [self.chosen], [], then_look=True)
        screen.on(self.release.click, self._release, [self.chosen], [], then_look=True)
        screen.on(
            self.shadow_on.click, self._shadow_on, [self.chosen, self.share], [], then_look=True
        )
        screen.on(self.shadow_off.click, self._shadow_off, [self.chosen], [], then_look=True)
        screen.on(
            self.export.click, self._export, [self.chosen], [self.file], show_progress="minimal"
        )
        screen.on(
            self.push.click, self._push, [self.chosen, self.repo, self.private], [self.pushed],
            show_progress="minimal",
        )  # fmt: skip

    def _look(self, who: str, chosen: str | None, pending: Pending | None) -> View:
        with self._services.pool.connection() as conn:
            rows = plans.listed(conn)
            job_of = {name: job for job in _open_jobs(conn) for name in _names_of(job)}
            pointer = active.get(conn)
            assert pointer is not None, "a version serves from the first start on"
            name = _known(chosen, rows)
            serving = registry.of_index(conn, pointer.index_id)
            previous = plans.previous(conn)
            left = versions.left(conn)
            updates: Updates = {
                self.list: versions_html.version_list(rows, name, job_of),
                self.serving: versions_html.serving(
                    serving.name, pointer.epoch, pointer.changed_at, previous, left
                ),
                self.back: gr.Button(
                    f"{'Return' if left else 'Roll back'} to {previous}",
                    visible=previous is not None,
                ),
                self.audit: versions_html.audit(active.audits(conn, limit=AUDITS)),
                **self._asked(pending),
                **self._of(conn, name, job_of.get(name)),
            }
        return View(updates, running=bool(job_of))

    def _of(self, conn: Connection, name: str, job: Job | None) -> Updates:
        """What belongs to the version that is looked at."""
        model = registry.find(conn, name)
        found = versions.status(conn, name)
        plan = plans.promotion(conn, model, found)
        parent = None if model.parent_id is None else models.get(conn, model.parent_id)
        kept = registry.why_kept(conn, model)
        advice = plan.verdict.advice
        other, idle = found.state != "serving", job is None
        ready = found.state in ("ready", "previous")
        loaded = found.state == "ready" and found.loaded_by > 0
        report = versions.shadow_report(conn, name) if found.state == "ready" else None
        return {
            self.details: versions_html.details(
                model, parent.name if parent else None, found, plan, job, kept
            ),
            self.steps: gr.Row(visible=other),
            self.head: versions_html.head(name, found, plan, job),
            self.promote: gr.Button(
                f"Promote {name}", visible=advice in ("promote", "serves"), interactive=idle
            ),
            self.evaluate: gr.Button(
                f"Compare with {plan.serving}",
                visible=advice in ("compare", "wait"),
                variant="primary" if advice == "compare" else "secondary",
                interactive=idle,
            ),
            self.override: gr.Button(
                visible=advice in ("compare", "wait", "leave"), interactive=idle
            ),
            self.build: gr.Button(
                visible=found.state in ("not built", "failed", "building"), interactive=idle
            ),
            self.prepare: gr.Button(visible=ready and plan.unloaded > 0, interactive=idle),
            self.release: gr.Button(visible=loaded, interactive=idle),
            self.shadow_box: gr.Accordion(visible=found.state == "ready"),
            self.shadow_on: gr.Button("Change" if report and report.share else "Start"),
            self.shadow_off: gr.Button(visible=bool(report and report.share)),
            self.shadow: versions_html.shadow(report) if report else "",
            self.delete: gr.Button(f"Delete {name}", visible=kept is None and job is None),
        }

    def _asked(self, pending: Pending | None) -> Updates:
        """The question that waits for a yes, if one does."""
        if pending is None:
            return {
                self.asks: gr.Column(visible=False),
                self.question: "",
                self.reason: gr.Textbox(visible=False),
                self.yes: gr.Button(),
            }
        return {
            self.asks: gr.Column(visible=True),
            self.question: str(parts.note(pending.question, "warn")),
            self.reason: gr.Textbox(visible=pending.reason),
            self.yes: gr.Button(pending.button, variant=BUTTONS.get(pending.action, "secondary")),
        }

    def _choose(self, who: str, event: gr.EventData) -> tuple[Any, ...]:
        return str(event.pick), None, gr.DownloadButton(visible=False), ""

    def _ask_promote(self, who: str, chosen: str | None) -> Pending:
        name = self._name(chosen)
        return Pending(
            "promote", name, f"{self._verdict(name).sentence} {name} will answer everybody's"
            " questions. Going back takes a second or two.", f"Promote {name}",
        )  # fmt: skip

    def _ask_override(self, who: str, chosen: str | None) -> Pending:
        name = self._name(chosen)
        return Pending(
            "override", name, f"{self._verdict(name).sentence} To let {name} serve all the same,"
            " say why.",
            f"Promote {name} anyway", reason=True,
        )  # fmt: skip

    def _ask_back(self, who: str) -> Pending:
        with self._services.pool.connection() as conn:
            name, left = plans.previous(conn), versions.left(conn)
        if name is None:
            raise InputError("No version served before this one.")
        return Pending(
            "rollback", name, f"{versions_html.why_left(name, left)} {name} will answer everybody's"
            " questions again. This takes a second or two.".strip(),
            f"{'Return' if left else 'Roll back'} to {name}", reason=True,
        )  # fmt: skip

    def _verdict(self, name: str) -> Verdict:
        """Whether a version should replace the one that serves."""
        with self._services.pool.connection() as conn:
            pointer = active.get(conn)
            assert pointer is not None, "a version serves from the first start on"
            serving = registry.of_index(conn, pointer.index_id)
            return versions.verdict(conn, registry.find(conn, name), serving)

    def _ask_delete(self, who: str, chosen: str | None) -> Pending:
        name = self._name(chosen)
        return Pending(
            "delete", name, f"{name} will be gone for good, with its files and its vectors.",
            f"Delete {name}",
        )  # fmt: skip

    def _forget(self, who: str) -> tuple[None, str]:
        return None, ""

    def _do(self, who: str, pending: Pending | None, reason: str | None) -> tuple[None, str, Any]:
        """The step that was asked about."""
        if pending is not None:
            do = {
                "promote": self._promote,
                "override": self._override,
                "rollback": self._roll_back,
                "delete": self._delete,
            }
            do[pending.action](who, pending.name, (reason or "").strip())
        gone = pending is not None and pending.action == "delete"
        return None, "", None if gone else gr.skip()

    def _promote(self, who: str, name: str, reason: str) -> None:
        queue.defer(self._services, "promote", who=who, name=name)

    def _override(self, who: str, name: str, reason: str) -> None:
        if len(reason) < SHORTEST_REASON:
            raise InputError("Say why in a few words that others understand later.")
        queue.defer(self._services, "promote", who=who, name=name, override=reason)

    def _roll_back(self, who: str, name: str, reason: str) -> None:
        versions.roll_back(self._services, who=who, reason=reason)

    def _delete(self, who: str, name: str, reason: str) -> None:
        versions.delete(self._services, name, who=who)

    def _evaluate(self, who: str, chosen: str | None) -> None:
        name = self._name(chosen)
        with self._services.pool.connection() as conn:
            if not any(side.heldout for side in pairs.sides(conn)):
                raise InputError("Comparing needs held-out pairs: make pairs first, under Pairs.")
            pointer = active.get(conn)
            assert pointer is not None, "a version serves from the first start on"
            serving = registry.of_index(conn, pointer.index_id).name
        queue.defer(
            self._services, "evaluate", who=who, dataset=pairs.CORPUS, models=[serving, name]
        )

    def _build(self, who: str, chosen: str | None) -> None:
        queue.defer(self._services, "build", who=who, name=self._name(chosen))

    def _prepare(self, who: str, chosen: str | None) -> None:
        name = self._name(chosen)
        servers = versions.prepare(self._services, name)
        gr.Info(f"{name} is loaded by {parts.count(servers, 'server')}.", duration=4)

    def _release(self, who: str, chosen: str | None) -> None:
        versions.release(self._services, self._name(chosen))

    def _shadow_on(self, who: str, chosen: str | None, percent: float) -> None:
        versions.shadow(self._services, self._name(chosen), float(percent) / 100, who=who)

    def _shadow_off(self, who: str, chosen: str | None) -> None:
        versions.shadow(self._services, self._name(chosen), 0, who=who)

    def _export(self, who: str, chosen: str | None) -> gr.DownloadButton:
        name = self._name(chosen)
        with self._services.pool.connection() as conn:
            model = registry.find(conn, name)
            card = card_of(conn, model)
        store = self._services.options.models

        def zipped(path: Path) -> None:
            with tempfile.TemporaryDirectory(prefix="attune-") as scratch:
                folder = registry.export(model, Path(scratch) / name, card, store)
                shutil.make_archive(str(path.with_suffix("")), "zip", scratch, folder.name)

        return gr.DownloadButton(
            f"Download {name}.zip", value=self._handout.make(f"{name}.zip", zipped), visible=True
        )

    def _push(self, who: str, chosen: str | None, repo: str | None, private: bool) -> str:
        with self._services.pool.connection() as conn:
            model = registry.find(conn, self._name(chosen))
            card = card_of(conn, model)
        try:
            store = self._services.options.models
            address = registry.push(
                model, (repo or "").strip(), private=bool(private), card=card, store=store
            )
        except AttuneError as error:
            return str(parts.note(str(error), "bad"))
        with self._services.pool.connection() as conn:
            active.add_audit(conn, who, "push", {"version": model.name, "reason": address})
        return str(parts.note(f"{model.name} is at {address}.", "good"))

    def _name(self, chosen: str | None) -> str:
        """The version that is looked at."""
        with self._services.pool.connection() as conn:
            return _known(chosen, plans.listed(conn))


def _known(chosen: str | None, rows: Sequence[plans.Listed]) -> str:
    """What was chosen, if it is there still; else the newest."""
    if chosen in {row.model.name for row in rows}:
        return str(chosen)
    return max(rows, key=lambda row: row.model.id).model.name


def _names_of(job: Job) -> list[str]:
    """The versions that a job works on."""
    if job.task == "evaluate":
        return [str(name) for name in job.args.get("models", [])[1:]]
    return [str(job.args.get("name"))]


def _open_jobs(conn: Connection) -> list[Job]:
    return jobs.recent(conn, limit=20, tasks=TASKS, statuses=jobs_html.OPEN)
