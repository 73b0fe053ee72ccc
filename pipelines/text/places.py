"""Pages and headings of the parts of a chunk, by character. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Place(NamedTuple):
    """
    Page (None without pages) and heading path that apply from the character `start` of a chunk on.
    """

    start: int
    page: int | None
    heading: str | None


def at(places: Sequence[Place], character: int) -> Place | None:
    """The place that applies to a character, or None if there are no places."""
    before = [place for place in places if place.start <= character]
    return before[-1] if before else next(iter(places), None)
