"""What `attune ingest` prints: what became of each file, and the totals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from app.cli.asking.files import GivenFiles
from pipelines.indexing.outcome import Outcome, Status

if TYPE_CHECKING:
    from app.services import Services

COLOUR = {
    "indexed": "green", "duplicate": "cyan", "unchanged": "cyan", "failed": "red",
    "indexing": "yellow",
}  # fmt: skip
# What a file can end as, and how the number of those is called.
COUNTED = {
    "indexed": "indexed", "duplicate": "duplicates", "unchanged": "unchanged", "failed": "failed",
}  # fmt: skip
# Of the files that are not in when a command is interrupted.
MOST_NAMED = 20
# With more files, those that are in without a warning are only counted.
MOST_LISTED = 200


@dataclass
class IngestReport:
    """
    What became of each file, printed as soon as it is known.

    :param names: The files whose end is not known yet.
    """

    as_json: bool
    names: dict[str, str]
    listed: list[dict[str, Any]] = field(default_factory=list)
    show: Callable[[str], None] = typer.echo
    began: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        self._is_brief = len(self.names) > MOST_LISTED
        if self._is_brief and not self.as_json:
            typer.echo(
                f"{len(self.names):,} files. Listed are those that fail or have a warning;"
                " --json lists all."
            )

    def add(self, name: str, outcome: Outcome) -> None:
        """Print how a file has ended."""
        self.names.pop(outcome.source, None)
        self.listed.append({"path": name, **vars(outcome)})
        is_plain = outcome.status != "failed" and not outcome.warnings
        if self.as_json or (self._is_brief and is_plain):
            return
        state = typer.style(f"{outcome.status:10}", fg=COLOUR[outcome.status])
        detail = outcome.reason or ""
        if outcome.status == "indexed":
            passages = "1 passage" if outcome.chunks == 1 else f"{outcome.chunks:,} passages"
            detail = f"{passages} in {outcome.seconds:.1f} s"
        self.show(f"{state} {name}  {detail}".rstrip())
        for warning in outcome.warnings:
            self.show(typer.style(f"           warning: {warning}", fg="yellow"))

    def look_up(self, opened: Services, collection: str) -> None:
        """Add the files that were still written while the command was interrupted."""
        from pipelines.store import document_passages, documents

        with opened.pool.connection() as conn:
            for source, name in list(self.names.items()):
                document = documents.indexed(conn, collection, source)
                if document is not None and document.created_at >= self.began:
                    copied = document.same_as is not None
                    count = document_passages.count_of(conn, document.same_as or document.id)
                    status: Status = "duplicate" if copied else "indexed"
                    self.add(name, Outcome(source, status, document.id, chunks=count))

    def counts(self) -> dict[str, int]:
        """How many files ended in each way."""
        count = Counter(one["status"] for one in self.listed)
        return {key: count[status] for status, key in COUNTED.items()}

    def end(self, found: GivenFiles, seconds: float, *, interrupted: bool) -> None:
        """Print the totals, and the files that are missing after an interruption."""
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
