"""Keys of programs: every route with every kind of key, and what a key reaches."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from starlette.routing import Route

from app.access import keys as access_keys
from app.actions import keys
from app.actions.keys import KeyWish
from pipelines.errors import InputError
from pipelines.store import active, api_keys
from tests.serving_app import listening

# What each route needs. A route that is not here fails the test.
NEEDS = {
    ("GET", "/v1/models"): "ask",
    ("GET", "/v1/models/{name}"): "ask",
    ("POST", "/v1/chat/completions"): "ask",
    ("POST", "/v1/embeddings"): "ask",
    ("GET", "/api/v1/documents"): "ingest",
    ("POST", "/api/v1/documents"): "ingest",
    ("GET", "/api/v1/documents/{document_id}"): "ingest",
    ("DELETE", "/api/v1/documents/{document_id}"): "ingest",
    ("POST", "/api/v1/search"): "ask",
    ("POST", "/api/v1/ask"): "ask",
    ("POST", "/api/v1/feedback"): "ask",
    ("GET", "/api/v1/versions"): "admin",
    ("GET", "/api/v1/versions/{name}"): "admin",
    ("POST", "/api/v1/versions/{name}/promote"): "admin",
    ("POST", "/api/v1/rollback"): "admin",
    ("GET", "/api/v1/jobs"): "admin",
    ("GET", "/api/v1/jobs/{job_id}"): "admin",
    ("POST", "/api/v1/jobs/{job_id}/cancel"): "admin",
    ("POST", "/api/v1/jobs/{job_id}/retry"): "admin",
    **{(method, "/mcp"): "ask" for method in ("GET", "POST", "DELETE", "PUT", "PATCH")},
}
# A route of its own application answers every method.
ANY = {"GET", "POST", "DELETE", "PUT", "PATCH"}


@pytest.fixture(scope="module")
def served(module_dsn, tiny_model, tmp_path_factory):
    """An installation whose chat is public, which opens nothing to programs."""
    home = tmp_path_factory.mktemp("home")
    with listening(module_dsn, tiny_model, home) as started:
        yield started


@pytest.fixture(scope="module")
def tokens(served):
    """A key of each kind."""
    made = {
        name: keys.make(served.services, KeyWish(name, scopes, per_minute=0), who="test")
        for name, scopes in {
            "ask": ["ask"], "ingest": ["ingest"], "admin": ["admin"], "both": ["ask", "ingest"],
            "expired": ["admin"], "revoked": ["admin"],
        }.items()
    }  # fmt: skip
    with served.services.pool.connection() as conn:
        found = {key.name: key.id for key in api_keys.list_all(conn)}
        conn.execute(
            "update api_key set expires_at = now() - interval '1 s' where id = %s",
            (found["expired"],),
        )
    keys.revoke(served.services, found["revoked"], who="test")
    return made


def routes(served):
    """Every route for programs that the application has."""
    return [
        (method, route.path)
        for route in served.app.routes
        if isinstance(route, Route) and access_keys.is_interface(route.path)
        if ":path" not in route.path  # there is nothing
        for method in sorted((route.methods or ANY) - {"HEAD"})
    ]


def header(token):
    return {"authorization": f"Bearer {token}"}


def test_every_route_says_what_it_needs(served):
    assert set(routes(served)) == set(NEEDS)


@pytest.mark.parametrize(
    ("who", "scopes"),
    [
        ("ask", {"ask"}), ("ingest", {"ingest"}), ("both", {"ask", "ingest"}),
        ("admin", {"ask", "ingest", "admin"}),
    ],
)  # fmt: skip
def test_a_key_opens_what_its_scopes_say(served, tokens, who, scopes):
    """403 without the scope. With it anything but 401 and 403, e.g. 400 for the empty body."""
    wrong = []
    with served.client(**header(tokens[who])) as client:
        for (method, path), needed in NEEDS.items():
            url = re.sub(r"\{\w+\}", "attune", path)
            answer = client.request(method, url, json={} if method == "POST" else None)
            refused = answer.status_code in (401, 403)
            if refused == (needed in scopes) or (refused and answer.status_code != 403):
                wrong.append((method, path, answer.status_code, answer.text))
            if answer.status_code >= 400 and (path != "/mcp" or refused):
                assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    assert wrong == []


def test_nobody_without_a_valid_key_gets_through(served, tokens):
    """Nobody, junk, other people's ways of signing in, and keys that are over."""
    session = served.app.state.access.start("link", "admin")
    junk = "attune-" + "x" * 43
    for token in ("", "x", junk, tokens["ask"][:-1], tokens["expired"], tokens["revoked"]):
        given = header(token) if token else {}
        for cookie in ("", session):
            with served.client(cookie, **given) as client:
                for method, path in NEEDS:
                    url = re.sub(r"\{\w+\}", "attune", path)
                    answer = client.request(method, url, json={} if method == "POST" else None)
                    assert answer.status_code == 401, (token, method, path)
                    assert answer.json()["error"]["code"] == "invalid_api_key"
    with served.client(**header(tokens["admin"])) as client:
        for path in ("/v1/nothing", "/v1/gradio_api/info", "/api/v1/x", "/v1/../admin/config"):
            assert client.get(path).status_code in (401, 403, 404), path
        assert client.get("/v1/nothing").json()["error"]["code"] == "not_found"
        assert client.get("/admin/", headers={"accept": "text/html"}).status_code == 303


def test_a_key_does_not_open_the_pages(served, tokens):
    with served.client(**header(tokens["admin"])) as client:
        assert client.get("/admin/config").status_code == 401


def test_a_revoked_key_ends_at_once(served):
    token = keys.make(served.services, KeyWish("soon", ["ask"], per_minute=0), who="test")
    with served.client(**header(token)) as client:
        assert client.get("/v1/models").status_code == 200
        with served.services.pool.connection() as conn:
            key = next(key for key in api_keys.list_all(conn) if key.name == "soon")
        assert key.used_at is not None
        keys.revoke(served.services, key.id, who="ada")
        assert client.get("/v1/models").status_code == 401
    with pytest.raises(InputError, match="revoked before"):
        keys.revoke(served.services, key.id, who="ada")
    with served.services.pool.connection() as conn:
        done = [(act.who, act.action) for act in active.audits(conn, limit=1)]
    assert done == [("ada", "revoke key")]


@pytest.mark.usefixtures("one_window")
def test_a_key_that_sends_too_much_waits(served):
    token = keys.make(served.services, KeyWish("busy", ["ask"], per_minute=3), who="test")
    with served.client(**header(token)) as client:
        codes = [client.get("/v1/models").status_code for _ in range(8)]
        assert codes == [200] * 3 + [429] * 5
        last = client.get("/v1/models")
        assert 1 <= int(last.headers["retry-after"]) <= 61


def test_the_database_holds_no_key(served, tokens):
    with served.services.pool.connection() as conn:
        rows = str(conn.execute("select api_key::text from api_key").fetchall())
    assert not any(token[7:30] in rows for token in tokens.values())
    assert all(len(token) == 50 for token in tokens.values())


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": " "}, {"scopes": []}, {"scopes": ["root"]}, {"days": -1}, {"per_minute": -1},
        {"collections": ["visitor:abc"]},
    ],
)  # fmt: skip
def test_a_key_that_makes_no_sense_is_not_made(wrong):
    with pytest.raises(InputError):
        KeyWish(**{"name": "a", "scopes": ["ask"], **wrong})


def test_a_lifetime_is_kept(served):
    keys.make(served.services, KeyWish("month", ["ask"], days=30), who="test")
    with served.services.pool.connection() as conn:
        key = next(key for key in api_keys.list_all(conn) if key.name == "month")
    assert key.expires_at - key.created_at == timedelta(days=30)
