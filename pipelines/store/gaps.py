"""
What an index lacks, found by comparing contents and never by remembering a position.

Commits may become visible in any order, so rows behind a cursor can still appear. An index is
complete when every chunk has windows of its rule, every such window has a vector made from the same
content, and every vector has its window.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from pipelines.store import chunks, indexes
from pipelines.store.db import Connection
from pipelines.store.ids import ChunkId, DocumentId, IndexId, RuleId, WindowId
from pipelines.store.indexes import SearchIndex

# A window of the rule whose vector is missing or was made from other content.
_LACKING = (
    "from text_window w left join {emb} e on e.window_id = w.id"
    " where w.rule_id = {rule} and (e.window_id is null or e.sha256 <> w.sha256)"
)
_UNCUT = (
    "from chunk c where not exists"
    " (select 1 from text_window w where w.chunk_id = c.id and w.rule_id = {rule})"
)
_ORPHANS = "from {emb} e where not exists (select 1 from text_window w where w.id = e.window_id)"


@dataclass(frozen=True)
class Gap:
    """Counts of missing and of left-over rows."""

    uncut_chunks: int
    windows: int
    orphans: int

    def __bool__(self) -> bool:
        return bool(self.uncut_chunks or self.windows or self.orphans)


@dataclass(frozen=True)
class Lacking:
    """A window to embed."""

    id: WindowId
    sha256: str
    text: str


@dataclass(frozen=True)
class Coverage:
    """How much of one document an index contains."""

    document_id: DocumentId
    title: str
    chunks: int
    windows: int
    vectors: int

    @property
    def complete(self) -> bool:
        """Whether every chunk has windows, and every window its vector."""
        return self.vectors == self.windows >= self.chunks


@dataclass(frozen=True)
class Totals:
    """
    How much of the documents an index holds, in five numbers.

    :param complete: Documents whose chunks all have windows, and whose windows all have a vector.
    :param uncut_chunks: Chunks that have no windows by the index's rule yet.
    """

    documents: int
    complete: int
    windows: int
    vectors: int
    uncut_chunks: int


def _sql(text: str, index_id: IndexId | None, rule_id: RuleId) -> sql.Composed:
    emb = sql.SQL("") if index_id is None else indexes.table(index_id)
    return sql.SQL(text).format(emb=emb, rule=sql.Literal(rule_id))


def measure(conn: Connection, index_id: IndexId, rule_id: RuleId) -> Gap:
    """Count what is missing and what is left over, in one snapshot."""
    statement = f"select (select count(*) {_UNCUT}), (select count(*) {_LACKING}), (select count(*) {_ORPHANS})"
    row = conn.execute(_sql(statement, index_id, rule_id)).fetchone()
    assert row is not None
    return Gap(*row)


def count_windows(conn: Connection, rule_id: RuleId) -> int:
    """Count the windows of a rule."""
    row = conn.execute("select count(*) from text_window where rule_id = %s", (rule_id,)).fetchone()
    assert row is not None
    return int(row[0])


def exists(conn: Connection, index_id: IndexId, rule_id: RuleId) -> bool:
    """Whether anything is missing or left over. Reads the tables' keys but no vectors."""
    statement = (
        f"select exists (select 1 {_LACKING}) or exists (select 1 {_UNCUT})"
        f" or exists (select 1 {_ORPHANS})"
    )
    row = conn.execute(_sql(statement, index_id, rule_id)).fetchone()
    assert row is not None
    return bool(row[0])


def last_window(conn: Connection) -> int:
    """The highest window id so far. A random start is chosen below it."""
    row = conn.execute("select coalesce(max(id), 0) from text_window").fetchone()
    assert row is not None
    return int(row[0])


def lacking(
    conn: Connection, index_id: IndexId, rule_id: RuleId, limit: int, *, start: int = 0
) -> list[Lacking]:
    """Windows without a current vector, from the id `start` on."""
    statement = (
        "select w.id, w.sha256, substr(c.text, w.char_start + 1, w.char_end - w.char_start)"
        " from (select w.id, w.sha256, w.chunk_id, w.char_start, w.char_end"
        f" {_LACKING} and w.id >= %s order by w.id limit %s) w"
        " join chunk c on c.id = w.chunk_id order by w.id"
    )
    return [
        Lacking(*row) for row in conn.execute(_sql(statement, index_id, rule_id), (start, limit))
    ]


def uncut(conn: Connection, rule_id: RuleId, limit: int) -> list[tuple[ChunkId, str]]:
    """Chunks without windows of the rule, with their text, in random order."""
    statement = f"select c.id, c.text {_UNCUT} order by random() limit %s"
    return [(ChunkId(r[0]), r[1]) for r in conn.execute(_sql(statement, None, rule_id), (limit,))]


def add_windows(
    conn: Connection, rule_id: RuleId, cut: Sequence[tuple[ChunkId, int, int, str]]
) -> None:
    """
    Add windows (chunk, span, content hash) to chunks that still exist and have none of the rule.

    If several workers send the same chunk, only one writes. A deleted chunk gets no windows.
    """
    with conn.transaction():
        conn.execute("lock table text_window in row exclusive mode")
        chunk_ids = sorted({chunk_id for chunk_id, *_ in cut})
        # Two statements, so that the second one's snapshot sees the changes that the lock waited for.
        conn.execute(
            "select 1 from chunk where id = any(%s) order by id for no key update", (chunk_ids,)
        )
        conn.execute(
            "insert into text_window (chunk_id, rule_id, char_start, char_end, sha256)"
            " select n.chunk_id, %(rule)s, n.a, n.b, n.sha256 from unnest(%(c)s::bigint[],"
            " %(a)s::int[], %(b)s::int[], %(s)s::text[]) n (chunk_id, a, b, sha256)"
            " join chunk c on c.id = n.chunk_id where not exists (select 1 from text_window w"
            " where w.chunk_id = n.chunk_id and w.rule_id = %(rule)s) order by 1, 3",
            {
                "rule": rule_id,
                "c": [c[0] for c in cut],
                "a": [c[1] for c in cut],
                "b": [c[2] for c in cut],
                "s": [c[3] for c in cut],
            },
        )


def add_vectors(
    conn: Connection,
    index_id: IndexId,
    windows: Sequence[Lacking],
    vectors: NDArray[np.float32],
    codes: Iterable[bytes] | None = None,
) -> int:
    """
    Add vectors of windows that still exist with the same content.

    :param vectors: One row per window. *Shape:* ``(w, d)``
    :param codes: Of each window's tokens. None if the index has none.
    :returns: The number of vectors written.
    """
    emb = indexes.table(index_id)
    with conn.transaction():
        held = conn.execute(
            "select 1 from search_index where id = %s and status <> 'retired' for key share",
            (index_id,),
        ).fetchone()
        if held is None:
            return 0
        conn.execute(
            sql.SQL("create temp table fresh on commit drop as select * from {} limit 0").format(
                emb
            )
        )
        named = [(window.id, window.sha256) for window in windows]
        chunks.copy_rows(conn, sql.Identifier("fresh"), named, vectors, codes)
        # The key share lock waits for a running delete and then finds the window gone.
        return conn.execute(
            sql.SQL(
                "insert into {emb} as e (window_id, sha256, v, codes)"
                " select f.window_id, f.sha256, f.v, f.codes from fresh f join text_window w"
                " on w.id = f.window_id and w.sha256 = f.sha256"
                " order by w.id for key share of w"
                " on conflict (window_id) do update set sha256 = excluded.sha256,"
                " v = excluded.v, codes = excluded.codes"
                " where e.sha256 <> excluded.sha256"
            ).format(emb=emb)
        ).rowcount


def remove_orphans(conn: Connection, index_id: IndexId, rule_id: RuleId) -> int:
    """Remove vectors whose window is gone and return their number."""
    return conn.execute(_sql(f"delete {_ORPHANS}", index_id, rule_id)).rowcount


def coverage(conn: Connection, index_id: IndexId, rule_id: RuleId) -> list[Coverage]:
    """How much of each indexed document the index contains, by title."""
    statement = (
        "select d.id, d.title, count(distinct c.id), count(w.id),"
        " count(*) filter (where e.sha256 = w.sha256)"
        " from document d join chunk c on c.document_id = d.id"
        " left join text_window w on w.chunk_id = c.id and w.rule_id = {rule}"
        " left join {emb} e on e.window_id = w.id group by d.id order by d.title, d.id"
    )
    return [Coverage(*row) for row in conn.execute(_sql(statement, index_id, rule_id))]


def totals(conn: Connection, index: SearchIndex) -> Totals:
    """Sum `coverage` over all documents. It reads every window's key: not for each look of a page."""
    statement = """
        with covered as (
          select count(w.id) as windows,
            count(*) filter (where e.sha256 = w.sha256) as vectors,
            count(distinct c.id) as chunks,
            count(distinct c.id) filter (where w.id is null) as uncut
          from document d
          join chunk c on c.document_id = d.id
          left join text_window w on w.chunk_id = c.id and w.rule_id = {rule}
          left join {emb} e on e.window_id = w.id
          group by d.id
        )
        select count(*), count(*) filter (where vectors = windows and windows >= chunks),
          coalesce(sum(windows), 0)::bigint, coalesce(sum(vectors), 0)::bigint,
          coalesce(sum(uncut), 0)::bigint
        from covered
    """
    row = conn.execute(_sql(statement, index.vectors_id, index.rule_id)).fetchone()
    assert row is not None
    return Totals(*row)


def analyze(conn: Connection, index_id: IndexId) -> None:
    """
    Update statistics and the visibility map of the tables that questions and `exists` read.

    They can then read keys only. The connection must be in autocommit mode. Tables that autovacuum
    is working on are skipped. Dead entries in indexes stay, because removing them from a large
    graph may take minutes.
    """
    for table in (
        indexes.table(index_id),
        *map(sql.Identifier, ("text_window", "chunk", "posting", "document")),
    ):
        conn.execute(sql.SQL("vacuum (analyze, skip_locked, index_cleanup off) {}").format(table))
