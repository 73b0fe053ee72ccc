"""Documents as their screen shows them: the table, one document with its passages, jobs. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from app.admin.html import jobs, parts, words
from app.admin.html.parts import Tone
from app.admin.html.template import Template
from pipelines.store import scope
from pipelines.store.document_pages import DocumentRow, WindowedPassage
from pipelines.store.documents import Document
from pipelines.store.jobs import Job
from pipelines.text.places import page_name

# Name of the table's checkboxes, by which the page's script knows them.
GROUP = "documents"
# Of a private collection's name: enough to tell visitors apart.
OWNER_CHARS = len(scope.PRIVATE_PREFIX) + 8
MOST_COPIES = 20

_html = Template("documents")


def table(rows: Sequence[DocumentRow]) -> Markup:
    """A page of documents."""
    headers = [parts.choose_all(GROUP), "Title", "Status", "Passages", "Pages", "Size", "Changed"]
    cells = [
        (
            parts.choose(GROUP, row.id, row.title),
            _title(row),
            _status(row),
            f"{row.chunks:,}" if row.chunks else "",
            row.pages or "",
            words.size(row.size_bytes),
            parts.when(row.updated_at),
        )
        for row in rows
    ]
    return parts.table(headers, cells, numbers=[3, 4, 5])


def _title(row: DocumentRow) -> Markup:
    collection = "" if row.collection == scope.DEFAULT else row.collection
    if scope.is_private(collection):
        collection = f"only for {collection[:OWNER_CHARS]}"
    return _html.title(parts.pick(row.title, "open", row.id, css="title"), collection)


def _status(row: DocumentRow) -> Markup:
    if row.same_as is not None:
        reasons = [f"same content as {row.twin} ({row.same_as})"]
    elif row.reason:
        reasons = [row.reason]
    else:
        reasons = [str(warning.get("text", "")) for warning in row.warnings]
    return _html.status(parts.pill(row.status, parts.TONES.get(row.status)), "; ".join(reasons))


def nothing(filtered: bool) -> Markup:
    """What stands in place of the table."""
    if filtered:
        said = "Change the search or the status above. A document must contain all words."
        return parts.empty("No document matches", said)
    return parts.empty("No documents yet", "Drop files above. You can ask about them in seconds.")


# What an ingest does after the last file.
AFTERWARDS = {
    "graph": "Building the search graph",
    "threshold": "Measuring what counts as an answer",
}


def progress(job: Job, ended: int) -> Markup:
    """
    How far a job is that indexes documents.

    :param ended: How many of its documents are done.
    """
    total = len(job.args.get("document_ids", []))
    files = words.count(total, "file")
    if job.status == "todo":
        return parts.bar(0, 1, f"{files} waiting for a worker")
    if job.stage in AFTERWARDS:
        return parts.bar(0, None, f"All files are indexed. {AFTERWARDS[job.stage]}")
    if not job.total:
        return parts.bar(0, None, f"Preparing {files}")
    counted = f"{ended:,} of {total:,} files indexed" if total > 1 else ""
    return parts.bar(job.done, job.total, words.joined(jobs.progress(job), counted))


@dataclass(frozen=True)
class _OpenedPassage:
    place: str
    text: Markup


@dataclass(frozen=True)
class Opened:
    """
    A document that is looked into.

    :param twin: The document whose passages it shares, if it is a duplicate.
    :param copies: Documents that share its passages.
    :param passages: Those of the page on show, which begins at `offset` of `total`.
    """

    document: Document
    twin: Document | None
    copies: Sequence[Document]
    passages: Sequence[WindowedPassage]
    offset: int
    total: int


def preview(opened: Opened, page_rows: int) -> Markup:
    """A document with a page of its passages."""
    document, after = opened.document, opened.offset + page_rows
    facts = words.joined(
        words.count(opened.total, "passage"),
        words.size(document.size_bytes),
        f"language {document.language}" if document.language else "",
        f"collection {document.collection}",
    )
    return _html.preview(
        document,
        facts,
        _notes(opened),
        [_passage(passage) for passage in opened.passages] if opened.total else [],
        max(0, opened.offset - page_rows) if opened.offset else None,
        after if after < opened.total else None,
    )


def _notes(opened: Opened) -> list[tuple[str, Tone]]:
    """What there is to say about a document, each with its colour."""
    document, notes = opened.document, list[tuple[str, Tone]]()
    if (twin := opened.twin) is not None:
        said = f"Same content as {twin.title} ({twin.id}). Both share one set of passages."
        notes.append((said, "quiet"))
    if opened.copies:
        named = ", ".join(f"{copy.title} ({copy.id})" for copy in opened.copies[:MOST_COPIES])
        notes.append((f"Files with the same content: {named}.", "quiet"))
    if document.reason:
        notes.append((document.reason, "bad"))
    notes += [(str(warning.get("text", "")), "warn") for warning in document.warnings]
    return notes


def _passage(passage: WindowedPassage) -> _OpenedPassage:
    place = words.joined(
        f"Passage {passage.ordinal + 1}",
        page_name(passage.page, passage.page_label),
        (passage.heading or "").split(" > ")[-1],
        words.count(len(passage.windows), "window"),
    )
    return _OpenedPassage(place, parts.spans(passage.text, passage.windows))
