"""Decisions of a person: on pairs, and on questions that people asked."""

from __future__ import annotations

from collections.abc import Collection

from app.services import Services
from pipelines.errors import AttuneError
from pipelines.store.pairs import Status
from training.pairs import teach as lessons
from training.pairs.teach import Lesson, Use


def decide(
    services: Services, pair_id: int, status: Status, *, who: str, question: str | None = None
) -> None:
    """
    Store a decision on a pair, with the edited question if given.

    :raises InputError: The question is empty, or the pair is gone.
    :raises GateError: Its passage is on the other side.
    :raises ConflictError: Another pair has the edited question.
    """
    with services.pool.connection() as conn:
        lessons.decide(conn, pair_id, status, who=who, question=question)


def decide_all(
    services: Services, accepted: Collection[int], rejected: Collection[int], *, who: str
) -> None:
    """
    Store decisions on several pairs, all or none.

    :raises AttuneError: One of them cannot be decided on. The message names it.
    """
    decisions: list[tuple[int, Status]] = [(number, "accepted") for number in sorted(accepted)]
    decisions += [(number, "rejected") for number in sorted(rejected)]
    with services.pool.connection() as conn, conn.transaction():
        for pair_id, status in decisions:
            try:
                lessons.decide(conn, pair_id, status, who=who)
            except AttuneError as error:
                raise type(error)(f"Pair {pair_id}: {error}") from None


def teach(services: Services, lesson: Lesson, use: Use, *, who: str) -> int:
    """
    Store a question that somebody asked, as a pair or with passages that are wrong for it.

    :returns: The number of passages stored.
    :raises AttuneError: It cannot be used. See `training.pairs.teach.teach`.
    """
    return lessons.teach(services.pool, services.replica.current(), lesson, use, who=who)
