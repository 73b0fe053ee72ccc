"""The page that a shared conversation's link opens: to read, and nothing else."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from app.access import login
from app.access.reader import clear_all, reader_of
from app.chat.rendering import markdown, markup
from app.services import Services
from pipelines.store import shares
from pipelines.store.chats import Message, Remarks, Shown

SHARED = "/shared"
GONE = "This conversation is not shared any more."
# Characters of a passage that is shown where no words of it are marked.
LONGEST_PASSAGE = 400
# Rights and links may be taken back, so a browser keeps nothing, and no other site learns the link.
HEADERS = {"cache-control": "no-store", "referrer-policy": "no-referrer"}

_ENVIRONMENT = Environment(
    loader=FileSystemLoader([Path(__file__).parent, login.TEMPLATES]), autoescape=True
)


@dataclass(frozen=True)
class _Source:
    """A passage that an answer cites, as HTML."""

    anchor: str
    label: str
    words: Markup


@dataclass(frozen=True)
class _Turn:
    """A question or an answer, as HTML."""

    role: str
    text: Markup
    sources: list[_Source]


def add(app: FastAPI, services: Services) -> None:
    """Add the route. Call it before the page is mounted, which answers for every other path."""

    @app.get(SHARED + "/{token}")
    async def show(token: str, request: Request) -> HTMLResponse:
        """Return a shared conversation, as far as its reader may see the documents behind it."""
        page = await asyncio.to_thread(_page, services, token, request)
        if page is None:
            raise HTTPException(404, GONE)
        return HTMLResponse(page, headers=HEADERS)


def _page(services: Services, token: str, request: Request) -> str | None:
    reader = reader_of(request)
    with services.pool.connection() as conn:
        shared = shares.read(conn, token)
    if shared is None:
        return None
    turns = [_turn(message) for message in clear_all(reader, shared.messages)]
    return _ENVIRONMENT.get_template("shared.html").render(title=shared.title, turns=turns)


def _turn(message: Message) -> _Turn:
    if message.kind is None:
        return _Turn("question", Markup(markup.question(message.text)), [])
    # There is nobody to ask here, so nothing that could be asked next is shown.
    remarks = Remarks(searched=message.remarks.searched, unsupported=message.remarks.unsupported)
    text = markup.answer(replace(message, remarks=remarks))
    sources = [_source(message, passage) for passage in message.shown if passage.cited]
    return _Turn("answer", Markup(text), sources)


def _source(message: Message, passage: Shown) -> _Source:
    start, end = passage.span or (0, min(len(passage.text), LONGEST_PASSAGE))
    words = markdown.html(markup.unwrapped(passage.text)[start:end])
    anchor = f"source-{int(message.id)}-{passage.number}"
    return _Source(anchor, markup.source_label(passage), Markup(words))
