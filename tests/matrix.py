"""
Every entry point of the application, as listed by itself, tried by people without access.

No handler or route is named here, so that whatever is added to a page is tried too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
from psycopg import sql
from starlette.routing import Mount

from app.access.policy import Way
from pipelines.store import sessions
from pipelines.store.db import Connection
from pipelines.store.sessions import Session
from tests.serving_app import Listening

# They change by themselves: heartbeats, and what is counted of requests.
RESTLESS = {"replica", "usage_count"}
REFUSED = {401, 403, 303}


@dataclass(frozen=True)
class Try:
    """An entry point."""

    method: str
    path: str
    body: Any = None

    def by(self, client: httpx.Client) -> httpx.Response:
        return client.request(self.method, self.path, json=self.body)


def strangers(served: Listening) -> dict[str, str]:
    """Cookies that must not open the admin pages, by description."""
    access = served.app.state.access
    good = access.start("admin-password", "admin")
    way, token, signature = good.split(".")
    with served.services.pool.connection() as conn:
        sessions.start(conn, "late", Session("admin", way), timedelta(seconds=-1))
    ended = access.start("admin-password", "admin")
    with served.services.pool.connection() as conn:
        sessions.end(conn, ended.split(".")[1])
    return {
        "anonymous": "",
        "expired": f"{way}.late.{access._signature(way, 'late')}",
        "signed out": ended,
        "forged": f"{way}.{token}.{'f' * len(signature)}",
        "way changed": f"oauth.{token}.{signature}",
    }


def member(served: Listening, way: Way = "chat-password") -> str:
    """The cookie of somebody who may chat and nothing else."""
    return str(served.app.state.access.start(way, "guest"))


def routes(served: Listening, mount: str) -> Iterator[Try]:
    """Every route of a mount, with its parameters filled in."""
    yield from _tries(mounted(served, mount).routes, mount)


def mounted(served: Listening, mount: str) -> Mount:
    """One of the application's mounts."""
    (found,) = [r for r in served.app.routes if isinstance(r, Mount) and r.path == mount]
    return found


def own_routes(served: Listening) -> Iterator[Try]:
    """Every route outside the mounts."""
    return _tries([r for r in served.app.routes if not isinstance(r, Mount)], "")


def _tries(listed: Any, prefix: str) -> Iterator[Try]:
    for route in listed:
        if hasattr(route, "original_router"):  # FastAPI keeps included routers as they are
            yield from _tries(route.original_router.routes, prefix)
            continue
        path = re.sub(r"\{(\w+)(:\w+)?\}", "0", route.path)
        for method in sorted(getattr(route, "methods", None) or ["GET"]):
            yield Try(method, prefix + path, {} if method == "POST" else None)


def config(served: Listening, mount: str, cookie: str) -> dict[str, Any]:
    """A mount's own description of its components and events."""
    with served.client(cookie) as client:
        answer = client.get(f"{mount}/config")
        answer.raise_for_status()
        return dict(answer.json())


def events(told: dict[str, Any], session: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and body of every event with a server-side handler, with its inputs' initial values."""
    values = {c["id"]: c["props"].get("value") for c in told["components"]}
    for event in told["dependencies"]:
        if event["backend_fn"]:
            name = f"{event['id']} {event['api_name']} {event['targets']}"
            yield (
                name,
                {
                    "fn_index": event["id"],
                    "data": [values.get(i) for i in event["inputs"]],
                    "event_data": {"index": 0, "value": "x", "liked": True, "selected": True},
                    "session_hash": session,
                    "trigger_id": event["targets"][0][0],
                },
            )


def outcomes(client: httpx.Client, mount: str, session: str) -> Iterator[dict[str, Any]]:
    """How the events of a session ended."""
    path = f"{mount}/gradio_api/queue/data"
    with client.stream("GET", path, params={"session_hash": session}) as stream:
        for line in stream.iter_lines():
            if line.startswith("data:"):
                message = json.loads(line[5:])
                if message["msg"] in ("process_completed", "process_generating"):
                    yield message
                if message["msg"] == "close_stream":
                    return


def tells_something(output: dict[str, Any]) -> bool:
    """Whether an event's outcome contains anything but "no change"."""
    data = (output.get("output") or {}).get("data") or []
    return not all(map(_says_nothing, data))


def _says_nothing(value: Any) -> bool:
    if not isinstance(value, dict):
        return value is None
    return all(_says_nothing(v) for k, v in value.items() if k != "__type__")


def fingerprint(conn: Connection) -> dict[str, str]:
    """A digest of each table's rows."""
    tables = conn.execute(
        "select format('%I.%I', schemaname, tablename), tablename from pg_tables"
        " where schemaname not in ('pg_catalog', 'information_schema') order by 1"
    ).fetchall()
    found = {}
    for full, name in tables:
        if name in RESTLESS:
            continue
        schema, table = full.replace('"', "").split(".")
        row = conn.execute(
            sql.SQL(
                "select md5(coalesce(string_agg(t::text, '|' order by t::text), '')) from {} t"
            ).format(sql.Identifier(schema, table))
        ).fetchone()
        assert row is not None
        found[full] = str(row[0])
    return found
