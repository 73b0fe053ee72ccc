"""What long work tells of itself, and how it is stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """
    How far a piece of work is; `rate` per second and `eta_s` in seconds, both None at first.
    `item`: what it is at, e.g. the name of a file.
    """

    stage: str
    done: int = 0
    total: int = 0
    rate: float | None = None
    eta_s: float | None = None
    item: str = ""


OnProgress = Callable[[Progress], None]
Stop = Callable[[], bool]


class Stopped(Exception):
    """The work was asked to stop; what it has made so far stays."""


def unheard(progress: Progress) -> None:
    """Progress that nobody listens to."""


def never() -> bool:
    """The stop of what nobody stops."""
    return False


def check(stop: Stop) -> None:
    """:raises Stopped: `stop` says so."""
    if stop():
        raise Stopped
