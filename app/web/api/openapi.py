"""The description of /api/v1 in OpenAPI's form, and a page that people can read."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from jinja2 import Environment, FileSystemLoader

from app.access import login
from app.web.api import schemas
from app.web.api.schemas import ID, QUESTION, TEXT, Schema, record, reference

# What ends in openapi.json is one of Gradio's routes, which the guard closes.
SPECIFICATION, PAGE = "/api/v1.json", "/api"
_ENVIRONMENT = Environment(
    loader=FileSystemLoader([Path(__file__).parent, login.TEMPLATES]),
    autoescape=True,
)
# What any request may come back with.
ERRORS = {
    "400": "The request makes no sense; the message says why.",
    "401": "No valid key.",
    "403": "A key that may not do this.",
    "404": "There is no such thing.",
    "408": "The request did not arrive in time.",
    "409": "The state does not allow it.",
    "413": "The body is too large.",
    "429": "Too many requests: wait for the seconds in Retry-After.",
    "502": "A service that computes vectors failed.",
    "503": "Attune is not ready.",
}


def add(app: FastAPI) -> None:
    """Add the description and its page. They hold no data, and are as public as the chat."""
    whole = specification()
    groups: dict[str, list[tuple[str, str, Schema]]] = {}
    for path, methods in whole["paths"].items():
        for method, operation in methods.items():
            groups.setdefault(operation["tags"][0], []).append((path, method, operation))
    template = _ENVIRONMENT.get_template("openapi.html")

    async def described() -> Response:
        return JSONResponse(whole)

    async def shown(request: Request) -> Response:
        origin = str(request.base_url).rstrip("/")
        values = {"groups": groups, "address": SPECIFICATION, "errors": ERRORS, "origin": origin}
        return HTMLResponse(template.render(specification=whole, **values))

    app.add_api_route(SPECIFICATION, described, methods=["GET"])
    app.add_api_route(PAGE, shown, methods=["GET"])


def specification() -> Schema:
    """The whole description."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Attune",
            "version": importlib.metadata.version("attune"),
            "description": "Search, ask and administer a library of documents.",
        },
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "paths": {
            **_tagged("Questions", _questions()),
            **_tagged("Documents", _documents()),
            **_tagged("Versions", _versions()),
            **_tagged("Jobs", _jobs()),
        },
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas.named(),
        },
    }


def _tagged(tag: str, paths: Schema) -> Schema:
    """The paths, with a tag on each of their methods."""
    return {
        path: {method: {**operation, "tags": [tag]} for method, operation in methods.items()}
        for path, methods in paths.items()
    }


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}


def _operation(
    summary: str,
    scope: str,
    answer: Schema | None,
    *,
    status: int = 200,
    body: Schema | None = None,
    parameters: list[Schema] | None = None,
    content: Schema | None = None,
) -> Schema:
    """
    One method of a path.

    :param answer: Schema of the reply. None: it is empty.
    :param body: Schema of a JSON body.
    :param content: The body, if it is not JSON.
    """
    reply: Schema = {"description": "Done."} | ({"content": _json(answer)} if answer else {})
    failed = {
        code: {"description": text, "content": _json(reference("Error"))}
        for code, text in ERRORS.items()
    }
    content = content or (None if body is None else _json(body))
    return {
        "summary": summary,
        "description": f"Needs the scope `{scope}`.",
        "x-scope": scope,
        "parameters": parameters or [],
        "responses": {str(status): reply, **failed},
        **({"requestBody": {"required": True, "content": content}} if content else {}),
    }


def _in_path(name: str, schema: Schema) -> Schema:
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _in_query(name: str, schema: Schema, *, required: bool = False) -> Schema:
    return {"name": name, "in": "query", "required": required, "schema": schema}


def _documents() -> Schema:
    one, document = _in_path("document_id", ID), reference("Document")
    limit = _in_query("limit", {"type": "integer", "minimum": 1, "maximum": 500})
    new = [
        _in_query("name", {"type": "string", "minLength": 1}, required=True),
        _in_query("collection", {"type": "string", "minLength": 1}),
    ]
    file = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    listed = record({"documents": {"type": "array", "items": document}})
    return {
        "/api/v1/documents": {
            "get": _operation("The newest documents.", "ingest", listed, parameters=[limit]),
            "post": _operation(
                "Add a file: its bytes are the body. It is indexed soon after.",
                "ingest", document, status=201, parameters=new, content=file,
            ),
        },
        "/api/v1/documents/{document_id}": {
            "get": _operation("One document with its state.", "ingest", document, parameters=[one]),
            "delete": _operation(
                "Delete a document.", "ingest", None, status=204, parameters=[one]
            ),
        },
    }  # fmt: skip


def _questions() -> Schema:
    names = {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1,
             "maxItems": 100}  # fmt: skip
    found = record(
        {
            "passages": {"type": "array", "items": reference("Passage")},
            "answerable": {"type": "boolean"},
            "model": TEXT,
        }
    )
    limited = {"collections": names, "documents": names}
    most = {"type": "integer", "minimum": 1, "maximum": 50}
    searched = record({"question": QUESTION}, {"top_k": most, **limited})
    vote = record(
        {"answer_id": ID, "verdict": {"enum": ["like", "dislike"]}},
        {"reason": {"type": "string", "maxLength": 2000}},
    )
    return {
        "/api/v1/search": {
            "post": _operation("The passages for a question.", "ask", found, body=searched)
        },
        "/api/v1/ask": {
            "post": _operation(
                "An answer with its citations.", "ask", reference("Answer"),
                body=record({"question": QUESTION}, {"deeper": {"type": "boolean"}, **limited}),
            )
        },
        "/api/v1/feedback": {
            "post": _operation(
                "A vote on an answer that this key was given.", "ask", None, status=204, body=vote
            )
        },
    }  # fmt: skip


def _versions() -> Schema:
    name, version = _in_path("name", {"type": "string", "minLength": 1}), reference("Version")
    listed = record({"versions": {"type": "array", "items": version}})
    return {
        "/api/v1/versions": {"get": _operation("Every version.", "admin", listed)},
        "/api/v1/versions/{name}": {
            "get": _operation("One version.", "admin", version, parameters=[name])
        },
        "/api/v1/versions/{name}/promote": {
            "post": _operation(
                "Queue a job that lets a version serve if the figures allow it.",
                "admin", reference("Job"), status=202, parameters=[name],
            )
        },
        "/api/v1/rollback": {
            "post": _operation(
                "Let the version before serve again, at once.", "admin", record({"serving": TEXT})
            )
        },
    }  # fmt: skip


def _jobs() -> Schema:
    one, job = _in_path("job_id", ID), reference("Job")
    limit = _in_query("limit", {"type": "integer", "minimum": 1, "maximum": 500})
    listed = record({"jobs": {"type": "array", "items": job}})
    return {
        "/api/v1/jobs": {
            "get": _operation("The newest jobs.", "admin", listed, parameters=[limit])
        },
        "/api/v1/jobs/{job_id}": {
            "get": _operation("One job, and how far it is.", "admin", job, parameters=[one])
        },
        "/api/v1/jobs/{job_id}/cancel": {
            "post": _operation(
                "Cancel a queued job, or stop a running one.", "admin", job, parameters=[one]
            )
        },
        "/api/v1/jobs/{job_id}/retry": {
            "post": _operation(
                "Run a failed or cancelled job again.", "admin", job, parameters=[one]
            )
        },
    }
