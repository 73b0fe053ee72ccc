"""Where parts of a chunk stand in their document: pages and headings by character. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Place(NamedTuple):
    """From this character of a chunk on, its page (None: no pages) and the path of headings above."""

    start: int
    page: int | None
    heading: str | None


def at(places: Sequence[Place], character: int) -> Place | None:
    """The place that holds at a character; None: there are none."""
    before = [place for place in places if place.start <= character]
    return before[-1] if before else next(iter(places), None)
