"""Answers, feedback, versions and jobs for programs. Documents have a module of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from functools import partial
from typing import Any, cast
from uuid import UUID

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from app import queue
from app.access import keys
from app.access.limits import BUSY, Limits
from app.actions import version_status, versions
from app.chat import storing
from app.live import metrics
from app.services import Services
from app.web.api import models, requests
from app.web.api.openai import BODY_S, guarded, within
from pipelines.answering import as_json
from pipelines.answering.answer import MAX_QUESTION_CHARS
from pipelines.answering.events import Answer, Depth, Done
from pipelines.errors import InputError
from pipelines.store import active, chats, db, jobs, votes
from pipelines.store.api_keys import ApiKey, Scope
from pipelines.store.db import Connection
from pipelines.store.ids import JobId
from pipelines.store.jobs import Job
from pipelines.store.scope import Within
from pipelines.store.votes import Vote

TITLE_CHARS = 60
REASON_CHARS = 2000
MOST_LISTED = 500
LARGEST_ID = 2**63 - 1


def add(app: FastAPI, services: Services) -> None:
    """Add the routes below /api/v1 that are not about documents."""
    face = _Interface(services)
    for method, path, handler in (
        ("POST", "/ask", face.ask),
        ("POST", "/feedback", face.vote),
        ("GET", "/versions", face.list_versions),
        ("GET", "/versions/{name}", face.show_version),
        ("POST", "/versions/{name}/promote", face.promote),
        ("POST", "/rollback", face.roll_back),
        ("GET", "/jobs", face.list_jobs),
        ("GET", "/jobs/{job_id}", face.show_job),
        ("POST", "/jobs/{job_id}/cancel", face.cancel_job),
        ("POST", "/jobs/{job_id}/retry", face.retry_job),
    ):
        app.add_api_route(f"/api/v1{path}", guarded(handler), methods=[method])


class _Interface:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._limits = Limits(services.pool, services.settings)

    async def ask(self, request: Request) -> Response:
        """An answer with its citations. It is stored, so that feedback can be given."""
        key = keys.caller(request, "ask")
        if isinstance(key, Response):
            return key
        value = await _body(request)
        question = _text(value, "question", MAX_QUESTION_CHARS)
        if not question.strip():
            raise InputError("question: expected a text.")
        named = requests.named(value)
        deeper = requests.flag(value, "deeper")
        with self._limits.place() as free:
            if not free:
                return keys.error(429, BUSY)
            searched = await asyncio.to_thread(self._searched, request, key, named)
            answer = await self._answer(question, searched, deeper=deeper)
        metrics.observe(answer)
        answer_id = await asyncio.to_thread(self._stored, key, question, answer)
        return JSONResponse({"answer_id": answer_id, **as_json.whole(answer)})

    def _searched(self, request: Request, key: ApiKey, named: requests.Named | None) -> Within:
        return db.transact(self._services.pool, lambda conn: within(conn, request, key, named))

    async def _answer(self, question: str, collections: Within, *, deeper: bool | None) -> Answer:
        await asyncio.to_thread(self._services.replica.answering)
        granted = await asyncio.to_thread(self._services.llms.grant, self._limits, calls=1)
        chosen = models.handle_of(self._services, requests.SERVING)
        handle = await asyncio.to_thread(chosen.__enter__)
        try:
            stream = self._services.answerer.stream(
                question, handle=handle, collections=collections, llm=granted.llm,
                depth=Depth(deeper, partial(self._limits.may_call_llm, 1)),
            )  # fmt: skip
            async with aclosing(stream) as events:
                async for event in events:
                    if isinstance(event, Done):
                        return event.answer.noted(granted.note)
        finally:
            chosen.__exit__(None, None, None)
        raise AssertionError("the stream ended without an answer")

    def _stored(self, key: ApiKey, question: str, answer: Answer) -> int | None:
        """The id of the stored answer. None if the disk is full."""

        def asked(conn: Connection) -> UUID:
            conversation: UUID = chats.start(conn, _visitor(key), question[:TITLE_CHARS])
            chats.add(conn, conversation, role="user", text=question)
            return conversation

        conversation = db.transact(self._services.pool, asked)
        return storing.store(self._services, conversation, answer).id or None

    async def vote(self, request: Request) -> Response:
        """A vote on an answer that was given to the same key."""
        key = keys.caller(request, "ask")
        if isinstance(key, Response):
            return key
        value = await _body(request)
        answer_id, verdict = value.get("answer_id"), value.get("verdict")
        if type(answer_id) is not int or not 0 < answer_id <= LARGEST_ID:
            raise InputError("answer_id: expected the number of an answer.")
        if verdict not in ("like", "dislike"):
            raise InputError("verdict: expected like or dislike.")
        reason = _text(value, "reason", REASON_CHARS, default="")

        def stored() -> bool:
            with self._services.pool.connection() as conn:
                return votes.store(conn, _visitor(key), answer_id, cast(Vote, verdict), reason)

        if not await asyncio.to_thread(stored):
            return _missing("answer of this key")
        return Response(status_code=204)

    async def list_versions(self, request: Request) -> Response:
        """Every version, and how far it is."""
        return await self._told(request, "admin", lambda conn, _: {
            "versions": [_version(one) for one in version_status.statuses(conn)]
        })  # fmt: skip

    async def show_version(self, request: Request) -> Response:
        """One version."""

        def told(conn: Connection, _: ApiKey) -> dict[str, Any] | None:
            name = request.path_params["name"]
            found = (one for one in version_status.statuses(conn) if one.name == name)
            return next((_version(one) for one in found), None)

        return await self._told(request, "admin", told, missing="version")

    async def promote(self, request: Request) -> Response:
        """Queue a job that lets a version serve if the figures allow it."""

        def queued(conn: Connection, key: ApiKey) -> dict[str, Any] | None:
            name = request.path_params["name"]
            if name not in {one.name for one in version_status.statuses(conn)}:
                return None
            job_id = queue.defer_in(conn, "promote", who=_who(key), name=name)
            return _job(queue.get(conn, job_id))

        return await self._told(request, "admin", queued, missing="version", status=202)

    async def roll_back(self, request: Request) -> Response:
        """Let the version before serve again, at once."""

        def done(conn: Connection, key: ApiKey) -> dict[str, Any]:
            versions.roll_back(self._services, who=_who(key))
            return {"serving": active.serving(conn).model.name}

        return await self._told(request, "admin", done)

    async def list_jobs(self, request: Request) -> Response:
        """The newest jobs, at most `limit`."""
        limit = request.query_params.get("limit", "50")

        def listed(conn: Connection, _: ApiKey) -> dict[str, Any]:
            most = requests.number(limit, "limit", MOST_LISTED)
            return {"jobs": [_job(job) for job in jobs.recent(conn, limit=most)]}

        return await self._told(request, "admin", listed)

    async def show_job(self, request: Request) -> Response:
        """One job, and how far it is."""

        def shown(conn: Connection, _: ApiKey) -> dict[str, Any] | None:
            job = jobs.get(conn, JobId(number)) if (number := _id(request)) else None
            return None if job is None else _job(job)

        return await self._told(request, "admin", shown, missing="job")

    async def cancel_job(self, request: Request) -> Response:
        """Cancel a queued job, or stop a running one."""
        return await self._changed(request, queue.cancel)

    async def retry_job(self, request: Request) -> Response:
        """Run a failed or cancelled job again."""
        return await self._changed(request, queue.retry)

    async def _changed(
        self, request: Request, change: Callable[[Services, JobId], Job]
    ) -> Response:
        def changed(conn: Connection, _: ApiKey) -> dict[str, Any] | None:
            number = _id(request)
            if not number or jobs.get(conn, JobId(number)) is None:
                return None
            return _job(change(self._services, JobId(number)))

        return await self._told(request, "admin", changed, missing="job")

    async def _told(
        self,
        request: Request,
        needed: Scope,
        work: Callable[[Connection, ApiKey], dict[str, Any] | None],
        *,
        missing: str = "",
        status: int = 200,
    ) -> Response:
        """What some work on the database tells, for a key with the scope."""
        key = keys.caller(request, needed)
        if isinstance(key, Response):
            return key

        def told() -> dict[str, Any] | None:
            with self._services.pool.connection() as conn:
                return work(conn, key)

        value = await asyncio.to_thread(told)
        return _missing(missing) if value is None else JSONResponse(value, status)


async def _body(request: Request) -> dict[str, Any]:
    async with asyncio.timeout(BODY_S):
        return requests.parse(await request.body())


def _text(value: dict[str, Any], name: str, most: int, *, default: str | None = None) -> str:
    text = value.get(name, default)
    if not isinstance(text, str) or len(text) > most:
        raise InputError(f"{name}: expected a text of at most {most:,} characters.")
    return requests.storable(text)


def _id(request: Request) -> int:
    """The number in the path, or 0 if it is none."""
    text = request.path_params["job_id"]
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0
    return number if number <= LARGEST_ID else 0


def _visitor(key: ApiKey) -> str:
    return f"key {key.id}"


def _who(key: ApiKey) -> str:
    return f"key {key.name}"


def _missing(what: str) -> Response:
    return keys.error(404, f"There is no such {what}.", code="not_found")


def _version(one: version_status.Status) -> dict[str, Any]:
    return {
        "name": one.name,
        "kind": one.kind,
        "state": one.state,
        "reason": one.reason,
        "windows": one.windows,
        "vectors": one.vectors,
        "loaded_by": one.loaded_by,
    }


def _job(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "task": job.task,
        "status": queue.WORDS[job.status],
        "stage": job.stage,
        "done": job.done,
        "total": job.total,
        "eta_s": job.eta_s,
        "by": job.args.get("who"),
        "fault": job.fault,
        "created_at": job.created_at.isoformat(),
        "updated_at": job.updated_at.isoformat(),
    }
