"""`attune ingest` and `attune documents`: what is searched."""

from __future__ import annotations

import stat
import sys
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.errors import InputError
from pipelines.indexing.outcome import Outcome, Status
from pipelines.indexing.paths import readable, why_not_read

if TYPE_CHECKING:
    from app.services import Services
    from pipelines.progress import Progress
    from pipelines.store.documents import Document, Listed

SOME_FAILED = 10
COLOUR = {
    "indexed": "green", "duplicate": "cyan", "unchanged": "cyan", "failed": "red",
    "indexing": "yellow",
}  # fmt: skip
# What a file can end as, and how the number of those is called.
COUNTED = {
    "indexed": "indexed", "duplicate": "duplicates", "unchanged": "unchanged", "failed": "failed",
}  # fmt: skip
STAGES = {"accelerating": "building a faster encoder", "graph": "building the search graph"}
# Of the files that are not in when a command is interrupted.
MOST_NAMED = 20
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
    """Take files in: PDF, DOCX, PPTX, XLSX, HTML, Markdown, TXT, CSV. The smallest come first.

    The same content again is left alone; a changed file replaces its old version; a file with the
    content of another one shares its passages. Exit code 0 when every file is in, 10 when some
    failed; each is listed with the reason. Interrupted, the same command goes on.
    """
    from app.cli.common import emit_json, services
    from app.watchdog.watcher import watched
    from pipelines.store import scope

    scope.check_name(collection)
    found = find_files(paths, recursive=recursive)
    report = _Report(as_json, {readable(p.resolve()): readable(p) for p in found.files})
    started = time.perf_counter()
    for path, reason in found.failed:
        report.add(readable(path), Outcome(readable(path), "failed", reason=reason))
    ended: BaseException | None = None
    with watched(), services() as opened:
        try:
            with closing(_with_progress(opened, found.files, collection, report)) as outcomes:
                for outcome in outcomes:
                    report.add(report.names[outcome.source], outcome)
        except (KeyboardInterrupt, SystemExit) as interrupted:
            ended = interrupted
            report.look_up(opened, collection)
    seconds = round(time.perf_counter() - started, 2)
    counts = report.counts()
    if as_json:
        told: dict[str, Any] = {"files": report.listed, **counts, "seconds": seconds}
        told |= {"skipped": len(found.hidden), "not_read": found.not_read}
        if ended is not None:
            told |= {"interrupted": True, "not_indexed": list(report.names.values())}
        emit_json(told)
    else:
        report.end(found, seconds, interrupted=ended is not None)
    if ended is not None:
        raise ended
    return SOME_FAILED if counts["failed"] else 0


@dataclass
class Found:
    """
    What `ingest` was given: files to add, and what is left out.

    :param failed: Paths that were named and cannot be taken, each with the reason.
    :param hidden: Files in a folder whose name begins with a dot.
    :param not_read: What else is in a folder and no file, with what it is.
    """

    files: list[Path] = field(default_factory=list)
    failed: list[tuple[Path, str]] = field(default_factory=list)
    hidden: list[Path] = field(default_factory=list)
    not_read: list[str] = field(default_factory=list)


def find_files(paths: Iterable[Path], *, recursive: bool) -> Found:
    """
    The files to add, each once, and what is left out. Nothing is opened.

    :raises InputError: There is nothing to take.
    """
    found = Found()
    for path in paths:
        try:
            mode = path.stat().st_mode
        except OSError as error:
            missing = isinstance(error, FileNotFoundError) and not path.is_symlink()
            reason = "it does not exist" if missing else f"it cannot be opened: {error.strerror}"
            found.failed.append((path, reason))
            continue
        if not stat.S_ISDIR(mode):
            if odd := why_not_read(mode):
                found.failed.append((path, odd))
            else:
                found.files.append(path)
        elif recursive:
            _look_into(path, found)
        else:
            found.failed.append((path, "it is a folder; add --recursive to add the files in it"))
    # Two ways to one file are one.
    found.files = list({path.resolve(): path for path in reversed(found.files)}.values())[::-1]
    if not found.files:
        told = [f"{readable(path)}: {reason}." for path, reason in found.failed]
        raise InputError(" ".join(told) or "There is no file to add.")
    return found


def _look_into(folder: Path, found: Found) -> None:
    """Add what a folder holds."""
    for path in sorted(folder.rglob("*")):
        try:
            linked, mode = path.is_symlink(), path.stat().st_mode
        except OSError as error:
            found.not_read.append(f"{readable(path)}: {error.strerror}")
            continue
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            if stat.S_ISREG(mode):
                found.hidden.append(path)
        elif stat.S_ISDIR(mode):
            if linked:
                found.not_read.append(f"{readable(path)}: a link to a folder")
        elif reason := why_not_read(mode):
            found.not_read.append(f"{readable(path)}: {reason}")
        else:
            found.files.append(path)


@dataclass
class _Report:
    """What became of each file, told as soon as it is known; `names`: of those not known yet."""

    as_json: bool
    names: dict[str, str]
    listed: list[dict[str, Any]] = field(default_factory=list)
    show: Callable[[str], None] = typer.echo
    began: datetime = field(default_factory=lambda: datetime.now(UTC))

    def add(self, name: str, outcome: Outcome) -> None:
        """A file has ended."""
        self.names.pop(outcome.source, None)
        self.listed.append({"path": name, **vars(outcome)})
        if self.as_json:
            return
        state = typer.style(f"{outcome.status:10}", fg=COLOUR[outcome.status])
        detail = outcome.reason or ""
        if outcome.status == "indexed":
            detail = f"{outcome.chunks} passages in {outcome.seconds:.1f} s"
        self.show(f"{state} {name}  {detail}".rstrip())
        for warning in outcome.warnings:
            self.show(typer.style(f"           warning: {warning}", fg="yellow"))

    def look_up(self, opened: Services, collection: str) -> None:
        """What was written while the command was interrupted is in as well."""
        from pipelines.store import chunks, documents

        with opened.pool.connection() as conn:
            for source, name in list(self.names.items()):
                document = documents.indexed(conn, collection, source)
                if document is not None and document.created_at >= self.began:
                    copied = document.same_as is not None
                    count = chunks.count_of(conn, document.same_as or document.id)
                    status: Status = "duplicate" if copied else "indexed"
                    self.add(name, Outcome(source, status, document.id, chunks=count))

    def counts(self) -> dict[str, int]:
        """How many files ended in each way."""
        count = Counter(one["status"] for one in self.listed)
        return {key: count[status] for status, key in COUNTED.items()}

    def end(self, found: Found, seconds: float, *, interrupted: bool) -> None:
        """Print what there is in all."""
        for line in found.not_read:
            typer.secho(f"not read   {line}", fg="yellow")
        parts = [f"{n} {key}" for key, n in self.counts().items() if n or key != "duplicates"]
        if found.hidden:
            parts.append(f"{len(found.hidden)} hidden files skipped")
        typer.echo(f"{', '.join(parts)} in {seconds:.1f} s")
        if not interrupted:
            return
        files = "file is" if len(self.names) == 1 else "files are"
        typer.secho(f"Interrupted: {len(self.names)} {files} not in.", fg="yellow", err=True)
        for name in list(self.names.values())[:MOST_NAMED]:
            typer.echo(f"  {name}", err=True)
        if len(self.names) > MOST_NAMED:
            typer.echo(f"  and {len(self.names) - MOST_NAMED} more", err=True)
        typer.echo("Run the command again for these: what is in is left alone.", err=True)


def _with_progress(
    opened: Services, paths: list[Path], collection: str, report: _Report
) -> Generator[Outcome, None, None]:
    """Take files in, with a line on stderr that says how far it is."""
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar
    from rich.text import Text

    from app.actions.ingest import open_ingester
    from pipelines.indexing.incoming import Incoming
    from pipelines.progress import Task

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
    )
    console = Console(stderr=True)
    shared = console.is_terminal and sys.stdout.isatty()
    # What is printed on the same terminal has to go round the line that moves.
    with Bar(*columns, console=console, transient=True, redirect_stdout=False) as bars:
        bar = bars.add_task("starting", total=None, left="")

        def show(told: Progress) -> None:
            words = STAGES.get(told.stage, told.stage)
            left = "" if told.eta_s is None else f"{_minutes(told.eta_s)} left"
            name = told.item if len(told.item) <= 40 else f"{told.item[:39]}…"
            description = f"{words} {name}".rstrip()
            total = told.total or None
            bars.update(bar, description=description, completed=told.done, total=total, left=left)

        if shared:
            report.show = lambda line: console.print(Text.from_ansi(line), soft_wrap=True)
        try:
            with open_ingester(opened, Task(show)) as ingester:
                incoming = [Incoming.from_path(path, collection) for path in paths]
                with closing(ingester.ingest_many(incoming)) as outcomes:
                    yield from outcomes
        finally:
            report.show = typer.echo


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


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
    from pipelines.store import chunks, documents

    with services() as opened, opened.pool.connection() as conn:
        document = _get(conn, document_id)
        passages = chunks.of_document(conn, document.same_as or document.id)
        copies = [(copy.id, copy.source) for copy in documents.copies(conn, document.id)]
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
    from pipelines.store import documents
    from pipelines.store.ids import DocumentId

    document = documents.get(conn, DocumentId(document_id))
    if document is None:
        raise InputError(f"There is no document with id {document_id}: attune documents list")
    return document


def _note(row: Listed) -> str:
    document = row.document
    if document.same_as is not None:
        return f"same content as {row.twin} ({document.same_as})"
    return document.reason or "; ".join(str(w["text"]) for w in document.warnings)


def _shown(document: Document) -> dict[str, Any]:
    return dict(vars(document))
