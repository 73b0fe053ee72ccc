"""Rows of `pair`: questions with their passages. See `pair_passages` for what they are made of."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from psycopg import sql

from pipelines.store import scope
from pipelines.store.db import Connection
from pipelines.store.rows import class_row

Split = Literal["train", "heldout"]
Status = Literal["accepted", "review", "rejected"]
SPLITS: tuple[Split, ...] = get_args(Split)
STATUSES: tuple[Status, ...] = get_args(Status)
# Origin of pairs made from the documents themselves. Imported pairs have their file's name instead.
CORPUS = "corpus"


@dataclass(frozen=True)
class NewPair:
    """A pair to store. See the columns of `pair`."""

    question: str
    question_sha256: str
    passage: str
    passage_sha256: str
    origin: str
    generator: str
    kind: str
    document: str
    section: str
    language: str | None
    split: Split
    status: Status
    reason: str = ""
    base_rank: int | None = None
    message_id: int | None = None
    visitor: str | None = None


@dataclass(frozen=True)
class Liked:
    """A liked question with a passage that its answer cites, and the visitor who liked it."""

    question: str
    passage: str
    message_id: int
    visitor: str


@dataclass(frozen=True)
class Pair(NewPair):
    """A pair as stored."""

    id: int = 0
    created_by: str = ""
    created_at: datetime | None = None
    reviewed_by: str | None = None
    reviewed_at: datetime | None = None


def add(conn: Connection, pairs: Sequence[NewPair], *, created_by: str = "system") -> int:
    """Store pairs that are new and return their number."""
    if not pairs:
        return 0
    columns = list(NewPair.__dataclass_fields__)
    statement = sql.SQL(
        "insert into pair ({}, created_by) values ({}, %s) on conflict do nothing"
    ).format(
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.SQL(", ").join([sql.Placeholder()] * len(columns)),
    )
    with conn.cursor() as cursor:
        cursor.executemany(
            statement, [(*(getattr(p, name) for name in columns), created_by) for p in pairs]
        )
        return cursor.rowcount


def splits(conn: Connection) -> dict[str, Split]:
    """The side of every passage with pairs that are not rejected."""
    rows = conn.execute(
        "select passage_sha256, min(split) from pair where status <> 'rejected' group by 1"
    )
    return {row[0]: row[1] for row in rows}


def questions(conn: Connection) -> set[str]:
    """The sha256 sums of all questions, including rejected ones, which must not be added again."""
    return {row[0] for row in conn.execute("select distinct question_sha256 from pair")}


def select(
    conn: Connection,
    *,
    statuses: Collection[str] | None = None,
    split: str | None = None,
    after: int = 0,
    limit: int | None = None,
) -> list[Pair]:
    """Pairs by status and side with ids above `after`, oldest first."""
    with conn.cursor(row_factory=class_row(Pair)) as cursor:
        return cursor.execute(
            "select * from pair where id > %(after)s"
            " and (%(statuses)s::text[] is null or status = any(%(statuses)s))"
            " and (%(split)s::text is null or split = %(split)s) order by id limit %(limit)s",
            {
                "after": after,
                "statuses": None if statuses is None else list(statuses),
                "split": split,
                "limit": limit,
            },
        ).fetchall()


# A pair made from a document counts while a chunk that everybody may read has its passage.
_USABLE = (
    "p.status = 'accepted' and (p.origin <> %(corpus)s or exists (select from chunk c"
    " join document d on d.id = c.document_id"
    " where c.sha256 = p.passage_sha256 and d.collection = any(%(shared)s)))"
)


def usable(
    conn: Connection, split: str, *, generators: Collection[str] | None = None
) -> list[Pair]:
    """
    Accepted pairs of one side, to train or evaluate on.

    :param generators: Only pairs from these generators.
    """
    with conn.cursor(row_factory=class_row(Pair)) as cursor:
        return cursor.execute(
            f"select p.* from pair p where {_USABLE} and p.split = %(split)s"
            " and (%(generators)s::text[] is null or p.generator = any(%(generators)s))"
            " order by p.id",
            {
                "corpus": CORPUS,
                "shared": scope.readable(conn),
                "split": split,
                "generators": None if generators is None else list(generators),
            },
        ).fetchall()


@dataclass(frozen=True)
class SourceSides:
    """Numbers of one generator's usable pairs: to train on, and held out."""

    generator: str
    train: int
    heldout: int


def sides(conn: Connection) -> list[SourceSides]:
    """Count the usable pairs by generator, largest first."""
    with conn.cursor(row_factory=class_row(SourceSides)) as cursor:
        return cursor.execute(
            "select p.generator, count(*) filter (where p.split = 'train') train,"
            " count(*) filter (where p.split = 'heldout') heldout"
            f" from pair p where {_USABLE} group by 1 order by count(*) desc, 1",
            {"corpus": CORPUS, "shared": scope.readable(conn)},
        ).fetchall()


def changed_since(conn: Connection, moment: datetime) -> bool:
    """Whether a training pair or a wrong passage was added or decided on after a moment."""
    row = conn.execute(
        "select exists (select 1 from pair where status = 'accepted' and split = 'train'"
        " and greatest(created_at, reviewed_at) > %(moment)s)"
        " or exists (select 1 from wrong_passage where status = 'accepted'"
        " and greatest(created_at, reviewed_at) > %(moment)s)",
        {"moment": moment},
    ).fetchone()
    return row is not None and bool(row[0])


def decide(
    conn: Connection,
    ids: Sequence[int],
    status: Status,
    *,
    who: str,
    question: str | None = None,
    question_sha256: str | None = None,
) -> int:
    """
    Store a person's decision on pairs, with the edited question if given.

    :returns: The number of pairs that exist.
    """
    return conn.execute(
        "update pair set status = %s, reviewed_by = %s, reviewed_at = now(),"
        " question = coalesce(%s, question), question_sha256 = coalesce(%s, question_sha256)"
        " where id = any(%s)",
        (status, who, question, question_sha256, list(ids)),
    ).rowcount


def ids_of(conn: Connection, message_id: int, question_sha256: str) -> list[int]:
    """The pairs that were made from an answer with this question."""
    rows = conn.execute(
        "select id from pair where message_id = %s and question_sha256 = %s order by id",
        (message_id, question_sha256),
    )
    return [row[0] for row in rows]


def delete(conn: Connection, *, generator: str) -> int:
    """
    Delete a generator's unreviewed pairs and return their number.

    The generator then starts from the first passage again.
    """
    conn.execute("delete from pair_done where generator = %s", (generator,))
    return conn.execute(
        "delete from pair where generator = %s and reviewed_at is null", (generator,)
    ).rowcount


def forget_absent(conn: Connection) -> int:
    """
    Delete pairs made from documents whose passage is in no document any more, and wrong passages.

    :returns: The number of deleted pairs.
    """
    gone = conn.execute(
        "delete from pair p where p.origin = %s"
        " and not exists (select from chunk c where c.sha256 = p.passage_sha256)",
        (CORPUS,),
    ).rowcount
    conn.execute(
        "delete from pair_done p"
        " where not exists (select from chunk c where c.sha256 = p.passage_sha256)"
    )
    conn.execute(
        "delete from wrong_passage w"
        " where not exists (select from chunk c where c.sha256 = w.passage_sha256)"
    )
    return gone


def counts(conn: Connection) -> list[tuple[str, str, str, str, str, int]]:
    """Count the pairs by generator, kind, side, status and reason."""
    return [
        (row[0], row[1], row[2], row[3], row[4], row[5])
        for row in conn.execute(
            "select generator, kind, split, status, reason, count(*) from pair"
            " group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5"
        )
    ]


def liked(conn: Connection) -> list[Liked]:
    """
    Liked questions with every cited passage that still exists, oldest first.

    A follow-up counts as the question that was searched for.
    Passages that somebody marked as wrong for the answer are left out.
    """
    with conn.cursor(row_factory=class_row(Liked)) as cursor:
        return cursor.execute(
            "select coalesce(m.remarks ->> 'searched', q.text) as question, c.text as passage, m.id as message_id, f.visitor"
            " from feedback f join message m on m.id = f.message_id"
            " join lateral (select text from message u where u.conversation_id = m.conversation_id"
            "  and u.role = 'user' and u.id < m.id order by u.id desc limit 1) q on true"
            " join lateral jsonb_array_elements(m.shown) s on (s ->> 'cited')::boolean"
            " join chunk c on c.id = (s ->> 'chunk_id')::bigint"
            " join document d on d.id = c.document_id and d.collection = any(%(shared)s)"
            " where f.verdict = 'like' and not exists (select 1 from source_mark k"
            "  where k.message_id = m.id and k.chunk_id = c.id and k.verdict = 'wrong')"
            " order by m.id",
            {"shared": scope.readable(conn)},
        ).fetchall()
