"""`attune serve`: the web app."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
from typing import Annotated

import typer


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one."),
    ] = None,
    open_browser: Annotated[
        bool | None, typer.Option("--open/--no-open", help="Open a browser. Default: on a desktop.")
    ] = None,
    worker: Annotated[
        bool, typer.Option("--worker/--no-worker", help="Start a worker for the jobs, too.")
    ] = True,
) -> int:
    """Start the web app. Ctrl-C or SIGTERM stops it."""
    from app import settings
    from app.watchdog.launch import serve as keep_serving

    config = settings.load()
    return keep_serving(
        config,
        host or config.host,
        config.port if port is None else port,
        open_browser,
        worker=worker,
    )


def web(
    listen_fd: Annotated[int, typer.Option()],
    beat_fd: Annotated[int, typer.Option()],
    url: Annotated[str, typer.Option()],
    open_browser: Annotated[bool | None, typer.Option("--open/--no-open")] = None,
    again: Annotated[bool, typer.Option()] = False,
) -> None:
    """The web process of `attune serve`, which starts it."""
    from app.watchdog.heartbeat import Heartbeat
    from pipelines.system.orphan import when_parent_ends

    heartbeat = Heartbeat(beat_fd)
    heartbeat.start()  # before the imports, where a process can stand still as well
    when_parent_ends(lambda: os.kill(os.getpid(), signal.SIGTERM))
    from app import settings
    from app.web.serve import Door, run

    try:
        door = Door(socket.socket(fileno=listen_fd), url, open_browser, again)
        run(settings.load(), door, heartbeat)
    except (SystemExit, KeyboardInterrupt) as ended:
        # All is closed and stored. What is left, the interpreter's own clearing up after the
        # model libraries, can take seconds that a stopping container does not have.
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(
            ended.code if isinstance(ended, SystemExit) and isinstance(ended.code, int) else 130
        )
