"""Who gets in where: every endpoint that the application itself lists, called directly."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import gradio as gr
import pytest

from app.access import guard
from app.access.guard import PUBLIC, Guard
from app.admin import page
from pipelines.store import chats
from tests import matrix
from tests.matrix import REFUSED, Try
from tests.serving_app import listening


@pytest.fixture(scope="module")
def served(module_dsn, tiny_model, tmp_path_factory):
    """Chat and admin pages behind a password each."""
    home = tmp_path_factory.mktemp("home")
    words = {"admin_password": "a", "chat_password": "c"}
    with listening(module_dsn, tiny_model, home, **words) as started:
        yield started


@contextmanager
def nothing_changes(served):
    """No row of the database is another afterwards."""
    with served.services.pool.connection() as conn:
        before = matrix.fingerprint(conn)
    yield
    with served.services.pool.connection() as conn:
        after = matrix.fingerprint(conn)
    assert [name for name in after if after[name] != before[name]] == []


def admin(served):
    return served.app.state.access.start("admin-password", "admin")


def joins(served, mount):
    """Every event of a mount, as a page would send it and under the names of an API."""
    for name, body in matrix.events(matrix.config(served, mount, admin(served)), "s"):
        yield name, Try("POST", f"{mount}/gradio_api/queue/join", body)
        for route in ("run", "api", "call", "call/v2"):
            yield name, Try("POST", f"{mount}/gradio_api/{route}/{body['fn_index']}", body)


def test_nobody_but_admins_reaches_the_admin_mount(served):
    """All its routes and events are tried, and nothing changes."""
    tries = [("", t) for t in matrix.routes(served, "/admin")] + list(joins(served, "/admin"))
    cookies = {**matrix.strangers(served), "chat user": matrix.member(served)}
    assert len(tries) > 60
    with nothing_changes(served):
        through = []
        for who, cookie in cookies.items():
            with served.client(cookie) as client:
                codes = [(name, t, t.by(client).status_code) for name, t in tries]
            through += [(who, *row) for row in codes if row[2] not in REFUSED]
            through += [
                (who, *row) for row in codes if row[2] == 404 and "admin" not in row[1].path
            ]
    assert through == []


def test_nobody_reaches_a_closed_chat(served):
    """All its routes, events and exports, and whatever else the application answers."""
    tries = [("", t) for t in matrix.routes(served, "")] + list(joins(served, ""))
    tries += [("", t) for t in matrix.own_routes(served) if t.path not in PUBLIC]
    cookies = matrix.strangers(served)
    with nothing_changes(served):
        through = []
        for who, cookie in cookies.items():
            with served.client(cookie) as client:
                through += [
                    (who, name, t, code)
                    for name, t in tries
                    if t.path not in PUBLIC and (code := t.by(client).status_code) not in REFUSED
                ]
    assert through == []


def test_what_is_public_tells_no_secret(served):
    """The few pages that need no session."""
    with served.client() as client:
        told = "".join(client.get(path).text for path in sorted(PUBLIC - {"/login/account"}))
    assert served.services.dsn not in told
    assert "token" not in told


def test_export_is_for_the_visitor_alone(served):
    """A chat user asks for somebody else's conversation by its id."""
    with served.services.pool.connection() as conn:
        conversation = chats.start(conn, "somebody", "Secret title")
    for ending in ("md", "json"):
        with served.client(matrix.member(served)) as client:
            answer = client.get(f"/conversations/{conversation}.{ending}")
        assert answer.status_code == 404
        assert "Secret" not in answer.text


@contextmanager
def _without_the_guard(monkeypatch):
    """Both outer checks let everybody through, so that each handler's own is seen at work."""

    async def nothing(self, scope):
        return None

    with monkeypatch.context() as patched:
        patched.setattr(Guard, "_refusal", nothing)
        patched.setattr(guard, "known_admin", lambda connection: "anybody")
        yield


def handlers_that_answer(served, cookie):
    """Events of the admin page whose handler did anything but refuse, and those not reached."""
    session = uuid4().hex
    told = matrix.config(served, "/admin", "")
    names = {}
    with served.client(cookie) as client:
        for name, body in matrix.events(told, session):
            joined = client.post("/admin/gradio_api/queue/join", json=body)
            names[joined.json()["event_id"]] = name
        answered, reached = [], set()
        for outcome in matrix.outcomes(client, "/admin", session):
            reached.add(outcome["event_id"])
            if not outcome["success"] or matrix.tells_something(outcome):
                answered.append((names[outcome["event_id"]], str(outcome["output"])[:200]))
    return answered + [(names[event], "not reached") for event in names.keys() - reached]


def test_every_admin_handler_checks_the_role_itself(dsn, tiny_model, tmp_path, monkeypatch):
    """With the outer checks gone each handler still refuses, before any effect."""
    words = {"admin_password": "a", "chat_password": "c"}
    with _without_the_guard(monkeypatch), listening(dsn, tiny_model, tmp_path, **words) as served:
        cookies = {**matrix.strangers(served), "chat user": matrix.member(served)}
        with nothing_changes(served):
            found = {who: handlers_that_answer(served, c) for who, c in cookies.items()}
    assert found == {who: [] for who in cookies}


def test_an_unguarded_handler_is_noticed(dsn, tiny_model, tmp_path, monkeypatch):
    """The harness itself: a screen that forgot to ask who is there shows up under its name."""

    def forgetful(screen):
        secret = gr.Textbox(visible=False)
        gr.Button("Tell").click(lambda: "told", None, secret, api_name="forgot")

    monkeypatch.setattr(page, "SCREENS", [*page.SCREENS, ("bad", "Bad", forgetful)])
    with _without_the_guard(monkeypatch), listening(dsn, tiny_model, tmp_path) as served:
        found = handlers_that_answer(served, "")
    assert [name.split()[1] for name, _ in found] == ["forgot"]


def test_gradio_adds_up_no_statistics(served):
    """Else each event costs more than the one before it, seconds in the end."""
    member, session = matrix.member(served), uuid4().hex
    with served.client(member) as client:
        for _, body in matrix.events(matrix.config(served, "", member), session):
            client.post("/gradio_api/queue/join", json=body)
        ended = list(matrix.outcomes(client, "", session))
    gradio: Any = matrix.mounted(served, "").app
    queue = gradio.get_blocks()._queue
    assert len(ended) > 9
    assert len(queue.event_analytics) == 1
    assert queue.cached_event_analytics_summary == {"functions": {}}
