"""What long work tells of itself, and how it is stopped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Progress:
    """
    How far a piece of work is.

    :param rate: Units of `done` per second. None at first.
    :param eta_s: Seconds left. None at first.
    :param item: The current item, e.g. the name of a file.
    :param figures: What was measured on the way, by name, e.g. the loss.
    """

    stage: str
    done: int = 0
    total: int = 0
    rate: float | None = None
    eta_s: float | None = None
    item: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)


def pace(rate: float) -> str:
    """A rate in words: per second, or the seconds of each where one takes longer."""
    if 0 < rate < 1:
        return f"{1 / rate:.0f} s each"
    return f"{rate:.{0 if rate >= 10 else 1}f} per second"


OnProgress = Callable[[Progress], None]
Stop = Callable[[], bool]


class Stopped(Exception):
    """The work was asked to stop. What it has made so far stays."""


def unheard(progress: Progress) -> None:
    """Progress that nobody listens to."""


def never() -> bool:
    """The stop of what nobody stops."""
    return False


def check(stop: Stop) -> None:
    """:raises Stopped: `stop` says so."""
    if stop():
        raise Stopped


@dataclass(frozen=True)
class Task:
    """
    A piece of long work as its caller sees it: it tells how far it is, and ends when asked to.

    :param tell: Called with each piece of news, perhaps often and from other threads.
    :param is_stopping: Whether somebody asked the work to stop. Cheap, and never undone.
    """

    tell: Callable[[Progress], None] = unheard
    is_stopping: Callable[[], bool] = never

    def check(self) -> None:
        """:raises Stopped: Somebody asked the work to stop."""
        if self.is_stopping():
            raise Stopped

    def telling(self, tell: Callable[[Progress], None]) -> Task:
        """The same work, for a part that tells its progress to `tell`."""
        return replace(self, tell=tell)


# Work that tells nobody and that nobody stops.
NO_TASK = Task()
