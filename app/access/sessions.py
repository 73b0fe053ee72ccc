"""
Owners of Gradio's session streams.

The browser chooses a session's hash, and anybody who knows it could read another visitor's answers.
So a session belongs to the visitor who uses it first.
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
    """Owners by session hash. The least recently used are dropped first. For one event loop."""

    def __init__(self) -> None:
        self._owners: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def belongs(self, connection: HTTPConnection, session: str) -> bool:
        """Whether a session belongs to the sender. An unused one becomes theirs."""
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
