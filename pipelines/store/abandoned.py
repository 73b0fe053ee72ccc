"""Documents that a killed process has left behind as being indexed."""

from __future__ import annotations

from datetime import timedelta

from pipelines.store.db import Connection
from pipelines.store.ids import DocumentId

# A process may have lost its connections for a moment, e.g. because the database restarts.
PAUSE = timedelta(minutes=1)

# The documents that have been indexing for a while, whose process has no connection any more, and
# that no job will index.
_LEFT_BEHIND = """
select d.id
from document d
left join document_process p on p.document_id = d.id
where d.status = 'indexing'
  and d.updated_at < now() - %s
  and not exists (select 1 from pg_stat_activity a where a.application_name = p.process)
  and not exists (
      select 1 from procrastinate.procrastinate_jobs j
      where j.task_name = 'ingest' and j.status in ('todo', 'doing')
        and j.args->'document_ids' @> to_jsonb(d.id))
"""


def any_left(conn: Connection) -> bool:
    """Whether there is a document that nobody will index."""
    row = conn.execute(f"select exists ({_LEFT_BEHIND})", (PAUSE,)).fetchone()
    return row is not None and bool(row[0])


def requeue(conn: Connection) -> list[DocumentId]:
    """
    Queue the documents again that nobody will index.

    :returns: Their ids, for a job in the same transaction.
    """
    rows = conn.execute(
        "update document set status = 'queued', updated_at = now()"
        f" where id in ({_LEFT_BEHIND}) and status = 'indexing' returning id",
        (PAUSE,),
    ).fetchall()
    return sorted(DocumentId(row[0]) for row in rows)
