"""The counts on the overview page, each one short query."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from pipelines.store import document_list
from pipelines.store.db import Connection
from pipelines.store.rows import class_row


@dataclass(frozen=True)
class QuestionCounts:
    """
    The questions of a time span, and how they were answered.

    :param p50_ms: Median time to embed a question and search. None if nothing was searched.
    :param p95_ms: The 95th percentile of the same.
    """

    questions: int
    visitors: int
    not_found: int
    faults: int
    liked: int
    disliked: int
    p50_ms: float | None
    p95_ms: float | None


@dataclass(frozen=True)
class ServingVersion:
    """The version that answers questions now."""

    name: str
    kind: str
    base: str
    manifest_sha256: str | None
    epoch: int
    since: datetime
    previous: str | None

    @property
    def identity(self) -> str:
        """The name of its weights in evaluations."""
        return self.manifest_sha256 or self.base


@dataclass(frozen=True)
class ContentCounts:
    """Counts of the documents to search and of the pairs to train on."""

    indexed: int
    queued: int
    failed: int
    own: int
    unread_language: int
    chunks: int
    train_pairs: int
    heldout_pairs: int
    review_pairs: int


@dataclass(frozen=True)
class RetrievalFigures:
    """
    How well a model retrieves the passages of held-out questions, with hybrid search as in the chat.
    """

    evaluation_id: int
    at: datetime
    questions: int
    hit5: float
    mrr: float


@dataclass(frozen=True)
class Since:
    """What was added since the newest run that finished, or ever if there is none."""

    last_run: datetime | None
    liked: int
    pairs: int


def asked(conn: Connection, span: timedelta) -> QuestionCounts:
    """Count the questions of the last `span`."""
    with conn.cursor(row_factory=class_row(QuestionCounts)) as cursor:
        row = cursor.execute(
            "select count(*) as questions, count(distinct c.visitor) as visitors,"
            " count(*) filter (where m.kind = 'not_found') as not_found,"
            " count(*) filter (where m.kind = 'error') as faults,"
            " count(*) filter (where f.verdict = 'like') as liked,"
            " count(*) filter (where f.verdict = 'dislike') as disliked,"
            " percentile_cont(0.5) within group (order by t.ms) as p50_ms,"
            " percentile_cont(0.95) within group (order by t.ms) as p95_ms"
            " from message m join conversation c on c.id = m.conversation_id"
            " left join feedback f on f.message_id = m.id"
            " cross join lateral (select (m.timings_ms ->> 'sql')::float"
            "  + coalesce((m.timings_ms ->> 'embed')::float, 0) as ms) t"
            " where m.role = 'assistant' and m.created_at > now() - %s",
            (span,),
        ).fetchone()
    assert row is not None
    return row


def serving(conn: Connection) -> ServingVersion | None:
    """The version that answers now, or None before the first start has set one."""
    with conn.cursor(row_factory=class_row(ServingVersion)) as cursor:
        return cursor.execute(
            "select m.name, m.kind, m.base, m.manifest_sha256, a.epoch, a.changed_at as since,"
            " (select p.name from search_index o join model p on p.id = o.model_id"
            "  where o.id = a.previous_id) as previous"
            " from active a join search_index i on i.id = a.index_id"
            " join model m on m.id = i.model_id"
        ).fetchone()


def held(conn: Connection, *, bundled: str) -> ContentCounts:
    """
    Count documents and pairs.

    :param bundled: Collection that is shipped with the application. The others are people's own.
    """
    row = conn.execute(
        "select count(*) filter (where status = 'indexed'),"
        " count(*) filter (where status in ('queued', 'indexing')),"
        " count(*) filter (where status = 'failed'),"
        " count(*) filter (where status = 'indexed' and collection <> %s),"
        " (select count(*) from chunk) from document",
        (bundled,),
    ).fetchone()
    made = conn.execute(
        "select count(*) filter (where status = 'accepted' and split = 'train'),"
        " count(*) filter (where status = 'accepted' and split = 'heldout'),"
        " count(*) filter (where status = 'review')"
        " + (select count(*) from wrong_passage where status = 'review') from pair"
    ).fetchone()
    assert row is not None
    assert made is not None
    indexed, queued, failed, own, chunks = row
    unread = document_list.count_unread_language(conn)
    return ContentCounts(indexed, queued, failed, own, unread, chunks, *made)


def figures_of(conn: Connection, identity: str) -> RetrievalFigures | None:
    """A model's retrieval on held-out questions in its newest evaluation."""
    with conn.cursor(row_factory=class_row(RetrievalFigures)) as cursor:
        return cursor.execute(
            "select e.id as evaluation_id, e.created_at as at,"
            " (e.figures -> 'dataset' ->> 'questions')::int as questions,"
            " (s -> 'figures' ->> 'hit@5')::float as hit5,"
            " (s -> 'figures' ->> 'mrr@10')::float as mrr"
            " from evaluation e cross join lateral jsonb_array_elements(e.figures -> 'models') m"
            " join lateral jsonb_array_elements(e.figures -> 'systems') s"
            "  on s ->> 'model' = m ->> 'name' and s ->> 'mode' = 'hybrid'"
            " where e.models @> array[%(model)s] and m ->> 'identity' = %(model)s"
            " order by e.id desc limit 1",
            {"model": identity},
        ).fetchone()


def since_last_run(conn: Connection) -> Since:
    """Count the training material that no run has used."""
    with conn.cursor(row_factory=class_row(Since)) as cursor:
        row = cursor.execute(
            "select r.at as last_run,"
            " (select count(*) from feedback f where f.verdict = 'like'"
            "  and f.created_at > coalesce(r.at, '-infinity')) as liked,"
            " (select count(*) from pair p where p.status = 'accepted' and p.split = 'train'"
            "  and coalesce(p.reviewed_at, p.created_at) > coalesce(r.at, '-infinity')) as pairs"
            " from (select max(created_at) as at from training_run where status = 'done') r"
        ).fetchone()
    assert row is not None
    return row


def liked_without_pair(conn: Connection) -> int:
    """Count the liked answers that cite a passage but have no pair."""
    row = conn.execute(
        "select count(*) from feedback f join message m on m.id = f.message_id"
        " where f.verdict = 'like' and m.shown @> '[{\"cited\": true}]'"
        " and not exists (select 1 from pair p where p.message_id = m.id)"
    ).fetchone()
    assert row is not None
    return int(row[0])


def failed_jobs(conn: Connection, span: timedelta) -> int:
    """Count the failed jobs that reported progress within the last `span`."""
    row = conn.execute(
        "select count(*) from procrastinate.procrastinate_jobs j join job_progress p"
        " on p.job_id = j.id where j.status = 'failed' and p.updated_at > now() - %s",
        (span,),
    ).fetchone()
    assert row is not None
    return int(row[0])
