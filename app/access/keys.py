"""
Programs that use the interfaces: who they are by their key, and what it lets them do.

A key is sent as `Authorization: Bearer KEY`. Every path below `PATHS` needs one, also where the chat
is public: a page of another site could not send it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse

from app.access.auth import access_of
from app.access.limits import MINUTE_S
from app.access.reader import closed_to
from pipelines.store import api_keys, db, rate_counts, scope
from pipelines.store.api_keys import ApiKey, Scope
from pipelines.store.db import Connection, Pool

PATHS = ("/v1/", "/api/v1/", "/mcp/")
CALLER_KEY = "attune.caller"
_TOKEN = re.compile(r"attune-[\w-]{43}")
# OpenAI's names for what went wrong, by status.
_TYPES = {401: "invalid_request_error", 403: "invalid_request_error", 404: "invalid_request_error",
          400: "invalid_request_error", 413: "invalid_request_error", 429: "rate_limit_error"}  # fmt: skip
_CODES = {401: "invalid_api_key", 403: "insufficient_permissions", 413: "request_too_large",
          429: "rate_limit_exceeded"}  # fmt: skip


def is_interface(path: str) -> bool:
    """Whether a path is for programs with a key."""
    return path.startswith(PATHS) or f"{path}/" in PATHS


def error(
    status: int,
    message: str,
    *,
    code: str | None = None,
    param: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """An error in OpenAI's form."""
    inner = {
        "message": message,
        "type": _TYPES.get(status, "api_error"),
        "param": param,
        "code": code or _CODES.get(status),
    }
    return JSONResponse({"error": inner}, status, headers=dict(headers or {}))


def identify(connection: HTTPConnection, pool: Pool) -> ApiKey | JSONResponse:
    """The key that a request was sent with, or the answer that refuses it."""
    kind, _, token = connection.headers.get("authorization", "").partition(" ")
    token = token.strip()
    if kind.lower() != "bearer" or not _TOKEN.fullmatch(token):
        return error(401, "Send a key: Authorization: Bearer attune-... Admins make keys.")
    return db.transact(pool, lambda conn: _counted(conn, token))


def _counted(conn: Connection, token: str) -> ApiKey | JSONResponse:
    """The valid key of a token, with the request counted, or the answer that refuses it."""
    key = api_keys.find(conn, token)
    if key is None or key.state != "valid":
        why = "is not known" if key is None else "has expired"
        return error(401, f"This key {'was revoked' if key and key.revoked_at else why}.")
    wait_s = key.per_minute and rate_counts.take(
        conn, f"key {key.id}", window_s=MINUTE_S, most=key.per_minute
    )
    if wait_s:
        after = {"retry-after": str(int(wait_s) + 1)}
        reason = f"This key may send {key.per_minute} requests a minute."
        return error(429, reason, headers=after)
    api_keys.note_use(conn, key.id)
    return key


def caller(request: Any, needed: Scope) -> ApiKey | JSONResponse:
    """The key that the guard let through if it has a scope, or the answer that refuses it."""
    key = request.scope.get(CALLER_KEY)
    if not isinstance(key, ApiKey):
        return error(401, "Send a key: Authorization: Bearer attune-...")
    if not key.may(needed):
        return error(403, f"This key may not do that: it needs the scope {needed}.")
    return key


def readable(conn: Connection, request: Any, key: ApiKey) -> list[str]:
    """The collections that a key's questions are searched in."""
    held = scope.held(conn)
    if key.collections is not None:
        return [name for name in held if name in key.collections and not scope.is_private(name)]
    return scope.choose(held, closed=closed_to(access_of(request), None))


def reached(conn: Connection, request: Any, key: ApiKey) -> list[str]:
    """The collections with indexed documents that a key may name, the handbook among them."""
    return [name for name in scope.held(conn) if may_read(request, key, name)]


def may_read(request: Any, key: ApiKey, collection: str) -> bool:
    """Whether a key reaches a collection."""
    if key.collections is not None:
        return collection in key.collections and not scope.is_private(collection)
    return scope.may_read(collection, closed=closed_to(access_of(request), None))
