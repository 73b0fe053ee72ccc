"""Passages that pairs are made of: chunks that everybody may read, and `pair_done`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pipelines.store import scope
from pipelines.store.db import Connection


@dataclass(frozen=True)
class Passage:
    """
    A text that is a chunk of one or more documents. `ordinal` is its position in the first of them.
    """

    sha256: str
    text: str
    document: str
    section: str
    ordinal: int
    language: str | None
    suspicious: bool


def count_passages(conn: Connection) -> int:
    """Count the passages that everybody may ask about."""
    row = conn.execute(
        "select count(*) from chunk c join document d on d.id = c.document_id"
        " where d.collection = any(%s)",
        (scope.readable(conn),),
    ).fetchone()
    assert row is not None
    return int(row[0])


def sample_texts(conn: Connection, most: int) -> list[str]:
    """Some passages that everybody may read and that are longer than a heading."""
    rows = conn.execute(
        "select c.text from chunk c join document d on d.id = c.document_id"
        " where length(c.text) >= 200 and d.collection = any(%s) order by c.id limit %s",
        (scope.readable(conn), most),
    )
    return [row[0] for row in rows]


def count_waiting(
    conn: Connection, generator: str, *, shortest: int, without: Sequence[str] = ()
) -> tuple[int, int]:
    """
    Count the passages that a generator could use, and those of them that it has not seen.

    :param shortest: Minimum length of a passage in characters.
    :param without: Collections to leave out.
    """
    row = conn.execute(
        "select count(distinct c.sha256), count(distinct c.sha256) filter (where p is null)"
        " from chunk c join document d on d.id = c.document_id"
        " left join pair_done p on p.generator = %s and p.passage_sha256 = c.sha256"
        " where d.status = 'indexed' and d.collection = any(%s) and length(c.text) >= %s",
        (generator, sorted(set(scope.readable(conn)).difference(without)), shortest),
    ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def passages(
    conn: Connection,
    *,
    suspicious_code: str,
    collections: Sequence[str] | None = None,
    without: Sequence[str] = (),
) -> list[Passage]:
    """
    The distinct passages that everybody may ask about, in reading order.

    :param collections: Only these collections. None means all that everybody may read.
    :param without: Collections to leave out.
    """
    searched = set(scope.readable(conn)).difference(without)
    if collections is not None:
        searched &= set(collections)
    rows = conn.execute(
        "select * from (select distinct on (c.sha256) c.sha256, c.text, d.title,"
        " coalesce(c.heading, ''), c.ordinal, c.language,"
        " d.warnings @> jsonb_build_array(jsonb_build_object('code', %s::text)), d.id"
        " from chunk c join document d on d.id = c.document_id where d.status = 'indexed'"
        " and d.collection = any(%s)"
        " order by c.sha256, d.id, c.ordinal) t order by t.id, t.ordinal",
        (suspicious_code, sorted(searched)),
    )
    return [Passage(*row[:7]) for row in rows]


def mark_done(conn: Connection, generator: str, passages_sha256: Sequence[str]) -> None:
    """Record that a generator need not process these passages again."""
    conn.execute(
        "insert into pair_done select %s, unnest(%s::text[]) on conflict do nothing",
        (generator, list(passages_sha256)),
    )


def done(conn: Connection, generator: str) -> set[str]:
    """The sha256 sums of the passages that a generator has finished."""
    rows = conn.execute("select passage_sha256 from pair_done where generator = %s", (generator,))
    return {row[0] for row in rows}


def texts(conn: Connection, passages_sha256: Collection[str]) -> dict[str, tuple[str, str]]:
    """The title and text of each passage with one of these sums, as far as known."""
    rows = conn.execute(
        "select distinct on (sha256) * from ("
        " select c.sha256, d.title, c.text from chunk c join document d on d.id = c.document_id"
        "  where c.sha256 = any(%(sums)s) and d.collection = any(%(shared)s)"
        " union all select passage_sha256, document, passage from pair"
        "  where passage_sha256 = any(%(sums)s)) t order by sha256",
        {"sums": list(passages_sha256), "shared": scope.readable(conn)},
    )
    return {row[0]: (row[1], row[2]) for row in rows}
