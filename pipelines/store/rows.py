"""
Rows as dataclasses, also of a database that a newer release has changed.

In a rolling upgrade the schema comes first. `select *` then brings columns that this code does not
know. They are left out here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any, TypeVar

from psycopg import Cursor

T = TypeVar("T")


def class_row(kind: type[T]) -> Callable[[Cursor[Any]], Callable[[Sequence[Any]], T]]:
    """
    A row factory that makes a dataclass of each row by the names of its columns.

    :param kind: A dataclass. Columns that it has no field for are left out.
    """
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]

    def of_cursor(cursor: Cursor[Any]) -> Callable[[Sequence[Any]], T]:
        names = [column.name for column in cursor.description or ()]

        def make(values: Sequence[Any]) -> T:
            row = zip(names, values, strict=True)
            return kind(**{name: value for name, value in row if name in known})

        return make

    return of_cursor
