"""
From a ready index to one that serves: catch up, wait for the replicas, prove, switch.

A rollback goes the same way, without waiting: its version serves already wherever it is loaded.
"""

from __future__ import annotations

import logging
import time
from functools import partial
from typing import Any
from uuid import uuid4

import psycopg
from psycopg.errors import DeadlockDetected, LockNotAvailable

from pipelines.errors import ConflictError, GateError, NotReadyError
from pipelines.progress import NO_TASK, Task, unheard
from pipelines.search.handle import SearchHandle
from pipelines.store import active, indexes, replicas
from pipelines.store.active import Active, GapError, Switch
from pipelines.store.db import Pool
from pipelines.store.ids import IndexId
from pipelines.versions import build, proof

# Writers come in between catching up and switching. The little that is left is caught up while
# they wait, so that busy ones do not win forever; where it is more, each try leaves less.
MOST_TRIES = 50
PAUSE_S = 0.05
PREPARE_TIMEOUT_S = 120.0
# How long the outcome of a lost commit is asked for.
OUTCOME_TIMEOUT_S = 60.0

log = logging.getLogger(__name__)


def prepare(
    pool: Pool,
    index_id: IndexId,
    *,
    shadow_share: float = 0,
    timeout_s: float = PREPARE_TIMEOUT_S,
    task: Task = NO_TASK,
) -> None:
    """
    Have every live replica load and verify a version, and wait until all of them have.

    :raises NotReadyError: A replica refused, with its reason, or did not make it in time.
    :raises Stopped: The task was asked to stop.
    """
    with pool.connection() as conn:
        index = indexes.get(conn, index_id)
        if index is None or index.status != "ready":
            raise NotReadyError("The version is not built yet: attune models build NAME")
        indexes.want(conn, index_id, True, shadow_share=shadow_share or index.shadow_share)
    deadline = time.monotonic() + timeout_s
    while True:
        with pool.connection() as conn:
            late = replicas.unprepared(conn, index_id)
        if not late:
            return
        task.check()
        refused = [row for row in late if index_id in row.refused]
        if refused or time.monotonic() > deadline:
            names = ", ".join(f"{row.id}: {row.fault or 'not loaded in time'}" for row in late)
            if refused:
                # Else replicas would try for ever, and upkeep too.
                with pool.connection() as conn:
                    indexes.give_up(conn, index_id, names)
            raise NotReadyError(f"The version is not loaded everywhere. {names}")
        time.sleep(PAUSE_S)


def promote(
    pool: Pool,
    handle: SearchHandle,
    expected_epoch: int,
    who: str,
    *,
    detail: dict[str, Any] | None = None,
    task: Task = NO_TASK,
) -> Active:
    """
    Let a prepared version serve, proved on the corpus as it is now.

    :raises GateError: The proof failed.
    :raises ConflictError: The active version changed meanwhile.
    :raises NotReadyError: It could not be completed, or a replica does not have it.
    """
    silent = task.telling(unheard)  # promoting is a stage of its own
    build.fill(pool, handle, silent)
    with pool.connection() as conn:
        found = proof.prove(conn, handle, catch_up=lambda: build.fill(pool, handle, silent))
    if not found.passed:
        raise GateError(f"The version is not fit to serve. {found.failures()}")
    switch = Switch(
        handle.index_id,
        expected_epoch,
        who,
        "promote",
        uuid4(),
        (detail or {}) | {"version": handle.model_name, "proof": found.as_json()},
    )
    return _switch(pool, handle, switch, task)


def roll_back(
    pool: Pool, handle: SearchHandle, expected_epoch: int, who: str, *, reason: str = ""
) -> Active:
    """
    Let the previous version serve again.

    :param handle: The previous version's.
    :raises ConflictError: The active version changed meanwhile.
    """
    detail = {"version": handle.model_name, "reason": reason}
    switch = Switch(handle.index_id, expected_epoch, who, "rollback", uuid4(), detail)
    return _switch(pool, handle, switch, NO_TASK)


def _switch(pool: Pool, handle: SearchHandle, switch: Switch, task: Task) -> Active:
    rate = 0.0
    for _ in range(MOST_TRIES):
        task.check()
        try:
            with pool.connection() as conn:
                return active.promote(
                    conn, switch, partial(build.fill_tail, handle=handle, rate=rate)
                )
        except (GapError, LockNotAvailable, DeadlockDetected) as error:
            log.debug("promotion tries again: %s", error)
            rate = build.catch_up(pool, handle)
        except psycopg.OperationalError:
            after = _outcome(pool, switch)
            if after is not None:
                return after
    raise NotReadyError("Documents kept coming in; the version could not be completed in time.")


def _outcome(pool: Pool, switch: Switch) -> Active | None:
    """
    What became of a switch whose connection was lost, asked of the database itself.

    :raises ConflictError: It was not made, and another one was.
    """
    deadline = time.monotonic() + OUTCOME_TIMEOUT_S
    while True:
        try:
            with pool.connection() as conn:
                epoch = active.outcome(conn, switch.attempt)
                now = active.get(conn)
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
            continue
        if epoch is not None:
            assert now is not None
            return Active(switch.index_id, now.previous_id, epoch, now.changed_at)
        if now is None or now.epoch != switch.expected_epoch:
            raise ConflictError("The active version changed meanwhile; look again.")
        return None
