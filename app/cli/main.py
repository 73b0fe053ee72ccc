"""
The `attune` command. The folders beside this file hold the commands, as the help groups them.

Command modules import only what typer needs to show help. Functions import the rest themselves, so
that `attune --help` and `attune ask` start fast.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import logging
import os
import signal
import sys
import uuid
from collections.abc import Callable
from typing import Annotated

import typer
from typer.core import TyperGroup

from app.cli import lean
from app.cli.asking import ask, documents, ingest, sync
from app.cli.running import (
    admin_link,
    audit,
    backup,
    doctor,
    jobs,
    llm,
    mcp,
    people,
    replicas,
    serve,
    worker,
)
from app.cli.tuning import evaluate, improve, models, pairs, train
from app.settings import share_cores, silence_telemetry
from pipelines.errors import DISK_FULL, AttuneError, NotReadyError, is_disk_full

# In the order in which a newcomer needs them. Others come last.
ORDER = (
    "serve", "ingest", "sync", "ask", "documents", "improve", "pairs", "train", "evaluate", "models",
    "doctor", "llm", "admin-link", "jobs", "worker", "replicas", "people", "audit", "backup", "restore",
    "verify", "mcp",
)  # fmt: skip


class Commands(TyperGroup):
    """The commands in `ORDER`. Typer would put every group after every command."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        """Their names."""
        known = {name: place for place, name in enumerate(ORDER)}
        return sorted(super().list_commands(ctx), key=lambda name: known.get(name, len(known)))


app = typer.Typer(
    name="attune",
    cls=Commands,
    help="Ask your documents, and tune the search on them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # Joins the lines of a paragraph. Otherwise each line of a docstring is a line of the help.
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
NO_DATABASE = "The database cannot be reached. Give the command again once it answers."
ASKING, TUNING, RUNNING = "Ask", "Tune", "Run"


def _examples(*lines: str) -> str:
    """What stands below a command's help."""
    return "Examples:\n\n" + "\n".join(f"- `{line}`" for line in lines)


def _add(name: str, function: Callable[..., object], panel: str, *examples: str) -> None:
    app.command(name, rich_help_panel=panel, epilog=_examples(*examples) if examples else None)(
        function
    )


_add("serve", serve.serve, ASKING, "attune serve", "attune serve --port 8080 --no-open")
_add("ingest", ingest.ingest, ASKING, "attune ingest report.pdf", "attune ingest -r ~/papers")
_add(
    "sync", sync.sync, ASKING,
    "attune sync ~/papers --watch", "attune sync https://docs.example.org/guide/ --delete",
)  # fmt: skip
_add("ask", ask.ask, ASKING, 'attune ask "What did we earn in 2021?"')
app.add_typer(documents.group, name="documents", rich_help_panel=ASKING)
app.add_typer(pairs.group, name="pairs", rich_help_panel=TUNING)
_add("improve", improve.improve, TUNING, "attune improve")
_add(
    "train", train.train, TUNING,
    "attune train --method adapter", "attune train --auto --method query",
)  # fmt: skip
_add(
    "evaluate", evaluate.evaluate, TUNING,
    "attune evaluate --models base,v1", "attune evaluate --dataset questions.csv --models base",
)  # fmt: skip
app.add_typer(models.group, name="models", rich_help_panel=TUNING)
app.add_typer(jobs.group, name="jobs", rich_help_panel=RUNNING)
_add("worker", worker.worker, RUNNING)
_add("replicas", replicas.replicas, RUNNING)
_add("admin-link", admin_link.admin_link, RUNNING)
_add("doctor", doctor.doctor, RUNNING)
app.add_typer(llm.group, name="llm", rich_help_panel=RUNNING)
app.add_typer(people.group, name="people", rich_help_panel=RUNNING)
_add("audit", audit.audit, RUNNING, "attune audit --json --since 2026-11-01")
_add("backup", backup.backup, RUNNING)
_add("restore", backup.restore, RUNNING)
_add("verify", backup.verify, RUNNING)
_add("mcp", mcp.mcp, RUNNING)
app.command("web", hidden=True)(serve.web)
app.command("backups", hidden=True)(backup.backups)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"attune {importlib.metadata.version('attune')}")
        raise typer.Exit


@app.callback()
def attune(
    version: Annotated[
        bool,
        typer.Option("--version", "-V", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Ask your documents, and tune the search on them."""


def _is_outage(error: Exception) -> bool:
    from app.access import faults  # needed only here, and it takes time to import

    return faults.is_outage(error)


def main() -> None:
    """
    Run a command. Exit codes: 0 done, 1 an unexpected fault, 2 unusable input, 3 the state
    changed meanwhile, 4 something is not ready, 5 damaged model files, 6 a provider failed,
    7 a rule refused, 10 some files failed to ingest, 130 interrupted.
    """
    silence_telemetry()
    share_cores()
    # Unwinds like Ctrl-C, so that the embedded database stops with its last user. The web
    # server raises the signal once more when it has shut down.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        code = app(standalone_mode=False)
    except AttuneError as error:
        typer.secho(f"attune: {error}", err=True, fg="red")
        sys.exit(error.exit_code)
    except typer.Abort:
        sys.exit(130)
    except typer.TyperException as error:
        if not error.format_message():  # the help was shown, and says it all
            sys.exit(2)
        typer.secho(f"attune: {error.format_message()}", err=True, fg="red")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if is_disk_full(error):
            typer.secho(f"attune: {DISK_FULL}", err=True, fg="red")
            sys.exit(NotReadyError.exit_code)
        if _is_outage(error):
            typer.secho(f"attune: {NO_DATABASE}", err=True, fg="red")
            sys.exit(NotReadyError.exit_code)
        incident = uuid.uuid4().hex[:8]
        logging.getLogger("attune").exception("incident %s", incident)
        typer.secho(
            f"attune: an unexpected fault (incident {incident}); the log above tells more.",
            err=True,
            fg="red",
        )
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


def process() -> None:
    """The process of one command: `main` at its fastest."""
    if sys.argv[1:2] == ["ask"]:
        lean.import_for_a_question()
    try:
        main()
    except SystemExit as ended:
        # At once: all that is ours is closed, and taking torch apart takes Python a second.
        logging.shutdown()
        with contextlib.suppress(BrokenPipeError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(ended.code if isinstance(ended.code, int) else int(ended.code is not None))


if __name__ == "__main__":
    process()
