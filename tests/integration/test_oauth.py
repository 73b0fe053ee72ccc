"""Sign-in on a Space, with accounts of a small OpenID Connect provider on loopback."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from app.access.auth import COOKIE
from app.access.openid import provider as sign_in_provider
from tests.provider import Provider
from tests.serving_app import running

SPACE = {
    "system": "spaces", "oauth_client_id": "id", "oauth_client_secret": SecretStr("secret"),
    "space_host": "x.hf.space", "admins": "ada", "chat_sign_in": True,
}  # fmt: skip


def become(provider: Provider, name: str, subject: str) -> None:
    """Whoever signs in from now on has this account."""
    provider.claims = {"preferred_username": name, "sub": subject}


@pytest.fixture(scope="module")
def space(one_provider, module_dsn, tiny_model, tmp_path_factory):
    """A Space whose chat is for accounts, and which Ada administers."""
    settings = {**SPACE, "openid_provider_url": one_provider.url}
    home = tmp_path_factory.mktemp("home")
    with running(module_dsn, tiny_model, home, **settings) as started:
        yield started


def depart(client, provider, next="/admin"):
    """Begin a sign-in and return the state to come back with."""
    left = client.get("/login/account", params={"next": next})
    assert left.status_code == 303
    asked = parse_qs(urlsplit(left.headers["location"]).query)
    assert asked["redirect_uri"] == ["https://x.hf.space/login/callback"]
    state = provider.asked(left.headers["location"])
    # The cookie is for https alone, which the test's client does not speak.
    kept = left.headers["set-cookie"].split(";")[0].partition("=")[2]
    client.cookies.set(sign_in_provider.COOKIE, kept)
    return state


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
    become(provider, "ada", "id-of-mallory")
    mallory = sign_in(space, provider)
    assert mallory.get("/admin/config").status_code == 403
    assert "sub:id-of-mallory may not open this page" in mallory.get("/login?next=/admin").text
    become(provider, "ada", "id-of-ada")
    assert sign_in(space, provider).get("/admin/config").status_code == 200


def test_an_admin_may_be_named_by_id(provider, dsn, tiny_model, tmp_path):
    """Whatever the account is called at the moment."""
    settings = {**SPACE, "admins": "sub:id-of-ada", "openid_provider_url": provider.url}
    with running(dsn, tiny_model, tmp_path, **settings) as started:
        for name in ("ada", "ada-lovelace"):
            become(provider, name, "id-of-ada")
            assert sign_in(started, provider).get("/admin/config").status_code == 200
        become(provider, "ada-lovelace", "id-of-bob")
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
    become(provider, "bob", "id-of-bob")
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
