"""Which documents a question is searched in: the handbook's, everybody's, a visitor's own."""

from __future__ import annotations

import asyncio
import logging
import re
from types import SimpleNamespace

import pytest

from app import handbook
from app.access.limits import Limits
from app.access.reader import HIDDEN, Reader
from app.actions.ingest import open_ingester
from app.chat import opening, turns
from app.chat.stops import Stops
from app.handbook import index_handbook
from app.web import serve
from app.web.serve import _announce
from pipelines.answering.examples import starters
from pipelines.errors import InputError
from pipelines.indexing.incoming import Incoming
from pipelines.search import threshold
from pipelines.store import (
    calibration,
    chats,
    documents,
    feedback,
    pair_passages,
    pairs,
    probes,
    scope,
    votes,
)
from tests.serving_app import running

SECRET = "The merger with Northwind closes on the ninth of March."
OWNER, STRANGER = Reader("v1", "x"), Reader("v2", "x")


@pytest.fixture(scope="module")
def started(module_dsn, tiny_model, tmp_path_factory):
    """A server with the handbook and a visitor's own file, without shared documents."""
    with running(module_dsn, tiny_model, tmp_path_factory.mktemp("home")) as app:
        index_handbook(app.services)
        add(app.services, "own.md", f"# Merger\n\n## Northwind plans\n\n{SECRET}\n", OWNER.own)
        yield app


def add(services, name, text, collection="default"):
    with open_ingester(services) as ingester:
        outcome = ingester.ingest(Incoming(name, name, text.encode, collection))
    assert outcome.status == "indexed", outcome
    return outcome.document_id


def ask(services, reader, question, **options):
    async def drain():
        limits = Limits(services.pool, services.settings)
        steps = turns.ask(services, Stops(), limits, reader, None, question, **options)
        return [step async for step in steps][-1]

    return asyncio.run(drain())


def shown_in(step):
    return {passage.collection for passage in step.message.shown}


def test_own_documents_take_the_handbook_out_of_the_search(started):
    """For readers of these documents. Everybody else still finds the handbook."""
    services = started.services
    assert shown_in(ask(services, OWNER, SECRET)) == {OWNER.own}
    assert shown_in(ask(services, STRANGER, SECRET)) == {"handbook"}
    with services.pool.connection() as conn:
        assert starters(conn, OWNER.readable(conn)) == ["What are the Northwind plans?"]
        assert "What are the Northwind plans?" not in starters(conn, STRANGER.readable(conn))


def test_help_asks_the_handbook_alone(started):
    """Also later in the same conversation."""
    services = started.services
    first = ask(services, OWNER, "How do I add documents?", help=True)
    assert shown_in(first) == {"handbook"}
    with services.pool.connection() as conn:
        assert chats.get(conn, OWNER.visitor, first.conversation).help
    opened = opening.open_(services, OWNER, first.conversation, "And then?")
    assert opened.within == ["handbook"]
    closed = Reader("v1", "x", frozenset({"handbook"}))
    with services.pool.connection() as conn:
        assert closed.readable(conn, help=True) == []


def test_nothing_of_a_private_file_reaches_anybody_else(started):
    """Neither by old answers, pairs, checks of versions, thresholds, marks nor likes."""
    services = started.services
    step = ask(services, OWNER, SECRET)
    (chunk_id, *_) = [p.chunk_id for p in step.message.shown if SECRET in p.text]
    with services.pool.connection() as conn:
        stored = chats.messages(conn, OWNER.visitor, step.conversation)
        seen = STRANGER.clear(stored[1])
        assert (seen.text, seen.shown) == (HIDDEN, [])
        assert OWNER.clear(stored[1]) == stored[1]
        votes.store(conn, OWNER.visitor, stored[1].id, "like")
        known = [p.text for p in pair_passages.passages(conn, suspicious_code=documents.SUSPICIOUS)]
        known += [
            p.text
            for p in pair_passages.passages(conn, suspicious_code="", collections=[OWNER.own])
        ]
        known += [liked.passage for liked in pairs.liked(conn)]
        known += [text for _, text in probes.passages(conn, 100)]
        known += [sample.text for sample in calibration.sample(conn, 100)]
        known += [source.text for source in feedback.sources(conn, [chunk_id])]
    assert known
    assert not [text for text in known if SECRET in text]


def test_the_threshold_follows_what_is_searched(started):
    """As many own passages as the handbook has make a new one all the same."""
    services = started.services
    handle = services.replica.current()
    with services.pool.connection() as conn:
        before = calibration.calibrated_on(conn, handle.index_id)
        assert before.handbook
        assert not threshold.refresh(conn, handle)
    paragraph = "The ferry sails to the county town at noon and comes back in the evening. " * 18
    added = add(
        services, "a.md", "\n\n".join(f"# {n}\n\n{paragraph}" for n in range(before.chunks))
    )
    with services.pool.connection() as conn:
        after = calibration.calibrated_on(conn, handle.index_id)
        assert before.chunks / 2 < after.chunks < before.chunks * 2
        assert after.handbook is False
        from pipelines.store import chunks

        chunks.delete_document(conn, added)


def test_names_of_private_collections_cannot_be_given(started):
    """Neither in a rule nor to a file."""
    from app.access.policy import parse_rules

    for call in (scope.check_name, lambda name: parse_rules(f"{name}=everyone")):
        with pytest.raises(InputError, match="visitor:"):
            call(OWNER.own)


def test_the_handbook_never_keeps_a_server_from_starting(started, monkeypatch, caplog):
    """Pages that cannot be indexed are logged."""
    monkeypatch.setattr(handbook, "open_ingester", lambda services: 1 / 0)
    with caplog.at_level(logging.ERROR):
        index_handbook(started.services)
    assert "handbook" in caplog.text


def test_the_browser_that_is_opened_is_signed_in_and_sees_the_chat(started, monkeypatch, capsys):
    """Its link works once and opens the chat. The printed one opens the admin pages."""
    opened = []
    monkeypatch.setattr(
        serve, "webbrowser", SimpleNamespace(open=lambda url: opened.append(url) or True)
    )
    access = started.app.state.access
    _announce(access, "http://127.0.0.1:7860", True)
    (url,) = opened
    client = started.client()
    arrived = client.get(url)
    assert (arrived.status_code, arrived.headers["location"]) == (303, "/")
    assert client.get("/admin/").status_code == 200
    assert started.client().get(url).status_code == 401
    printed = re.search(r"once: (\S+)", capsys.readouterr().out).group(1)
    assert started.client().get(printed).headers["location"] == "/admin"
    away = f"{access.new_link()}&next=//evil.example/"
    assert started.client().get(away).headers["location"] == "/"


def test_without_a_browser_the_printed_line_says_what_the_link_is_for(started, monkeypatch, capsys):
    """And nobody gets a link that this server would refuse."""
    _announce(started.app.state.access, "http://127.0.0.1:7860", False)
    assert "add documents" in capsys.readouterr().out
    _announce(started.app.state.access, "http://192.168.1.5:7860", False)
    assert "/login/link" not in capsys.readouterr().out
