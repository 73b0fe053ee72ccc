"""
Rows of `search_index` and `window_rule`, and the vector table `emb_<id>` of each index.

A delete takes effect at once in every index with a table (`clear_windows`). New windows are
embedded for the serving index by the process that writes them. A job catches up the other indexes
of `maintained`, because a process that indexes files need not load every encoder. Any other ready
index is caught up when it is wanted again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

from pipelines.store.db import Connection
from pipelines.store.ids import IndexId, ModelId, RuleId, WindowId
from pipelines.store.rows import class_row
from pipelines.text.windows import WindowRule

# Postgres channel that replicas listen on.
CHANNEL = "attune_active"


@dataclass(frozen=True)
class SearchIndex:
    """
    One model's vectors of all live windows, with the rules that belong to them.

    `vectors_of` is the index whose vectors it uses if it has none of its own. `wanted` is set for a
    candidate that replicas keep loaded. `shadow_share` is the share of questions that it answers
    silently. `coded` says that every window has the codes of its tokens beside its vector.
    """

    id: IndexId
    model_id: ModelId
    rule_id: RuleId
    lexical_weight: float
    answer_threshold: float | None
    vectors_of: IndexId | None
    status: str
    reason: str | None
    wanted: bool
    shadow_share: float
    proof: dict[str, Any] | None
    created_at: datetime
    ready_at: datetime | None
    served_until: datetime | None
    coded: bool

    @property
    def vectors_id(self) -> IndexId:
        """The index whose vector table it searches."""
        return self.vectors_of or self.id


def table(index_id: IndexId) -> sql.Identifier:
    """The name of an index's vector table."""
    return sql.Identifier(f"emb_{int(index_id)}")


def rule_id(conn: Connection, rule: WindowRule) -> RuleId:
    """The id of a window rule, which is added if it is new."""
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
    """The window rule with this id."""
    row = conn.execute(
        "select size_tokens, stride_tokens, tokenizer from window_rule where id = %s", (rule_id,)
    ).fetchone()
    assert row is not None
    return WindowRule(*row)


def add(
    conn: Connection,
    model_id: ModelId,
    rule: RuleId,
    *,
    dimension: int,
    lexical_weight: float,
    vectors_of: IndexId | None = None,
    coded: bool = False,
) -> IndexId:
    """
    Add an index with the status ``building`` and return its id.

    It gets an empty vector table unless it uses another index's. The table has no foreign key,
    because creating and dropping one waits for every writer and reader of the table it points to.
    The gap check at promotion finds orphans instead. The hash is part of the primary key's index,
    so that this check need not read the vectors.

    :param coded: Whether its rows have codes of tokens. They then all have: a row without cannot
        be written. An index that uses another's vectors has its codes, too.
    """
    row = conn.execute(
        "insert into search_index (model_id, rule_id, lexical_weight, vectors_of, coded, status)"
        " values (%(model)s, %(rule)s, %(weight)s, %(lender)s,"
        " coalesce((select coded from search_index where id = %(lender)s), %(coded)s), 'building')"
        " returning id",
        {
            "model": model_id,
            "rule": rule,
            "weight": lexical_weight,
            "lender": vectors_of,
            "coded": coded,
        },
    ).fetchone()
    assert row is not None
    index_id = IndexId(row[0])
    if vectors_of is None:
        conn.execute(
            sql.SQL(
                "create table {} (window_id bigint not null, sha256 text not null,"
                " v halfvec({}) not null check (l2_norm(v) > 0), codes bytea {},"
                " primary key (window_id) include (sha256))"
            ).format(table(index_id), sql.Literal(dimension), sql.SQL("not null" if coded else ""))
        )
        # Beside the rows, so that these stay narrow for searches that compare every vector, and
        # not compressed: codes look like noise.
        conn.execute(
            sql.SQL("alter table {} alter column codes set storage external").format(
                table(index_id)
            )
        )
    return index_id


def maintained(conn: Connection) -> list[SearchIndex]:
    """
    The indexes that are kept complete, the serving one first.

    These are the active one, the previous one, and every ready candidate that is wanted. An index
    without vectors of its own is replaced by the one whose vectors it uses.
    """
    with conn.cursor(row_factory=class_row(SearchIndex)) as cursor:
        return cursor.execute(
            "select o.* from search_index o join ("
            " select coalesce(i.vectors_of, i.id) id, bool_or(i.id = a.index_id) serves"
            " from search_index i cross join active a where i.id in (a.index_id, a.previous_id)"
            " or (i.status = 'ready' and i.wanted) group by 1) k using (id)"
            " where o.status = 'ready' order by k.serves desc, o.id"
        ).fetchall()


def with_tables(conn: Connection) -> list[IndexId]:
    """The indexes with a vector table, locked against being dropped until the transaction ends."""
    return [
        IndexId(row[0])
        for row in conn.execute(
            "select id from search_index where status <> 'retired' and vectors_of is null"
            " order by id for key share"
        )
    ]


def clear_windows(conn: Connection, windows: Sequence[WindowId]) -> None:
    """Remove these windows' vectors from every index that has a table, in the caller's transaction."""
    for index_id in with_tables(conn):
        conn.execute(
            sql.SQL("delete from {} where window_id = any(%s)").format(table(index_id)),
            (list(windows),),
        )


def kept_loaded(conn: Connection) -> list[IndexId]:
    """
    The indexes that every replica keeps loaded: active, previous (for a rollback), and wanted ones.
    """
    return [
        IndexId(row[0])
        for row in conn.execute(
            "select i.id from search_index i cross join active a where i.status = 'ready'"
            " and (i.id in (a.index_id, a.previous_id) or i.wanted)"
            " order by i.id = a.index_id desc, i.id = a.previous_id desc nulls last, i.id"
        )
    ]


def want(conn: Connection, index_id: IndexId, wanted: bool, *, shadow_share: float = 0) -> None:
    """
    Ask replicas to keep a version loaded, or to stop that.

    :param shadow_share: Share of questions that it answers silently.
    """
    conn.execute(
        "update search_index set wanted = %s, shadow_share = %s, reason = null where id = %s",
        (wanted, shadow_share, index_id),
    )
    notify(conn)


def give_up(conn: Connection, index_id: IndexId, reason: str) -> None:
    """
    Stop wanting a version that replicas could not load, and store the reason until it is wanted
    again.
    """
    want(conn, index_id, False)
    conn.execute("update search_index set reason = %s where id = %s", (reason, index_id))


def notify(conn: Connection) -> None:
    """Tell every replica at commit that something it follows has changed."""
    conn.execute(f"notify {CHANNEL}")


def listen(conn: Connection) -> None:
    """Receive `notify` on this connection."""
    conn.execute(f"listen {CHANNEL}")


def store_proof(conn: Connection, index_id: IndexId, proof: dict[str, Any]) -> None:
    """Store the results of the checks before a version may serve."""
    conn.execute("update search_index set proof = %s where id = %s", (Jsonb(proof), index_id))


def of_model(conn: Connection, model_id: ModelId) -> SearchIndex | None:
    """The newest index of a model that is not retired."""
    with conn.cursor(row_factory=class_row(SearchIndex)) as cursor:
        return cursor.execute(
            "select * from search_index where model_id = %s and status <> 'retired'"
            " order by id desc limit 1",
            (model_id,),
        ).fetchone()


def newest_of_models(conn: Connection) -> dict[ModelId, SearchIndex]:
    """The same for every model that has one."""
    with conn.cursor(row_factory=class_row(SearchIndex)) as cursor:
        rows = cursor.execute(
            "select distinct on (model_id) * from search_index where status <> 'retired'"
            " order by model_id, id desc"
        )
        return {index.model_id: index for index in rows}


def expired(conn: Connection, retention: timedelta) -> list[IndexId]:
    """
    Indexes that may be dropped.

    They are neither active nor previous nor wanted, and have been out of service for longer than
    `retention`. No replica has them loaded, which a replica reports while any question uses one. No
    other index uses their vectors.
    """
    return [
        IndexId(row[0])
        for row in conn.execute(
            "select i.id from search_index i cross join active a"
            " where i.status in ('ready', 'failed') and not i.wanted"
            " and i.id <> a.index_id and i.id is distinct from a.previous_id"
            " and coalesce(i.served_until, i.ready_at, i.created_at) < now() - %s"
            " and not exists (select 1 from replica r where i.id = any(r.prepared))"
            " and not exists (select 1 from search_index b"
            "  where b.vectors_of = i.id and b.status <> 'retired') order by i.id",
            (retention,),
        )
    ]


def drop(conn: Connection, index_id: IndexId, retention: timedelta) -> bool:
    """
    Retire an index and drop its table, after waiting at most half a second for its readers.

    :returns: False if it is in use again.
    :raises LockNotAvailable: It is still being read after that time.
    """
    with conn.transaction():
        conn.execute("set local lock_timeout = '500ms'")
        # Excludes a promotion, and waits for deletes that touch this table.
        conn.execute("select 1 from active for update")
        conn.execute("select 1 from search_index where id = %s for update", (index_id,))
        if index_id not in expired(conn, retention):
            return False
        conn.execute(sql.SQL("drop table if exists {}").format(table(index_id)))
        mark(conn, index_id, "retired")
    return True


def use_of(conn: Connection, index: SearchIndex) -> str | None:
    """The reason in a few words why an index cannot be dropped, or None if nothing uses it."""
    row = conn.execute(
        "select i.id = a.index_id, i.id is not distinct from a.previous_id, i.wanted,"
        " i.status = 'building', (select min(m.name) from search_index b join model m"
        "  on m.id = b.model_id where b.vectors_of = i.id and b.status <> 'retired'),"
        " exists (select 1 from replica r where i.id = any(r.prepared))"
        " from search_index i cross join active a where i.id = %s",
        (index.id,),
    ).fetchone()
    if row is None:
        return None
    serves, previous, wanted, building, borrower, held = row
    reasons = {
        "it serves": serves,
        "a rollback would go back to it": previous,
        "servers hold it loaded": wanted or held,
        "it is being built": building,
        f"{borrower} uses its vectors": borrower,
    }
    return next((reason for reason, is_so in reasons.items() if is_so), None)


def forget_retired(conn: Connection, model_id: ModelId) -> None:
    """Delete the rows of a model's retired indexes unless another row names them."""
    conn.execute(
        "delete from search_index i where i.model_id = %s and i.status = 'retired'"
        " and not exists (select 1 from search_index b where b.vectors_of = i.id)",
        (model_id,),
    )


def mark(conn: Connection, index_id: IndexId, status: str, reason: str | None = None) -> None:
    """Set the status. For ``ready`` also the time."""
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


def count_vectors(conn: Connection, index_id: IndexId) -> int:
    """Count the windows that have a vector in the index."""
    row = conn.execute(sql.SQL("select count(*) from {}").format(table(index_id))).fetchone()
    assert row is not None
    return int(row[0])
