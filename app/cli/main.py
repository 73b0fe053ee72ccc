"""
The `attune` command. Each module beside this one holds one group of commands.

Command modules import only what typer needs to show help; the work is imported inside the
functions, so that `attune --help` and `attune ask` start fast.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import uuid

import typer

from app.cli import (
    admin_link,
    ask,
    doctor,
    documents,
    evaluate,
    improve,
    jobs,
    lean,
    models,
    pairs,
    replicas,
    serve,
    train,
    worker,
)
from app.settings import silence_telemetry
from pipelines.errors import AttuneError

app = typer.Typer(
    name="attune",
    help="Ask your documents; tune the retriever on them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("serve")(serve.serve)
app.command("ask")(ask.ask)
app.command("ingest")(documents.ingest)
app.add_typer(documents.group, name="documents")
app.add_typer(pairs.group, name="pairs")
app.command("improve")(improve.improve)
app.command("train")(train.train)
app.command("evaluate")(evaluate.evaluate)
app.add_typer(models.group, name="models")
app.command("replicas")(replicas.replicas)
app.command("admin-link")(admin_link.admin_link)
app.command("worker")(worker.worker)
app.add_typer(jobs.group, name="jobs")
app.command("doctor")(doctor.doctor)


@app.callback()
def attune() -> None:
    """Ask your documents; tune the retriever on them."""


def main() -> None:
    """
    Run a command. Exit codes: 0 done, 1 an unexpected fault, 2 unusable input, 3 the state
    changed meanwhile, 4 something is not ready, 5 damaged model files, 6 a provider failed,
    7 a rule refused, 10 some files failed to ingest, 130 interrupted.
    """
    silence_telemetry()
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
    except Exception:
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
