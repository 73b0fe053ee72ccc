"""Sign-in off Spaces, with any OpenID Connect provider: claims, groups, roles, and ended sessions."""

from __future__ import annotations

import time
from contextlib import contextmanager

import pytest
from joserfc.jwk import RSAKey
from pydantic import SecretStr
from starlette.requests import HTTPConnection

from app.access.auth import COOKIE
from app.access.openid import provider as openid
from app.access.reader import closed_to
from app.actions import people
from pipelines.errors import InputError
from tests.serving_app import running

SITE = "https://docs.example.org"


def settings_of(provider):
    """Of an installation whose chat is for accounts."""
    return {
        "oauth_client_id": "id", "oauth_client_secret": SecretStr("secret"),
        "openid_provider_url": provider.url, "public_url": SITE, "admins": "root",
        "chat_sign_in": True,
    }  # fmt: skip


@pytest.fixture(scope="module")
def unchanged(one_provider, module_dsn, tiny_model, tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    with running(module_dsn, tiny_model, home, **settings_of(one_provider)) as found:
        yield found


@pytest.fixture
def site(provider, request, tiny_model, tmp_path):
    """Starts an installation with changed settings. Tests that change none share one."""

    @contextmanager
    def started(**changed):
        if not changed:
            yield request.getfixturevalue("unchanged")
            return
        settings = settings_of(provider) | changed
        with running(request.getfixturevalue("dsn"), tiny_model, tmp_path, **settings) as found:
            yield found

    return started


def depart(client, provider, next="/"):
    """Begin a sign-in and return the state to come back with."""
    left = client.get("/login/account", params={"next": next})
    assert left.status_code == 303
    assert left.headers["location"].startswith(f"{provider.url}/authorize?")
    client.cookies.set(openid.COOKIE, left.headers["set-cookie"].split(";")[0].partition("=")[2])
    return provider.asked(left.headers["location"])


def come_back(site, provider):
    """A browser, and the answer to its return from the provider."""
    client = site.client()
    back = client.get("/login/callback", params={"code": "c", "state": depart(client, provider)})
    if back.status_code == 303:
        client.cookies.set(COOKIE, back.headers["set-cookie"].split(";")[0].partition("=")[2])
    return client, back


def sign_in(site, provider):
    client, back = come_back(site, provider)
    assert back.status_code == 303, back.text
    return client


def may(client):
    """What a browser may open: the chat, the admin pages."""
    return tuple(client.get(path).status_code == 200 for path in ("/config", "/admin/config"))


def test_groups_give_roles_and_collections(site, provider):
    """Members of a group administer, others add documents for all, others only ask."""
    roles = {"admin_groups": "ops", "editor_groups": "docs", "chat_groups": "staff,docs"}
    with site(**roles, readers="lab=group:research; board=ada") as started:
        for groups, allowed in (
            (["ops"], (True, True)), (["staff", "x"], (True, False)), (["docs"], (True, False)),
            ([], (False, False)), (["opsx"], (False, False)),
        ):  # fmt: skip
            provider.claims["groups"] = groups
            assert may(sign_in(started, provider)) == allowed, groups
        access = started.app.state.access
        for groups, edits, closed in (
            (["staff"], False, {"lab", "board"}), (["docs", "research"], True, {"board"}),
        ):  # fmt: skip
            provider.claims |= {"groups": groups, "preferred_username": "bob", "sub": "id-of-bob"}
            client = sign_in(started, provider)
            files = client.get("/uploads", headers={"accept": "application/json"}).json()
            assert files["may_add"] is edits
            assert not edits or files["private"] is False
            cookie = client.get("/login").request.headers["cookie"].encode()
            person = access.person(
                HTTPConnection({"type": "http", "headers": [(b"cookie", cookie)]})
            )
            assert closed_to(access, person) == closed
        assert access.policy.editors == {"group:docs"}


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("groups", {"groups": ["ops"]}),
        ("realm_access.roles", {"realm_access": {"roles": ["ops", 7, None]}}),
        ("https://example.org/groups", {"https://example.org/groups": ["ops"]}),
        ("role", {"role": "ops"}),
    ],
)
def test_groups_are_read_where_providers_put_them(site, provider, claim, value):
    provider.claims |= value
    with site(admin_groups="ops", openid_groups_claim=claim) as started:
        assert may(sign_in(started, provider)) == (True, True)


def test_names_that_mean_something_in_rules_give_nothing(site, provider):
    """A person chooses their name at many providers. It must not be a group, a role or an id."""
    with site(admin_groups="ops", admins="sub:id-of-root", readers="hr=admins") as started:
        for number, name in enumerate(("group:ops", "sub:id-of-root", "admins", "everyone")):
            provider.claims = {"preferred_username": name, "sub": f"id-{number}"}
            client = sign_in(started, provider)
            assert may(client) == (True, False), name
            assert f"sub:id-{number} may not" in client.get("/login?next=/admin").text


def test_claims_of_userinfo_count_if_they_are_of_the_same_account(site, provider):
    provider.userinfo = {"sub": "id-of-ada", "groups": ["ops"]}
    with site(admin_groups="ops") as started:
        assert may(sign_in(started, provider)) == (True, True)
        provider.userinfo = {"sub": "id-of-root", "groups": ["ops"]}
        assert come_back(started, provider)[1].status_code == 401


@pytest.mark.parametrize(
    "forged",
    [
        {"aud": "another"}, {"iss": "https://evil.example"}, {"exp": int(time.time()) - 600},
        {"exp": None}, {"nonce": "old"}, {"nonce": None}, {"sub": None}, {"preferred_username": None},
        {"preferred_username": "a" * 300}, {"preferred_username": "a\nb"},
    ],
)  # fmt: skip
def test_a_token_that_is_not_for_this_sign_in_opens_nothing(site, provider, forged):
    with site() as started:
        provider.token_claims = forged
        client, back = come_back(started, provider)
        assert back.status_code == 401
        assert "did not confirm the account" in back.text
        assert may(client) == (False, False)
        provider.token_claims = {}
        assert may(sign_in(started, provider)) == (True, False)


def test_a_token_signed_by_another_key_opens_nothing(site, provider):
    provider.signing_key = RSAKey.generate_key(2048, {"kid": "one"})
    with site() as started:
        assert come_back(started, provider)[1].status_code == 401


@pytest.mark.parametrize("methods", [["client_secret_post"], ["client_secret_basic"], None])
def test_the_client_proves_itself_as_the_provider_wants(site, provider, methods):
    provider.facts = {"token_endpoint_auth_methods_supported": methods}
    with site() as started:
        assert may(sign_in(started, provider)) == (True, False)


def test_a_public_client_needs_no_secret(site, provider):
    provider.secret = ""
    with site(oauth_client_secret=SecretStr("")) as started:
        assert may(sign_in(started, provider)) == (True, False)


def test_name_claim_and_scopes_can_be_chosen(site, provider):
    provider.claims = {"sub": "1", "email": "root@example.org"}
    settings = {
        "openid_name_claim": "preferred_username,email", "openid_scopes": "openid email groups",
        "admins": "root@example.org",
    }  # fmt: skip
    with site(**settings) as started:
        assert may(sign_in(started, provider)) == (True, True)
        assert provider.scope == "openid email groups"
        named = started.client().get("/login").text
        assert "Sign in with 127.0.0.1" in named


@pytest.mark.parametrize("fault", ["down", "other issuer", "no token endpoint"])
def test_a_provider_that_fails_is_told_and_tried_again(site, provider, fault):
    provider.down = fault == "down"
    provider.facts = {
        "down": {}, "other issuer": {"issuer": "https://evil.example"},
    }.get(fault, {})  # fmt: skip
    with site() as started:
        if fault == "no token endpoint":
            discovery = provider._discovery()
            discovery.pop("token_endpoint")
            provider._discovery = lambda: discovery
        refused = started.client().get("/login/account")
        assert refused.status_code == 502
        assert "does not answer" in refused.text
        provider.down, provider.facts = False, {}
        provider.__dict__.pop("_discovery", None)
        assert may(sign_in(started, provider)) == (True, False)


def test_all_sessions_of_a_person_are_ended(site, provider):
    """In every browser, at once. Others stay signed in."""
    with site(admin_password="secret") as started:
        browsers = [sign_in(started, provider) for _ in range(2)]
        provider.claims = {"preferred_username": "bob", "sub": "id-of-bob"}
        bob = sign_in(started, provider)
        assert people.end_sessions(started.services, "ada", who="root") == 2
        assert [may(one) for one in browsers] == [(False, False)] * 2
        assert may(bob) == (True, False)
        with pytest.raises(InputError, match="Nobody called ada"):
            people.end_sessions(started.services, "ada", who="root")
