"""The user and password of a source: encrypted in the database, opened only to read the source."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass

from app.sealing import secrets
from app.settings import Settings
from pipelines.errors import InputError
from pipelines.store import sources
from pipelines.store.db import Connection
from pipelines.store.ids import SourceId

MOST_CHARS = 4000


@dataclass(frozen=True)
class Login:
    """A user and a password or token. Never printed."""

    user: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return f"Login({'set' if self.password else 'empty'})"

    @property
    def header(self) -> str:
        """The value of the header `Authorization`: a token alone is a bearer token."""
        if not self.password:
            return ""
        if not self.user:
            return f"Bearer {self.password}"
        return f"Basic {base64.b64encode(f'{self.user}:{self.password}'.encode()).decode()}"


def keep(conn: Connection, settings: Settings, source_id: SourceId, login: Login) -> None:
    """
    Store a source's login, or remove it if it is empty.

    :raises InputError: It is too long.
    """
    if len(login.user) + len(login.password) > MOST_CHARS:
        raise InputError(f"A password has at most {MOST_CHARS:,} characters.")
    if not login.password:
        sources.set_secret(conn, source_id, None)
        return
    text = json.dumps({"user": login.user, "password": login.password})
    sources.set_secret(conn, source_id, secrets.close(settings, text))


def find(conn: Connection, settings: Settings, source_id: SourceId) -> Login:
    """
    A source's login. Empty if it has none.

    :raises InputError: It was encrypted with another key.
    """
    sealed = sources.secret(conn, source_id)
    if sealed is None:
        return Login()
    stored = json.loads(secrets.open_(settings, sealed, "The password of this source"))
    return Login(stored["user"], stored["password"])
