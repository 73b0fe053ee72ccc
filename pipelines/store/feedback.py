"""Questions with their votes, and marks on the sources of their answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from psycopg.rows import dict_row

from pipelines.store import scope
from pipelines.store.chats import Shown
from pipelines.store.db import Connection
from pipelines.store.rows import class_row

Which = Literal["all", "not_found", "liked", "disliked", "marked", "waiting"]
Verdict = Literal["right", "wrong"]

_CONDITIONS: dict[Which, str] = {
    "all": "true",
    "not_found": "m.kind = 'not_found'",
    "liked": "f.verdict = 'like'",
    "disliked": "f.verdict = 'dislike'",
    "marked": "exists (select 1 from source_mark k where k.message_id = m.id)",
    # With a vote or a mark, and without training material made from it.
    "waiting": "(f.verdict is not null or exists (select 1 from source_mark k"
    " where k.message_id = m.id)) and not exists (select 1 from pair p where p.message_id = m.id)"
    " and not exists (select 1 from wrong_passage w where w.message_id = m.id)",
}
_FROM = """
 from message m join conversation c on c.id = m.conversation_id and c.deleted_at is null
 left join feedback f on f.message_id = m.id and f.visitor = c.visitor
 join lateral (select text from message u where u.conversation_id = m.conversation_id
  and u.role = 'user' and u.id < m.id order by u.id desc limit 1) q on true
 where m.role = 'assistant'
"""


@dataclass(frozen=True)
class AskedQuestion:
    """
    A question with its votes and marks.

    `taught` is the number of pairs and wrong passages made from it.
    """

    message_id: int
    question: str
    asked_at: datetime
    visitor: str
    kind: str | None
    model_name: str | None
    verdict: str | None
    reason: str | None
    marks: int
    taught: int


@dataclass(frozen=True)
class QuestionDetail(AskedQuestion):
    """A question with its answer and the passages that the answer showed."""

    answer: str
    shown: list[Shown]


@dataclass(frozen=True)
class Mark:
    """Somebody's mark on a passage of an answer."""

    chunk_id: int
    verdict: Verdict
    who: str
    by_admin: bool


@dataclass(frozen=True)
class Source:
    """A passage that still exists, with its document."""

    chunk_id: int
    document_id: int
    title: str
    page: int | None
    heading: str | None
    text: str
    page_label: str | None


def page(
    conn: Connection, which: Which, *, search: str = "", limit: int = 25, offset: int = 0
) -> list[AskedQuestion]:
    """Questions, newest first, without those of deleted conversations."""
    with conn.cursor(row_factory=class_row(AskedQuestion)) as cursor:
        return cursor.execute(
            f"select {_COLUMNS}{_FROM}{_fits(which)} order by m.id desc"
            " limit %(limit)s offset %(offset)s",
            {"search": search.strip(), "limit": limit, "offset": offset},
        ).fetchall()


def count(conn: Connection, which: Which, *, search: str = "") -> int:
    """Count the questions that `page` lists in all."""
    row = conn.execute(
        f"select count(*){_FROM}{_fits(which)}", {"search": search.strip()}
    ).fetchone()
    assert row is not None
    return int(row[0])


def get(conn: Connection, message_id: int) -> QuestionDetail | None:
    """The question that an answer belongs to, with the answer."""
    with conn.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            f"select {_COLUMNS}, m.text as answer, m.shown{_FROM} and m.id = %s", (message_id,)
        ).fetchone()
    return None if row is None else QuestionDetail(**row | {"shown": _shown(row["shown"])})


def marks(conn: Connection, message_id: int) -> list[Mark]:
    """All marks on an answer's passages, oldest first."""
    with conn.cursor(row_factory=class_row(Mark)) as cursor:
        return cursor.execute(
            "select chunk_id, verdict, who, by_admin from source_mark where message_id = %s"
            " order by created_at",
            (message_id,),
        ).fetchall()


def decided(conn: Connection, message_id: int) -> dict[int, Verdict]:
    """Admins' marks on an answer's passages by chunk. The newest one counts."""
    return dict(
        conn.execute(
            "select distinct on (chunk_id) chunk_id, verdict from source_mark"
            " where message_id = %s and by_admin order by chunk_id, created_at desc",
            (message_id,),
        ).fetchall()
    )


def mark_of(conn: Connection, message_id: int, chunk_id: int, *, who: str) -> Verdict | None:
    """Somebody's mark on a passage of an answer."""
    row = conn.execute(
        "select verdict from source_mark where message_id = %s and chunk_id = %s and who = %s",
        (message_id, chunk_id, who),
    ).fetchone()
    return None if row is None else row[0]


def mark(
    conn: Connection,
    message_id: int,
    chunk_id: int,
    verdict: Verdict | None,
    *,
    who: str,
    by_admin: bool,
) -> None:
    """Mark a passage as right or wrong for an answer. None removes the mark."""
    if verdict is None:
        conn.execute(
            "delete from source_mark where message_id = %s and chunk_id = %s and who = %s",
            (message_id, chunk_id, who),
        )
        return
    conn.execute(
        "insert into source_mark (message_id, chunk_id, who, by_admin, verdict)"
        " values (%s, %s, %s, %s, %s) on conflict (message_id, chunk_id, who)"
        " do update set verdict = excluded.verdict, created_at = now()",
        (message_id, chunk_id, who, by_admin, verdict),
    )


def sources(conn: Connection, chunk_ids: Sequence[int]) -> list[Source]:
    """The passages with these ids that still exist and that everybody may read."""
    with conn.cursor(row_factory=class_row(Source)) as cursor:
        return cursor.execute(
            "select c.id as chunk_id, d.id as document_id, d.title, c.page, c.heading, c.text,"
            " c.page_label"
            " from chunk c join document d on d.id = c.document_id"
            " where c.id = any(%s) and d.collection = any(%s) order by c.id",
            (list(chunk_ids), scope.readable(conn)),
        ).fetchall()


def taught(conn: Connection) -> dict[str, int]:
    """
    Number of answers of each visitor from which training material was made in the last 30 days.
    """
    return dict(
        conn.execute(
            "select visitor, count(distinct message_id) from ("
            " select visitor, message_id from pair where visitor is not null"
            "  and status <> 'rejected' and created_at > now() - interval '30 days'"
            " union all select visitor, message_id from wrong_passage where visitor is not null"
            "  and status <> 'rejected' and created_at > now() - interval '30 days') t group by visitor"
        ).fetchall()
    )


def heldout_questions(conn: Connection) -> dict[str, int]:
    """Answers that accepted held-out questions come from, by the question's sha256."""
    return dict(
        conn.execute(
            "select question_sha256, max(message_id) from pair where message_id is not null"
            " and split = 'heldout' and status = 'accepted' group by 1"
        ).fetchall()
    )


_COLUMNS = """m.id as message_id, q.text as question, m.created_at as asked_at, c.visitor, m.kind,
 m.model_name, f.verdict, f.reason,
 (select count(*) from source_mark k where k.message_id = m.id) as marks,
 (select count(*) from pair p where p.message_id = m.id and p.status <> 'rejected')
 + (select count(*) from wrong_passage w where w.message_id = m.id
  and w.status <> 'rejected') as taught"""


def _fits(which: Which) -> str:
    return (
        f" and {_CONDITIONS[which]}"
        " and (%(search)s = '' or strpos(lower(q.text), lower(%(search)s)) > 0)"
    )


def _shown(rows: list[dict[str, Any]]) -> list[Shown]:
    return [Shown(**row | {"span": tuple(row["span"]) if row["span"] else None}) for row in rows]
