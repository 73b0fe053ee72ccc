"""
Rows of `wrong_passage`: passages that do not answer a question, by readers' marks and admins' review.

An accepted one is a hard negative of the question's training pairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pipelines.store import scope
from pipelines.store.db import Connection
from pipelines.store.pairs import Status
from pipelines.store.rows import class_row

# What such a row is called where pairs are counted and reviewed, and why it waits.
KIND = "marked wrong"
MARKED = "marked as wrong by a reader"

# The question that an answer was searched by, of a conversation that is still there.
_ANSWERS = """
 from source_mark k join message m on m.id = k.message_id
 join conversation v on v.id = m.conversation_id and v.deleted_at is null
 join lateral (select text from message u where u.conversation_id = m.conversation_id
  and u.role = 'user' and u.id < m.id order by u.id desc limit 1) q on true
 join chunk c on c.id = k.chunk_id
 join document d on d.id = c.document_id and d.collection = any(%(shared)s)
 where k.verdict = 'wrong'
 and 'right' is distinct from (select a.verdict from source_mark a
  where a.message_id = k.message_id and a.chunk_id = k.chunk_id and a.by_admin
  order by a.created_at desc limit 1)
 and not exists (select from wrong_passage w
  where w.message_id = m.id and w.passage_sha256 = c.sha256)
"""


@dataclass(frozen=True)
class Wrong:
    """A passage that does not answer a question."""

    question: str
    question_sha256: str
    passage: str
    passage_sha256: str
    document: str
    message_id: int | None
    visitor: str | None


@dataclass(frozen=True)
class MarkedWrong:
    """A passage that somebody marked as wrong for an answer, and the visitor who had asked."""

    question: str
    passage: str
    passage_sha256: str
    document: str
    message_id: int
    visitor: str


@dataclass(frozen=True)
class HardNegative:
    """An accepted wrong passage of a question with training pairs."""

    question_sha256: str
    passage_sha256: str
    passage: str


def marked(conn: Connection) -> list[MarkedWrong]:
    """
    Passages marked as wrong that were not collected yet, oldest answer first.

    What an admin marked as right for the same answer is left out.
    """
    with conn.cursor(row_factory=class_row(MarkedWrong)) as cursor:
        return cursor.execute(
            "select distinct on (m.id, c.sha256)"
            " coalesce(m.remarks ->> 'searched', q.text) as question, c.text as passage,"
            " c.sha256 as passage_sha256, d.title as document, m.id as message_id, v.visitor"
            f"{_ANSWERS} order by m.id, c.sha256",
            {"shared": scope.readable(conn)},
        ).fetchall()


def count_marked(conn: Connection) -> int:
    """Count what `marked` gives."""
    row = conn.execute(
        f"select count(distinct (m.id, c.sha256)){_ANSWERS}", {"shared": scope.readable(conn)}
    ).fetchone()
    assert row is not None
    return int(row[0])


def add(conn: Connection, wrong: Wrong, status: Literal["accepted", "review"], *, who: str) -> bool:
    """
    Store that a passage does not answer a question.

    Accepting counts as the review of what waits or was rejected. A mark changes no decision.

    :returns: False if it was known.
    """
    return (
        conn.execute(
            "insert into wrong_passage as w (question, question_sha256, passage, passage_sha256,"
            " document, message_id, visitor, status, created_by)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
            " on conflict (question_sha256, passage_sha256) do update"
            " set status = 'accepted', reviewed_by = excluded.created_by, reviewed_at = now()"
            " where excluded.status = 'accepted' and w.status <> 'accepted'",
            (
                wrong.question,
                wrong.question_sha256,
                wrong.passage,
                wrong.passage_sha256,
                wrong.document,
                wrong.message_id,
                wrong.visitor,
                status,
                who,
            ),
        ).rowcount
        == 1
    )


def hard_negatives(conn: Connection) -> list[HardNegative]:
    """
    Accepted wrong passages that everybody may read, of each question with an accepted training pair.

    They belong to the pairs of the same question, and to those made from the same answer, whose
    question may have been edited. A passage that is also accepted as an answer is left out.
    """
    with conn.cursor(row_factory=class_row(HardNegative)) as cursor:
        return cursor.execute(
            """
            select distinct p.question_sha256, w.passage_sha256, w.passage
            from wrong_passage w
            join pair p on p.question_sha256 = w.question_sha256 or p.message_id = w.message_id
            where w.status = 'accepted' and p.status = 'accepted' and p.split = 'train'
            and exists (select from chunk c join document d on d.id = c.document_id
                where c.sha256 = w.passage_sha256 and d.collection = any(%(shared)s))
            and not exists (select from pair r
                where r.status = 'accepted' and r.passage_sha256 = w.passage_sha256
                and r.question_sha256 in (p.question_sha256, w.question_sha256))
            order by 1, 2
            """,
            {"shared": scope.readable(conn)},
        ).fetchall()


def answers(conn: Connection, wrong_id: int) -> bool:
    """Whether the passage of a row is accepted as an answer to its question."""
    row = conn.execute(
        "select exists (select from wrong_passage w join pair p"
        " on p.passage_sha256 = w.passage_sha256 and p.question_sha256 = w.question_sha256"
        " where w.id = %s and p.status = 'accepted')",
        (wrong_id,),
    ).fetchone()
    return row is not None and bool(row[0])


def decide(
    conn: Connection,
    wrong_id: int,
    status: Status,
    *,
    who: str,
    question: str | None = None,
    question_sha256: str | None = None,
) -> int:
    """
    Store a person's decision, with the edited question if given.

    :returns: The number of rows with this id.
    """
    return conn.execute(
        "update wrong_passage set status = %s, reviewed_by = %s, reviewed_at = now(),"
        " question = coalesce(%s, question), question_sha256 = coalesce(%s, question_sha256)"
        " where id = %s",
        (status, who, question, question_sha256, wrong_id),
    ).rowcount


def counts(conn: Connection) -> list[tuple[str, int]]:
    """Count them by status."""
    rows = conn.execute("select status, count(*) from wrong_passage group by 1 order by 1")
    return [(row[0], row[1]) for row in rows]
