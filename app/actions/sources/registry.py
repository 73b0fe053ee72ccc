"""The sources that are followed: added, changed, forgotten. Each step is in the audit."""

from __future__ import annotations

from datetime import UTC, datetime

from app.actions.sources import opening, secrets
from app.actions.sources.secrets import Login
from app.services import Services
from pipelines.errors import InputError
from pipelines.store import active, scope, sources
from pipelines.store.db import Connection
from pipelines.store.ids import SourceId
from pipelines.store.sources import FollowedSource

NEW = SourceId(0)


def find_or_add(
    services: Services,
    address: str,
    collection: str,
    *,
    who: str,
    login: Login | None = None,
    by_operator: bool = True,
) -> FollowedSource:
    """
    The source of an address in a collection, which is stored if it is new.

    :param login: Its user and password. None means those in the address, or as before.
    :param by_operator: Whether somebody at a terminal of this machine asks (`opening.check`).
    :raises InputError: It is no address, or visitors alone may have such a collection.
    :raises AccessError: It is a folder that only the operator may name.
    """
    scope.check_name(collection)
    found, told = opening.normal(address)
    login = login or (told if told.password else None)
    with services.pool.connection() as conn, conn.transaction():
        before = sources.find(conn, collection, found)
        if before is None:
            opening.check(services.settings, found, by_operator=by_operator)
        source = before or sources.add(conn, address=found, collection=collection, who=who)
        if login is not None:
            secrets.keep(conn, services.settings, source.id, login)
        if before is None:
            detail = {"source": source.id, "address": found, "collection": collection}
            active.add_audit(conn, who, "add source", detail)
        return get(conn, source.id)


def find(services: Services, address: str, collection: str) -> FollowedSource:
    """
    The source of an address in a collection, with the id `NEW` if it is not stored.

    :raises InputError: It is no address, or visitors alone may have such a collection.
    """
    scope.check_name(collection)
    address, _ = opening.normal(address)
    with services.pool.connection() as conn:
        found = sources.find(conn, collection, address)
    return found or FollowedSource(
        id=NEW,
        address=address,
        collection=collection,
        deletes=False,
        every_minutes=0,
        has_secret=False,
        mark="",
        created_by="",
        created_at=datetime.now(UTC),
    )


def get(conn: Connection, source_id: SourceId) -> FollowedSource:
    """
    The source with this id.

    :raises InputError: There is none.
    """
    source = sources.get(conn, source_id)
    if source is None:
        raise InputError("There is no such source: attune sync")
    return source


def forget(services: Services, source_id: SourceId, *, who: str) -> FollowedSource:
    """
    Follow a source no longer. Its documents stay.

    :raises InputError: There is no such source.
    """
    with services.pool.connection() as conn, conn.transaction():
        source = get(conn, source_id)
        sources.delete(conn, source_id)
        detail = {"source": source.id, "address": source.address}
        active.add_audit(conn, who, "forget source", detail)
    return source


def change(
    services: Services,
    source_id: SourceId,
    *,
    who: str,
    deletes: bool | None = None,
    every_minutes: int | None = None,
    login: Login | None = None,
) -> FollowedSource:
    """
    Change how a source is followed. What is not given stays.

    :param deletes: Whether documents go when their files are gone.
    :param every_minutes: How often it is read unasked. 0 means never.
    :raises InputError: There is no such source.
    """
    with services.pool.connection() as conn, conn.transaction():
        source = get(conn, source_id)
        sources.change(conn, source_id, deletes=deletes, every_minutes=every_minutes)
        if login is not None:
            secrets.keep(conn, services.settings, source_id, login)
        changed = get(conn, source_id)
        detail = {
            "source": source.id,
            "address": source.address,
            "deletes": changed.deletes,
            "every_minutes": changed.every_minutes,
        }
        active.add_audit(conn, who, "change source", detail)
    return changed
