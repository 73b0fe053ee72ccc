"""`attune documents`: what is indexed, what failed and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.asking import remote
from app.cli.asking.report import COLOUR
from app.cli.common import AsJson
from pipelines.errors import InputError

if TYPE_CHECKING:
    from pipelines.store.document_list import ListedDocument
    from pipelines.store.documents import Document


group = typer.Typer(help="What is indexed, what failed and why.", no_args_is_help=True)


@group.command("list")
def list_documents(
    search: Annotated[str, typer.Option(help="Part of the title.")] = "",
    collection: Annotated[str | None, typer.Option(help="Only this collection.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the documents, newest first."""
    from app.cli.common import emit_json, services
    from pipelines.store import document_list

    if (there := remote.remote()) is not None:
        remote.list_documents(there, search, collection, as_json=as_json)
        return
    with services() as opened, opened.pool.connection() as conn:
        listed = document_list.list_all(conn, search=search, collection=collection)
    if as_json:
        emit_json({"documents": [{**_shown(x.document), "chunks": x.chunks} for x in listed]})
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("id", "title and note", "collection", "status", "passages", "pages", box=None)
    for row in listed:
        document = row.document
        # Below the title, so that the title keeps its room on a narrow terminal.
        title = Text(document.title, overflow="fold")
        if note := _note(row):
            title.append(f"\n{note}", style="dim")
        table.add_row(
            str(document.id), title, Text(document.collection),
            Text(document.status, style=COLOUR.get(document.status, "white")),
            str(row.chunks), str(document.pages or ""),
        )  # fmt: skip
    Console().print(table if listed else "No documents yet: attune ingest PATH")


@group.command("show")
def show_document(
    document_id: Annotated[int, typer.Argument(help="Its id, as `documents list` shows it.")],
    as_json: AsJson = False,
) -> None:
    """Show one document and its passages."""
    from app.cli.common import emit_json, services
    from pipelines.store import document_copies, document_passages
    from pipelines.text.places import page_name

    if (there := remote.remote()) is not None:
        remote.show_document(there, document_id, as_json=as_json)
        return
    with services() as opened, opened.pool.connection() as conn:
        document = _get(conn, document_id)
        passages = document_passages.of_document(conn, document.same_as or document.id)
        copies = [(copy.id, copy.source) for copy in document_copies.copies(conn, document.id)]
    if as_json:
        copied = [{"id": copy, "source": source} for copy, source in copies]
        shown = [vars(passage) for passage in passages]
        emit_json({**_shown(document), "duplicates": copied, "passages": shown})
        return
    for name, value in _shown(document).items():
        if value not in (None, "", []):
            typer.echo(f"{name:12} {value}")
    for copy, source in copies:
        typer.echo(f"{'duplicate':12} {copy}  {source}")
    for passage in passages:
        place = page_name(passage.page, passage.page_label) or passage.heading or ""
        typer.secho(f"\n[{passage.ordinal + 1}] {place}", bold=True)
        typer.echo(passage.text)


@group.command("delete")
def delete_document(
    document_ids: Annotated[list[int], typer.Argument(help="Ids, as `documents list` shows them.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete documents with their passages and the pairs made from them, from every index at once."""
    from app.actions import documents
    from app.cli.common import emit_json, services
    from pipelines.store.ids import DocumentId

    if (there := remote.remote()) is not None:
        remote.delete_documents(there, document_ids, yes=yes, as_json=as_json)
        return
    with services() as opened, opened.pool.connection() as conn:
        found = [_get(conn, document_id) for document_id in document_ids]
        if not yes:
            titles = ", ".join(document.title for document in found)
            typer.confirm(f"Delete {titles}?", abort=True, err=True)
        documents.delete(conn, "cli", [DocumentId(number) for number in document_ids])
    if as_json:
        emit_json({"deleted": [document.id for document in found]})
    else:
        typer.echo(f"Deleted {len(found)} document(s).")


def _get(conn: Any, document_id: int) -> Document:
    from pipelines.store import documents
    from pipelines.store.ids import DocumentId

    document = documents.get(conn, DocumentId(document_id))
    if document is None:
        raise InputError(f"There is no document with id {document_id}: attune documents list")
    return document


def _note(row: ListedDocument) -> str:
    document = row.document
    if document.same_as is not None:
        return f"same content as {row.twin} ({document.same_as})"
    return document.reason or "; ".join(str(w["text"]) for w in document.warnings)


def _shown(document: Document) -> dict[str, Any]:
    return dict(vars(document))
