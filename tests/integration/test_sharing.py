"""A conversation that is shared by a link: who reads what, and when it is over."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from app.access.limits import Limits
from app.access.reader import HIDDEN, Reader
from app.actions.ingest import open_ingester
from app.chat import turns
from app.chat.stops import Stops
from pipelines.indexing.incoming import Incoming
from pipelines.store import active, chats, scope, shares
from tests import matrix
from tests.matrix import REFUSED
from tests.serving_app import listening, running

OWNER = "owner"
BOARD = "The merger with Northwind closes on the ninth of March."
OPEN = "The canteen opens at half past eleven <b>every</b> working day."
# Each with the collections that are closed when it is asked.
QUESTIONS = (
    ("When does the merger with Northwind close?", frozenset()),
    ("When does the canteen open?", frozenset(["board"])),
)


@pytest.fixture(scope="module")
def started(module_dsn, tiny_model, tmp_path_factory):
    """A conversation of somebody who may read an open and a closed collection."""
    home = tmp_path_factory.mktemp("home")
    rules = "board=admins"
    with running(module_dsn, tiny_model, home, readers=rules, admin_password="a") as app:
        files = [
            Incoming("canteen.md", "Canteen", lambda: f"# Canteen\n\n{OPEN}\n".encode()),
            Incoming("board.md", "Board", lambda: f"# Merger\n\n{BOARD}\n".encode(), "board"),
        ]
        with open_ingester(app.services) as ingester:
            assert {o.status for o in ingester.ingest_many(files)} == {"indexed"}
        yield app


@pytest.fixture
def conversation(started) -> UUID:
    """Both questions with their answers, one of which comes from the closed collection."""
    services, found = started.services, None

    async def drain(question, closed, conversation):
        limits = Limits(services.pool, services.settings)
        reader = Reader(OWNER, "10.0.0.1", closed)
        steps = turns.ask(services, Stops(), limits, reader, conversation, question)
        return [step async for step in steps][-1]

    for question, closed in QUESTIONS:
        found = asyncio.run(drain(question, closed, found)).conversation
    return found


def share(services, conversation, visitor=OWNER):
    with services.pool.connection() as conn:
        return shares.start(conn, visitor, conversation, "ada")


def test_a_link_shows_what_its_reader_may_see(started, conversation):
    """Answers from closed documents are hidden from everybody else, whoever shared them."""
    token = share(started.services, conversation)
    with started.client() as anybody:
        shown = anybody.get(f"/shared/{token}")
    assert shown.status_code == 200
    assert "When does the canteen open" in shown.text
    assert "half past eleven" in shown.text
    assert "Northwind closes" not in shown.text
    assert "ninth" not in shown.text
    assert "not open to you" in shown.text
    with started.signed_in("admin-password", "admin") as admin:
        assert "ninth of March" in admin.get(f"/shared/{token}").text


def test_files_of_the_owner_alone_stay_theirs(started):
    """What somebody added for themselves is not shown to the readers of a link."""
    services = started.services
    own = scope.private(OWNER)
    passage = chats.Shown(
        1, 1, 1, "mine.md", None, None, "My salary is 4,321.", None, 1.0, True, own
    )
    with services.pool.connection() as conn:
        mine = chats.start(conn, OWNER, "Mine")
        chats.add(conn, mine, role="user", text="What is my salary?")
        chats.add(conn, mine, role="assistant", text="4,321 [1]", kind="extracts", shown=[passage])
    token = share(services, mine)
    with started.signed_in("admin-password", "admin") as admin:
        shown = admin.get(f"/shared/{token}").text
    assert "4,321" not in shown
    assert HIDDEN.split(".")[0] in shown


def test_documents_cannot_write_the_page(started, conversation):
    """Markup of a passage is text. Nothing is kept, and no other site is told the address."""
    token = share(started.services, conversation)
    with started.client() as anybody:
        shown = anybody.get(f"/shared/{token}")
    assert "<b>every</b>" not in shown.text
    assert shown.headers["cache-control"] == "no-store"
    assert shown.headers["referrer-policy"] == "no-referrer"
    assert "#ask" not in shown.text


def test_a_link_ends_when_it_is_taken_back_or_the_conversation_goes(started, conversation):
    """A new link is another one. Each step is in the audit."""
    services = started.services
    first = share(services, conversation)
    assert share(services, conversation) == first
    with started.client() as anybody:
        with services.pool.connection() as conn:
            assert shares.stop(conn, OWNER, conversation, "ada")
        assert anybody.get(f"/shared/{first}").status_code == 404
        second = share(services, conversation)
        assert second != first
        assert anybody.get(f"/shared/{second}").status_code == 200
        with services.pool.connection() as conn:
            chats.set_deleted(conn, OWNER, conversation, deleted=True)
        assert anybody.get(f"/shared/{second}").status_code == 404
    with services.pool.connection() as conn:
        steps = [
            (entry.who, entry.action)
            for entry in reversed(active.audits(conn))
            if entry.detail.get("conversation") == str(conversation)
        ]
    assert steps == [
        ("ada", "share conversation"), ("ada", "stop sharing"), ("ada", "share conversation")
    ]  # fmt: skip


def test_nobody_shares_the_conversation_of_another(started, conversation):
    """Neither starting nor ending does anything."""
    services = started.services
    assert share(services, conversation, "somebody else") is None
    token = share(services, conversation)
    with services.pool.connection() as conn:
        assert not shares.stop(conn, "somebody else", conversation, "eve")
        assert shares.token(conn, "somebody else", conversation) is None
        assert shares.token(conn, OWNER, conversation) == token


@pytest.mark.parametrize("token", ["", "x", "%00", "..", "a" * 500])
def test_other_addresses_open_nothing(started, conversation, token):
    """Not the empty one either, although most conversations have no link."""
    with started.client() as anybody:
        answer = anybody.get(f"/shared/{token}")
    assert "canteen" not in answer.text.lower()


def test_a_closed_chat_closes_its_links(module_dsn, tiny_model, tmp_path):
    """Where the chat needs a session, a link does, too. Expired and forged ones do not do."""
    words = {"admin_password": "a", "chat_password": "c"}
    with listening(module_dsn, tiny_model, tmp_path, **words) as served:
        with served.services.pool.connection() as conn:
            mine = chats.start(conn, OWNER, "The secret plan")
            chats.add(conn, mine, role="user", text="What is planned?")
        token = share(served.services, mine)
        for who, cookie in matrix.strangers(served).items():
            with served.client(cookie) as client:
                answer = client.get(f"/shared/{token}")
            assert answer.status_code in REFUSED, who
            assert "secret plan" not in answer.text
        with served.client(matrix.member(served)) as client:
            assert "secret plan" in client.get(f"/shared/{token}").text
