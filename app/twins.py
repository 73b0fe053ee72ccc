"""
Accelerated twins of versions (`pipelines/accelerated`): when one is worth building, and from which
windows it is made and judged.

Before many windows are embedded, because that is over sooner then; and for a small library once
nothing came in for a while, because a command answers in a third of the time without torch.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from pipelines import memory, reindex
from pipelines.gather import BULK_CHUNKS
from pipelines.progress import Stop, Stopped
from pipelines.store import active, chunks, documents, gaps, indexes, models
from pipelines.store.db import Connection
from pipelines.store.ids import RuleId
from pipelines.store.models import Model

if TYPE_CHECKING:
    from app.wiring import Services
    from pipelines.reindex import EncoderOptions

# Embedding so many by torch takes as long as building the twin does.
WORTH_WINDOWS = 600
# Fewer say nothing about a model.
LEAST_WINDOWS = 40
SAMPLE_WINDOWS = 600
# Without anything coming in, for a library that no load was large enough for.
PAUSE = timedelta(minutes=5)

log = logging.getLogger(__name__)


def before_load(services: Services, stop: Stop) -> Callable[[Sequence[str]], None] | None:
    """What builds the serving version's twin when a load turns out to be large; None: it has one."""
    with services.pool.connection() as conn:
        model = models.get(conn, services.replica.current().model_id)
    if model is None or not reindex.lacks_twin(model, services.options, BULK_CHUNKS):
        return None

    def on_bulk(windows: Sequence[str]) -> None:
        with services.pool.connection() as conn:
            serving = models.get(conn, services.replica.current().model_id)
        if serving is not None:
            _build(services, serving, windows, stop)

    return on_bulk


def before_build(
    services: Services, model: Model, on_begin: Callable[[], None], stop: Stop
) -> None:
    """
    Build the twin of a version that many windows are about to be embedded by.

    :raises Stopped: `stop` said so.
    """
    with services.pool.connection() as conn:
        rule = _serving_rule(conn)
        if rule is None or gaps.count_windows(conn, rule) < WORTH_WINDOWS:
            return
        if not reindex.lacks_twin(model, services.options, WORTH_WINDOWS):
            return
        windows = chunks.sample_windows(conn, rule, SAMPLE_WINDOWS)
    on_begin()
    _build(services, model, windows, stop)
    if stop():
        raise Stopped


def lacking(conn: Connection, options: EncoderOptions) -> Model | None:
    """The version that serves, if its twin is wanted now that nothing comes in."""
    pointer = active.get(conn)
    index = None if pointer is None else indexes.get(conn, pointer.index_id)
    model = None if index is None else models.get(conn, index.model_id)
    if index is None or model is None or not reindex.accelerates(options):
        return None
    windows = gaps.count_windows(conn, index.rule_id)
    if windows < LEAST_WINDOWS or not reindex.lacks_twin(model, options, windows):
        return None
    return None if documents.came_in_within(conn, PAUSE) else model


def build_lacking(services: Services, stop: Stop) -> str | None:
    """Build the twin that is `lacking`; its version's name."""
    with services.pool.connection() as conn:
        model, rule = lacking(conn, services.options), _serving_rule(conn)
        if model is None or rule is None:
            return None
        windows = chunks.sample_windows(conn, rule, SAMPLE_WINDOWS)
    _build(services, model, windows, stop)
    return model.name


def _build(services: Services, model: Model, windows: Sequence[str], stop: Stop) -> None:
    verdict = reindex.accelerate(model, services.options, windows, stop)
    if verdict is None:
        return
    log.info("accelerated encoder of %s: %s", model.name, verdict.reason)
    if model.id == services.replica.current().model_id:
        services.replica.reload()
    memory.give_back()  # what torch held


def _serving_rule(conn: Connection) -> RuleId | None:
    pointer = active.get(conn)
    index = None if pointer is None else indexes.get(conn, pointer.index_id)
    return None if index is None else index.rule_id
