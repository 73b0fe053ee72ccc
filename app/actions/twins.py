"""
Accelerated twins of versions (`pipelines/embedder/cpu_twin`): when one is worth building, and from
which
windows it is made and judged.

A twin is built before many windows are embedded, because that is faster then. For a small library
it is built once nothing came in for a while, because a command answers in a third of the time
without torch.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from pipelines.embedder import loading, memory
from pipelines.indexing.load.bulk import BULK_CHUNKS
from pipelines.progress import Progress, Task
from pipelines.store import active, chunks, document_list, gaps
from pipelines.store.db import Connection
from pipelines.store.models import Model

if TYPE_CHECKING:
    from app.services import Services
    from pipelines.embedder.loading import EncoderOptions

# Embedding so many by torch takes as long as building the twin does.
WORTH_WINDOWS = 600
# Fewer say nothing about a model.
LEAST_WINDOWS = 40
# A smaller model embeds by torch in less time than its twin takes to be loaded.
LEAST_DIMENSION = 128
SAMPLE_WINDOWS = 600
# Without anything coming in, for a library that no load was large enough for.
PAUSE = timedelta(minutes=5)

log = logging.getLogger(__name__)


def before_load(services: Services, task: Task) -> Callable[[Sequence[str]], None] | None:
    """
    A function that builds the serving version's twin when a load turns out to be large.

    :returns: None if the version has a twin.
    """

    def serving() -> Model:
        with services.pool.connection() as conn:
            return active.serving(conn).model

    if not _lacks(serving(), services.options, BULK_CHUNKS):
        return None
    # Asked again: another version may have taken over meanwhile.
    return lambda windows: _build(services, serving(), windows, task)


def before_build(services: Services, model: Model, task: Task) -> None:
    """
    Build the twin of a version that many windows are about to be embedded by.

    :raises Stopped: The task was asked to stop.
    """
    if not _lacks(model, services.options, WORTH_WINDOWS):
        return
    with services.pool.connection() as conn:
        rule = active.serving(conn).index.rule_id
        if gaps.count_windows(conn, rule) < WORTH_WINDOWS:
            return
        windows = chunks.sample_windows(conn, rule, SAMPLE_WINDOWS)
    task.tell(Progress("accelerating"))
    _build(services, model, windows, task)
    task.check()


def lacking(conn: Connection, options: EncoderOptions) -> Model | None:
    """The version that serves, if its twin is wanted now that nothing comes in."""
    if not loading.accelerates(options):
        return None
    serving = active.serving(conn)
    model, windows = serving.model, gaps.count_windows(conn, serving.index.rule_id)
    if windows < LEAST_WINDOWS or not _lacks(model, options, windows):
        return None
    return None if document_list.came_in_within(conn, PAUSE) else model


def build_lacking(services: Services, task: Task) -> str | None:
    """
    Build the twin that is `lacking`.

    :returns: The name of its version, or None if no twin was built.
    """
    with services.pool.connection() as conn:
        model = lacking(conn, services.options)
        if model is None:
            return None
        windows = chunks.sample_windows(conn, active.serving(conn).index.rule_id, SAMPLE_WINDOWS)
    _build(services, model, windows, task)
    return model.name


def _lacks(model: Model, options: EncoderOptions, windows: int) -> bool:
    return model.dimension >= LEAST_DIMENSION and loading.lacks_twin(model, options, windows)


def _build(services: Services, model: Model, windows: Sequence[str], task: Task) -> None:
    verdict = loading.accelerate(model, services.options, windows, task)
    if verdict is None:
        return
    log.info("accelerated encoder of %s: %s", model.name, verdict.reason)
    if model.id == services.replica.current().model_id:
        services.replica.reload()
    memory.give_back()  # what torch held
