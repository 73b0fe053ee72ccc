"""
Attune's search as a component of other people's Haystack pipelines.

    from app.retriever import AttuneRetriever

It uses an installation by its database or data folder, as its commands do, and follows the version
that serves there: a promotion takes effect in a pipeline that runs.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from haystack import Document, component, default_from_dict, default_to_dict
from haystack.utils import Secret, deserialize_secrets_inplace
from pydantic import SecretStr

from app.services import Services, open_services
from app.settings import Settings
from pipelines.errors import InputError
from pipelines.store import scope
from pipelines.store.hits import Hit

MOST_PASSAGES = 50
DATABASE_URL = Secret.from_env_var(["DATABASE_URL", "ATTUNE_DATABASE_URL"], strict=False)


@component
class AttuneRetriever:
    """
    Finds the passages of an installation that answer a question.

    Whoever can open its database can read it all: every collection is searched, closed ones too,
    but no visitor's own files.
    """

    def __init__(
        self,
        database_url: Secret = DATABASE_URL,
        home: str = "",
        top_k: int = 6,
        collections: list[str] | None = None,
    ) -> None:
        """
        Choose the installation. Nothing is opened before `warm_up` or the first run.

        :param database_url: Its `DATABASE_URL`. If it is empty, the data folder has the database.
        :param home: Its data folder. Empty: `ATTUNE_HOME`, or the default.
        :param top_k: Passages that are returned.
        :param collections: The only ones to search.
        :raises InputError: `top_k` or a collection makes no sense.
        """
        _check(top_k, collections)
        self.database_url, self.home = database_url, home
        self.top_k, self.collections = top_k, collections
        self._services: Services | None = None
        self._stack = ExitStack()
        # Haystack's asynchronous pipelines run components in threads.
        self._lock = threading.Lock()

    def warm_up(self) -> None:
        """Open the installation and load the version that serves. A second call does nothing."""
        self._opened().replica.answering()

    def close(self) -> None:
        """Leave the installation. A later run opens it again."""
        with self._lock:
            self._services = None
            self._stack.close()

    @component.output_types(documents=list[Document], answerable=bool)
    def run(
        self, query: str, top_k: int | None = None, collections: list[str] | None = None
    ) -> dict[str, Any]:
        """
        Search.

        :param top_k: Instead of the component's own.
        :param collections: Instead of the component's own.
        :returns: `documents`, best first, and whether they are likely to hold the answer.
        :raises InputError: The query is empty or far too long.
        """
        most = self.top_k if top_k is None else top_k
        names = self.collections if collections is None else collections
        _check(most, names)
        services = self._opened()
        with services.pool.connection() as conn:
            within = names if names is not None else scope.readable(conn)
        services.replica.answering()
        with services.replica.question() as handle:
            found = services.answerer.search(query, handle, top_k=most, collections=within)
        documents = [_document(hit, handle.model_name) for hit in found.hits]
        return {"documents": documents, "answerable": found.answerable}

    def to_dict(self) -> dict[str, Any]:
        """The component as Haystack stores it. The database's address stays a reference."""
        return default_to_dict(
            self,
            database_url=self.database_url.to_dict(),
            home=self.home,
            top_k=self.top_k,
            collections=self.collections,
        )

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> AttuneRetriever:
        """The component that `to_dict` has stored."""
        deserialize_secrets_inplace(data["init_parameters"], keys=["database_url"])
        made: AttuneRetriever = default_from_dict(cls, data)
        return made

    def _opened(self) -> Services:
        with self._lock:
            if self._services is None:
                opened = self._stack.enter_context(open_services(self._settings()))
                opened.replica.start()
                self._services = opened
            return self._services

    def _settings(self) -> Settings:
        changed: dict[str, Any] = {
            "database_url": SecretStr(self.database_url.resolve_value() or "")
        }
        if self.home:
            changed["home"] = Path(self.home)
        return Settings().model_copy(update=changed)


def _check(top_k: int, collections: list[str] | None) -> None:
    if not 0 < top_k <= MOST_PASSAGES:
        raise InputError(f"top_k: expected 1 to {MOST_PASSAGES}.")
    for name in collections or ():
        scope.check_name(name)


def _document(hit: Hit, version: str) -> Document:
    return Document(
        id=f"attune-{hit.chunk_id}",
        content=hit.text,
        score=hit.score,
        meta={
            "document_id": hit.document_id,
            "title": hit.title,
            "source": hit.source,
            "collection": hit.collection,
            "page": hit.page,
            "page_label": hit.page_label,
            "heading": hit.heading,
            "language": hit.language,
            "version": version,
        },
    )
