"""Documents: upload, what became of each file, and what is searched of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from markupsafe import Markup

from app import queue
from app.admin.html import jobs as jobs_html
from app.admin.html import parts, pieces
from app.admin.screen import Pager, Screen, View, chosen, clickable, header, picked
from pipelines.errors import InputError
from pipelines.indexing import queued
from pipelines.store import chunks, document_pages, documents, jobs, pairs, scope
from pipelines.store.document_pages import Passage, Row
from pipelines.store.documents import Document
from pipelines.store.ids import DocumentId
from pipelines.store.jobs import Job

GROUP = "documents"
STATUSES: dict[str, list[str] | None] = {
    "All": None,
    "Indexed": ["indexed", "duplicate"],
    "In progress": ["queued", "indexing"],
    "Failed": ["failed"],
}
ORDERS = [("Newest first", "newest"), ("By title", "title"), ("Largest first", "size")]
PREVIEWED = 20
DEFAULT_COLLECTION = "default"
_NOT_IN_NAMES = frozenset(",;=")
# Of a private collection's name: enough to tell visitors apart.
SHOWN_OF_OWNER = len(scope.PRIVATE_PREFIX) + 8


def build(screen: Screen) -> None:
    """Fill the tab."""
    _Documents(screen)


class _Documents:
    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._pool = screen.services.pool
        header(
            "Documents",
            "The files that are searched: PDF, Word, PowerPoint, Excel, HTML, Markdown, text and CSV,"
            f" up to {screen.services.settings.max_upload_mb} MB each. A changed file replaces its"
            " old version once it is indexed.",
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
            info="Uploads go here. ATTUNE_READERS says who may read a collection.",
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
        self.table = clickable("documents-table", value=pieces.LOADING)
        with gr.Row(elem_classes="actions"):
            self.again = gr.Button("Index again", size="sm", elem_id="documents-again")
            self.delete = gr.Button("Delete…", size="sm", elem_id="documents-delete")
            self.pager = Pager("documents")
        # Ids that the script hands over with a click, and those that wait for a yes.
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
        picks = f"() => [window.attuneChosen('{GROUP}')]"
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
            words = (search or "").strip()
            wanted: dict[str, Any] = {
                "search": words,
                "holding": document_pages.with_words(conn, words) if words else [],
                "statuses": statuses,
            }
            offset, paging = self.pager.show(document_pages.count(conn, **wanted), number)
            rows = document_pages.page(conn, **wanted, order=order, offset=offset)
            running = jobs.recent(conn, limit=10, tasks=["ingest"], statuses=["todo", "doing"])
            ended = [document_pages.ended(conn, _ids_of(job)) for job in running]
        table = _table(rows) if rows else _nothing(bool(words) or statuses is not None)
        return View(
            {self.table: table, self.under_way: _under_way(running, ended), **paging},
            running=bool(running),
        )

    def _first_page(self, _: str) -> int:
        return 0

    def _upload(self, who: str, paths: list[str] | None, collection: str | None) -> None:
        files = [Path(path) for path in paths or []]
        told = take_in(self._screen, who, files, _collection(collection))
        gr.Info(told, title="Uploaded", duration=6)

    def _index_again(self, who: str, ids: str) -> None:
        with self._pool.connection() as conn, conn.transaction():
            waiting = queued.put_again(conn, _ids(ids))
            queue.defer_in(conn, "ingest", who=who, document_ids=waiting)
        gr.Info(f"{parts.count(len(waiting), 'document')} will be indexed again.")

    def _ask(self, _: str, ids: str) -> tuple[Any, ...]:
        with self._pool.connection() as conn:
            found = documents.get_many(conn, _ids(ids))
        return gr.Row(visible=True), _ask_words([one.title for one in found]), [d.id for d in found]

    def _keep(self, _: str) -> tuple[Any, ...]:
        return gr.Row(visible=False), "", []

    def _delete(self, who: str, doomed: list[int], opened: Any) -> tuple[Any, ...]:
        told = delete(self._screen, who, [DocumentId(n) for n in doomed])
        gr.Info(told)
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
                raise InputError("This document was deleted meanwhile.")
            read = document.same_as or document_id
            twin = documents.get(conn, read) if document.same_as else None
            found = document_pages.passages(conn, read, limit=PREVIEWED, offset=offset)
            total = chunks.count_of(conn, read)
            copies = documents.copies(conn, document_id)
        return _preview(document, twin, copies, found, offset, total), [document_id, offset]


def _collection(text: str | None) -> str:
    """
    The name of a collection as somebody typed it.

    :raises InputError: No rule of ATTUNE_READERS could name it.
    """
    name = (text or "").strip() or DEFAULT_COLLECTION
    if not name.isprintable() or not _NOT_IN_NAMES.isdisjoint(name):
        raise InputError("The name of a collection has no comma, semicolon or equals sign.")
    scope.check_name(name)
    return name


def take_in(
    screen: Screen, who: str, paths: Sequence[Path], collection: str = DEFAULT_COLLECTION
) -> str:
    """
    Store uploaded files and queue them to be indexed; what became of them, in a sentence.

    :raises InputError: None of them can be taken.
    """
    most_bytes = screen.services.settings.max_upload_mb * 10**6
    if not paths:
        raise InputError("No file arrived; try again.")
    waiting: list[DocumentId] = []
    known: list[str] = []
    with screen.services.pool.connection() as conn, conn.transaction():
        is_new = collection not in (DEFAULT_COLLECTION, *documents.collections(conn))
        for path in paths:
            if path.stat().st_size > most_bytes:
                raise InputError(f"{path.name} is larger than {parts.size(most_bytes)}.")
            put = queued.put(
                conn,
                source=path.name,
                title=path.name,
                content=path.read_bytes(),
                collection=collection,
            )
            if put.status == "queued":
                waiting.append(put.document_id)
            elif put.status == "duplicate":
                known.append(f"{path.name} ({put.reason})")
            else:
                known.append(path.name)
        if waiting:
            queue.defer_in(conn, "ingest", who=who, document_ids=waiting)
    where = "" if collection == DEFAULT_COLLECTION else f" in the collection {collection}"
    said = [f"{parts.count(len(waiting), 'file')} will be indexed{where}."] if waiting else []
    if is_new and waiting:
        said.append("This collection is new.")
    if known:
        said.append(f"Already there, with the same content: {', '.join(known[:5])}.")
    return " ".join(said)


def delete(screen: Screen, who: str, ids: Sequence[DocumentId]) -> str:
    """Remove documents from every index at once, with the pairs made of them; what was done."""
    from pipelines.store import active

    with screen.services.pool.connection() as conn, conn.transaction():
        found = documents.get_many(conn, ids)
        for document in found:
            chunks.delete_document(conn, document.id)
        gone = pairs.forget_absent(conn)
        titles = [document.title for document in found]
        active.add_audit(conn, who, "delete documents", {"titles": titles[:50]})
    also = f" {parts.count(gone, 'pair')} went with them." if gone else ""
    return f"{parts.count(len(found), 'document')} deleted.{also}"


def _ids(text: str) -> list[DocumentId]:
    ids = [DocumentId(number) for number in chosen(text)]
    if not ids:
        raise InputError("Choose documents first, by the boxes at the left.")
    return ids


def _ask_words(titles: Sequence[str]) -> str:
    named = ", ".join(titles[:3]) + (f" and {len(titles) - 3} more" if len(titles) > 3 else "")
    return f"Delete {parts.plain(named)}? Their passages and pairs go at once; conversations keep what they showed."


def _table(rows: Sequence[Row]) -> Markup:
    headers = [parts.choose_all(GROUP), "Title", "Status", "Passages", "Pages", "Size", "Changed"]
    return parts.table(
        headers,
        [
            (
                parts.choose(GROUP, row.id, row.title),
                _title(row),
                _status(row),
                f"{row.chunks:,}" if row.chunks else "",
                row.pages or "",
                parts.size(row.size_bytes),
                parts.when(row.updated_at),
            )
            for row in rows
        ],
        numbers=[3, 4, 5],
    )


def _title(row: Row) -> Markup:
    name = parts.pick(row.title, "open", row.id, css="title")
    if row.collection == scope.DEFAULT:
        return name
    shown = row.collection
    if scope.is_private(shown):
        shown = f"only for {shown[:SHOWN_OF_OWNER]}"
    return Markup('{} <span class="aside">{}</span>').format(name, shown)


def _status(row: Row) -> Markup:
    word = {"queued": "waits", "indexing": "indexing"}.get(row.status, row.status)
    shown = parts.pill(word, parts.TONES.get(row.status))
    if row.same_as is not None:
        told = [f"same content as {row.twin} ({row.same_as})"]
    else:
        told = [row.reason] if row.reason else [str(w.get("text", "")) for w in row.warnings]
    if not told:
        return shown
    return Markup('{}<div class="reason">{}</div>').format(shown, "; ".join(told))


def _nothing(filtered: bool) -> Markup:
    if filtered:
        return parts.empty(
            "No document matches", "Change the search or the status above. All words must be in it."
        )
    return parts.empty(
        "There are no documents yet", "Drop files above: they can be asked about within seconds."
    )


def _ids_of(job: Job) -> list[DocumentId]:
    return [DocumentId(number) for number in job.args.get("document_ids", [])]


def _under_way(running: Sequence[Job], ended: Sequence[int]) -> Markup:
    return Markup("").join(map(_progress, running, ended))


def _progress(job: Job, ended: int) -> Markup:
    total = len(_ids_of(job))
    if job.status == "todo":
        return parts.bar(0, 1, f"{parts.count(total, 'file')} waiting for a worker")
    if job.stage == "graph":
        return parts.bar(0, None, "All files are indexed. Building the search graph")
    if not job.total:
        return parts.bar(0, None, f"Preparing {parts.count(total, 'file')}")
    counted = f"{ended:,} of {total:,} files indexed" if total > 1 else ""
    return parts.bar(
        job.done, job.total, " · ".join(filter(None, (jobs_html.progress(job), counted)))
    )


def _preview(
    document: Document,
    twin: Document | None,
    copies: Sequence[Document],
    found: Sequence[Passage],
    offset: int,
    total: int,
) -> Markup:
    facts = [
        f"{parts.count(total, 'passage')}",
        parts.size(document.size_bytes),
        f"language {document.language}" if document.language else "",
        f"collection {document.collection}",
    ]
    head = Markup(
        '<div class="preview-head"><h3>{}</h3><a class="download" href="/admin/documents/{}" download>'
        'Download the original</a>{}</div><p class="aside">{}</p>'
    ).format(
        document.title,
        document.id,
        parts.pick("Close", "close", 0),
        " · ".join(filter(None, facts)),
    )
    if twin is not None:
        told = f"The same content as {twin.title} ({twin.id}), whose passages it shares."
        head += parts.note(told, "quiet")
    if copies:
        named = ", ".join(f"{copy.title} ({copy.id})" for copy in copies[:20])
        head += parts.note(f"Files with the same content: {named}.", "quiet")
    if document.reason:
        head += parts.note(document.reason, "bad")
    for warning in document.warnings:
        head += parts.note(str(warning.get("text", "")), "warn")
    if not total:
        return Markup('<section class="preview">{}</section>').format(head)
    help_text = Markup('<p class="aside">{}</p>').format(
        "A passage is what is read and cited. Numbers show where the windows begin that are"
        " embedded; where two overlap the text is shaded."
    )
    turn = Markup('<div class="turn">{}{}</div>').format(
        parts.pick("‹ Passages before", "turn", max(0, offset - PREVIEWED)) if offset else "",
        parts.pick("Passages after ›", "turn", offset + PREVIEWED)
        if offset + PREVIEWED < total
        else "",
    )
    body = Markup("").join(_passage(passage) for passage in found)
    return Markup('<section class="preview">{}{}{}{}</section>').format(head, help_text, body, turn)


def _passage(passage: Passage) -> Markup:
    place = [
        f"Passage {passage.ordinal + 1}",
        f"page {passage.page}" if passage.page else "",
        (passage.heading or "").split(" > ")[-1],
        parts.count(len(passage.windows), "window"),
    ]
    return Markup('<article class="passage"><header>{}</header><div>{}</div></article>').format(
        " · ".join(filter(None, place)), parts.spans(passage.text, passage.windows)
    )
