"""Sign-in with accounts, against a small provider on loopback that speaks OpenID Connect."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from app.access import oauth
from app.access.auth import COOKIE
from tests.serving_app import running

SPACE = {
    "system": "spaces", "oauth_client_id": "id", "oauth_client_secret": SecretStr("secret"),
    "space_host": "x.hf.space", "admins": "ada", "chat_sign_in": True,
}  # fmt: skip


class Provider:
    """Knows one account, and checks the client's secret and the browser's proof."""

    def __init__(self) -> None:
        self.url, self.name, self.challenge = "", "ada", ""
        self.subject = "id-of-ada"

    def answer(self, handler: BaseHTTPRequestHandler, body: str) -> tuple[int, dict[str, str]]:
        if handler.path.endswith("openid-configuration"):
            return 200, {
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "userinfo_endpoint": f"{self.url}/userinfo",
            }
        if handler.path == "/token":
            given = {name: values[0] for name, values in parse_qs(body).items()}
            digest = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
            proof = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            client = base64.b64encode(b"id:secret").decode()
            if proof != self.challenge or client not in handler.headers.get("authorization", ""):
                return 400, {"error": "invalid_grant"}
            return 200, {"access_token": "t", "token_type": "bearer"}
        return 200, {"preferred_username": self.name, "sub": self.subject}


@pytest.fixture
def provider(monkeypatch) -> Iterator[Provider]:
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    fake = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer("")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers["content-length"])).decode())

        def _answer(self, body: str) -> None:
            status, value = fake.answer(self, body)
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(value).encode())

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}).start()
    oauth._endpoints.cache_clear()
    yield fake
    oauth._endpoints.cache_clear()
    server.shutdown()
    server.server_close()


@pytest.fixture
def space(provider, dsn, tiny_model, tmp_path):
    """A Space whose chat is for accounts, and which Ada administers."""
    settings = {**SPACE, "openid_provider_url": provider.url}
    with running(dsn, tiny_model, tmp_path, **settings) as started:
        yield started


def depart(client, provider, next="/admin"):
    """Begin a sign-in and return the state to come back with."""
    left = client.get("/login/huggingface", params={"next": next})
    assert left.status_code == 303
    asked = parse_qs(urlsplit(left.headers["location"]).query)
    assert asked["redirect_uri"] == ["https://x.hf.space/login/callback"]
    provider.challenge = asked["code_challenge"][0]
    # The cookie is for https alone, which the test's client does not speak.
    kept = left.headers["set-cookie"].split(";")[0].partition("=")[2]
    client.cookies.set(oauth.COOKIE, kept)
    return asked["state"][0]


def sign_in(space, provider):
    """A browser that has come back with the provider's account."""
    client = space.client()
    back = client.get(
        "/login/callback", params={"code": "c", "state": depart(client, provider, "/")}
    )
    assert back.status_code == 303
    client.cookies.set(COOKIE, back.headers["set-cookie"].split(";")[0].partition("=")[2])
    return client


def test_a_name_that_another_account_takes_opens_nothing(space, provider):
    """Names can change owners. The rights of the first account stay with it."""
    assert sign_in(space, provider).get("/admin/config").status_code == 200
    provider.subject = "id-of-mallory"
    mallory = sign_in(space, provider)
    assert mallory.get("/admin/config").status_code == 403
    assert "sub:id-of-mallory may not open this page" in mallory.get("/login?next=/admin").text
    provider.subject = "id-of-ada"
    assert sign_in(space, provider).get("/admin/config").status_code == 200


def test_an_admin_may_be_named_by_id(provider, dsn, tiny_model, tmp_path):
    """Whatever the account is called at the moment."""
    settings = {**SPACE, "admins": "sub:id-of-ada", "openid_provider_url": provider.url}
    with running(dsn, tiny_model, tmp_path, **settings) as started:
        for name in ("ada", "ada-lovelace"):
            provider.name = name
            assert sign_in(started, provider).get("/admin/config").status_code == 200
        provider.subject = "id-of-bob"
        assert sign_in(started, provider).get("/admin/config").status_code == 403


def test_an_admin_signs_in_with_an_account(space, provider):
    """To the provider and back. A framed page keeps the session cookie."""
    client = space.client()
    state = depart(client, provider)
    back = client.get(
        "/login/callback",
        params={"code": "c", "state": state},
        headers={"x-forwarded-proto": "https"},
    )
    assert (back.status_code, back.headers["location"]) == (303, "/admin")
    cookie = next(c for c in back.headers.get_list("set-cookie") if c.startswith(COOKIE))
    assert all(part in cookie for part in ("Secure", "SameSite=None", "Partitioned", "HttpOnly"))
    client.cookies.set(COOKIE, cookie.split(";")[0].partition("=")[2])
    assert client.get("/admin/config").status_code == 200


def test_another_account_may_chat_and_no_more(space, provider):
    """The list of admins decides at every request."""
    provider.name, provider.subject = "bob", "id-of-bob"
    client = sign_in(space, provider)
    assert client.get("/config").status_code == 200
    assert client.get("/admin/config").status_code == 403
    page = client.get("/login", params={"next": "/admin"})
    assert "bob may not open this page" in page.text


def test_a_way_back_that_does_not_fit_is_refused(space, provider):
    """Another state, none at all, and a code that the provider does not take."""
    client = space.client()
    state = depart(client, provider)
    for params in ({"code": "c", "state": "other"}, {"code": "c"}, {"state": state}):
        assert client.get("/login/callback", params=params).status_code == 400
    provider.challenge = "of another browser"
    refused = client.get("/login/callback", params={"code": "c", "state": state})
    assert refused.status_code == 401
    stranger = space.client()
    assert stranger.get("/login/callback", params={"code": "c", "state": ""}).status_code == 400
    assert stranger.get("/config").status_code == 401
