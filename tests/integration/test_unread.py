"""A question that is asked before a document has been read."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from app.access.limits import Limits
from app.access.reader import Reader
from app.chat import turns, unread
from app.chat.stops import Stops
from app.services import open_services
from app.settings import Settings
from pipelines.store import documents, scope
from tests.corpus import add_document

EVE = Reader("eve", "10.0.0.1", frozenset({"closed"}))


@pytest.fixture
def services(dsn, tiny_model, tmp_path):
    given = {"home": tmp_path, "DATABASE_URL": dsn, "base_model": str(tiny_model)}
    with open_services(Settings(**given)) as opened:
        with opened.pool.connection() as conn:
            add_document(conn, opened.replica.current(), "harbour.md", ["The pier is 40 m long."])
        yield opened


def wait(services, *collections, status="queued"):
    """Documents that are still being read."""
    with services.pool.connection() as conn:
        for number, collection in enumerate(collections):
            documents.begin(
                conn, source=f"file {number}", title="x", sha256=f"{number}", mime="text/plain",
                content=b"x", collection=collection, status=status,
            )  # fmt: skip


def ask(services, question):
    async def last():
        limits = Limits(services.pool, services.settings)
        async for step in turns.ask(services, Stops(), limits, EVE, None, question):
            found = step
        return found.message

    return asyncio.run(last())


def test_a_refusal_tells_what_is_still_being_read(services):
    assert ask(services, "Who is the king of Norway?").note is None
    wait(services, "default")
    refused = ask(services, "Who is the king of Norway?")
    assert (refused.kind, refused.note) == ("not_found", unread.ONE)
    assert ask(services, "How long is the pier?").note != unread.ONE
    wait(services, "default", scope.private("eve"), status="indexing")
    assert "2 documents are" in ask(services, "Who is the king of Norway?").note


def test_what_others_add_is_not_told(services):
    """Neither what is closed to the reader, nor another visitor's own files."""
    wait(services, "closed", scope.private("bob"), scope.HANDBOOK)
    assert ask(services, "Who is the king of Norway?").note is None


def test_an_answer_and_an_earlier_note_stay(services):
    refused = services.answerer.ask("Who is the king of Norway?", handle=services.replica.current())
    wait(services, "default")
    noted = unread.noted(services, EVE, replace(refused, note="Only one."))
    assert noted.note == f"Only one. {unread.ONE}"
    assert unread.noted(services, EVE, replace(refused, kind="extracts")).note is None
