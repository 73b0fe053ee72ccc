"""What making pairs will take, before it is begun."""

from __future__ import annotations

from dataclasses import dataclass

from app.actions import tuning
from app.admin.html import parts
from app.services import Services
from pipelines.errors import InputError
from pipelines.store import dashboard, jobs, pairs
from pipelines.store.db import Connection
from training.pairs import asking, collect
from training.pairs.offline import PER_PASSAGE


@dataclass(frozen=True)
class Estimate:
    """
    What making pairs will take, in words.

    :param something: Whether there is anything to make them of.
    :param made: Whether there are accepted pairs already.
    """

    words: str
    something: bool
    made: bool


def estimate(
    services: Services,
    source: str,
    *,
    per_passage: int = 0,
    limit: int = collect.MOST_PASSAGES,
    again: bool = False,
) -> Estimate:
    """The estimate; what stands in the way, where something does."""
    with services.pool.connection() as conn:
        made = any(side.train for side in pairs.sides(conn))
        try:
            words, something = _words(conn, services, source, per_passage, limit, again)
        except InputError as error:
            words, something = str(error), False
    return Estimate(words, something, made)


def _words(
    conn: Connection, services: Services, source: str, per_passage: int, limit: int, again: bool
) -> tuple[str, bool]:
    if source == "feedback":
        waiting = dashboard.liked_without_pair(conn)
        return (
            f"{parts.count(waiting, 'liked answer')} without a pair. At most"
            f" {collect.MOST_PER_VISITOR} of one visitor in thirty days. All wait for your review."
        ), waiting > 0
    name = tuning.generator_name(services, source)
    passages = collect.waiting(conn, "" if again else name, limit)
    if not passages:
        return "Every passage was looked at. Start over to look at all of them again.", False
    count = per_passage or (asking.QUESTIONS if source == "llm" else PER_PASSAGE)
    said = (
        f"{parts.count(len(passages), 'passage')}, up to"
        f" {parts.count(count * len(passages), 'question')}."
    )
    if source == "llm":
        cost = asking.estimate(passages, count)
        said += (
            f" {parts.count(cost.calls, 'call')} with about {cost.tokens_in:,} tokens in and at most"
            f" {cost.tokens_out:,} out, at your provider's price."
        )
    return said + _time(conn, source, len(passages)) + _gone(conn, name, again), True


def _time(conn: Connection, source: str, passages: int) -> str:
    """By how fast it last went here; nothing where it never ran."""
    for job in jobs.recent(conn, limit=10, tasks=["generate"], statuses=["succeeded"]):
        looked = (job.result or {}).get("passages", 0)
        if job.args.get("source") == source and looked and job.started_at is not None:
            took_s = (job.updated_at - job.started_at).total_seconds()
            return f" About {parts.seconds(took_s / looked * passages)}, by the last time."
    return ""


def _gone(conn: Connection, name: str, again: bool) -> str:
    if not again:
        return ""
    going = sum(count for generator, *_, count in pairs.counts(conn) if generator == name)
    return f" Of the {parts.count(going, 'pair')} made so, those that nobody reviewed go."
