"""
Rows of `shadow_result`: a candidate's hits for questions that another version answered.

They contain ids of messages and chunks but no texts. A conversation that its visitor deletes takes
its results out of the comparison.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pipelines.store.db import Connection
from pipelines.store.ids import ChunkId, IndexId, MessageId
from pipelines.store.rows import class_row

# Newest results kept for each candidate. Older ones add nothing and are deleted.
KEPT = 20_000


@dataclass(frozen=True)
class Shadowing:
    """A candidate that answers silently, and its share of the questions."""

    index_id: IndexId
    share: float


@dataclass(frozen=True)
class Judged:
    """
    Answers with one verdict, counted by where the candidate ranks the passages they cite.

    By mean reciprocal rank the passages are `higher`, `lower`, or at the `same` places as in the
    version that answered.
    """

    higher: int
    same: int
    lower: int

    @property
    def count(self) -> int:
        """The number of answers."""
        return self.higher + self.same + self.lower


@dataclass(frozen=True)
class ShadowReport:
    """
    A candidate compared with the serving version on questions that both were asked.

    `overlap` is the mean share of the shown passages that the candidate shows too. `first_differs`
    and `none_shared` are shares of the questions. Times are of embedding and search together.
    Figures are None while there are no questions.
    """

    share: float
    questions: int
    faults: int
    last_fault: str | None
    since: datetime | None
    until: datetime | None
    overlap: float | None
    first_differs: float | None
    none_shared: float | None
    candidate_p50_ms: float | None
    candidate_p95_ms: float | None
    serving_p50_ms: float | None
    serving_p95_ms: float | None
    liked: Judged
    disliked: Judged

    @property
    def preferred(self) -> float | None:
        """
        The share of judged answers where the candidate ranks better, of those ranked differently.

        Better means that it ranks liked passages higher or disliked ones lower. None without such
        answers.
        """
        better = self.liked.higher + self.disliked.lower
        worse = self.liked.lower + self.disliked.higher
        return better / (better + worse) if better + worse else None


def shadowing(conn: Connection) -> list[Shadowing]:
    """The candidates that answer silently now."""
    with conn.cursor(row_factory=class_row(Shadowing)) as cursor:
        return cursor.execute(
            "select id as index_id, shadow_share::float8 as share from search_index"
            " where status = 'ready' and wanted and shadow_share > 0 order by id"
        ).fetchall()


def add(
    conn: Connection,
    *,
    index_id: IndexId,
    epoch: int,
    message_id: MessageId,
    shown: Sequence[ChunkId],
    candidate: Sequence[ChunkId],
    took_ms: float,
    fault: str | None = None,
) -> None:
    """
    Store a candidate's hits for a question.

    :param epoch: The epoch of the answer.
    :param shown: The passages of the answer, best first.
    :param candidate: The candidate's passages, at least as many, best first.
    """
    both = set(shown) & set(candidate[: len(shown)])
    row = conn.execute(
        "insert into shadow_result (index_id, epoch, message_id, shown, candidate, overlap,"
        " took_ms, fault) values (%s, %s, %s, %s, %s, %s, %s, %s) returning id",
        (
            index_id,
            epoch,
            message_id,
            list(shown),
            list(candidate),
            len(both) / len(shown) if shown else 0.0,
            took_ms,
            fault,
        ),
    ).fetchone()
    assert row is not None
    if row[0] % 100 == 0:
        conn.execute(
            "delete from shadow_result where index_id = %(index)s and id <= (select id from"
            " shadow_result where index_id = %(index)s order by id desc offset %(kept)s limit 1)",
            {"index": index_id, "kept": KEPT},
        )


# Only answers of the version that serves now, whose messages are still there.
_BESIDE = (
    " from shadow_result s join message m on m.id = s.message_id cross join active a"
    " where s.index_id = %(index)s and m.index_id = a.index_id"
)


def report(conn: Connection, index_id: IndexId) -> ShadowReport:
    """Compare a candidate with the version that serves now."""
    share = conn.execute(
        "select shadow_share::float8 from search_index where id = %s", (index_id,)
    ).fetchone()
    figures = conn.execute(
        "select count(*) filter (where fault is null), count(fault),"
        " (array_agg(fault order by s.id desc) filter (where fault is not null))[1],"
        " min(s.at), max(s.at), (avg(overlap) filter (where fault is null))::float8,"
        " (avg((s.shown[1] is distinct from s.candidate[1])::int)"
        "  filter (where fault is null))::float8,"
        " (avg((overlap = 0)::int) filter (where fault is null))::float8,"
        " percentile_cont(array[.5, .95]) within group (order by took_ms)"
        "  filter (where fault is null),"
        " percentile_cont(array[.5, .95]) within group (order by"
        "  (m.timings_ms ->> 'embed')::float8 + (m.timings_ms ->> 'sql')::float8)" + _BESIDE,
        {"index": index_id},
    ).fetchone()
    assert figures is not None
    questions, faults, last_fault, since, until, overlap, differs, none, took, served = figures
    took, served = took or (None, None), served or (None, None)
    judged = _judged(conn, index_id)
    return ShadowReport(
        share=share[0] if share else 0.0,
        questions=questions,
        faults=faults,
        last_fault=last_fault,
        since=since,
        until=until,
        overlap=overlap,
        first_differs=differs,
        none_shared=none,
        candidate_p50_ms=took[0],
        candidate_p95_ms=took[1],
        serving_p50_ms=served[0],
        serving_p95_ms=served[1],
        liked=judged.get("like", Judged(0, 0, 0)),
        disliked=judged.get("dislike", Judged(0, 0, 0)),
    )


def _judged(conn: Connection, index_id: IndexId) -> dict[str, Judged]:
    """Counts by verdict. Answers without citations cannot be judged and are left out."""
    rows = conn.execute(
        "with ranked as (select f.verdict,"
        " avg(1.0 / array_position(s.shown, p.chunk_id)) shown,"
        " avg(coalesce(1.0 / array_position(s.candidate, p.chunk_id), 0)) candidate"
        + _BESIDE.replace(
            " cross join active a",
            " join feedback f on f.message_id = m.id cross join active a cross join lateral"
            " jsonb_to_recordset(m.shown) p (chunk_id bigint, cited boolean)",
        )
        + " and s.fault is null and p.cited group by s.id, f.verdict)"
        " select verdict, count(*) filter (where candidate > shown),"
        " count(*) filter (where candidate = shown),"
        " count(*) filter (where candidate < shown) from ranked group by verdict",
        {"index": index_id},
    )
    return {verdict: Judged(higher, same, lower) for verdict, higher, same, lower in rows}
