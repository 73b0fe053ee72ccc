"""Versions as programs name them: "attune" for the one that serves, or a version's own name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from app.services import Services
from app.web.api.requests import SERVING
from pipelines.errors import AttuneError
from pipelines.search.handle import SearchHandle
from pipelines.store import indexes, models


class NoSuchModelError(AttuneError):
    """No version of this name is loaded on this server."""


def names(services: Services) -> list[str]:
    """The names that requests may use on this server."""
    with services.pool.connection() as conn:
        known = [(model.name, indexes.of_model(conn, model.id)) for model in models.list_all(conn)]
    held = [name for name, index in known if index and services.replica.held(index.id)]
    return [SERVING, *dict.fromkeys([services.replica.answering().model_name, *held])]


@contextmanager
def handle_of(services: Services, name: str) -> Iterator[SearchHandle]:
    """
    The handle for one request.

    :raises NoSuchModelError: There is no such version, or this server has not loaded it.
    """
    with services.replica.question() as serving:
        if name in (SERVING, serving.model_name):
            yield serving
            return
        held = _held(services, name)
        if held is None:
            raise NoSuchModelError(
                f"There is no model {name!r}. Use {SERVING!r}, or a version that this server has"
                " loaded: GET /v1/models lists them."
            )
        yield held


def _held(services: Services, name: str) -> SearchHandle | None:
    with services.pool.connection() as conn:
        model = models.by_name(conn, name)
        index = None if model is None else indexes.of_model(conn, model.id)
    return None if index is None else services.replica.held(index.id)
