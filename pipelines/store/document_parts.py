"""Documents in parts of about one size, in reading order, without their texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.store.db import Connection
from pipelines.store.ids import ChunkId, DocumentId

# A chunk belongs to the part in which it begins. Spans are read instead of texts, which may be large.
_NUMBERED = (
    "select id, document_id, ordinal,"
    " ((sum(char_end - char_start) over (partition by document_id order by ordinal)"
    "  - (char_end - char_start)) / %(size)s)::int + 1 as part"
    " from chunk where document_id = any(%(documents)s::bigint[])"
)


@dataclass(frozen=True)
class DocumentPart:
    """The chunks of a part, which is one of `parts`."""

    chunks: tuple[ChunkId, ...]
    parts: int


def part(conn: Connection, document_id: DocumentId, number: int, size: int) -> DocumentPart:
    """
    A part of a document by its number from 1. Without chunks if there is no such part.

    :param size: Characters of a part, about.
    """
    # The document's chunks in that part, and how many parts there are.
    rows = conn.execute(
        f"with numbered as ({_NUMBERED})"
        " select (select coalesce(max(part), 0) from numbered),"
        "  array(select id from numbered where part = %(number)s order by ordinal)",
        {"documents": [document_id], "size": size, "number": number},
    ).fetchone()
    assert rows is not None
    return DocumentPart(tuple(map(ChunkId, rows[1])), rows[0])


def count(conn: Connection, ids: Sequence[DocumentId], size: int) -> dict[DocumentId, int]:
    """
    How many parts documents have. One without text is left out.

    :param size: Characters of a part, about.
    """
    rows = conn.execute(
        f"select document_id, max(part) from ({_NUMBERED}) numbered group by document_id",
        {"documents": list(ids), "size": size},
    )
    return {DocumentId(row[0]): row[1] for row in rows}


def total_chars(conn: Connection, ids: Sequence[DocumentId]) -> int:
    """The characters of the chunks of some documents."""
    row = conn.execute(
        "select coalesce(sum(char_end - char_start), 0) from chunk"
        " where document_id = any(%s::bigint[])",
        (list(ids),),
    ).fetchone()
    assert row is not None
    return int(row[0])
