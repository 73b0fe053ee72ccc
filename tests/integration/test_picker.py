"""Questions that are limited to some documents: what is searched, what may be chosen, what is said."""

from __future__ import annotations

import asyncio
import html
import json

import pytest

from app.access.limits import Limits
from app.access.reader import Reader
from app.actions.ingest import open_ingester
from app.chat import turns
from app.chat.picker import words
from app.chat.picker.choice import Wanted, settle
from app.chat.rendering import markup
from app.chat.stops import Stops
from pipelines.indexing.incoming import Incoming
from pipelines.store import calibration, chats, choices, chunks
from tests.serving_app import running

TORQUE = "The torque of the {} is {} Nm. Tighten the bolts in turn, and check them after a day."
QUESTION = "What is the torque of the pump?"
OWNER, STRANGER = Reader("v1", "x"), Reader("v2", "x")


@pytest.fixture(scope="module")
def started(module_dsn, tiny_model, tmp_path_factory):
    with running(module_dsn, tiny_model, tmp_path_factory.mktemp("home")) as app:
        yield app


@pytest.fixture(scope="module")
def ids(started):
    """Two shared manuals, one of another collection, a closed one, and a private one of the owner."""
    of = {"a.md": "default", "b.md": "default", "c.md": "more", "hr.md": "hr", "own.md": OWNER.own}
    return {name: add(started.services, name, of[name], n) for n, name in enumerate(of, 11)}


def add(services, name, collection, value):
    text = f"# Pump\n\n{TORQUE.format(f'pump {name[:-3]}', value)}\n"
    with open_ingester(services) as ingester:
        outcome = ingester.ingest(Incoming(name, name, text.encode, collection))
    assert outcome.status == "indexed", outcome
    return outcome.document_id


def ask(services, reader, wanted, conversation=None, question=QUESTION):
    async def drain():
        limits = Limits(services.pool, services.settings)
        steps = turns.ask(services, Stops(), limits, reader, conversation, question, wanted)
        return [step async for step in steps][-1]

    return asyncio.run(drain())


def titles(step):
    return {passage.title for passage in step.message.shown}


def test_only_what_was_chosen_is_searched(started, ids):
    """Documents, collections and own files add up. The answer says where was searched."""
    services = started.services
    for wanted, found, within in [
        (Wanted(), {"a.md", "b.md", "c.md", "hr.md", "own.md"}, None),
        (Wanted(documents=(ids["a.md"],)), {"a.md"}, "a.md"),
        (Wanted(True), {"own.md"}, "what you added"),
        (Wanted(False, ("more",), (ids["b.md"],)), {"b.md", "c.md"}, "collection more and b.md"),
        (Wanted(True, ("more",)), {"own.md", "c.md"}, "what you added and collection more"),
    ]:
        step = ask(services, OWNER, wanted)
        assert titles(step) == found
        assert step.message.remarks.within == within


def test_nobody_can_choose_what_is_not_theirs_to_read(started, ids):
    """Neither by id nor by name, and what a page sends leaks no title."""
    services = started.services
    hidden = Reader("v2", "x", frozenset({"hr"}))
    wanted = Wanted(True, (OWNER.own, "hr"), (ids["own.md"], ids["hr.md"]))
    with services.pool.connection() as conn:
        settled = settle(conn, hidden, wanted, None)
        assert settled.is_empty
        assert settled.gone == (words.CLOSED,)
        said = settled.shown()
    assert "own.md" not in said
    assert "hr.md" not in said
    step = ask(services, hidden, wanted)
    assert titles(step) == {"a.md", "b.md", "c.md"}
    both = ask(services, hidden, Wanted(documents=(ids["a.md"], ids["own.md"], ids["hr.md"])))
    assert titles(both) == {"a.md"}
    assert both.message.remarks.within == "a.md"


def test_the_list_holds_what_its_reader_may_read(started, ids):
    """As somebody types, bounded, and without other people's files."""
    client = started.client()
    client.get("/")

    def listed(words=""):
        answer = client.get("/choices", params={"q": words})
        assert answer.status_code == 200
        return answer.json()

    whole = listed()
    assert {one["title"] for one in whole["documents"]} == {"a.md", "b.md", "c.md", "hr.md"}
    assert {one["name"] for one in whole["collections"]} == {"default", "hr", "more"}
    assert (whole["own"], whole["total"], whole["more"]) == (0, 4, False)
    assert [one["title"] for one in listed("B")["documents"]] == ["b.md"]
    assert listed("own")["documents"] == []
    assert listed("100%_'\x00")["documents"] == []
    assert "visitor:" not in json.dumps(whole)


def test_a_long_list_is_cut(started, ids, monkeypatch):
    from app.chat.picker import routes

    monkeypatch.setattr(routes, "LISTED", 2)
    found = started.client().get("/choices").json()
    assert (len(found["documents"]), found["more"]) == (2, True)


def test_a_choice_is_kept_with_its_conversation(started, ids):
    """Until another one is sent. It belongs to its visitor."""
    services = started.services
    first = ask(services, OWNER, Wanted(documents=(ids["a.md"],)))
    again = ask(services, OWNER, None, first.conversation)
    assert titles(again) == {"a.md"}
    with services.pool.connection() as conn:
        assert choices.remembered(conn, STRANGER.visitor, first.conversation) is None
        choices.remember(conn, STRANGER.visitor, first.conversation, None)
        assert choices.remembered(conn, OWNER.visitor, first.conversation) is not None
    everything = ask(services, OWNER, Wanted(), first.conversation)
    assert len(titles(everything)) == 5
    assert everything.message.remarks.within is None


def test_a_deleted_document_drops_out_with_a_word(started, ids):
    """A new version of it takes its place."""
    services = started.services
    old = add(services, "d.md", "default", 51)
    wanted = Wanted(documents=(old, ids["a.md"]))
    first = ask(services, OWNER, wanted)
    assert titles(first) == {"a.md", "d.md"}
    new = add(services, "d.md", "default", 52)
    assert new != old
    assert titles(ask(services, OWNER, wanted, first.conversation)) == {"a.md", "d.md"}
    with services.pool.connection() as conn:
        chunks.delete_document(conn, new)
    left = ask(services, OWNER, Wanted(documents=(new, ids["a.md"])), first.conversation)
    assert titles(left) == {"a.md"}
    assert left.message.note.startswith("d.md is no longer there.")


def test_where_the_choice_holds_no_answer_everything_is_offered(started, ids, monkeypatch):
    """Unless the question can be searched by no word."""
    monkeypatch.setattr(calibration, "threshold", lambda *_: 5.0)
    vague = ask(started.services, OWNER, Wanted(documents=(ids["a.md"],)), question="What is it?")
    assert (vague.message.kind, vague.message.remarks.within) == ("not_found", None)
    assert "fuller question" in vague.message.text
    step = ask(
        started.services, OWNER, Wanted(documents=(ids["a.md"],)), question="Who won the chess cup?"
    )
    assert step.message.kind == "not_found"
    assert step.message.text.startswith("Nothing in a.md answers this question.")
    shown = html.unescape(markup.answer(step.message))
    assert "Searched in: a.md" in shown
    assert 'href="#everywhere"' in shown


def test_an_answer_in_a_closed_collection_is_hidden_with_the_names_searched(started, ids):
    """Also if it showed no passage."""
    services = started.services
    step = ask(services, OWNER, Wanted(documents=(ids["hr.md"],)), question="Hm hm?")
    later = Reader("v1", "x", frozenset({"hr"}))
    with services.pool.connection() as conn:
        stored = chats.messages(conn, OWNER.visitor, step.conversation)[1]
        assert "hr.md" not in str(later.clear(stored))
        assert "hr.md" not in settle(conn, later, None, step.conversation).shown()
