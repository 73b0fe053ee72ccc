"""Documents: upload, what became of each file, and what is searched of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from markupsafe import Markup

from app import queue
from app.admin.html import documents as html
from app.admin.html import parts, words
from app.admin.screen import Pager, Screen, View, chosen, clickable, header, picked
from app.admin.screens import document_files
from app.admin.screens.document_files import DEFAULT_COLLECTION
from pipelines.errors import InputError
from pipelines.indexing import queued
from pipelines.indexing.readers.kinds import readable
from pipelines.store import document_copies, document_pages, document_passages, documents, jobs
from pipelines.store.ids import DocumentId
from pipelines.store.jobs import Job

STATUSES: dict[str, list[str] | None] = {
    "All": None,
    "Indexed": ["indexed", "duplicate"],
    "In progress": ["queued", "indexing"],
    "Failed": ["failed"],
}
ORDERS = [("Newest first", "newest"), ("By title", "title"), ("Largest first", "size")]
PREVIEWED = 20


def build(screen: Screen) -> None:
    """Fill the tab."""
    _Documents(screen)


class _Documents:
    def __init__(self, screen: Screen) -> None:
        self._services = screen.services
        self._pool = screen.services.pool
        header(
            "Documents",
            f"Answers come from these files: {readable()}. Each may have up to"
            f" {screen.services.settings.max_upload_mb} MB. A changed file replaces its old version"
            " when it is indexed.",
        )
        self._lay_out()
        self._connect(screen)

    def _lay_out(self) -> None:
        self.files = gr.File(
            label="Upload files",
            show_label=False,
            file_count="multiple",
            height=84,
            elem_id="upload",
        )
        self.collection = gr.Textbox(
            value=DEFAULT_COLLECTION, label="Collection", max_lines=1, max_length=60,
            info="Uploads go into this group. ATTUNE_READERS says who may read which collection.",
            elem_id="upload-collection",
        )  # fmt: skip
        self.under_way = gr.HTML(elem_id="documents-jobs")
        with gr.Row(elem_classes="tools"):
            self.search = gr.Textbox(
                show_label=False, label="Search", placeholder="Search titles and text", container=False,
                scale=3, min_width=160, max_lines=1, elem_id="documents-search",
            )  # fmt: skip
            self.status = gr.Radio(
                list(STATUSES), value="All", show_label=False, label="Status", container=False,
                scale=3, min_width=280, elem_classes="filter", elem_id="documents-status",
            )  # fmt: skip
            self.order = gr.Dropdown(
                ORDERS, value="newest", show_label=False, label="Order", container=False,
                scale=1, min_width=150, filterable=False, elem_id="documents-order",
            )  # fmt: skip
        self.table = clickable("documents-table", value=parts.LOADING)
        with gr.Row(elem_classes="actions"):
            self.again = gr.Button("Index again", size="sm", elem_id="documents-again")
            self.delete = gr.Button("Delete…", size="sm", elem_id="documents-delete")
            self.pager = Pager("documents")
        # Ids that the script sends with a click, and those to delete after a yes.
        self.ids = gr.Textbox(visible=False)
        self.doomed = gr.State([])
        with gr.Row(visible=False, elem_classes="confirm", elem_id="confirm-delete") as self.ask:
            self.question = gr.Markdown()
            self.yes = gr.Button("Delete", size="sm", variant="stop", elem_id="delete-yes")
            self.no = gr.Button("Keep", size="sm", elem_id="delete-no")
        self.opened = gr.State(None)
        self.preview = clickable("document-preview")

    def _connect(self, screen: Screen) -> None:
        shown = [self.table, self.under_way, *self.pager.outputs]
        view = [self.search, self.status, self.order, self.pager.number]
        screen.shows(self._look, view, shown)
        self.pager.connect(screen)
        changed = [self.search.change, self.status.change, self.order.change]
        screen.on(changed, self._first_page, [], [self.pager.number], then_look=True)
        given = [self.files, self.collection]
        screen.on(self.files.upload, self._upload, given, [self.files], then_look=True)
        picks = f"() => [window.attuneChosen('{html.GROUP}')]"
        screen.on(self.again.click, self._index_again, [self.ids], [], then_look=True, js=picks)
        ask = [self.ask, self.question, self.doomed]
        screen.on(self.delete.click, self._ask, [self.ids], ask, js=picks)
        screen.on(self.no.click, self._keep, [], ask)
        screen.on(
            self.yes.click, self._delete, [self.doomed, self.opened],
            [*ask, self.preview, self.opened], then_look=True,
        )  # fmt: skip
        screen.on(
            self.table.select, self._open, [], [self.preview, self.opened],
            js="(...given) => { window.attuneShow('document-preview'); return given; }",
        )  # fmt: skip
        screen.on(self.preview.select, self._turn, [self.opened], [self.preview, self.opened])

    def _look(self, _: str, search: str, status: str, order: str, number: int) -> View:
        statuses = STATUSES.get(status)
        with self._pool.connection() as conn:
            text = (search or "").strip()
            wanted: dict[str, Any] = {
                "search": text,
                "holding": document_pages.with_words(conn, text) if text else [],
                "statuses": statuses,
            }
            offset, paging = self.pager.show(document_pages.count(conn, **wanted), number)
            rows = document_pages.page(conn, **wanted, order=order, offset=offset)
            running = jobs.recent(conn, limit=10, tasks=["ingest"], statuses=["todo", "doing"])
            ended = [document_pages.ended(conn, _ids_of(job)) for job in running]
        table = html.table(rows) if rows else html.nothing(bool(text) or statuses is not None)
        bars = Markup("").join(map(html.progress, running, ended))
        return View({self.table: table, self.under_way: bars, **paging}, running=bool(running))

    def _first_page(self, _: str) -> int:
        return 0

    def _upload(self, who: str, paths: list[str] | None, collection: str | None) -> None:
        files = [Path(path) for path in paths or []]
        said = document_files.add(
            self._services, who, files, document_files.collection_named(collection)
        )
        gr.Info(said, title="Uploaded", duration=6)

    def _index_again(self, who: str, ids: str) -> None:
        with self._pool.connection() as conn, conn.transaction():
            waiting = queued.put_again(conn, _ids(ids))
            queue.defer_in(conn, "ingest", who=who, document_ids=waiting)
        gr.Info(f"{words.count(len(waiting), 'document')} will be indexed again.")

    def _ask(self, _: str, ids: str) -> tuple[Any, ...]:
        with self._pool.connection() as conn:
            found = documents.get_many(conn, _ids(ids))
        return gr.Row(visible=True), _ask_words([one.title for one in found]), [d.id for d in found]

    def _keep(self, _: str) -> tuple[Any, ...]:
        return gr.Row(visible=False), "", []

    def _delete(self, who: str, doomed: list[int], opened: Any) -> tuple[Any, ...]:
        gr.Info(document_files.delete(self._services, who, [DocumentId(n) for n in doomed]))
        closed = opened is not None and opened[0] in doomed
        preview = ("", None) if closed else (gr.skip(), gr.skip())
        return gr.Row(visible=False), "", [], *preview

    def _open(self, _: str, event: gr.EventData) -> tuple[Any, Any]:
        _verb, number = picked(event)
        return self._preview(DocumentId(number), 0)

    def _turn(self, _: str, opened: Any, event: gr.EventData) -> tuple[Any, Any]:
        verb, number = picked(event)
        if verb == "close" or opened is None:
            return "", None
        return self._preview(DocumentId(opened[0]), number)

    def _preview(self, document_id: DocumentId, offset: int) -> tuple[Any, Any]:
        with self._pool.connection() as conn:
            document = documents.get(conn, document_id)
            if document is None:
                raise InputError("This document was deleted in the meantime.")
            read = document.same_as or document_id
            twin = documents.get(conn, read) if document.same_as else None
            found = document_pages.passages(conn, read, limit=PREVIEWED, offset=offset)
            total = document_passages.count_of(conn, read)
            copies = document_copies.copies(conn, document_id)
        opened = html.Opened(document, twin, copies, found, offset, total)
        return html.preview(opened, PREVIEWED), [document_id, offset]


def _ids(text: str) -> list[DocumentId]:
    ids = [DocumentId(number) for number in chosen(text)]
    if not ids:
        raise InputError("Choose documents first: check the boxes at the left.")
    return ids


def _ask_words(titles: Sequence[str]) -> str:
    named = ", ".join(titles[:3]) + (f" and {len(titles) - 3} more" if len(titles) > 3 else "")
    return f"Delete {words.plain(named)}? Their passages and pairs are deleted at once. Conversations keep what they showed."


def _ids_of(job: Job) -> list[DocumentId]:
    return [DocumentId(number) for number in job.args.get("document_ids", [])]
