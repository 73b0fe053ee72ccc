"""
What a log line and a trace tell of where they come from: the request, the visitor, the job.

The values follow a request through threads and tasks. They are short and hold nothing that a client
could use.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

SHOWN_CHARS = 8
REQUEST_KEY = "attune.request"
_GIVEN = re.compile(r"[\w.-]{1,64}")
_NOTHING: Mapping[str, str] = MappingProxyType({})
_trail: ContextVar[Mapping[str, str]] = ContextVar("attune_trail", default=_NOTHING)


def here() -> Mapping[str, str]:
    """The names and values that hold at this place."""
    return _trail.get()


@contextmanager
def following(**values: str) -> Iterator[None]:
    """Add values to every log line within the block. Empty ones are left out."""
    before = _trail.get()
    token = _trail.set({**before, **{name: value for name, value in values.items() if value}})
    try:
        yield
    finally:
        # A stream that is closed from another task has another context, whose end is near.
        if _trail.get() is not before:
            try:
                _trail.reset(token)
            except ValueError:
                _trail.set(before)


def request_id(given: str = "") -> str:
    """The id that a proxy gave a request, or a new one if it gave none that can be printed."""
    return given if _GIVEN.fullmatch(given) else secrets.token_hex(6)
