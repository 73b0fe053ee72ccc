"""Sign-in with Hugging Face on a Space: OpenID Connect with PKCE, through Authlib."""

from __future__ import annotations

import json
import logging
import secrets
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session

from app.settings import Settings

COOKIE = "attune_sign_in"
SCOPE = "openid profile"
TIMEOUT_S = 10

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Departure:
    """The address to send the browser to, and the values that it must bring back."""

    url: str
    state: str
    verifier: str


def depart(settings: Settings) -> Departure:
    """Begin a sign-in at the provider."""
    verifier = secrets.token_urlsafe(48)
    endpoint = _endpoints(settings.openid_provider_url)["authorization_endpoint"]
    url, state = _session(settings).create_authorization_url(endpoint, code_verifier=verifier)
    return Departure(url, state, verifier)


def kept(cookie: str) -> tuple[str, str, str] | None:
    """State, verifier and target from the browser's cookie, or None if it is malformed."""
    try:
        state, verifier, target = json.loads(unquote(cookie))
    except (ValueError, TypeError):
        return None
    return str(state), str(verifier), str(target)


@dataclass(frozen=True)
class Account:
    """An account at the provider. `subject` never changes, `name` may."""

    name: str
    subject: str


def account_of(settings: Settings, code: str, verifier: str) -> Account | None:
    """The account behind a sign-in code, or None if the provider did not confirm it."""
    endpoints = _endpoints(settings.openid_provider_url)
    try:
        session = _session(settings)
        session.fetch_token(
            endpoints["token_endpoint"], code=code, code_verifier=verifier, timeout=TIMEOUT_S
        )
        userinfo = session.get(endpoints["userinfo_endpoint"], timeout=TIMEOUT_S)
        userinfo.raise_for_status()
        facts = userinfo.json()
        name, subject = facts.get("preferred_username"), facts.get("sub")
    except (OAuthError, requests.RequestException, ValueError) as error:
        log.warning("the provider did not confirm an account: %s", type(error).__name__)
        return None
    return Account(str(name), str(subject)) if name and subject else None


def _session(settings: Settings) -> OAuth2Session:
    return OAuth2Session(
        settings.oauth_client_id,
        settings.oauth_client_secret.get_secret_value(),
        scope=SCOPE,
        redirect_uri=f"https://{settings.space_host}/login/callback",
        code_challenge_method="S256",
    )


@lru_cache(maxsize=1)
def _endpoints(provider: str) -> dict[str, str]:
    """The addresses that the provider publishes."""
    response = requests.get(f"{provider}/.well-known/openid-configuration", timeout=TIMEOUT_S)
    response.raise_for_status()
    return dict(response.json())
