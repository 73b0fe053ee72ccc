"""`attune ingest` and `attune documents`: what is searched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from pipelines.incoming import Outcome
    from pipelines.store.documents import Document

SOME_FAILED = 10
COLOUR = {"indexed": "green", "unchanged": "cyan", "failed": "red", "indexing": "yellow"}
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]

group = typer.Typer(help="What is indexed, what failed and why.", no_args_is_help=True)


def ingest(
    paths: Annotated[list[Path], typer.Argument(help="Files, and with --recursive folders.")],
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="Take in folders with all they hold.")
    ] = False,
    collection: Annotated[str, typer.Option(help="Collection the documents join.")] = "default",
    as_json: AsJson = False,
) -> int:
    """Take files in: PDF, DOCX, PPTX, XLSX, HTML, Markdown, TXT, CSV.

    The same content again is left alone; a changed file replaces its old version. Exit code 0
    when every file is in, 10 when some failed; each is listed with the reason.
    """
    import time

    from app.cli.common import emit_json, services
    from pipelines.store import scope

    scope.check_name(collection)
    files, skipped = find_files(paths, recursive=recursive)
    started = time.perf_counter()
    with services() as opened:
        outcomes = list(_with_progress(opened, files, collection))
    counts = {
        status: sum(outcome.status == status for outcome in outcomes)
        for status in ("indexed", "unchanged", "failed")
    }
    seconds = round(time.perf_counter() - started, 2)
    if as_json:
        listed = [
            {"path": str(path), **vars(outcome)}
            for path, outcome in zip(files, outcomes, strict=True)
        ]
        emit_json({"files": listed, **counts, "skipped": len(skipped), "seconds": seconds})
    else:
        _print_outcomes(files, outcomes)
        hidden = f", {len(skipped)} hidden files skipped" if skipped else ""
        summary = ", ".join(f"{n} {status}" for status, n in counts.items())
        typer.echo(f"{summary}{hidden} in {seconds:.1f} s")
    return SOME_FAILED if counts["failed"] else 0


def find_files(paths: Iterable[Path], *, recursive: bool) -> tuple[list[Path], list[Path]]:
    """
    The files to take in, each once, and the hidden ones that are left out.

    :raises InputError: A path does not exist, a folder without `recursive`, or nothing to take.
    """
    from pipelines.errors import InputError

    files: dict[Path, None] = {}
    skipped: list[Path] = []
    for path in paths:
        if not path.exists():
            raise InputError(f"{path} does not exist.")
        if not path.is_dir():
            files[path] = None
            continue
        if not recursive:
            raise InputError(f"{path} is a folder; add --recursive to take in what it holds.")
        for found in sorted(path.rglob("*")):
            if found.is_file():
                hidden = any(part.startswith(".") for part in found.relative_to(path).parts)
                if hidden:
                    skipped.append(found)
                else:
                    files[found] = None
    if not files:
        raise InputError("There is no file to take in.")
    return list(files), skipped


def _with_progress(opened: Any, files: list[Path], collection: str) -> Iterator[Outcome]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from app.wiring import open_ingester
    from pipelines.incoming import Incoming

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(elapsed_when_finished=False),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("files", total=len(files))
        # Of the files that are embedded together now: one large file tells how far it is.
        windows = progress.add_task("windows", total=None, visible=False)

        def show(done: int, total: int) -> None:
            if done >= total:
                progress.reset(windows, total=None, visible=False)
            else:
                progress.update(windows, completed=done, total=total, visible=True)

        def show_graph() -> None:
            progress.update(bar, description="building the search graph")

        with open_ingester(opened, on_windows=show, on_graph=show_graph) as ingester:
            incoming = (Incoming.from_path(path, collection) for path in files)
            for path, outcome in zip(files, ingester.ingest_many(incoming), strict=True):
                progress.update(bar, advance=1, description=f"files ({path.name[:40]})")
                yield outcome


def _print_outcomes(files: list[Path], outcomes: list[Outcome]) -> None:
    for path, outcome in zip(files, outcomes, strict=True):
        state = typer.style(f"{outcome.status:10}", fg=COLOUR[outcome.status])
        detail = outcome.reason or (
            f"{outcome.chunks} passages in {outcome.seconds:.1f} s"
            if outcome.status == "indexed"
            else ""
        )
        typer.echo(f"{state} {path}  {detail}")
        for warning in outcome.warnings:
            typer.secho(f"           warning: {warning}", fg="yellow")


@group.command("list")
def list_documents(
    search: Annotated[str, typer.Option(help="Part of the title.")] = "",
    collection: Annotated[str | None, typer.Option(help="Only this collection.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the documents, newest first."""
    from app.cli.common import emit_json, services
    from pipelines.store import documents

    with services() as opened, opened.pool.connection() as conn:
        listed = documents.list_all(conn, search=search, collection=collection)
    if as_json:
        emit_json({"documents": [{**_shown(x.document), "chunks": x.chunks} for x in listed]})
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("id", "title", "collection", "status", "passages", "pages", "note", box=None)
    for row in listed:
        document = row.document
        note = document.reason or "; ".join(str(w["text"]) for w in document.warnings)
        colour = COLOUR.get(document.status, "white")
        table.add_row(
            str(document.id), document.title, document.collection, f"[{colour}]{document.status}[/]",
            str(row.chunks), str(document.pages or ""), note,
        )  # fmt: skip
    Console().print(table if listed else "No documents yet: attune ingest PATH")


@group.command("show")
def show_document(
    document_id: Annotated[int, typer.Argument(help="Its id, as `documents list` shows it.")],
    as_json: AsJson = False,
) -> None:
    """Show one document and its passages."""
    from app.cli.common import emit_json, services
    from pipelines.store import chunks

    with services() as opened, opened.pool.connection() as conn:
        document = _get(conn, document_id)
        passages = chunks.of_document(conn, document.id)
    if as_json:
        emit_json({**_shown(document), "passages": [vars(passage) for passage in passages]})
        return
    for name, value in _shown(document).items():
        if value not in (None, "", []):
            typer.echo(f"{name:12} {value}")
    for passage in passages:
        place = f"page {passage.page}" if passage.page else passage.heading or ""
        typer.secho(f"\n[{passage.ordinal + 1}] {place}", bold=True)
        typer.echo(passage.text)


@group.command("delete")
def delete_document(
    document_ids: Annotated[list[int], typer.Argument(help="Ids, as `documents list` shows them.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete documents with their passages and the pairs made from them, from every index at once."""
    from app.cli.common import emit_json, services
    from pipelines.store import chunks, pairs

    with services() as opened, opened.pool.connection() as conn:
        found = [_get(conn, document_id) for document_id in document_ids]
        if not yes:
            titles = ", ".join(document.title for document in found)
            typer.confirm(f"Delete {titles}?", abort=True, err=True)
        for document in found:
            chunks.delete_document(conn, document.id)
        pairs.forget_absent(conn)
    if as_json:
        emit_json({"deleted": [document.id for document in found]})
    else:
        typer.echo(f"Deleted {len(found)} document(s).")


def _get(conn: Any, document_id: int) -> Document:
    from pipelines.errors import InputError
    from pipelines.store import documents
    from pipelines.store.ids import DocumentId

    document = documents.get(conn, DocumentId(document_id))
    if document is None:
        raise InputError(f"There is no document with id {document_id}: attune documents list")
    return document


def _shown(document: Document) -> dict[str, Any]:
    return dict(vars(document))
