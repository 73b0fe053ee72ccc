"""Rows of `language_model`: the language models that admins have added."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from pipelines.store.db import Connection
from pipelines.store.ids import LanguageModelId
from pipelines.store.rows import class_row

_COLUMNS = "id, name, address, model, secret, changed_by, changed_at"


@dataclass(frozen=True)
class LanguageModel:
    """
    A language model and where it is reached.

    :param name: What people call it. No two have the same.
    :param address: The endpoint. Empty stands for OpenAI's.
    :param model: What the endpoint calls it.
    :param secret: Its key, encrypted. None if it needs none.
    """

    id: LanguageModelId
    name: str
    address: str
    model: str
    secret: bytes | None = field(repr=False)
    changed_by: str
    changed_at: datetime


def list_all(conn: Connection) -> list[LanguageModel]:
    """Every language model. The first one answers where nothing else is chosen."""
    with conn.cursor(row_factory=class_row(LanguageModel)) as cursor:
        return cursor.execute(
            f"select {_COLUMNS} from language_model order by first_at desc nulls last, id"
        ).fetchall()


def get(conn: Connection, model_id: LanguageModelId) -> LanguageModel | None:
    """The language model with this id."""
    with conn.cursor(row_factory=class_row(LanguageModel)) as cursor:
        return cursor.execute(
            f"select {_COLUMNS} from language_model where id = %s", (model_id,)
        ).fetchone()


def by_name(conn: Connection, name: str) -> LanguageModel | None:
    """The language model with this name."""
    with conn.cursor(row_factory=class_row(LanguageModel)) as cursor:
        return cursor.execute(
            f"select {_COLUMNS} from language_model where name = %s", (name,)
        ).fetchone()


def add(
    conn: Connection, *, name: str, address: str, model: str, secret: bytes | None, who: str
) -> LanguageModelId | None:
    """Store a new language model, and return its id. None if another one has the name."""
    row = conn.execute(
        "insert into language_model (name, address, model, secret, changed_by)"
        " values (%s, %s, %s, %b, %s) on conflict (name) do nothing returning id",
        (name, address, model, secret, who),
    ).fetchone()
    return None if row is None else LanguageModelId(row[0])


def change(
    conn: Connection,
    model_id: LanguageModelId,
    *,
    name: str,
    address: str,
    model: str,
    secret: bytes | None,
    who: str,
) -> None:
    """Replace what is stored of a language model. Its place in the list stays."""
    conn.execute(
        "update language_model set name = %s, address = %s, model = %s, secret = %b,"
        " changed_by = %s, changed_at = now() where id = %s",
        (name, address, model, secret, who, model_id),
    )


def put_first(conn: Connection, model_id: LanguageModelId) -> None:
    """Let a language model answer where nothing else is chosen."""
    conn.execute("update language_model set first_at = now() where id = %s", (model_id,))


def delete(conn: Connection, model_id: LanguageModelId) -> None:
    """Forget a language model, with its key."""
    conn.execute("delete from language_model where id = %s", (model_id,))
