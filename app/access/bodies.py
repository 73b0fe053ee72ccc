"""
How much a client may send: every body is counted while it arrives, whatever its headers say.

Small bodies are read whole before the application sees them, and those of Gradio's events are
checked (`app/access/events`). An upload is handed on as it arrives, up to the limit of its path.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

from starlette.formparsers import MultiPartException
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.settings import Settings

SMALL_BYTES = 64_000
# A client that stops in the middle of a body keeps nobody waiting for longer.
WAIT_S = 30
# What a client still sends after it was refused is thrown away for so long, so that it reads why.
LINGER_S = 2
UPLOAD = "/admin/gradio_api/upload"
# Files from the chat, one in a request.
UPLOADS = "/uploads"
# Files that are dropped together arrive in one request; Gradio counts each of them.
UPLOADED_TOGETHER = 20
MEGABYTE = 1_000_000

Check = Callable[[Scope, bytes], Response | None]


def upload_limits(settings: Settings) -> dict[str, int]:
    """
    Bytes that a request may send, by the path of an upload. All other paths take `SMALL_BYTES`.

    A new route that takes files in is registered here.
    """
    one = settings.max_upload_mb * MEGABYTE
    return {UPLOAD: UPLOADED_TOGETHER * one, UPLOADS: one}


class BodyTooLarge(MultiPartException):
    """Ends the application's reading. Parsers of forms remove their files at this kind of error."""


class Bodies:
    """
    ASGI middleware that refuses large bodies with 413, slow ones with 408.

    :param check: Given a small request and its body; the answer that refuses it, or None.
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
        body = _Body(receive, send, most)
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
    """The body of one request, counted; once it was refused the application's answer is dropped."""

    def __init__(self, receive: Receive, send: Send, most: int) -> None:
        self._receive, self._send, self._most = receive, send, most
        self._bytes, self._ended, self._answered = 0, False, False
        self.refused = False

    @staticmethod
    def declared(scope: Scope) -> int:
        """The length that the client announces; 0: none, or no number."""
        lengths = [value for name, value in scope["headers"] if name == b"content-length"]
        return int(lengths[0]) if lengths and lengths[0].isdigit() and len(lengths[0]) < 19 else 0

    async def receive(self) -> Message:
        """
        The next message.

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
        """All of it; None: the client went away or was refused."""
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
            if time.monotonic() > deadline:  # drop by drop
                await self.refuse(408)
                return None
        return b"".join(parts)

    async def send(self, message: Message) -> None:
        """Pass the application's answer on, unless the client was refused meanwhile."""
        if not self.refused:
            self._answered = True
            await self._send(message)

    async def refuse(self, status: int = 413) -> None:
        """Answer in one sentence, and close the connection."""
        self.refused = True
        if self._answered:
            return
        await self._linger()
        reason = f"This request is too large: at most {_size(self._most)} are accepted."
        if status == 408:
            reason = "The request did not arrive in time."
        answer = JSONResponse({"detail": reason}, status, headers={"connection": "close"})
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
    """What the application receives once the body has been read."""
    told = False

    async def replay() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
