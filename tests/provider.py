"""A small OpenID Connect provider on loopback. It signs its ID tokens, and checks what clients send."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey


@cache
def _key() -> RSAKey:
    """The provider's key. Making one takes a while."""
    return RSAKey.generate_key(2048, {"kid": "one"})


@dataclass
class Provider:
    """One account. A test changes what the provider says of it, or which fault the provider has."""

    secret: str = "secret"
    claims: dict[str, Any] = field(
        default_factory=lambda: {"preferred_username": "ada", "sub": "id-of-ada"}
    )
    # What replaces claims of the ID token, and what userinfo says. None: there is no such address.
    token_claims: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    down: bool = False
    url: str = ""
    challenge: str = ""
    nonce: str = ""
    scope: str = ""
    key: RSAKey = field(default_factory=_key)
    # Another key than the published one, for forged tokens.
    signing_key: RSAKey | None = None

    def forget(self) -> None:
        """Forget all changes, and keep the address."""
        url = self.url
        vars(self).clear()
        vars(self).update(vars(Provider(url=url)))

    def asked(self, location: str) -> str:
        """Take note of what the browser was sent with, and return the state to come back with."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
        assert query["code_challenge_method"] == "S256"
        self.challenge, self.nonce, self.scope = (
            query["code_challenge"],
            query["nonce"],
            query["scope"],
        )
        return query["state"]

    def answer(self, path: str, body: str, headers: Any) -> tuple[int, dict[str, Any]]:
        """A status and a value to send as JSON."""
        if self.down:
            return 503, {}
        match path:
            case "/.well-known/openid-configuration":
                return 200, self._discovery()
            case "/jwks":
                return 200, {"keys": [self.key.as_dict(private=False)]}
            case "/token":
                return self._token(body, headers)
            case "/userinfo":
                return 200, self.userinfo or {}
        return 404, {}

    def _discovery(self) -> dict[str, Any]:
        facts = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
        }
        if self.userinfo is not None:
            facts["userinfo_endpoint"] = f"{self.url}/userinfo"
        return facts | self.facts

    def _token(self, body: str, headers: Any) -> tuple[int, dict[str, Any]]:
        given = {name: values[0] for name, values in parse_qs(body).items()}
        digest = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
        proof = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        basic = base64.b64encode(f"id:{self.secret}".encode()).decode()
        known = (
            basic in headers.get("authorization", "")
            or given.get("client_secret") == self.secret
            or (not self.secret and given.get("client_id") == "id")
        )
        if proof != self.challenge or not known:
            return 400, {"error": "invalid_grant"}
        claims = {
            "iss": self.url, "aud": "id", "exp": int(time.time()) + 300, "nonce": self.nonce,
            **self.claims, **self.token_claims,
        }  # fmt: skip
        claims = {name: value for name, value in claims.items() if value is not None}
        token = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.signing_key or self.key)
        return 200, {"access_token": "t", "token_type": "bearer", "id_token": token}


@contextmanager
def providing() -> Iterator[Provider]:
    """A provider that listens."""
    fake = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer("")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers["content-length"])).decode())

        def _answer(self, body: str) -> None:
            status, value = fake.answer(self.path, body, self.headers)
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(value).encode())

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield fake
    server.shutdown()
    server.server_close()
    thread.join()
