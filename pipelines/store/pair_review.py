"""
Pairs and wrong passages for review by a person: one after the other, and counted.

They share one list, because a person decides on both in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from psycopg.errors import UniqueViolation

from pipelines.errors import ConflictError
from pipelines.store import pairs, wrong_passages
from pipelines.store.db import Connection
from pipelines.store.pairs import Pair, Status
from pipelines.store.rows import class_row

Step = Literal["here", "next", "before", "last"]
# Both as rows of one kind. A wrong passage belongs to training.
_ITEMS = f"""(
 select id, question, question_sha256, passage, passage_sha256, origin, generator, kind, document,
  section, language, split, status, reason, base_rank, message_id, visitor, created_by, created_at,
  reviewed_by, reviewed_at, false as wrong from pair
 union all
 select id, question, question_sha256, passage, passage_sha256, '{pairs.CORPUS}', 'feedback',
  '{wrong_passages.KIND}', document, '', null, 'train', status,
  case status when 'review' then '{wrong_passages.MARKED}' else '' end, null, message_id, visitor,
  created_by, created_at, reviewed_by, reviewed_at, true from wrong_passage
) item"""
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
class Reviewed(Pair):
    """What a person decides on: a pair, or a passage that is wrong for the question."""

    wrong: bool = False


@dataclass(frozen=True)
class ReviewPlace:
    """What is reviewed, and its position among those that a filter selects, counted from 1."""

    pair: Reviewed
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
        f"select count(*) filter (where id <= %(at)s), count(*) from {_ITEMS} where{_WHERE}",
        _values(wanted) | {"at": found.id},
    ).fetchone()
    assert row is not None
    return ReviewPlace(found, row[0], row[1])


def counts(conn: Connection) -> list[Count]:
    """Count the pairs of every combination, and the wrong passages by their status."""
    wrong = [
        Count("feedback", wrong_passages.KIND, "train", status, "", number)
        for status, number in wrong_passages.counts(conn)
    ]
    return [Count(*row) for row in pairs.counts(conn)] + wrong


def select(
    conn: Connection,
    *,
    status: str | None = None,
    split: str | None = None,
    after: int = 0,
    limit: int | None = None,
) -> list[Reviewed]:
    """Pairs and wrong passages by status and side with ids above `after`, oldest first."""
    with conn.cursor(row_factory=class_row(Reviewed)) as cursor:
        return cursor.execute(
            f"select * from {_ITEMS} where id > %(after)s"
            " and (%(status)s::text is null or status = %(status)s)"
            " and (%(split)s::text is null or split = %(split)s) order by id limit %(limit)s",
            {"status": status, "split": split, "after": after, "limit": limit},
        ).fetchall()


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
    item: Reviewed,
    status: Status,
    *,
    who: str,
    question: str | None = None,
    question_sha256: str | None = None,
) -> bool:
    """
    Store a person's decision.

    :returns: False if the row is gone.
    :raises ConflictError: The passage has another row with the edited question.
    """
    edited = {"question": question, "question_sha256": question_sha256}
    try:
        with conn.transaction():
            if item.wrong:
                return wrong_passages.decide(conn, item.id, status, who=who, **edited) == 1
            return pairs.decide(conn, [item.id], status, who=who, **edited) == 1
    except UniqueViolation:
        raise ConflictError("This passage has a pair with the same question already.") from None


def get(conn: Connection, item_id: int) -> Reviewed | None:
    """The pair or wrong passage with this id."""
    with conn.cursor(row_factory=class_row(Reviewed)) as cursor:
        return cursor.execute(f"select * from {_ITEMS} where id = %s", (item_id,)).fetchone()


def _one(conn: Connection, wanted: Filter, at: int, step: Step) -> Reviewed | None:
    condition, order = _STEPS[step]
    with conn.cursor(row_factory=class_row(Reviewed)) as cursor:
        return cursor.execute(
            f"select * from {_ITEMS} where {condition} and{_WHERE} order by id {order} limit 1",
            _values(wanted) | {"at": at},
        ).fetchone()


def _values(wanted: Filter) -> dict[str, Any]:
    return vars(wanted) | {"search": wanted.search.strip()}
