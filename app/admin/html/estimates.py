"""What making pairs will take, said before it begins."""

from __future__ import annotations

from dataclasses import dataclass

from app.actions.pairs import generating
from app.admin.html import words
from app.services import Services
from pipelines.errors import InputError
from pipelines.store import jobs, overview, pairs, wrong_passages
from pipelines.store.db import Connection
from training.pairs import collect


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
    """Estimate what making pairs takes, or say what prevents it."""
    with services.pool.connection() as conn:
        made = any(side.train for side in pairs.sides(conn))
        try:
            text, something = _words(conn, services, source, per_passage, limit, again)
        except InputError as error:
            text, something = str(error), False
    return Estimate(text, something, made)


def _words(
    conn: Connection, services: Services, source: str, per_passage: int, limit: int, again: bool
) -> tuple[str, bool]:
    if source == "feedback":
        waiting, wrong = overview.liked_without_pair(conn), wrong_passages.count_marked(conn)
        return (
            f"{words.count(waiting, 'liked answer')} without a pair,"
            f" {words.count(wrong, 'passage')} marked as wrong. At most"
            f" {collect.MOST_PER_VISITOR} from one visitor in 30 days are used. You review all of them."
        ), waiting + wrong > 0
    plan = generating.plan(
        conn, services, source, per_passage=per_passage or None, limit=limit, again=again
    )
    if not plan.passages:
        return "Every passage was used already. Start over to use all of them again.", False
    sentence = (
        f"{words.count(len(plan.passages), 'passage')}, up to"
        f" {words.count(plan.questions, 'question')}."
    )
    if (cost := plan.cost) is not None:
        sentence += (
            f" {words.count(cost.calls, 'call')} of {plan.name.removeprefix('llm:')} with about"
            f" {cost.tokens_in:,} input tokens and at"
            f" most {cost.tokens_out:,} output tokens, at your provider's price."
        )
    return sentence + _time(conn, source, len(plan.passages)) + _gone(conn, plan.name, again), True


def _time(conn: Connection, source: str, passages: int) -> str:
    """The expected time by the last run of this source, or nothing if it never ran."""
    for job in jobs.recent(conn, limit=10, tasks=["generate"], statuses=["succeeded"]):
        looked = (job.result or {}).get("passages", 0)
        if job.args.get("source") == source and looked and job.started_at is not None:
            took_s = (job.updated_at - job.started_at).total_seconds()
            return f" About {words.seconds(took_s / looked * passages)}, judged by the last run."
    return ""


def _gone(conn: Connection, name: str, again: bool) -> str:
    if not again:
        return ""
    going = sum(count for generator, *_, count in pairs.counts(conn) if generator == name)
    return f" Unreviewed pairs among these {going:,} will be deleted."
