"""The text of a document around one of its chunks, as it was read."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.store.db import Connection
from pipelines.store.ids import DocumentId
from pipelines.store.rows import class_row


@dataclass(frozen=True)
class TextPart:
    """
    A chunk in its document. `gap` says whether a paragraph ends before it.

    `titles` are the headings that begin in it or stand above its middle.
    """

    ordinal: int
    text: str
    page: int | None
    heading: str | None
    gap: bool
    titles: list[str]
    page_label: str | None = None


@dataclass(frozen=True)
class Location:
    """The document that holds a chunk, and the chunk's place in it."""

    document_id: DocumentId
    ordinal: int


def locate(conn: Connection, chunk_id: int) -> Location | None:
    """Where a chunk stands, or None if its document was changed or deleted since."""
    with conn.cursor(row_factory=class_row(Location)) as cursor:
        return cursor.execute(
            "select document_id, ordinal from chunk where id = %s", (chunk_id,)
        ).fetchone()


def parts(conn: Connection, document_id: DocumentId, first: int, limit: int) -> list[TextPart]:
    """A document's chunks from an ordinal on, in reading order."""
    with conn.cursor(row_factory=class_row(TextPart)) as cursor:
        return cursor.execute(
            # The end of the chunk before is outside of the selection for the first one.
            "select c.ordinal, c.text, c.page, c.heading, c.page_label,"
            " c.char_start - coalesce(before.char_end, 0) <> 1 as gap,"
            " array(select distinct regexp_replace(heading, '^.* > ', '') from"
            "  (select c.heading union select place ->> 2 from jsonb_array_elements(c.places) place)"
            "  as above (heading) where heading is not null) as titles"
            " from chunk c left join chunk before"
            "  on before.document_id = c.document_id and before.ordinal = c.ordinal - 1"
            " where c.document_id = %s and c.ordinal >= %s order by c.ordinal limit %s",
            (document_id, first, limit),
        ).fetchall()
