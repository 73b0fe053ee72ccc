"""
Logs faults that requests cause: one short line each, without anything that a client sent.

Strangers can cause any number of them. So each place in the code is reported only once in a while,
and whole tracebacks are logged at level "debug" only.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
import traceback
from collections import OrderedDict
from pathlib import Path
from types import ModuleType
from typing import Any

import psycopg

from pipelines.errors import chain, is_disk_full

EVERY_S = 10
MOST_PLACES = 1000
# What clients are told while the database is away, and when to try again.
NO_DATABASE = "The database does not answer. Try again in a moment."
SOON = {"retry-after": "5"}
OURS = ("app", "pipelines", "training")

log = logging.getLogger(__name__)
_lock = threading.Lock()
# By place: when it was last reported, and how many reports were suppressed since.
_reported: OrderedDict[str, tuple[float, int]] = OrderedDict()


def is_outage(error: BaseException) -> bool:
    """Whether an error came from a database that does not answer, or that dropped a connection."""
    away = (psycopg.OperationalError, psycopg.InterfaceError)
    return not is_disk_full(error) and any(isinstance(one, away) for one in chain(error))


def report(what: str, error: BaseException) -> None:
    """Log the kind of an error and the line of our code that it came through."""
    place = f"{type(error).__name__} at {_place(error)}"
    with _lock:
        last, silent = _reported.get(place, (-float(EVERY_S), 0))
        is_due = time.monotonic() - last >= EVERY_S
        _reported[place] = (time.monotonic(), 0) if is_due else (last, silent + 1)
        _reported.move_to_end(place)
        while len(_reported) > MOST_PLACES:
            _reported.popitem(last=False)
    if is_due:
        more = f", {silent} times since this was last reported" if silent else ""
        log.error("%s failed: %s%s", what, place, more)
    log.debug("its traceback", exc_info=error)


def _place(error: BaseException) -> str:
    """File, line and function of the innermost frame of our code, or of any code without one."""
    frames = traceback.extract_tb(error.__traceback__)
    root = Path(__file__).parents[2]
    own = [f for f in frames if any(Path(f.filename).is_relative_to(root / name) for name in OURS)]
    if not frames:
        return "an unknown place"
    frame = (own or frames)[-1]
    return f"{'/'.join(Path(frame.filename).parts[-2:])}:{frame.lineno} in {frame.name}"


class _ShortTraceback:
    """Replaces the module `traceback` where Gradio prints the faults of its events."""

    @staticmethod
    def print_exc(*_: Any, **__: Any) -> None:
        error = sys.exc_info()[1]
        if error is not None:
            report("An event", error)

    def __getattr__(self, name: str) -> Any:
        return getattr(traceback, name)


def shorten(*modules: ModuleType) -> None:
    """Make these modules report faults instead of printing tracebacks."""
    for module in modules:
        module.traceback = _ShortTraceback()  # type: ignore[attr-defined]
