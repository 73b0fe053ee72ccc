"""Files from the chat: who may add them, how many, where they go, and who sees them."""

from __future__ import annotations

import asyncio
import errno

import pytest
from starlette.requests import HTTPConnection

from app.access import adders
from app.access.auth import SCOPE_KEY
from app.access.limits import Limits
from app.access.reader import Reader, reader_of
from app.actions.ingest import open_ingester
from app.chat import turns
from app.chat.stops import Stops
from app.web import uploads
from app.worker import upkeep
from pipelines.indexing import queued as waiting
from pipelines.store import document_list, jobs, own_files, scope
from tests.serving_app import forget_everything, running

SECRET = "The merger with Northwind closes on the ninth of March."
QUOTAS = {"max_upload_mb": 1, "visitor_files": 3, "visitor_mb": 2, "visitors_mb": 4}


@pytest.fixture(scope="module")
def closed_chat(module_dsn, tiny_model, tmp_path_factory):
    """Chat and admin pages have a password each."""
    words = {"admin_password": "a", "chat_password": "c"}
    with running(module_dsn, tiny_model, tmp_path_factory.mktemp("home"), **words) as started:
        yield started


@pytest.fixture(scope="module")
def open_chat(module_dsn, tiny_model, tmp_path_factory):
    """The chat is open, and everybody may add files."""
    settings = {**QUOTAS, "chat_upload": "everyone", "admin_password": "a"}
    home = tmp_path_factory.mktemp("open")
    with running(module_dsn, tiny_model, home, **settings) as started:
        yield started


@pytest.fixture
def app(open_chat):
    """The open chat, to which nobody has added anything yet."""
    forget_everything(open_chat.services)
    return open_chat


def visitor(app):
    """A browser that has opened the chat."""
    client = app.client()
    client.get("/")
    return client


def admin(app):
    return app.signed_in("admin-password", "admin")


def send(client, name="a.txt", content=b"Some text.", **headers):
    return client.post("/uploads", params={"name": name}, content=content, headers=headers)


def files(client):
    return client.get("/uploads").json()["files"]


def index(app, *ids):
    with open_ingester(app.services) as ingester:
        outcomes = waiting.index(app.services.pool, ingester, ids)
    assert {outcome.status for outcome in outcomes} == {"indexed"}


def collections(app):
    with app.services.pool.connection() as conn:
        return [row.document.collection for row in document_list.list_all(conn)]


@pytest.mark.parametrize(
    ("rule", "stranger", "guest", "administrator"),
    [("admins", 401, 403, 201), ("signed-in", 401, 201, 201), ("everyone", 401, 201, 201)],
)
def test_who_may_add_where_the_chat_has_a_password(
    closed_chat, rule, stranger, guest, administrator
):
    """Only people who may ask may add. A refused upload leaves nothing behind."""
    access = closed_chat.app.state.access
    access.settings = access.settings.model_copy(update={"chat_upload": rule})
    clients = [
        closed_chat.client(),
        closed_chat.signed_in("chat-password", "guest"),
        admin(closed_chat),
    ]
    for client, expected in zip(clients, (stranger, guest, administrator), strict=True):
        client.get("/")
        before = len(collections(closed_chat))
        answer = send(client, f"{rule}{expected}{id(client)}.txt", f"{id(client)}".encode())
        assert answer.status_code == expected, answer.text
        assert len(collections(closed_chat)) == before + (expected == 201)
        assert client.get("/uploads").status_code == (401 if expected == 401 else 200)
        assert client.delete("/uploads/0").status_code == (401 if expected == 401 else 404)


@pytest.mark.parametrize(
    ("rule", "expected"), [("admins", 403), ("signed-in", 403), ("everyone", 201)]
)
def test_who_may_add_where_the_chat_is_open(app, monkeypatch, rule, expected):
    """A browser without cookies could not come back to its files."""
    access = app.app.state.access
    changed = access.settings.model_copy(update={"chat_upload": rule})
    monkeypatch.setattr(access, "settings", changed)
    client = visitor(app)
    answer = send(client)
    assert answer.status_code == expected
    told = client.get("/uploads").json()
    assert told["may_add"] is (expected == 201)
    assert (
        told["refusal"] is None if expected == 201 else told["refusal"] == answer.json()["detail"]
    )
    assert send(app.client()).status_code == 403
    foreign = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    assert send(visitor(app), **foreign).status_code == 403


def test_an_admins_file_is_for_everybody_and_a_visitors_for_them_alone(app):
    """A job indexes each. Lists and answers show what their reader may see."""
    ada, eve = visitor(app), visitor(app)
    own = send(ada, "plan.md", f"# Plan\n\n{SECRET}\n".encode()).json()
    shared = send(admin(app), "ferry.md", b"# Ferry\n\nIt sails at noon.\n").json()
    with app.services.pool.connection() as conn:
        queued = jobs.recent(conn, tasks=["ingest"])
    assert [job.args["document_ids"] for job in queued] == [[shared["id"]], [own["id"]]]
    assert [file["status"] for file in files(ada)] == ["queued"]
    index(app, own["id"], shared["id"])
    assert [(f["title"], f["private"]) for f in files(ada)] == [("plan.md", True)]
    assert files(eve) == []
    assert [(f["title"], f["private"]) for f in files(admin(app))] == [("ferry.md", False)]
    assert shown(app, ada) == {"plan.md", "ferry.md"}
    assert shown(app, eve) == shown(app, admin(app)) == {"ferry.md"}


def shown(app, client):
    """The documents that somebody's question finds."""
    reader = reader_of(_as_request(app, client))

    async def drain():
        limits = Limits(app.services.pool, app.services.settings)
        steps = turns.ask(app.services, Stops(), limits, reader, None, SECRET)
        return [step async for step in steps][-1]

    return {passage.title for passage in asyncio.run(drain()).message.shown}


def _as_request(app, client):
    cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    return HTTPConnection(
        {
            "type": "http",
            "headers": [(b"cookie", cookies.encode())],
            "client": ("127.0.0.1", 1),
            SCOPE_KEY: app.app.state.access,
        }
    )


def test_only_who_added_a_file_can_delete_it_in_the_chat(app):
    """
    For everybody else it does not exist, not even in an admin's list. Its content is deleted with
    it.
    """
    ada, eve = visitor(app), visitor(app)
    own, shared = send(ada).json()["id"], send(admin(app), "b.txt").json()["id"]
    index(app, own, shared)
    for client, number in (
        (eve, own),
        (admin(app), own),
        (ada, shared),
        (ada, 10**30),
        (ada, -1),
        (ada, 0),
    ):
        assert client.delete(f"/uploads/{number}").status_code == 404
    assert ada.delete("/uploads/x").status_code == 422
    assert len(collections(app)) == 2
    assert ada.delete(f"/uploads/{own}").status_code == 200
    assert admin(app).delete(f"/uploads/{shared}").status_code == 200
    assert collections(app) == []


def test_a_visitor_has_a_quota(app):
    """Of files, of MB, and of MB of all visitors. Deleting makes room. Admins have no quota."""
    ada, bob, eve = visitor(app), visitor(app), visitor(app)
    made = [send(ada, f"{n}.txt", f"{n}".encode()) for n in range(4)]
    assert [answer.status_code for answer in made] == [201, 201, 201, 409]
    ada.delete(f"/uploads/{made[0].json()['id']}")
    assert send(ada, "4.txt", b"4").status_code == 201
    large = [b"%d" % n + b"x" * 990_000 for n in range(5)]
    assert [send(bob, f"{n}.txt", large[n]).status_code for n in range(3)] == [201, 201, 413]
    assert [send(eve, f"{n}.txt", large[n + 2]).status_code for n in range(3)] == [201, 201, 413]
    assert send(visitor(app), "z.txt", b"z" * 900_000).status_code == 507
    assert [send(admin(app), f"a{n}.txt", f"a{n}".encode()).status_code for n in range(5)] == [
        201
    ] * 5


def test_a_large_file_is_refused_before_it_is_there_and_while_it_arrives(app):
    """With and without an announced length. Nothing of it is kept."""
    client = visitor(app)
    assert send(client, content=b"x" * 1_000_001).status_code == 413
    pieces = (b"x" * 100_000 for _ in range(40))
    assert send(client, content=pieces).status_code == 413
    assert collections(app) == []
    passing = app.services.settings.home / "tmp"
    assert [path for path in passing.rglob("*") if path.is_file() and path.suffix != ".lock"] == []


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("../../etc/passwd.txt", "passwd.txt"),
        ("C:\\Users\\ada\\plan.md", "plan.md"),
        ("a\x00b\u202egnp.md", "abgnp.md"),
        ("<img src=x onerror=alert(1)>.md", "<img src=x onerror=alert(1)>.md"),
        ("x" * 400 + ".pdf", "x" * 146 + ".pdf"),
        ("Отчёт  за май.docx", "Отчёт за май.docx"),
    ],
)
def test_names_are_kept_as_names(app, name, title):
    """The last part of a path, in one line, without signs that print nothing."""
    answer = send(visitor(app), name)
    assert (answer.status_code, answer.json()["title"]) == (201, title)


@pytest.mark.parametrize(
    ("name", "content", "status", "told"),
    [
        ("a.exe", b"x", 415, ".exe files are not read"),
        ("noending", b"x", 415, "without an ending"),
        ("", b"x", 400, "no name"),
        ("..", b"x", 400, "no name"),
        ("empty.txt", b"", 400, "empty"),
    ],
)
def test_what_cannot_be_read_is_told_at_once(app, name, content, status, told):
    answer = send(visitor(app), name, content)
    assert answer.status_code == status
    assert told in answer.json()["detail"]


def test_the_same_file_again_is_told(app):
    client = visitor(app)
    index(app, send(client).json()["id"])
    again = send(client, "copy.txt").json()
    assert again["status"] == "duplicate"
    assert again["reason"].startswith("the same content as a.txt")


@pytest.mark.usefixtures("one_window")
def test_many_files_in_an_hour_have_to_wait(app, monkeypatch):
    """Whatever their outcome. Many uploads at once have to wait, too."""
    monkeypatch.setattr(adders, "PER_HOUR", 1)
    client = visitor(app)
    assert send(client).status_code == 201
    assert send(client, "b.txt").status_code == 429
    monkeypatch.setattr(uploads, "AT_ONCE_EACH", 0)
    assert send(visitor(app), "c.txt").status_code == 503


def test_a_full_disk_is_named(app, monkeypatch):
    def full(self):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(uploads._UploadRoutes, "_temporary", full)
    answer = send(visitor(app))
    assert (answer.status_code, "disk is full" in answer.text) == (507, True)


def test_old_files_of_visitors_go(app):
    """Those of admins stay, however old they are."""
    own, shared = send(visitor(app)).json()["id"], send(admin(app), "b.txt").json()["id"]
    index(app, own, shared)
    with app.services.pool.connection() as conn:
        age = upkeep._expired_files(app.services, conn)
        assert age == []
        conn.execute("update document set created_at = now() - interval '31 days'")
        assert upkeep._expired_files(app.services, conn) == [own]
    assert upkeep.wanted(app.services)
    assert upkeep.run(app.services)["files_deleted"] == 1
    assert collections(app) == [scope.DEFAULT]


def test_the_list_says_when_a_worker_is_missing(app):
    client = visitor(app)
    assert client.get("/uploads").json()["has_worker"]
    send(client)
    assert not client.get("/uploads").json()["has_worker"]


def test_a_private_collection_is_its_visitors(app):
    """The name is made of what only the server knows of a browser."""
    client = visitor(app)
    send(client)
    reader = reader_of(_as_request(app, client))
    assert collections(app) == [reader.own] == [scope.private(reader.visitor)]
    with app.services.pool.connection() as conn:
        assert own_files.held(conn, Reader("other", "x").own).files == 0
        assert own_files.held(conn, reader.own).files == 1
