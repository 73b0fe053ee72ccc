"""Rows of `source_entry`: what was found in a source, and what tells whether it has changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.store.db import Connection
from pipelines.store.ids import DocumentId, SourceId
from pipelines.store.rows import class_row


@dataclass(frozen=True)
class KnownEntry:
    """
    A file or page as it was last seen.

    :param stamp: What changes with its content: a time, an etag. Empty if it has to be read to know.
    :param failure: Why its content could not be read.
    :param links: Where a page leads.
    :param run_id: The run that saw it last.
    :param document_id: Its document, or None if that was deleted.
    """

    key: str
    document_source: str
    size_bytes: int | None
    stamp: str
    sha256: str
    failure: str | None
    links: list[str]
    run_id: int
    document_id: DocumentId | None


def known(conn: Connection, source_id: SourceId) -> dict[str, KnownEntry]:
    """The entries of a source by their keys."""
    with conn.cursor(row_factory=class_row(KnownEntry)) as cursor:
        rows = cursor.execute(
            "select e.key, e.document_source, e.size_bytes, e.stamp, e.sha256, e.failure, e.links,"
            " e.run_id, (select max(d.id) from document d where d.collection = s.collection"
            "  and d.source = e.document_source) as document_id"
            " from source_entry e join source s on s.id = e.source_id where e.source_id = %s",
            (source_id,),
        ).fetchall()
    return {row.key: row for row in rows}


def put(
    conn: Connection,
    source_id: SourceId,
    *,
    key: str,
    document_source: str,
    size_bytes: int | None,
    stamp: str,
    sha256: str,
    failure: str | None,
    links: Sequence[str],
    run_id: int,
) -> None:
    """Note what an entry is now."""
    conn.execute(
        "insert into source_entry (source_id, key, document_source, size_bytes, stamp, sha256,"
        " failure, links, run_id) values (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
        " on conflict (source_id, key) do update set document_source = excluded.document_source,"
        " size_bytes = excluded.size_bytes, stamp = excluded.stamp, sha256 = excluded.sha256,"
        " failure = excluded.failure, links = excluded.links, run_id = excluded.run_id",
        (
            source_id,
            key,
            document_source,
            size_bytes,
            stamp,
            sha256,
            failure,
            list(links),
            run_id,
        ),
    )


def seen(conn: Connection, source_id: SourceId, keys: Sequence[str], run_id: int) -> None:
    """Note that a run found entries as they were."""
    conn.execute(
        "update source_entry set run_id = %s where source_id = %s and key = any(%s)",
        (run_id, source_id, list(keys)),
    )


def forget(conn: Connection, source_id: SourceId, key: str) -> None:
    """Remove an entry. Its document stays."""
    conn.execute("delete from source_entry where source_id = %s and key = %s", (source_id, key))


def is_shared(conn: Connection, source_id: SourceId, document_source: str) -> bool:
    """Whether another source of the same collection has this document, too."""
    row = conn.execute(
        "select exists (select 1 from source_entry e join source s on s.id = e.source_id"
        " join source mine on mine.id = %s and mine.collection = s.collection"
        " where e.document_source = %s and e.source_id <> mine.id)",
        (source_id, document_source),
    ).fetchone()
    return row is not None and bool(row[0])


def count(conn: Connection) -> dict[SourceId, int]:
    """The number of entries that are in, of each source."""
    rows = conn.execute(
        "select source_id, count(*) from source_entry where failure is null group by 1"
    )
    return {SourceId(row[0]): int(row[1]) for row in rows}
