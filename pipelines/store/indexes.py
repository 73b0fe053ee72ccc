"""Rows of `search_index` and `window_rule`, and the vector table `emb_<id>` of each index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg import sql
from psycopg.rows import class_row

from pipelines.store.db import Connection
from pipelines.store.ids import IndexId, ModelId, RuleId, WindowId
from pipelines.windows import WindowRule


@dataclass(frozen=True)
class SearchIndex:
    """One model's vectors of all live windows, and the rules that belong to them."""

    id: IndexId
    model_id: ModelId
    rule_id: RuleId
    lexical_weight: float
    answer_threshold: float | None
    status: str
    reason: str | None
    created_at: datetime
    ready_at: datetime | None


def table(index_id: IndexId) -> sql.Identifier:
    """The name of an index's vector table."""
    return sql.Identifier(f"emb_{int(index_id)}")


def hnsw_name(index_id: IndexId) -> str:
    """The name of the HNSW index on it."""
    return f"emb_{int(index_id)}_hnsw"


def rule_id(conn: Connection, rule: WindowRule) -> RuleId:
    """The row of a window rule, added when new."""
    conn.execute(
        "insert into window_rule (size_tokens, stride_tokens, tokenizer) values (%s, %s, %s)"
        " on conflict do nothing",
        (rule.size_tokens, rule.stride_tokens, rule.tokenizer),
    )
    row = conn.execute(
        "select id from window_rule where (size_tokens, stride_tokens, tokenizer) = (%s, %s, %s)",
        (rule.size_tokens, rule.stride_tokens, rule.tokenizer),
    ).fetchone()
    assert row is not None
    return RuleId(row[0])


def rule(conn: Connection, rule_id: RuleId) -> WindowRule:
    """How the windows of a rule are cut."""
    row = conn.execute(
        "select size_tokens, stride_tokens, tokenizer from window_rule where id = %s", (rule_id,)
    ).fetchone()
    assert row is not None
    return WindowRule(*row)


def add(
    conn: Connection, model_id: ModelId, rule: RuleId, *, dimension: int, lexical_weight: float
) -> IndexId:
    """
    A new index with its empty vector table, status ``building``.

    The table carries no foreign key: creating and dropping one waits for every writer and
    reader of the table it points to. The gap check at promotion finds orphans instead.
    """
    row = conn.execute(
        "insert into search_index (model_id, rule_id, lexical_weight, status)"
        " values (%s, %s, %s, 'building') returning id",
        (model_id, rule, lexical_weight),
    ).fetchone()
    assert row is not None
    index_id = IndexId(row[0])
    conn.execute(
        sql.SQL(
            "create table {} (window_id bigint primary key, sha256 text not null,"
            " v halfvec({}) not null)"
        ).format(table(index_id), sql.Literal(dimension))
    )
    return index_id


def clear_windows(conn: Connection, windows: Sequence[WindowId]) -> None:
    """Remove these windows' vectors from every index that has a table, in the caller's transaction."""
    for (index_id,) in conn.execute(
        "select id from search_index where status in ('building', 'ready') order by id"
    ).fetchall():
        conn.execute(
            sql.SQL("delete from {} where window_id = any(%s)").format(table(index_id)),
            (list(windows),),
        )


def create_hnsw(conn: Connection, index_id: IndexId) -> None:
    """
    Build the HNSW index; call it after the bulk load, which is several times faster.

    Session settings for the build are set and reset here; run it outside a transaction
    that others wait for.
    """
    conn.execute(
        sql.SQL(
            "create index if not exists {} on {} using hnsw (v halfvec_cosine_ops)"
            " with (m = 16, ef_construction = 64)"
        ).format(sql.Identifier(hnsw_name(index_id)), table(index_id))
    )


def mark(conn: Connection, index_id: IndexId, status: str, reason: str | None = None) -> None:
    """Set the status; ``ready`` notes the time."""
    conn.execute(
        "update search_index set status = %s, reason = %s,"
        " ready_at = case when %s = 'ready' then now() else ready_at end where id = %s",
        (status, reason, status, index_id),
    )


def set_threshold(conn: Connection, index_id: IndexId, threshold: float | None) -> None:
    """Store the calibrated answer threshold of an index."""
    conn.execute(
        "update search_index set answer_threshold = %s where id = %s", (threshold, index_id)
    )


def get(conn: Connection, index_id: IndexId) -> SearchIndex | None:
    """The index with this id."""
    with conn.cursor(row_factory=class_row(SearchIndex)) as cursor:
        return cursor.execute("select * from search_index where id = %s", (index_id,)).fetchone()


def list_by_status(conn: Connection, statuses: Sequence[str]) -> list[SearchIndex]:
    """Indexes in one of these states, oldest first."""
    with conn.cursor(row_factory=class_row(SearchIndex)) as cursor:
        return cursor.execute(
            "select * from search_index where status = any(%s) order by id", (list(statuses),)
        ).fetchall()


def count_vectors(conn: Connection, index_id: IndexId) -> int:
    """How many windows have a vector in the index."""
    row = conn.execute(sql.SQL("select count(*) from {}").format(table(index_id))).fetchone()
    assert row is not None
    return int(row[0])
