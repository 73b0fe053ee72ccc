"""
Checks on the content of Gradio's events, before Gradio reads them.

In its event loop Gradio copies whatever file a path names and fetches whatever a URL names. So the
chat accepts no files through it, and the admin pages accept only files that were just uploaded.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder
from starlette.datastructures import QueryParams
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from app.access.sessions import Sessions

MOST_DEEP = 40
# Limit of a text field without `max_length`, such as ids that a script puts together.
TEXT_CHARS = 4000
# Events that carry the new value of their component, which is not used. Others carry an object.
VALUE_EVENTS = frozenset(["change", "input", "submit"])
NOT_JSON = "The request is not what the page sends."
NO_FILES = "Files cannot be sent this way."
NO_SUCH_EVENT = "The page has changed meanwhile. Load it again."
NOT_YOURS = "This session is another visitor's. Load the page again."
NOT_TEXT = "The text has characters that cannot be stored."
_EVENT = re.compile(r"(?P<mount>(?:/admin)?)/gradio_api/(?P<route>.*)")
_SESSION = re.compile(r"[\w.-]{1,64}")
# NUL, and halves of UTF-16 pairs: neither can be stored.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_FILE_KEYS = frozenset(["meta", "url", "orig_name", "mime_type", "is_stream"])


class Events:
    """
    Checks the events of one server.

    :param mounts: The pages' blocks by mount path ("" or "/admin").
    """

    def __init__(self, mounts: Mapping[str, gr.Blocks], sessions: Sessions) -> None:
        self._mounts = mounts
        self._sessions = sessions

    def __call__(self, scope: Scope, body: bytes) -> Response | None:
        """The answer that refuses a request to Gradio, or None if it may pass."""
        found = _EVENT.fullmatch(scope["path"].rstrip("/"))
        if found is None:
            return None
        mount, route = found["mount"], found["route"]
        if scope["method"] in ("GET", "HEAD", "OPTIONS"):
            session = _session_read(scope, route)
        else:
            reason, session = self._read(mount, route, body)
            if reason is not None:
                return JSONResponse({"detail": reason}, 400)
        if session is not None and not self._sessions.belongs(
            HTTPConnection(scope), f"{mount} {session}"
        ):
            return JSONResponse({"detail": NOT_YOURS}, 403)
        return None

    def _read(self, mount: str, route: str, body: bytes) -> tuple[str | None, str | None]:
        """The reason to refuse a body, if any, and the session that it names, if any."""
        try:
            # Parsed like FastAPI does, so that both see the same.
            value = json.loads(body) if body else {}
        except (ValueError, RecursionError):
            return NOT_JSON, None
        if not isinstance(value, dict):
            return NOT_JSON, None
        session = value.get("session_hash")
        if session is not None and not (isinstance(session, str) and _SESSION.fullmatch(session)):
            return NOT_JSON, None
        reason = _of_values(value, may_hold_files=mount == "/admin")
        if reason is None and route == "queue/join":
            reason = _of_event(self._mounts[mount], value)
        return reason, session


def _session_read(scope: Scope, route: str) -> str | None:
    """The session whose stream a request would read, if any."""
    kind, _, rest = route.partition("/")
    if kind == "heartbeat":
        return rest
    if route == "queue/data":
        return QueryParams(scope["query_string"]).get("session_hash", "")
    return None


def _of_values(value: Any, may_hold_files: bool) -> str | None:
    for depth, inner in _walk(value):
        if depth > MOST_DEEP:
            return NOT_JSON
        if isinstance(inner, float) and not math.isfinite(inner):
            return NOT_JSON
        if (
            isinstance(inner, dict)
            and _is_file(inner)
            and not (may_hold_files and _was_uploaded(inner))
        ):
            return NO_FILES
    return None


def _walk(value: Any) -> Iterator[tuple[int, Any]]:
    """
    Every value inside a value, including keys, with its depth. Iterative, so depth is no problem.
    """
    waiting = [(0, value)]
    while waiting:
        depth, inner = waiting.pop()
        yield depth, inner
        if isinstance(inner, dict):
            waiting += [(depth + 1, part) for pair in inner.items() for part in pair]
        elif isinstance(inner, list):
            waiting += [(depth + 1, part) for part in inner]


def _is_file(value: dict[str, Any]) -> bool:
    """Whether this is, or looks like, a file object of Gradio."""
    if value.get("_type") == "gradio.FileData":
        return True
    return "path" in value and not _FILE_KEYS.isdisjoint(value)


def _was_uploaded(value: dict[str, Any]) -> bool:
    """Whether a file object names a file in Gradio's upload folder and no address to fetch."""
    if value.get("_type") == "gradio.FileData":  # the "meta" of a file object
        return set(value) == {"_type"}
    path, url, meta = value.get("path"), value.get("url"), value.get("meta")
    if not isinstance(path, str) or not isinstance(meta, dict):
        return False
    if url is not None and not (isinstance(url, str) and "/gradio_api/file=" in url):
        return False
    folder = Path(get_upload_folder()).resolve()
    try:
        found = Path(path).resolve(strict=True)
    except (OSError, ValueError):
        return False
    return found.is_file() and found.is_relative_to(folder)


def _of_event(blocks: gr.Blocks, body: dict[str, Any]) -> str | None:
    """
    The reason to refuse an event: it is not the page's, or has the wrong number or kind of values.
    """
    index, data = body.get("fn_index"), body.get("data")
    known = blocks.fns.get(index) if isinstance(index, int) else None
    if known is None or not isinstance(data, list) or len(data) != len(known.inputs):
        return NO_SUCH_EVENT
    if body.get("session_hash") is None:
        return NOT_JSON
    event = body.get("event_data")
    carries_value = VALUE_EVENTS.issuperset(name for _, name in known.targets)
    if not isinstance(event, dict | None) and not carries_value:
        return NOT_JSON
    return _of_inputs(known.inputs, data)


def _of_inputs(inputs: Sequence[Any], data: Sequence[Any]) -> str | None:
    reasons = (_of_input(component, value) for component, value in zip(inputs, data, strict=True))
    return next(filter(None, reasons), None)


def _of_input(component: Any, value: Any) -> str | None:
    if isinstance(component, gr.Number | gr.Slider):
        return None if isinstance(value, int | float | None) else NOT_JSON
    if isinstance(component, gr.Textbox) and not isinstance(value, str | None):
        return NOT_JSON
    if not isinstance(value, str):
        return None
    if _UNSTORABLE.search(value):
        return NOT_TEXT
    most = getattr(component, "max_length", None) or TEXT_CHARS
    if len(value) <= most:
        return None
    name = component.label or "Text"
    return f"{name}: at most {most:,} characters are accepted, this has {len(value):,}."
