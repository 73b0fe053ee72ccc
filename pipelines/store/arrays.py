"""
Arrays of integers on their way to and from Postgres, without a Python object per element.

A question sends some hundred ids and receives some thousand postings. psycopg's default adapters
take as long for them as the search itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import Cursor
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format

from pipelines.store.db import Connection

# Header of Postgres's binary array format: number of dimensions, a flag for nulls, the element type,
# then length and first index of each dimension. Only one-dimensional arrays without nulls come here.
HEADER_BYTES = 20


class _Integers(Loader):
    format = Format.BINARY
    element: np.dtype[Any]

    def load(self, data: Buffer) -> NDArray[np.int64]:
        raw = np.frombuffer(data, dtype=self.element, offset=HEADER_BYTES)
        return raw["value"].astype(np.int64)


class _Int8(_Integers):
    element = np.dtype([("bytes", ">i4"), ("value", ">i8")])


class _Int2(_Integers):
    element = np.dtype([("bytes", ">i4"), ("value", ">i2")])


def literal(numbers: Iterable[int]) -> str:
    """Format ids as the text to pass for a ``%s::bigint[]``."""
    return "{" + ",".join(map(str, numbers)) + "}"


def cursor(conn: Connection) -> Cursor[Any]:
    """
    A cursor that loads arrays of integers as numpy arrays.

    It cannot load an empty array. ``array_agg`` never returns one.
    """
    numpy_cursor = conn.cursor(binary=True)
    numpy_cursor.adapters.register_loader(numpy_cursor.adapters.types["int8"].array_oid, _Int8)
    numpy_cursor.adapters.register_loader(numpy_cursor.adapters.types["int2"].array_oid, _Int2)
    return numpy_cursor
