"""Sources: places whose documents are followed, what their last runs changed, and new ones."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.actions.sources import registry, schedule
from app.actions.sources.secrets import MOST_CHARS, Login
from app.admin.html import parts
from app.admin.html.jobs import OPEN
from app.admin.html.sources import rows as html
from app.admin.html.sources.rows import SourceRow
from app.admin.screen import Screen, Updates, View, clickable, header
from app.admin.screens.document_files import DEFAULT_COLLECTION, collection_named
from app.services import Services
from pipelines.errors import InputError
from pipelines.store import jobs, source_entries, source_runs, sources
from pipelines.store.ids import SourceId

EVERY = [("only when asked", "off"), ("hourly", "hourly"), ("daily", "daily"), ("weekly", "weekly")]
JOBS = 100
ADDRESS_CHARS = 2000


def build(screen: Screen) -> None:
    """Fill the tab."""
    _Sources(screen)


class _Sources:
    def __init__(self, screen: Screen) -> None:
        self._services = screen.services
        header(
            "Sources",
            "Places whose documents Attune follows: what is new or changed there is indexed, and"
            " what is unchanged is not read again.",
        )
        self.chosen = gr.State(None)
        with gr.Row(elem_classes="sides"):
            with gr.Column(scale=3, min_width=340):
                self.listed = clickable("sources-list", value=parts.LOADING)
                with gr.Column(elem_classes="board"):
                    self._lay_out_form()
            with gr.Column(scale=2, min_width=320), gr.Column(elem_classes="board"):
                self._lay_out_details()
        self._connect(screen)

    def _lay_out_form(self) -> None:
        gr.Markdown("### Follow a place")
        self.address = gr.Textbox(
            label="Address", max_lines=1, max_length=ADDRESS_CHARS, elem_id="source-address",
            placeholder="https://docs.example.org/guide/",
            info="A website, a Git repository, s3://, hf://, sftp:// or webdav://, or a folder that"
            " ATTUNE_SOURCE_FOLDERS allows.",
        )  # fmt: skip
        with gr.Row():
            self.collection = gr.Textbox(
                value=DEFAULT_COLLECTION, label="Collection", max_lines=1, max_length=60,
                min_width=140, elem_id="source-collection",
            )  # fmt: skip
            self.every = gr.Dropdown(
                EVERY, value="daily", label="Read", filterable=False, min_width=140,
                elem_id="source-every",
            )  # fmt: skip
        with gr.Row():
            self.user = gr.Textbox(
                label="User (optional)", max_lines=1, max_length=200, min_width=140,
                elem_id="source-user",
            )  # fmt: skip
            self.password = gr.Textbox(
                label="Password or token", type="password", max_lines=1, max_length=MOST_CHARS,
                min_width=140, elem_id="source-password",
            )  # fmt: skip
        self.deletes = gr.Checkbox(
            False, label="Delete documents whose files are gone", elem_id="source-deletes"
        )
        with gr.Row(elem_classes="actions"):
            self.follow = gr.Button(
                "Follow and read", variant="primary", size="sm", elem_id="source-follow"
            )
            self.keep_only = gr.Button("Follow, read later", size="sm", elem_id="source-later")

    def _lay_out_details(self) -> None:
        self.head = gr.HTML(parts.LOADING, elem_id="source-head")
        with gr.Row(visible=False, elem_classes="confirm", elem_id="source-confirm") as self.ask:
            self.question = gr.Markdown()
            self.yes = gr.Button("Delete them", size="sm", variant="stop", elem_id="source-yes")
        with gr.Row(elem_classes="actions"):
            self.read = gr.Button("Read now", size="sm", visible=False, elem_id="source-read")
            self.dry = gr.Button("Dry run", size="sm", visible=False, elem_id="source-dry")
            self.forget = gr.Button(
                "Forget", size="sm", variant="stop", visible=False, elem_id="source-forget"
            )
        self.lines = gr.HTML(elem_id="source-lines")

    def _connect(self, screen: Screen) -> None:
        shown = [
            self.listed, self.head, self.lines, self.ask, self.question, self.read, self.dry,
            self.forget,
        ]  # fmt: skip
        screen.shows(self._look, [self.chosen], shown)
        screen.on(self.listed.select, self._choose, [], [self.chosen], then_look=True)
        given = [
            self.address, self.collection, self.every, self.deletes, self.user, self.password,
        ]  # fmt: skip
        done = [self.chosen, self.address, self.user, self.password]
        screen.on(self.follow.click, self._follow, given, done, then_look=True)
        screen.on(self.keep_only.click, self._keep, given, done, then_look=True)
        for button, act in (
            (self.read, self._read),
            (self.dry, self._dry_run),
            (self.yes, self._confirm),
        ):
            screen.on(button.click, act, [self.chosen], [], then_look=True)
        screen.on(self.forget.click, self._forget, [self.chosen], [self.chosen], then_look=True)

    def _look(self, _: str, chosen: int | None) -> View:
        found = _rows(self._services)
        row = next((one for one in found if one.source.id == chosen), next(iter(found), None))
        waiting = len(row.run.waiting) if row is not None and row.run is not None else 0
        is_idle = row is not None and row.job is None
        updates: Updates = {
            self.listed: html.source_list(found, row),
            self.head: html.head(row),
            self.lines: html.lines(row),
            self.ask: gr.Row(visible=bool(waiting and is_idle)),
            self.question: f"{waiting:,} files are gone there, more than a fifth of the source."
            " Delete their documents?",
            self.read: gr.Button(visible=is_idle),
            self.dry: gr.Button(visible=is_idle),
            self.forget: gr.Button(visible=row is not None),
        }
        return View(updates, running=any(one.job is not None for one in found))

    def _choose(self, _: str, event: gr.EventData) -> int:
        return int(event.pick)

    def _follow(self, who: str, *given: Any) -> tuple[Any, ...]:
        source_id = self._stored(who, *given)
        self._queue(who, source_id)
        return source_id, "", "", ""

    def _keep(self, who: str, *given: Any) -> tuple[Any, ...]:
        return self._stored(who, *given), "", "", ""

    def _stored(
        self,
        who: str,
        address: str,
        collection: str,
        every: str,
        deletes: bool,
        user: str,
        password: str,
    ) -> SourceId:
        minutes = schedule.parse(every or "off")
        source = registry.find_or_add(
            self._services,
            address or "",
            collection_named(collection),
            who=who,
            login=Login(user or "", password) if password else None,
            by_operator=False,
        )
        registry.change(
            self._services, source.id, who=who, deletes=bool(deletes), every_minutes=minutes
        )
        return source.id

    def _queue(self, who: str, source_id: SourceId, **wish: bool) -> None:
        with self._services.pool.connection() as conn:
            source = registry.get(conn, source_id)
        schedule.queue_one(self._services, source, who=who, **wish)

    def _read(self, who: str, chosen: int | None) -> None:
        self._queue(who, self._shown(chosen))

    def _dry_run(self, who: str, chosen: int | None) -> None:
        self._queue(who, self._shown(chosen), dry_run=True)

    def _confirm(self, who: str, chosen: int | None) -> None:
        self._queue(who, self._shown(chosen), confirmed=True)

    def _forget(self, who: str, chosen: int | None) -> None:
        source = registry.forget(self._services, self._shown(chosen), who=who)
        gr.Info(f"{source.address} is followed no longer. Its documents stay.")

    def _shown(self, chosen: int | None) -> SourceId:
        """The source in the details: the chosen one, or the first."""
        found = _rows(self._services)
        ids = [one.source.id for one in found]
        if not ids:
            raise InputError("There is no source.")
        return SourceId(chosen) if chosen in ids else ids[0]


def _rows(services: Services) -> list[SourceRow]:
    with services.pool.connection() as conn:
        found, counts = sources.list_all(conn), source_entries.count(conn)
        runs, last = source_runs.latest(conn), jobs.recent(conn, limit=JOBS, tasks=["sync"])
    rows = []
    for source in found:
        own = [job for job in last if job.args.get("source_id") == source.id]
        waiting = next((job for job in own if job.status in OPEN), None)
        newest = next(iter(own), None)
        is_dry = newest is not None and newest.args.get("dry_run") and newest.result
        rows.append(
            SourceRow(
                source,
                counts.get(source.id, 0),
                runs.get(source.id),
                waiting,
                newest if is_dry else None,
            )
        )
    return rows
