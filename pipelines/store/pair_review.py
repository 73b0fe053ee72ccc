"""Pairs for review by a person: one after the other, and counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from psycopg.errors import UniqueViolation

from pipelines.errors import ConflictError
from pipelines.store import pairs
from pipelines.store.db import Connection
from pipelines.store.pairs import Pair, Status
from pipelines.store.rows import class_row

Step = Literal["here", "next", "before", "last"]
# The sample of pairs made from documents that a person reviews to judge all of them, always the same.
_SAMPLE = (
    "select id from pair where message_id is null"
    " and (status = 'accepted' or status = 'rejected' and reviewed_at is not null)"
    " order by md5(id::text) limit %(sample)s"
)
_WHERE = (
    f" case when %(sample)s > 0 then id in ({_SAMPLE}) else status = %(status)s end"
    " and (%(split)s::text is null or split = %(split)s)"
    " and (%(search)s = '' or strpos(lower(question), lower(%(search)s)) > 0"
    " or strpos(lower(document), lower(%(search)s)) > 0)"
)
_STEPS: dict[Step, tuple[str, str]] = {
    "here": ("id >= %(at)s", "asc"),
    "next": ("id > %(at)s", "asc"),
    "before": ("id < %(at)s", "desc"),
    "last": ("id <= %(at)s", "desc"),
}


@dataclass(frozen=True)
class Filter:
    """
    Which pairs to go through.

    :param split: None for both sides.
    :param sample: Size of a sample of the pairs made from documents, decided or not. It replaces
        the status. With 0 all pairs with the status are shown.
    """

    status: Status = "review"
    split: str | None = None
    search: str = ""
    sample: int = 0


@dataclass(frozen=True)
class ReviewPlace:
    """A pair and its position among those that a filter selects, counted from 1."""

    pair: Pair
    number: int
    total: int


@dataclass(frozen=True)
class Count:
    """Number of pairs with the same source, side, status and reason."""

    generator: str
    kind: str
    split: str
    status: str
    reason: str
    pairs: int


def look(conn: Connection, wanted: Filter, at: int = 0, step: Step = "here") -> ReviewPlace | None:
    """
    The pair at a position or next to it.

    :param at: Id of the pair that was shown. It may be gone.
    :returns: At the first or last pair this pair itself, or None if there are no pairs.
    """
    found = _one(conn, wanted, at, step)
    if found is None:  # at an end: the last or the first pair
        found = _one(conn, wanted, at, "here" if step == "before" else "last")
    if found is None:
        return None
    row = conn.execute(
        f"select count(*) filter (where id <= %(at)s), count(*) from pair where{_WHERE}",
        _values(wanted) | {"at": found.id},
    ).fetchone()
    assert row is not None
    return ReviewPlace(found, row[0], row[1])


def counts(conn: Connection) -> list[Count]:
    """Count the pairs of every combination."""
    return [Count(*row) for row in pairs.counts(conn)]


def phrases(conn: Connection) -> tuple[int, int]:
    """
    Count the accepted pairs made without a language model.

    :returns: The number without a question mark, and the number of all.
    """
    row = conn.execute(
        "select count(*) filter (where question !~ '[?？؟]\\s*$'), count(*)"
        " from pair where status = 'accepted' and generator = 'offline'"
    ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def decide(
    conn: Connection,
    pair_id: int,
    status: Status,
    *,
    who: str,
    question: str | None = None,
    question_sha256: str | None = None,
) -> bool:
    """
    Store a person's decision on a pair.

    :returns: False if the pair is gone.
    :raises ConflictError: The passage has another pair with the edited question.
    """
    try:
        with conn.transaction():
            return (
                pairs.decide(
                    conn,
                    [pair_id],
                    status,
                    who=who,
                    question=question,
                    question_sha256=question_sha256,
                )
                == 1
            )
    except UniqueViolation:
        raise ConflictError("This passage has a pair with the same question already.") from None


def get(conn: Connection, pair_id: int) -> Pair | None:
    """The pair with this id."""
    with conn.cursor(row_factory=class_row(Pair)) as cursor:
        return cursor.execute("select * from pair where id = %s", (pair_id,)).fetchone()


def _one(conn: Connection, wanted: Filter, at: int, step: Step) -> Pair | None:
    condition, order = _STEPS[step]
    with conn.cursor(row_factory=class_row(Pair)) as cursor:
        return cursor.execute(
            f"select * from pair where {condition} and{_WHERE} order by id {order} limit 1",
            _values(wanted) | {"at": at},
        ).fetchone()


def _values(wanted: Filter) -> dict[str, Any]:
    return vars(wanted) | {"search": wanted.search.strip()}
