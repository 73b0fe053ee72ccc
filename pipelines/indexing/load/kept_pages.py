"""The pages of a file that OCR has read, kept until it is indexed with all of them."""

from __future__ import annotations

import logging
from dataclasses import astuple

import psycopg

from pipelines.indexing.converted import PageText
from pipelines.store import recognised
from pipelines.store.db import Pool

log = logging.getLogger(__name__)


class KeptPages:
    """
    What OCR has read of one file, in the database: another attempt goes on from there.

    :param sha256: Of the file. What a page says is believed for this file alone.
    """

    def __init__(self, pool: Pool, sha256: str) -> None:
        self._pool, self._sha256 = pool, sha256

    def known(self) -> list[PageText]:
        """What attempts before have read."""
        with self._pool.connection() as conn:
            return [PageText(*row) for row in recognised.of(conn, self._sha256)]

    def keep(self, page: PageText) -> None:
        """Store a page. Reading goes on where the database refuses it."""
        try:
            with self._pool.connection() as conn:
                recognised.keep(conn, self._sha256, astuple(page))
        except psycopg.Error as error:
            log.warning("a page read by OCR could not be kept: %s", error)
