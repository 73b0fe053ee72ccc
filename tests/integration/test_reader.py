"""Collections that are not open to everyone, and how often and how much may be asked."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from types import SimpleNamespace

import pytest

from app.access.auth import COOKIE
from app.access.limits import OVER_BUDGET, Limits
from app.access.policy import parse_rules
from app.access.reader import HIDDEN, Reader, closed_to, reader_of
from app.actions.ingest import open_ingester
from app.chat import opening, turns
from app.chat.stops import Stops
from pipelines.answering.examples import starters
from pipelines.answering.llm import LLMOptions
from pipelines.errors import InputError
from pipelines.indexing.incoming import Incoming
from pipelines.store import chats, rate_counts, scope
from tests.fakes import scripted_llm
from tests.serving_app import running

SECRET = "The merger with Northwind closes on the ninth of March."
RULES = "board=ada,bob; staff=signed-in; ops=admins"
OPEN = Reader("visitor", "10.0.0.1")


@pytest.fixture(scope="module")
def started(module_dsn, tiny_model, tmp_path_factory):
    """An open collection and a closed one."""
    home = tmp_path_factory.mktemp("home")
    with running(module_dsn, tiny_model, home, readers=RULES, admin_password="a") as app:
        files = [
            Incoming("open.md", "Open", lambda: b"# Summary\n\nNothing of a merger is known.\n"),
            Incoming("board.md", "Board", lambda: f"# Merger plan\n\n{SECRET}\n".encode(), "board"),
        ]
        with open_ingester(app.services) as ingester:
            assert {o.status for o in ingester.ingest_many(files)} == {"indexed"}
        yield app


def ask(services, reader, question, conversation=None, limits=None):
    """The stored answer of one turn."""

    async def drain():
        limits_ = limits or Limits(services.pool, services.settings)
        steps = turns.ask(services, Stops(), limits_, reader, conversation, question)
        return [step async for step in steps][-1]

    return asyncio.run(drain())


def test_rules_say_who_may_read(started):
    """
    An account by name, everybody signed in, or admins only. Collections without a rule are open.
    """
    access = started.app.state.access
    person = SimpleNamespace
    assert closed_to(access, None) == {"board", "staff", "ops"}
    assert closed_to(access, person(name="guest", admin=False, named=False)) == {"board", "ops"}
    assert closed_to(access, person(name="ada", admin=False, named=True, names={"ada"})) == {"ops"}
    # A shared password's user is nobody in particular, whatever they are called.
    assert "board" in closed_to(access, person(name="ada", admin=False, named=False))
    assert closed_to(access, person(name="admin", admin=True, named=False)) == set()


@pytest.mark.parametrize("text", ["board", "board=", "=ada", "a=b;c"])
def test_rules_that_cannot_be_read_are_refused(text):
    """A typing error must not open a collection."""
    with pytest.raises(InputError, match="ATTUNE_READERS"):
        parse_rules(text)


def test_closed_passages_reach_neither_answers_nor_examples(started):
    """Search, citations, nearest passages and the questions to start with."""
    services = started.services
    stranger = Reader("v1", "x", frozenset({"board"}))
    for question in ("When does the merger with Northwind close?", SECRET):
        shown = ask(services, stranger, question).message.shown
        assert shown
        assert all(passage.collection == "default" for passage in shown)
    titles = {p.title for p in ask(services, Reader("v1", "x"), SECRET).message.shown}
    assert "Board" in titles
    with services.pool.connection() as conn:
        opened = scope.readable(conn, closed={"board"})
        assert opened == ["default"]
        assert starters(conn, opened) == []
        assert starters(conn, ["default", "board"]) == ["What should I know about merger plan?"]


def test_old_answers_close_with_their_collection(started):
    """What an answer showed is judged again at every reading: page, passages, history, export."""
    services = started.services
    step = ask(services, Reader("v2", "x"), SECRET)
    assert SECRET in "".join(p.text for p in step.message.shown)
    later = Reader("v2", "x", frozenset({"board"}))
    with services.pool.connection() as conn:
        stored = chats.messages(conn, "v2", step.conversation)
    seen = [later.clear(message) for message in stored]
    assert (seen[1].text, seen[1].shown, seen[1].kind) == (HIDDEN, [], "hidden")
    opened = opening.open_(services, later, step.conversation, "And then?")
    history, collections = opened.history, opened.within
    assert SECRET not in " ".join(turn.text for turn in history if turn.role == "assistant")
    assert collections == ["default"]


def test_export_closes_too(started):
    """The same cookie with and without a session."""
    client = started.client()
    client.get("/")
    asked = SimpleNamespace(
        cookies=dict(client.cookies), scope={}, client=SimpleNamespace(host="127.0.0.1")
    )
    from app.access.visitor import visitor_of

    step = ask(started.services, Reader(visitor_of(asked), "x"), SECRET)
    path = f"/conversations/{step.conversation}.json"
    shut = client.get(path).json()["messages"][1]
    assert (shut["text"], shut["shown"]) == (HIDDEN, [])
    client.cookies.set(COOKIE, started.app.state.access.start("admin-password", "admin"))
    assert "Northwind" in str(client.get(path).json()["messages"][1]["shown"])


def test_a_closed_tab_does_not_stall_other_streams(started):
    """Storing the text so far waits for a busy pool, but the event loop does not wait."""
    services, reader = started.services, Reader("left", "10.2.0.1")
    limits = Limits(services.pool, services.settings)

    async def leave():
        steps = turns.ask(services, Stops(), limits, reader, None, SECRET)
        async for step in steps:
            if step.found:
                break
        taken = [services.pool.getconn() for _ in range(services.pool.max_size)]
        try:
            closing = asyncio.ensure_future(steps.aclose())
            latest = 0.0
            for _ in range(20):
                began = time.monotonic()
                await asyncio.sleep(0.02)
                latest = max(latest, time.monotonic() - began)
            is_waiting = not closing.done()
        finally:
            for conn in taken:
                services.pool.putconn(conn)
        await closing
        return latest, is_waiting

    latest, is_waiting = asyncio.run(leave())
    assert latest < 2
    assert is_waiting
    with services.pool.connection() as conn:
        (conversation,) = chats.list_mine(conn, "left")
        stored = chats.messages(conn, "left", conversation.id)
    assert [message.text for message in stored] == [SECRET, "Stopped."]


@pytest.mark.usefixtures("one_window")
def test_questions_of_a_visitor_and_of_an_address_are_counted(started):
    """In the database: another server's count is the same. The refusal says how long to wait."""
    settings = started.services.settings.model_copy(update={"questions_per_minute": 3})
    here, there = (Limits(started.services.pool, settings) for _ in range(2))
    ann = Reader("ann", "10.1.1.1")
    assert [one.refusal(ann) for one in (here, there, here)] == [None] * 3
    assert "seconds" in there.refusal(ann)
    assert there.refusal(Reader("bob", "10.1.1.2")) is None
    crowd = [here.refusal(Reader(f"cookie {n}", "10.1.1.3")) for n in range(31)]
    assert crowd[:30] == [None] * 30
    assert crowd[30] is not None


def test_places_are_given_back(started):
    """A full server refuses at once, and answers again when somebody is done."""
    settings = started.services.settings.model_copy(update={"questions_at_once": 2})
    limits = Limits(started.services.pool, settings)
    with limits.place() as first, limits.place() as second, limits.place() as third:
        assert (first, second, third) == (True, True, False)
    with limits.place() as again:
        assert again


@pytest.mark.usefixtures("one_window")
def test_over_the_llm_budget_answers_are_extracts(dsn, tiny_model, tmp_path):
    """They are labelled. The model is not called again, for any visitor and on any server."""
    with scripted_llm() as llm, running(dsn, tiny_model, tmp_path, llm_calls_per_day=1) as app:
        llm.script = [lambda call: call.say("It closes in March [1].")]
        services = app.services
        services.llms.fixed = LLMOptions("scripted", base_url=llm.url)
        with open_ingester(services) as ingester:
            ingester.ingest(Incoming("m.md", "M", lambda: f"# Merger\n\n{SECRET}\n".encode()))
        question = "When does the merger close?"
        assert ask(services, OPEN, question).message.kind == "llm"
        second = ask(services, Reader("other", "10.0.0.9"), question).message
        assert (second.kind, second.note) == ("extracts", OVER_BUDGET)
        assert len(llm.requests) == 1


@pytest.mark.usefixtures("one_window")
def test_counting_never_passes_its_most_and_starts_anew(pool):
    """Not even with a cost above the rest. Counts of an earlier time window do not matter."""
    with pool.connection() as conn:
        assert rate_counts.take(conn, "k", window_s=3600, most=3, cost=2) is None
        assert 0 < rate_counts.take(conn, "k", window_s=3600, most=3, cost=2) <= 3600
        assert rate_counts.take(conn, "k", window_s=3600, most=3, cost=1) is None
        assert rate_counts.take(conn, "other", window_s=3600, most=3, cost=4) is not None
        assert rate_counts.used(conn, "k", window_s=3600) == 3
        conn.execute("update usage_count set slot = slot - interval '1 hour'")
        assert rate_counts.take(conn, "k", window_s=3600, most=3) is None
        assert not rate_counts.any_before(conn, timedelta(days=1))
        conn.execute("update usage_count set slot = slot - interval '3 days'")
        assert rate_counts.any_before(conn, timedelta(days=1))
        assert rate_counts.forget_before(conn, timedelta(days=1)) == 2


def test_reader_of_an_account_is_the_same_in_every_browser(dsn, tiny_model, tmp_path):
    """Conversations follow the account, not the cookie of a browser."""
    space = {
        "system": "spaces", "oauth_client_id": "id", "space_host": "x.hf.space", "admins": "ada",
    }  # fmt: skip
    from pydantic import SecretStr

    space["oauth_client_secret"] = SecretStr("s")
    with running(dsn, tiny_model, tmp_path, **space) as app:
        from starlette.requests import HTTPConnection

        from app.access.auth import SCOPE_KEY

        def reader():
            cookie = f"{COOKIE}={app.app.state.access.start('oauth', 'bob')}"
            scope = {"type": "http", "headers": [(b"cookie", cookie.encode())]}
            return reader_of(HTTPConnection({**scope, SCOPE_KEY: app.app.state.access}))

        assert reader().visitor == reader().visitor
