"""
Sign-in with accounts of any OpenID Connect provider: authorization code flow with PKCE.

The provider publishes its addresses and keys (discovery). Its ID token is verified: signature,
issuer, audience, expiry and nonce. Authlib speaks OAuth, joserfc verifies.
"""

from __future__ import annotations

import json
import logging
import secrets
import threading
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from app.access.openid.claims import Account, account_from
from app.settings import Settings
from pipelines.errors import NotReadyError

COOKIE = "attune_sign_in"
TIMEOUT_S = 10
# Addresses are read again after this time, because providers move and settings change.
FRESH_S = 3600
LEEWAY_S = 60
# Signatures by a provider's key pair. "none" and shared secrets prove nothing here.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]  # fmt: skip

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Departure:
    """The address to send the browser to, and the values that it must bring back."""

    url: str
    state: str
    verifier: str
    nonce: str

    def kept(self, target: str) -> str:
        """What the browser keeps in a cookie until it is back, with the page to go to then."""
        return json.dumps([self.state, self.verifier, self.nonce, target])


@dataclass(frozen=True)
class Return:
    """What the browser kept in its cookie."""

    state: str
    verifier: str
    nonce: str
    target: str


def returned(cookie: str) -> Return | None:
    """The content of the browser's cookie, or None if it is malformed."""
    try:
        state, verifier, nonce, target = json.loads(unquote(cookie))
    except (ValueError, TypeError):
        return None
    return Return(str(state), str(verifier), str(nonce), str(target))


def depart(settings: Settings) -> Departure:
    """
    Begin a sign-in at the provider.

    :raises NotReadyError: The provider does not tell its addresses.
    """
    facts = _discovered(settings)
    verifier, nonce = secrets.token_urlsafe(48), secrets.token_urlsafe(24)
    url, state = _session(settings, facts).create_authorization_url(
        facts["authorization_endpoint"], code_verifier=verifier, nonce=nonce
    )
    return Departure(url, state, verifier, nonce)


def account_of(settings: Settings, code: str, back: Return) -> Account | None:
    """
    The account behind a sign-in code, or None if the provider did not confirm it.

    :raises NotReadyError: The provider does not tell its addresses.
    """
    facts = _discovered(settings)
    try:
        return account_from(settings, _claims(settings, facts, code, back))
    except (OAuthError, JoseError, requests.RequestException, ValueError) as error:
        log.warning("the provider did not confirm an account: %s: %s", type(error).__name__, error)
        return None


def _claims(settings: Settings, facts: dict[str, Any], code: str, back: Return) -> dict[str, Any]:
    """
    What the provider says of an account, in its ID token and at its userinfo address.

    :raises ValueError: They contradict each other, or the ID token is missing.
    """
    session = _session(settings, facts)
    token = session.fetch_token(
        facts["token_endpoint"], code=code, code_verifier=back.verifier, timeout=TIMEOUT_S
    )
    claims: dict[str, Any] = {}
    if "id_token" in token:
        claims = _verified(settings, facts, str(token["id_token"]), back.nonce)
    elif not settings.on_spaces:
        raise ValueError("the provider sent no ID token; the scopes must contain openid")
    if facts.get("userinfo_endpoint"):
        answer = session.get(facts["userinfo_endpoint"], timeout=TIMEOUT_S)
        answer.raise_for_status()
        more = answer.json()
        if claims and more.get("sub") != claims["sub"]:
            raise ValueError("the userinfo is of another account than the ID token")
        claims |= more
    return claims


def _verified(settings: Settings, facts: dict[str, Any], token: str, nonce: str) -> dict[str, Any]:
    """
    The claims of an ID token.

    :raises JoseError: The signature or a claim is not right.
    """
    answer = requests.get(facts["jwks_uri"], timeout=TIMEOUT_S)
    answer.raise_for_status()
    read = jwt.decode(token, KeySet.import_key_set(answer.json()), algorithms=ALGORITHMS)
    registry = jwt.JWTClaimsRegistry(
        leeway=LEEWAY_S,
        iss={"essential": True, "value": facts["issuer"]},
        aud={"essential": True, "value": settings.oauth_client_id},
        exp={"essential": True},
        sub={"essential": True},
        nonce={"essential": True, "value": nonce},
    )
    registry.validate(read.claims)
    return dict(read.claims)


def _session(settings: Settings, facts: dict[str, Any]) -> OAuth2Session:
    secret = settings.oauth_client_secret.get_secret_value()
    ways = facts.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    method = next((way for way in ("client_secret_basic", "client_secret_post") if way in ways), "")
    return OAuth2Session(
        settings.oauth_client_id,
        secret or None,
        scope=settings.openid_scopes,
        redirect_uri=f"{settings.own_address}/login/callback",
        code_challenge_method="S256",
        token_endpoint_auth_method=(method or "client_secret_basic") if secret else "none",
    )


_lock = threading.Lock()
_known: dict[str, tuple[float, dict[str, Any]]] = {}


def _discovered(settings: Settings) -> dict[str, Any]:
    """
    What the provider publishes about itself, read once an hour.

    :raises NotReadyError: It cannot be read, or speaks for another provider.
    """
    provider = settings.openid_provider_url.rstrip("/")
    with _lock:
        read_at, facts = _known.get(provider, (0.0, {}))
        if facts and time.monotonic() - read_at < FRESH_S:
            return facts
        facts = _discover(provider)
        _known[provider] = (time.monotonic(), facts)
        return facts


def _discover(provider: str) -> dict[str, Any]:
    address = f"{provider}/.well-known/openid-configuration"
    try:
        answer = requests.get(address, timeout=TIMEOUT_S)
        answer.raise_for_status()
        facts: dict[str, Any] = dict(answer.json())
    except (requests.RequestException, ValueError) as error:
        raise NotReadyError(f"The sign-in provider does not answer at {address}.") from error
    lacking = {"issuer", "authorization_endpoint", "token_endpoint"} - facts.keys()
    if lacking:
        raise NotReadyError(f"{address} does not name: {', '.join(sorted(lacking))}.")
    if str(facts["issuer"]).rstrip("/") != provider:
        raise NotReadyError(f"{address} speaks for another provider: {facts['issuer']}.")
    return facts


def forget() -> None:
    """Read the provider's addresses anew at the next sign-in."""
    with _lock:
        _known.clear()
