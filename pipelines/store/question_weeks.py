"""Rows of `question_week`: how the questions of a week were answered, and what they were like."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from pipelines.store.db import Connection
from pipelines.store.rows import class_row

# Weeks that are measured afterwards, if nobody did in time.
MOST_BACK = 8
# Answers to questions about documents, each with its vote and its question.
_ANSWERS = """
from message m join conversation c on c.id = m.conversation_id and not c.help
left join feedback f on f.message_id = m.id and f.visitor = c.visitor
join lateral (select text from message u where u.conversation_id = m.conversation_id
    and u.role = 'user' and u.id < m.id order by u.id desc limit 1) q on true
where m.role = 'assistant' and m.kind in ('llm', 'extracts', 'not_found')
"""
_IN_WEEK = """
and m.created_at >= %(week)s::timestamp at time zone 'UTC'
and m.created_at < (%(week)s::timestamp + interval '7 days') at time zone 'UTC'
"""


@dataclass(frozen=True)
class QuestionWeek:
    """
    The questions of one week.

    :param week: Its Monday, by UTC.
    :param agreed: Mean share of passages in which a shadow agreed. None: no shadow ran.
    :param distance: Median distance of a question to the nearest training question.
    :param expected: The same of held-out questions. None: there were too few.
    """

    week: date
    questions: int
    not_found: int
    liked: int
    disliked: int
    agreed: float | None = None
    distance: float | None = None
    expected: float | None = None


def unmeasured(conn: Connection) -> list[date]:
    """Mondays of whole weeks with questions and without figures, oldest first."""
    rows = conn.execute(
        f"""
        with week as (
            select distinct date_trunc('week', m.created_at at time zone 'UTC') as monday {_ANSWERS}
            and m.created_at >= now() - %s * interval '1 week'
        )
        select monday::date from week
        where monday < date_trunc('week', now() at time zone 'UTC')
        and not exists (select 1 from question_week w where w.week = monday::date) order by 1
        """,
        (MOST_BACK,),
    )
    return [row[0] for row in rows]


def count(conn: Connection, week: date) -> QuestionWeek:
    """The figures of a week that the database holds, without distances."""
    with conn.cursor(row_factory=class_row(QuestionWeek)) as cursor:
        row = cursor.execute(
            f"""
            with answered as (select m.id, m.kind, f.verdict {_ANSWERS} {_IN_WEEK})
            select %(week)s::date as week, count(*) as questions,
                count(*) filter (where kind = 'not_found') as not_found,
                count(*) filter (where verdict = 'like') as liked,
                count(*) filter (where verdict = 'dislike') as disliked,
                (select avg(overlap) from shadow_result s
                 where s.fault is null and s.message_id in (select id from answered)) as agreed
            from answered
            """,
            {"week": week},
        ).fetchone()
    assert row is not None
    return row


def asked(conn: Connection, week: date, limit: int) -> list[str]:
    """Questions of a week as they were searched, chosen at random if there are more."""
    rows = conn.execute(
        f"""
        select coalesce(m.remarks->>'searched', q.text) {_ANSWERS} {_IN_WEEK}
        order by md5(m.id::text) limit %(limit)s
        """,
        {"week": week, "limit": limit},
    )
    return [row[0] for row in rows]


def pair_questions(conn: Connection, split: Literal["train", "heldout"], limit: int) -> list[str]:
    """Questions of accepted pairs, chosen at random if there are more."""
    rows = conn.execute(
        "select question from pair where status = 'accepted' and split = %s"
        " order by md5(id::text) limit %s",
        (split, limit),
    )
    return [row[0] for row in rows]


def store(conn: Connection, row: QuestionWeek) -> None:
    """Store the figures of a week. The first ones stay."""
    conn.execute(
        "insert into question_week (week, questions, not_found, liked, disliked, agreed, distance,"
        " expected) values (%(week)s, %(questions)s, %(not_found)s, %(liked)s, %(disliked)s,"
        " %(agreed)s, %(distance)s, %(expected)s) on conflict do nothing",
        vars(row),
    )


def latest(conn: Connection, limit: int = 12) -> list[QuestionWeek]:
    """The figures of the last weeks, newest first."""
    with conn.cursor(row_factory=class_row(QuestionWeek)) as cursor:
        return cursor.execute(
            "select week, questions, not_found, liked, disliked, agreed, distance, expected"
            " from question_week order by week desc limit %s",
            (limit,),
        ).fetchall()
