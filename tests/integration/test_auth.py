"""Authentication: passwords, links, sessions, and the checks before each page."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from pydantic import SecretStr

from app import doctor
from app.access import auth, limits, policy
from app.access.auth import COOKIE
from app.access.policy import policy_of
from app.settings import Settings
from pipelines.errors import AccessError, InputError
from pipelines.store import document_list, documents, sessions
from pipelines.store.sessions import Session
from tests.serving_app import running

PASSWORD = "correct horse battery"
HTML = {"accept": "text/html"}


@pytest.fixture(scope="module")
def with_password(module_dsn, tiny_model, tmp_path_factory):
    """The chat is open, the admin pages have a password."""
    home = tmp_path_factory.mktemp("home")
    with running(module_dsn, tiny_model, home, admin_password=PASSWORD) as started:
        yield started


@pytest.fixture
def with_link(dsn, tiny_model, tmp_path):
    """Nothing is set."""
    with running(dsn, tiny_model, tmp_path) as started:
        yield started


@pytest.fixture
def closed_chat(dsn, tiny_model, tmp_path):
    """Chat and admin pages have a password each."""
    words = {"admin_password": PASSWORD, "chat_password": "chat word"}
    with running(dsn, tiny_model, tmp_path, **words) as started:
        yield started


def sign_in(client, password, next="/admin", **headers):
    return client.post(
        "/login", params={"next": next}, data={"password": password}, headers=headers
    )


def test_password_opens_the_admin_pages_and_signing_out_ends_it(with_password):
    """Scripts and other sites cannot read the cookie. After signing out it opens nothing."""
    client = with_password.client()
    stranger = client.get("/admin/", headers=HTML)
    assert (stranger.status_code, stranger.headers["location"]) == (303, "/login?next=/admin/")
    answer = sign_in(client, PASSWORD)
    assert (answer.status_code, answer.headers["location"]) == (303, "/admin")
    cookie = answer.headers["set-cookie"]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=43200"))
    assert client.get("/admin/").status_code == 200
    kept = client.cookies[COOKIE]
    client.post("/logout")
    client.cookies.set(COOKIE, kept)
    assert client.get("/admin/").status_code == 401


@pytest.mark.parametrize("site", ["same-origin", "same-site", "cross-site", "none"])
def test_no_link_signs_anybody_out(with_password, site):
    """Nor a picture: GET shows a button, wherever it comes from."""
    client = with_password.client()
    sign_in(client, PASSWORD)
    page = client.get("/logout", headers={"sec-fetch-site": site})
    assert '<form method="post" action="/logout">' in page.text
    assert client.get("/admin/").status_code == 200
    assert 'href="/logout' not in client.get("/config").text + client.get("/admin/config").text


def test_cookie_is_secure_over_https(with_password):
    """Behind a proxy that speaks https."""
    answer = sign_in(with_password.client(), PASSWORD, **{"x-forwarded-proto": "https"})
    assert "Secure" in answer.headers["set-cookie"]


@pytest.mark.usefixtures("one_window")
def test_wrong_passwords_are_throttled_also_for_the_right_one(with_password):
    """Five tries, counted in the database: another server, and the right password, wait too."""
    client = with_password.client(address=("198.51.100.7", 1))
    codes = [sign_in(client, f"guess {n}").status_code for n in range(5)]
    assert codes == [401] * 5
    late = sign_in(client, PASSWORD)
    assert late.status_code == 429
    assert 0 < int(late.headers["retry-after"]) <= 900
    assert sign_in(with_password.client(address=("198.51.100.8", 1)), PASSWORD).status_code == 303


@pytest.mark.usefixtures("one_window")
def test_strangers_who_guess_lock_nobody_out(dsn, tiny_model, tmp_path, monkeypatch):
    """A hundred tries from everywhere: the next guess of each waits, the right password does not."""
    monkeypatch.setattr(limits, "LOGINS_IN_ALL", 12)
    with running(dsn, tiny_model, tmp_path, admin_password=PASSWORD) as started:
        codes = []
        for n in range(12):
            codes.append(sign_in(started.client(address=(f"198.51.{n}.7", 1)), "guess").status_code)
        assert codes == [401] * 12
        again = started.client(address=("198.51.0.7", 1))
        assert sign_in(again, "guess").status_code == 429
        assert sign_in(started.client(address=("192.0.2.1", 1)), PASSWORD).status_code == 303


@pytest.mark.usefixtures("one_window")
def test_neighbours_share_their_tries(with_password):
    """
    A whole /64 of IPv6 counts as one address, and many addresses bring few additional attempts.
    """
    codes = []
    for n in range(6):
        client = with_password.client(address=(f"2001:db8:1:1::{n + 1:x}", 1))
        codes.append(sign_in(client, "guess").status_code)
    assert codes == [401] * 5 + [429]
    codes = []
    for n in range(30):
        client = with_password.client(address=(f"203.0.113.{n // 3}", 1))
        codes.append(sign_in(client, "guess").status_code)
    assert codes.count(401) < 25


@pytest.fixture(scope="module")
def space(module_dsn, tiny_model, tmp_path_factory):
    """Behind a proxy that writes the last hop."""
    settings = {"system": "spaces", "admin_password": PASSWORD}
    with running(module_dsn, tiny_model, tmp_path_factory.mktemp("space"), **settings) as started:
        yield started


@pytest.mark.usefixtures("one_window")
@pytest.mark.parametrize(
    ("me", "hops"),
    [
        ("100.1.113.9", "{n}"),
        ("101.1.113.9", "{n}, {me}"),
        ("102.1.113.9", "{n}, 10.0.0.{n}, {me}"),
        ("103.1.113.9", "{me}, {n}.{n}"),
    ],
)
def test_a_made_up_header_is_no_way_round_the_throttle(space, me, hops):
    """On a Space: only what its own proxy wrote counts, the last hop."""
    client = space.client(address=("10.1.2.3", 1))
    codes = []
    for n in range(1, 8):
        made_up = hops.format(n=f"198.51.100.{n}", me=me)
        header = {"x-forwarded-for": f"{made_up}, {me}"}
        codes.append(sign_in(client, "guess", **header).status_code)
    assert codes == [401] * 5 + [429] * 2


def test_metrics_are_for_whom_the_chat_is(dsn, tiny_model, tmp_path):
    """With a closed chat they are for admins and for holders of the token."""
    words = {"admin_password": PASSWORD, "chat_password": "c", "metrics_token": "scrape"}
    settings = {**words, "metrics_token": SecretStr("scrape")}
    with running(dsn, tiny_model, tmp_path, **settings) as started:
        for client, status in [
            (started.client(), 401),
            (started.client(authorization="Bearer guess"), 401),
            (started.client(authorization="Bearer "), 401),
            (started.signed_in("chat-password", "guest"), 401),
            (started.client(authorization="Bearer scrape"), 200),
            (started.signed_in("admin-password", "admin"), 200),
        ]:
            assert client.get("/metrics").status_code == status


FOREIGN = ["evil.example", "evil.example:7860", "localhost.evil.example", "127.0.0.1.evil.example",
           "203.0.113.9", "", "[2001:db8::1]", "evil.example:127.0.0.1"]  # fmt: skip


def test_only_this_machines_names_are_answered_on_loopback(with_password):
    """Else another site's page could give its own name this address, and read the answers."""
    client = with_password.client()
    for host in FOREIGN:
        answer = client.get("/config", headers={"host": host, "origin": f"http://{host}"})
        assert answer.status_code == 421, host
        assert client.get("/healthz", headers={"host": host}).status_code == 200
    for host in (
        "localhost:7860",
        "127.0.0.1",
        "127.0.0.1:1",
        "[::1]:7860",
        "LOCALHOST",
        "localhost.",
    ):
        assert client.get("/config", headers={"host": host}).status_code == 200, host


def test_forged_and_expired_cookies_open_nothing(with_password):
    """A changed signature, another's token, a session whose time is over."""
    access = with_password.app.state.access
    good = access.start("admin-password", "admin")
    way, token, signature = good.split(".")
    late = with_password.client()
    with with_password.services.pool.connection() as conn:
        sessions.start(conn, "old", Session("admin", way), timedelta(seconds=-1))
    forged = [
        f"{way}.{token}.{'0' * 64}",
        f"{way}.{'A' * 43}.{signature}",
        f"link.{token}.{signature}",
        f"{way}.{token}",
        f"{way}.old.{access._signature(way, 'old')}",
        "", "..", "admin", good.upper(),
    ]  # fmt: skip
    for cookie in forged:
        late.cookies.set(COOKIE, cookie)
        assert late.get("/admin/config").status_code == 401, cookie


def test_a_new_password_ends_the_sessions_of_the_old_one(with_password):
    """The signature covers the password."""
    pool, settings = with_password.services.pool, with_password.services.settings
    cookie = with_password.app.state.access.start("admin-password", "admin")
    changed = settings.model_copy(update={"admin_password": SecretStr("another")})
    assert auth.Access(pool, settings)._token(_with(cookie)) is not None
    assert auth.Access(pool, changed)._token(_with(cookie)) is None


def _with(cookie):
    from starlette.requests import HTTPConnection

    return HTTPConnection({"type": "http", "headers": [(b"cookie", f"{COOKIE}={cookie}".encode())]})


def test_handlers_are_told_who_administers(with_password):
    """`require_admin` looks the session up again, and refuses requests that bypassed the guard."""
    access = with_password.app.state.access
    request = _with(access.start("admin-password", "admin"))
    with pytest.raises(AccessError):
        auth.require_admin(request)
    request.scope[auth.SCOPE_KEY] = access
    assert auth.require_admin(request) == "admin"
    access.end(request)
    with pytest.raises(AccessError, match="over"):
        auth.require_admin(request)


def test_link_opens_once_and_on_this_machine_only(with_link):
    """Neither from another address, nor through a proxy, nor under another name."""
    link = with_link.app.state.access.new_link()
    far = with_link.client(address=("198.51.100.7", 1))
    proxied = {"x-forwarded-for": "127.0.0.1"}
    assert far.get(link).status_code == 403
    assert with_link.client().get(link, headers=proxied).status_code == 403
    assert with_link.client().get(link, headers={"host": "evil.example"}).status_code == 421
    assert with_link.client().get("/login/link?token=guess").status_code == 401
    client = with_link.client()
    assert client.get(link).status_code == 303
    assert client.get("/admin/").status_code == 200
    assert with_link.client().get(link).status_code == 401


def test_closed_chat_answers_nobody_who_did_not_sign_in(closed_chat):
    """Its password opens the chat and not the admin pages. An admin may chat."""
    stranger = closed_chat.client()
    assert stranger.get("/", headers=HTML).headers["location"] == "/login?next=/"
    for path in ("/config", "/gradio_api/info", f"/conversations/{'0' * 8}.md", "/theme.css"):
        assert stranger.get(path).status_code == 401, path
    assert stranger.get("/healthz").status_code == 200
    guest = closed_chat.client()
    assert sign_in(guest, "chat word", next="/").headers["location"] == "/"
    assert guest.get("/config").status_code == 200
    assert guest.get("/admin/config").status_code == 403
    assert closed_chat.signed_in("admin-password", "admin").get("/config").status_code == 200


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/\tx",
        "x",
    ],
)
def test_signing_in_never_leads_to_another_site(with_password, target):
    """Whatever `next` says."""
    assert sign_in(with_password.client(), PASSWORD, next=target).headers["location"] == "/"


def test_login_page_runs_no_script_and_cannot_be_stored(with_password):
    """It has its own, narrower policy."""
    page = with_password.client().get("/login", params={"next": '/admin"><script>alert(1)'})
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"
    assert "<script" not in page.text


def test_gradios_other_routes_are_not_there(with_password):
    """
    Routes that fetch for the client or receive files are closed. Only the admin pages have uploads.
    """
    admin = with_password.signed_in("admin-password", "admin")
    for client in (admin, with_password.client()):
        for path in (
            "/gradio_api/file=http://203.0.113.9/x", "/gradio_api/file=/etc/passwd",
            "/gradio_api/proxy=http://203.0.113.9/x", "/gradio_api/vibe-code/", "/monitoring",
            "/gradio_api/token", "/gradio_api/runs", "/gradio_api/stream/x/y/z/playlist.m3u8",
            "/admin/gradio_api/file=http://203.0.113.9/x", "/admin/gradio_api/proxy=http://x.hf.space/",
        ):  # fmt: skip
            assert client.get(path).status_code in (401, 403), path
        for path in ("/upload", "/gradio_api/upload", "/gradio_api/upload/"):
            assert client.post(path, files={"files": b"x"}).status_code == 403
    upload = "/admin/gradio_api/upload"
    assert with_password.client().post(upload, files={"files": b"x"}).status_code == 401
    assert admin.post(upload, files={"files": ("a.txt", b"x")}).status_code == 200


SPACE = {
    "system": "spaces", "oauth_client_id": "id", "oauth_client_secret": SecretStr("s"),
    "space_host": "x.hf.space", "admins": "ada, bob",
}  # fmt: skip


def _policy(**values):
    return policy_of(Settings().model_copy(update=values))


def test_accounts_open_what_the_settings_say():
    """
    On a Space the named accounts are admins. Elsewhere the address of this installation is needed.
    """
    assert _policy(**SPACE).admin_ways == {"oauth"}
    assert _policy(**SPACE).admins == {"ada", "bob"}
    assert _policy(**{**SPACE, "chat_sign_in": True}).chat_ways == {"oauth"}
    away = {**SPACE, "system": "", "space_host": "", "public_url": "https://docs.example.org"}
    assert _policy(**away).admin_ways == {"oauth"}
    assert _policy(**{**away, "admins": "", "admin_groups": "ops, it"}).admins == {
        "group:ops", "group:it"
    }  # fmt: skip
    assert _policy().admin_ways == {"link"}
    assert _policy(system="spaces").admin_ways == frozenset()


@pytest.mark.parametrize(
    "values",
    [
        {**SPACE, "oauth_client_secret": SecretStr("")},
        {**SPACE, "oauth_client_id": ""},
        {**SPACE, "space_host": ""},
        {**SPACE, "admins": " , "},
        {**SPACE, "system": ""},
        {"admins": "ada"},
        {"system": "spaces", "admins": "ada"},
        {"system": "spaces", "chat_sign_in": True},
        {"chat_sign_in": True},
        {"admin_groups": "ops"},
        {"chat_groups": "staff"},
        {"oauth_client_id": "id"},
        {**SPACE, "chat_groups": "staff"},
    ],
)
def test_half_configured_sign_in_is_refused(values):
    """A door that looks locked and is not, or the other way round, must not open at all."""
    with pytest.raises(
        InputError, match=re.compile("OAUTH|ADMINS|SIGN_IN|CHAT_GROUPS|PUBLIC_URL|SPACE_HOST")
    ):
        _policy(**values)


def test_rules_for_unknown_collections_are_told(dsn, tiny_model, tmp_path, caplog):
    """A mistyped name closes nothing: said at the start and by the doctor, with what there is."""
    with running(dsn, tiny_model, tmp_path, readers="hrr=admins; Board=ada") as started:
        with started.services.pool.connection() as conn:
            documents.begin(
                conn, source="a", title="a", sha256="0" * 64, mime="text/plain", content=b"a",
                collection="hr",
            )  # fmt: skip
        auth_of = started.app.state.access
        with started.services.pool.connection() as conn:
            told = policy.unknown_collections(auth_of.readers, document_list.collections(conn))
        (check,) = [c for c in doctor.examine_services(started.services) if c.name == "readers"]
    assert check.state == "warning"
    assert check.detail == told
    assert "Board, hrr" in told
    assert "with documents: hr." in told
    assert "ATTUNE_READERS names collections without documents: Board, hrr" in caplog.text
    assert policy.unknown_collections({"hr": frozenset(["admins"])}, ["hr", "default"]) is None
