"""
Limits on request bodies, which are counted while they arrive, whatever their headers say.

Small bodies are read completely before the application sees them, and those of Gradio's events are
checked (`app/access/events`). An upload is passed on as it arrives, up to the limit of its path.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

from starlette.formparsers import MultiPartException
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.access import keys
from app.settings import Settings

SMALL_BYTES = 64_000
# Programs send whole conversations, and many texts at once.
TEXTS_BYTES = 1_000_000
# How long a client may pause in the middle of a body.
WAIT_S = 30
# How long the rest of a refused body is read and dropped, so that the client reads the reason.
LINGER_S = 2
UPLOAD = "/admin/gradio_api/upload"
# Files from the chat, one in a request.
UPLOADS = "/uploads"
# Files that are dropped together arrive in one request, and Gradio limits the size of each.
UPLOADED_TOGETHER = 20
MEGABYTE = 1_000_000

Check = Callable[[Scope, bytes], Response | None]


def upload_limits(settings: Settings) -> dict[str, int]:
    """
    The largest body in bytes by upload path. All other paths accept `SMALL_BYTES`.

    Register every new route that receives files here.
    """
    one = settings.max_upload_mb * MEGABYTE
    texts = dict.fromkeys(("/v1/chat/completions", "/v1/embeddings"), TEXTS_BYTES)
    return {UPLOAD: UPLOADED_TOGETHER * one, UPLOADS: one, "/api/v1/documents": one, **texts}


class BodyTooLarge(MultiPartException):
    """
    Ends the application's reading. Form parsers delete their files when they see this kind of
    error.
    """


class Bodies:
    """
    ASGI middleware that refuses large bodies with 413 and slow ones with 408.

    :param check: Gets a small request and its body, and returns the answer that refuses it, or
        None.
    """

    def __init__(self, app: ASGIApp, uploads: Mapping[str, int], check: Check) -> None:
        self.app = app
        self._uploads = uploads
        self._check = check

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        path = scope["path"].rstrip("/")
        most = self._uploads.get(path, SMALL_BYTES)
        body = _Body(receive, send, most, keys.is_interface(path))
        if body.declared(scope) > most:
            return await body.refuse()
        if path in self._uploads:
            return await self._hand_on(scope, body)
        has_body = scope["method"] not in ("GET", "HEAD", "OPTIONS")
        content = await body.whole() if has_body else b""
        if content is None:
            return None
        refusal = self._check(scope, content)
        if refusal is not None:
            return await refusal(scope, receive, send)
        if not has_body:
            return await self._hand_on(scope, body)
        return await self.app(scope, _replayed(content, receive), send)

    async def _hand_on(self, scope: Scope, body: _Body) -> None:
        try:
            await self.app(scope, body.receive, body.send)
        except Exception:
            if not body.refused:
                raise


class _Body:
    """The counted body of one request. Once it is refused, the application's answer is dropped."""

    def __init__(self, receive: Receive, send: Send, most: int, for_programs: bool) -> None:
        self._receive, self._send, self._most = receive, send, most
        self._for_programs = for_programs
        self._bytes, self._ended, self._answered = 0, False, False
        self.refused = False

    @staticmethod
    def declared(scope: Scope) -> int:
        """The length that the client announces, or 0 without a valid one."""
        lengths = [value for name, value in scope["headers"] if name == b"content-length"]
        return int(lengths[0]) if lengths and lengths[0].isdigit() and len(lengths[0]) < 19 else 0

    async def receive(self) -> Message:
        """
        Receive the next message.

        :raises BodyTooLarge: The client was refused.
        """
        if self._ended:
            return await self._receive()
        try:
            async with asyncio.timeout(WAIT_S):
                message = await self._receive()
        except TimeoutError:
            await self.refuse(408)
            raise BodyTooLarge("The body did not arrive in time.") from None
        self._ended = not message.get("more_body", False)
        self._bytes += len(message.get("body", b""))
        if self._bytes > self._most:
            await self.refuse()
            raise BodyTooLarge("The body exceeds the maximum allowed size.")
        return message

    async def whole(self) -> bytes | None:
        """
        Read the whole body.

        :returns: None if the client disconnected or was refused.
        """
        parts = []
        deadline = time.monotonic() + WAIT_S
        while not self._ended:
            try:
                message = await self.receive()
            except BodyTooLarge:
                return None
            if message["type"] == "http.disconnect":
                return None
            parts.append(message.get("body", b""))
            if time.monotonic() > deadline:  # arrives drop by drop
                await self.refuse(408)
                return None
        return b"".join(parts)

    async def send(self, message: Message) -> None:
        """Pass on the application's answer unless the client was refused."""
        if not self.refused:
            self._answered = True
            await self._send(message)

    async def refuse(self, status: int = 413) -> None:
        """Answer with one sentence and close the connection."""
        self.refused = True
        if self._answered:
            return
        await self._linger()
        reason = f"This request is too large: at most {_size(self._most)} are accepted."
        if status == 408:
            reason = "The request did not arrive in time."
        close = {"connection": "close"}
        answer = JSONResponse({"detail": reason}, status, headers=close)
        if self._for_programs:
            answer = keys.error(status, reason, headers=close)
        await answer({"type": "http"}, self._receive, self._send)

    async def _linger(self) -> None:
        try:
            async with asyncio.timeout(LINGER_S):
                while not self._ended:
                    message = await self._receive()
                    self._ended = not message.get("more_body", False)
        except TimeoutError:
            pass


def _size(count: int) -> str:
    return f"{count // MEGABYTE:,} MB" if count >= MEGABYTE else f"{count // 1000:,} kB"


def _replayed(body: bytes, receive: Receive) -> Receive:
    """A `receive` that returns the body again after it has been read."""
    is_sent = False

    async def replay() -> Message:
        nonlocal is_sent
        if is_sent:
            return await receive()
        is_sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
