"""
Whose the streams of Gradio's sessions are.

A session's hash is the browser's own choice, and whoever knew it could read what another visitor is
answered. So it belongs to the visitor who used it first.
"""

from __future__ import annotations

import time
from collections import OrderedDict

from starlette.requests import HTTPConnection

from app.access.addresses import address_of
from app.access.visitor import token_of

MOST = 20_000
FORGOTTEN_AFTER_S = 6 * 3600


class Sessions:
    """Owners by session hash, the longest unused forgotten first. For one event loop."""

    def __init__(self) -> None:
        self._owners: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def belongs(self, connection: HTTPConnection, session: str) -> bool:
        """Whether a session is the asker's; one that nobody used becomes theirs."""
        now = time.monotonic()
        asker = token_of(connection) or f"address {address_of(connection)}"
        owner, used_at = self._owners.get(session, (asker, now))
        if owner != asker and now - used_at < FORGOTTEN_AFTER_S:
            return False
        self._owners[session] = asker, now
        self._owners.move_to_end(session)
        while len(self._owners) > MOST:
            self._owners.popitem(last=False)
        return True
