"""Pairs of question and passage from the documents, by a language model, offline, or from votes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from app.services import Services, llm_options
from pipelines.errors import InputError
from pipelines.progress import NO_TASK, Progress, Task
from pipelines.store import pairs
from pipelines.store.db import Connection
from pipelines.store.pairs import Passage
from training.pairs import asking, collect
from training.pairs.collect import Summary
from training.pairs.offline import PER_PASSAGE, OfflineGenerator

# Calls of a language model at a time.
AT_ONCE = 4


def generator_name(services: Services, source: str) -> str:
    """
    How the store calls a source of pairs: ``offline``, ``llm`` or ``feedback``.

    :raises InputError: There is no such source, or no language model is configured.
    """
    if source == "offline":
        return OfflineGenerator.name
    if source == "feedback":
        return "feedback"
    if source != "llm":
        raise InputError(f"{source!r} makes no pairs: offline, llm or feedback is expected.")
    llm = llm_options(services.settings)
    if llm is None:
        raise InputError(
            "No language model is configured: set OPENAI_API_KEY or OPENAI_BASE_URL, or make"
            " pairs offline."
        )
    return collect.asked_name(llm)


def forget_pairs(conn: Connection, services: Services, source: str) -> None:
    """Remove a source's pairs that nobody has reviewed, so that it looks at all passages anew."""
    pairs.delete(conn, generator=generator_name(services, source))


def generate(
    services: Services,
    source: str,
    *,
    per_passage: int | None = None,
    limit: int = collect.MOST_PASSAGES,
    without: Sequence[str] = (),
    by: str = "system",
    task: Task = NO_TASK,
) -> Summary:
    """
    Pairs of passages that the source has not seen, `limit` at most.

    :param source: See `generator_name`.
    :param per_passage: Questions for each; None: as many as suit the source.
    :param without: Collections to leave out.
    """
    name = generator_name(services, source)
    handle = services.replica.refresh()
    if source == "feedback":
        return collect.collect_liked(services.pool, handle, created_by=by)
    with services.pool.connection() as conn:
        passages = collect.waiting(conn, name, limit, without=without)
    count = per_passage or (asking.QUESTIONS if source == "llm" else PER_PASSAGE)
    task.tell(Progress("asking", 0, len(passages)))
    return make_pairs(services, source, passages, count, by=by, task=task)


def make_pairs(
    services: Services,
    source: str,
    passages: Sequence[Passage],
    count: int,
    *,
    at_once: int = AT_ONCE,
    by: str = "system",
    task: Task = NO_TASK,
) -> Summary:
    """Pairs of these passages, `count` questions for each. `at_once`: calls of a model at a time."""
    handle = services.replica.current()
    if source == "offline":
        return collect.generate_offline(
            services.pool,
            handle,
            passages,
            per_passage=count,
            created_by=by,
            task=task,
        )
    llm = llm_options(services.settings)
    assert llm is not None, "the name of the generator asks for one"
    return asyncio.run(
        collect.generate_asked(
            services.pool,
            handle,
            passages,
            llm,
            per_passage=count,
            at_once=at_once,
            created_by=by,
            task=task,
        )
    )
