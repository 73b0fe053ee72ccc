"""`attune worker`: does the jobs that wait."""

from __future__ import annotations

from typing import Annotated

import typer


def worker(
    queues: Annotated[
        str,
        typer.Option(
            help="Which jobs: documents, index, train; several with commas. Default: all."
        ),
    ] = "",
    end_with_parent: Annotated[bool, typer.Option("--end-with-parent", hidden=True)] = False,
    beat_fd: Annotated[int | None, typer.Option("--beat-fd", hidden=True)] = None,
    ended: Annotated[str, typer.Option("--ended", hidden=True)] = "",
    froze: Annotated[str, typer.Option("--froze", hidden=True)] = "",
) -> int:
    """Do the jobs that wait, one of each queue at a time, until Ctrl-C or SIGTERM.

    `documents`: files to index, upkeep. `index`: building and promoting versions. `train`: pairs,
    training, evaluation. attune serve starts a worker too. More may run on other machines with the
    same DATABASE_URL and ATTUNE_HOME, for example one with a GPU on the queue train.
    """
    from app import settings
    from app.watchdog.heartbeat import Heartbeat

    chosen = [name.strip() for name in queues.split(",") if name.strip()]
    if beat_fd is None:
        from app.watchdog.launch import work

        return work(settings.load(), chosen)
    heartbeat = Heartbeat(beat_fd)
    heartbeat.start()  # before the imports, where a process can stand still as well
    from app.queue import QUEUES
    from app.worker.crew import Before
    from app.worker.process import run

    run(
        settings.load(),
        chosen or QUEUES,
        end_with_parent=end_with_parent,
        heartbeat=heartbeat,
        before=Before.of(ended, froze),
    )
    return 0
