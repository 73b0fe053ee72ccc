"""The sign-in and sign-out pages: by password, by one-time link, or with an account."""

from __future__ import annotations

import html
import ipaddress
import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

from fastapi import FastAPI, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader

from app.access import addresses, cookies, limits
from app.access.addresses import Hosts
from app.access.auth import COOKIE, Access, Person
from app.access.openid import provider
from app.access.policy import Way
from pipelines.errors import NotReadyError
from pipelines.store.db import Pool

# Also of the base that other plain pages extend.
TEMPLATES = Path(__file__).parent
ACCOUNT = "/login/account"
LOOPBACK = Hosts(frozenset())
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
# This page runs no script and loads nothing.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'self' https://huggingface.co"
)
# A form, because a link in a document's text must not be able to sign anybody out.
SIGN_OUT = '<form class="sign-out" method="post" action="/logout"><button>Sign out</button></form>'
WRONG_PASSWORD = "That password is not right."
STALE_LINK = (
    "This link was used already or is too old. Start Attune again, or run `attune admin-link`, "
    "for a new one."
)
NOT_LOCAL = (
    "The one-time link works only in a browser on the machine that Attune runs on. To administer "
    "from elsewhere, set ATTUNE_ADMIN_PASSWORD and start Attune again."
)
SCRIPT = Path(__file__).with_name("session.js")
_templates = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True)
log = logging.getLogger(__name__)


def script() -> str:
    """The script in every page's head that leads to the sign-in page when a session has ended."""
    return f"<script>{SCRIPT.read_text(encoding='utf-8')}</script>"


def links(access: Access, person: Person | None) -> str:
    """The chat's small links as HTML: sign in or out, and the admin pages."""
    policy = access.policy
    parts = ['<a href="/?help">Help</a>']
    if person is not None and person.named:
        parts.append(html.escape(person.name))
    if policy.admin_ways and (person is None or person.admin or not person.named):
        parts.append('<a href="/admin">Admin</a>')
    if person is not None:
        parts.append(SIGN_OUT)
    elif "oauth" in policy.ways:
        parts.append('<a href="/login">Sign in</a>')
    return " · ".join(parts)


def add(app: FastAPI, access: Access, pool: Pool) -> None:
    """Add the routes of these pages to the application."""
    pages = _LoginPages(access, pool)
    app.get("/login")(pages.show)
    app.post("/login")(pages.by_password)
    app.get("/login/link")(pages.by_link)
    app.get(ACCOUNT)(pages.to_provider)
    app.get("/login/callback")(pages.from_provider)
    app.get("/logout")(pages.ask_to_leave)
    app.post("/logout")(pages.leave)


class _LoginPages:
    """Request handlers. Each call runs in its own thread."""

    def __init__(self, access: Access, pool: Pool) -> None:
        self._access = access
        self._pool = pool

    def show(self, request: Request, next: str = "/") -> Response:
        """Show the sign-in page, which leads to `next`."""
        target = _local(next)
        person = self._access.person(request)
        if person is not None and _may(person, target):
            return RedirectResponse(target, 303)
        refused = f"{person.name} may not open this page." if person and person.named else ""
        return self._page(target, refused)

    def by_password(
        self, request: Request, password: Annotated[str, Form()] = "", next: str = "/"
    ) -> Response:
        """Check a password and open a session."""
        target, address = _local(next), addresses.address_of(request)
        wait_s = limits.wait_for_login(self._pool, address)
        if wait_s is not None:
            limits.logins_refused.labels("too many tries").inc()
            minutes = math.ceil(wait_s / 60)
            unit = "minute" if minutes == 1 else "minutes"
            page = self._page(
                target, f"Too many tries. Wait {minutes} {unit}, then try again.", 429
            )
            page.headers["retry-after"] = str(math.ceil(wait_s))
            return page
        way = self._way(password)
        if way is None:
            limits.logins_refused.labels("wrong password").inc()
            log.warning("a sign-in attempt from %s failed", address)
            return self._page(target, WRONG_PASSWORD, 401)
        limits.login_succeeded(self._pool, address)
        if way == "chat-password" and _is_admin(target):
            target = "/"
        return self._enter(request, way, "admin" if way == "admin-password" else "guest", target)

    def by_link(self, request: Request, token: str = "", next: str = "/admin") -> Response:
        """Sign in with a one-time link, printed at start or opened in a browser."""
        target = _local(next)
        if not _is_local(request):
            return self._page(target, NOT_LOCAL, 403)
        if not self._access.redeem_link(token):
            limits.logins_refused.labels("stale link").inc()
            return self._page(target, STALE_LINK, 401)
        return self._enter(request, "link", "admin", target)

    def to_provider(self, next: str = "/") -> Response:
        """Redirect the browser to the provider of accounts."""
        if "oauth" not in self._access.policy.ways:
            return self._page("/", "Nobody can sign in with an account here.", 404)
        try:
            departure = provider.depart(self._access.settings)
        except NotReadyError as error:
            return self._provider_fails(error)
        response = RedirectResponse(departure.url, 303)
        is_https = self._access.settings.own_address.startswith("https:")
        response.set_cookie(
            provider.COOKIE, quote(departure.kept(_local(next))), max_age=600, path="/login",
            secure=is_https, httponly=True,
        )  # fmt: skip
        return response

    def from_provider(self, request: Request, code: str = "", state: str = "") -> Response:
        """Ask the provider which account the returned browser belongs to, and sign it in."""
        settings = self._access.settings
        back = provider.returned(request.cookies.get(provider.COOKIE, ""))
        if "oauth" not in self._access.policy.ways or not back or back.state != state or not code:
            return self._page("/", "Signing in was broken off. Try again.", 400)
        try:
            account = provider.account_of(settings, code, back)
        except NotReadyError as error:
            return self._provider_fails(error)
        if account is None:
            limits.logins_refused.labels("account not confirmed").inc()
            reason = f"{settings.provider_name} did not confirm the account."
            return self._page(_local(back.target), reason, 401)
        who = self._access.who(account.name, account.subject)
        response = self._enter(request, "oauth", who, _local(back.target), account.groups)
        response.delete_cookie(provider.COOKIE, path="/login")
        return response

    def _provider_fails(self, error: NotReadyError) -> Response:
        log.warning("%s", error)
        name = self._access.settings.provider_name
        return self._page("/", f"{name} does not answer. Try again in a minute.", 502)

    def ask_to_leave(self) -> Response:
        """Show the page with the sign-out button. A link can do no more than open it."""
        return self._render(leaving=True)

    def leave(self, request: Request) -> Response:
        """End the session on every server."""
        self._access.end(request)
        response = self._render(left=True)
        response.headers["set-cookie"] = self._cookie(request, "", 0)
        return response

    def _way(self, password: str) -> Way | None:
        ways: tuple[Way, ...] = ("admin-password", "chat-password")
        right = [way for way in ways if self._access.is_password(way, password)]
        return right[0] if right else None

    def _enter(
        self, request: Request, way: Way, who: str, target: str, groups: Sequence[str] = ()
    ) -> Response:
        # An earlier session of this browser ends.
        self._access.end(request)
        response = RedirectResponse(target, 303)
        seconds = int(self._access.lifetime.total_seconds())
        response.headers["set-cookie"] = self._cookie(
            request, self._access.start(way, who, groups), seconds
        )
        return response

    def _cookie(self, request: Request, value: str, max_age_s: int) -> str:
        framed = self._access.settings.on_spaces
        secure = cookies.is_https(request)
        return cookies.header(COOKIE, value, secure=secure, framed=framed, max_age_s=max_age_s)

    def _page(self, target: str, complaint: str = "", status: int = 200) -> Response:
        policy = self._access.policy
        for_admin = _is_admin(target)
        ways = policy.admin_ways if for_admin else policy.ways
        return self._render(
            status,
            next=target,
            for_admin=for_admin,
            ways=ways,
            chat_is_open=not policy.chat_ways,
            on_spaces=self._access.settings.on_spaces,
            account=ACCOUNT,
            provider=self._access.settings.provider_name,
            complaint=complaint,
        )

    @staticmethod
    def _render(status: int = 200, **values: Any) -> Response:
        page = _templates.get_template("login.html").render(**values)
        headers = {"content-security-policy": POLICY, "cache-control": "no-store"}
        return HTMLResponse(page, status, headers=headers)


def _local(target: str) -> str:
    """The page to go to, always one of ours."""
    parts = urlsplit(target)
    plain = target.isprintable() and "\\" not in target and not target.startswith("//")
    if parts.scheme or parts.netloc or not plain or not target.startswith("/"):
        return "/"
    return "/" if parts.path.startswith(("/login", "/logout")) else target


def _is_admin(target: str) -> bool:
    return urlsplit(target).path.startswith("/admin")


def _may(person: Person, target: str) -> bool:
    return person.admin if _is_admin(target) else person.chats


def _is_local(request: Request) -> bool:
    """
    Whether a browser on this machine sent the request, and not a proxy for somebody else.

    A proxy on this machine supplies the client's address itself. So a proxy's header is reason
    enough to refuse, and so is a host name that is not this machine's own.
    """
    if any(name in request.headers for name in FORWARDED):
        return False
    try:
        own = ipaddress.ip_address(addresses.address_of(request)).is_loopback
    except ValueError:
        return False
    return own and LOOPBACK.answers(request.headers.get("host", ""))
