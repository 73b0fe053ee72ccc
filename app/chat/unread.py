"""A refusal says so where documents are still being read, which may hold the answer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from app.access.reader import Reader
from pipelines.answering.events import Answer
from pipelines.store import document_list, scope

if TYPE_CHECKING:
    from app.services import Services

ONE = "1 document is still being read. Ask again when it is ready."
MANY = "{count:,} documents are still being read. Ask again when they are ready."


def noted(services: Services, reader: Reader, answer: Answer) -> Answer:
    """The answer, with a note if it is a refusal that may soon be another answer."""
    if answer.kind != "not_found":
        return answer
    with services.pool.connection() as conn:
        unread = document_list.count_unread(conn)
    count = sum(
        number
        for collection, number in unread.items()
        if collection != scope.HANDBOOK and reader.may_read(collection)
    )
    if not count:
        return answer
    told = ONE if count == 1 else MANY.format(count=count)
    return replace(answer, note=f"{answer.note} {told}" if answer.note else told)
