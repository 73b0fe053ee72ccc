"""Pairs of question and passage from the documents, by a language model, offline, or from votes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from app.services import Services
from pipelines.errors import InputError
from pipelines.progress import NO_TASK, Progress, Task
from pipelines.store import pairs
from pipelines.store.db import Connection
from pipelines.store.pair_passages import Passage
from training.pairs import asking, collect
from training.pairs.asking import CallEstimate
from training.pairs.collector import Summary
from training.pairs.offline import PER_PASSAGE, OfflineGenerator

# Calls of a language model at a time.
AT_ONCE = 4


@dataclass(frozen=True)
class GenerationPlan:
    """
    What a source of pairs will do.

    :param name: How the store calls the source.
    :param per_passage: Questions for each passage.
    :param cost: Calls of the language model, if the source uses one.
    """

    source: str
    name: str
    passages: Sequence[Passage]
    per_passage: int
    cost: CallEstimate | None

    @property
    def questions(self) -> int:
        """The largest number of questions that it can make."""
        return self.per_passage * len(self.passages)


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
    llm = services.llms.default()
    if llm is None:
        raise InputError(
            "No language model is set up. An admin can add one on the tab Language model or with"
            " attune llm set. Or make pairs without one."
        )
    return collect.asked_name(llm)


def forget_pairs(conn: Connection, services: Services, source: str) -> None:
    """Delete a source's pairs that nobody has reviewed, so that it starts over."""
    pairs.delete(conn, generator=generator_name(services, source))


def plan(
    conn: Connection,
    services: Services,
    source: str,
    *,
    per_passage: int | None = None,
    limit: int = collect.MOST_PASSAGES,
    again: bool = False,
    without: Sequence[str] = (),
) -> GenerationPlan:
    """
    Find the passages that a source has not seen, `limit` at most.

    :param source: See `generator_name`.
    :param per_passage: Questions for each passage. Without it, as many as suit the source.
    :param again: Plan as if the source had seen nothing.
    :param without: Collections to leave out.
    :raises InputError: There is no such source, or no document has passages.
    """
    name = generator_name(services, source)
    passages = collect.waiting(conn, "" if again else name, limit, without=without)
    asks = source == "llm"
    count = per_passage or (asking.QUESTIONS if asks else PER_PASSAGE)
    cost = asking.estimate(passages, count) if asks else None
    return GenerationPlan(source, name, passages, count, cost)


def generate(
    services: Services,
    source: str,
    *,
    per_passage: int | None = None,
    limit: int = collect.MOST_PASSAGES,
    without: Sequence[str] = (),
    who: str = "system",
    task: Task = NO_TASK,
) -> Summary:
    """
    Make pairs of the passages that a source has not seen. The parameters are those of `plan`.

    :raises InputError: There is no such source, or no document has passages.
    :raises Stopped: The task was asked to stop. Stored pairs stay.
    """
    generator_name(services, source)
    handle = services.replica.refresh()
    if source == "feedback":
        summary = collect.collect_liked(services.pool, handle, created_by=who)
        summary.wrong = collect.collect_wrong(services.pool, created_by=who)
        return summary
    with services.pool.connection() as conn:
        planned = plan(
            conn, services, source, per_passage=per_passage, limit=limit, without=without
        )
    task.tell(Progress("asking", 0, len(planned.passages)))
    return make_pairs(services, planned, who=who, task=task)


def make_pairs(
    services: Services,
    planned: GenerationPlan,
    *,
    at_once: int = AT_ONCE,
    who: str = "system",
    task: Task = NO_TASK,
) -> Summary:
    """
    Make the pairs of a plan.

    :param at_once: Calls of a language model at a time.
    :raises Stopped: The task was asked to stop. Stored pairs stay.
    """
    handle = services.replica.current()
    if planned.source == "offline":
        return collect.generate_offline(
            services.pool,
            handle,
            planned.passages,
            per_passage=planned.per_passage,
            created_by=who,
            task=task,
        )
    llm = services.llms.default()
    assert llm is not None, "the name of the generator asks for one"
    return asyncio.run(
        collect.generate_asked(
            services.pool,
            handle,
            planned.passages,
            llm,
            per_passage=planned.per_passage,
            at_once=at_once,
            created_by=who,
            task=task,
        )
    )
