"""Imports files of pairs: each is read and checked at once, and stored at once or by a job."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from app import queue
from app.services import Services
from pipelines.errors import InputError
from pipelines.progress import NO_TASK, Stopped, Task
from pipelines.store import job_progress, pair_files
from pipelines.store.db import Connection
from pipelines.store.ids import JobId
from pipelines.store.job_progress import Hold
from pipelines.store.pairs import Split
from training.pairs import from_file, seedfile
from training.pairs.collector import Summary
from training.pairs.seedfile import SeedFile


def read(path: Path) -> SeedFile:
    """
    The pairs of an uploaded file.

    :raises InputError: It cannot be used. The message names the file without its folder.
    """
    try:
        return seedfile.read(path)
    except InputError as error:
        raise InputError(str(error).replace(str(path), path.name)) from None


def leave(services: Services, seed: SeedFile, name: str, split: Split | None, *, who: str) -> JobId:
    """
    Leave a file to a job.

    :returns: The job's id.
    :raises ConflictError: The same file waits already.
    """
    content = seedfile.render(seed, ".json")
    with services.pool.connection() as conn, conn.transaction():
        return queue.defer_in(
            conn,
            "import_pairs",
            who=who,
            file=pair_files.add(conn, name, content),
            name=name,
            sha256=hashlib.sha256(content.encode()).hexdigest(),
            questions=len(seed.queries),
            split=split,
        )


def import_now(
    services: Services,
    seed: SeedFile,
    name: str,
    split: Split | None,
    *,
    who: str,
    task: Task = NO_TASK,
    also: Callable[[Connection, Summary], object] = lambda conn, summary: None,
) -> Summary:
    """
    Import the pairs of a file, all of them or none.

    :param split: The side of all of them. Without it, a part is held out.
    :param also: Called in the same transaction.
    :raises Stopped: The task was asked to stop. Nothing is stored.
    """
    return from_file.import_file(
        services.pool,
        services.replica.refresh(),
        seed,
        name,
        split=split,
        created_by=who,
        task=task,
        also=also,
    )


def take(
    services: Services,
    hold: Hold,
    file_id: int,
    name: str,
    split: Split | None,
    *,
    who: str,
    task: Task,
) -> Summary:
    """
    Import a file that was left to a job. Its pairs, the job's result and the end of the file are one
    transaction: an import that was cut off leaves nothing, one that is done is not done again.

    :raises InputError: The file is gone.
    """
    with services.pool.connection() as conn:
        content = pair_files.content(conn, file_id)
    if content is None:
        raise InputError(f"{name} is no longer kept: import it again.")

    def end(conn: Connection, summary: Summary) -> None:
        if not job_progress.set_result(conn, hold, summary.as_json()):
            raise Stopped  # the job is another worker's now
        pair_files.remove(conn, file_id)

    seed = seedfile.parse(content)
    return import_now(services, seed, name, split, who=who, task=task, also=end)
