"""What the tests of ingest put in, and look for afterwards."""

from __future__ import annotations

from pipelines.indexing.incoming import Incoming
from pipelines.search.hybrid import hybrid


def incoming(source: str, text: str | bytes) -> Incoming:
    """A file with this text."""
    return Incoming(source, source, lambda: text if isinstance(text, bytes) else text.encode())


def counts(pool) -> tuple[int, ...]:
    """Rows of each table that documents fill."""
    with pool.connection() as conn:
        return tuple(
            conn.execute(f"select count(*) from {table}").fetchone()[0]
            for table in ("chunk", "text_window", "emb_1", "posting", "document_blob")
        )


def found(pool, ingester, question: str) -> list[str]:
    """The passages that a question finds."""
    handle = ingester.handle_source()
    vector = handle.encoder.encode_queries([question])[0]
    with pool.connection() as conn:
        return [hit.text for hit in hybrid(conn, handle, question, vector, 3)]
