"""
Long scans in rounds: a document is searched by the pages that OCR has read, while it reads on.

The time for OCR of one attempt is limited. What it has read is kept, so each further one reads
further pages, and the document is written again with all of them.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial

from pipelines.indexing import queued
from pipelines.indexing.incoming import Incoming
from pipelines.indexing.ingest import Ingester
from pipelines.indexing.outcome import Outcome
from pipelines.store import documents
from pipelines.store.db import Connection
from pipelines.store.ids import DocumentId


def ingest_wholly(ingester: Ingester, files: Iterable[Incoming]) -> Generator[Outcome, None, None]:
    """
    Index files, and go on with those that have pages left, until none has.

    Close the iterator to stop early. The same call again then goes on with the next page.

    :returns: The last outcome of every file.
    :raises Stopped: The task was asked to stop.
    """
    waiting = {file.source: file for file in files}
    while waiting:
        left: dict[str, Incoming] = {}
        with closing(ingester.ingest_many(waiting.values())) as outcomes:
            for outcome in outcomes:
                if not outcome.pages_left or outcome.document_id is None:
                    yield outcome
                    continue
                load = partial(queued.load, ingester.pool, outcome.document_id)
                left[outcome.source] = replace(waiting[outcome.source], load=load, document_id=None)
        waiting = left


def put_rest(conn: Connection, outcomes: Sequence[Outcome]) -> list[DocumentId]:
    """
    Queue the documents with pages left again. Until then they serve as they are.

    :returns: The ids of the documents that wait.
    """
    ids = [one.document_id for one in outcomes if one.pages_left and one.document_id is not None]
    with conn.transaction():
        found = documents.get_many(conn, ids)
        return [queued.again(conn, one) for one in found if one.status == "indexed"]
