"""Pages and headings of the parts of a chunk, by character. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Place(NamedTuple):
    """
    Page (None without pages) and heading path that apply from the character `start` of a chunk on.

    `label` is what is printed on the page where that differs from its number: *iv*, or *2*.
    """

    start: int
    page: int | None
    heading: str | None
    label: str | None = None


def at(places: Sequence[Place], character: int) -> Place | None:
    """The place that applies to a character, or None if there are no places."""
    before = [place for place in places if place.start <= character]
    return before[-1] if before else next(iter(places), None)


def page_name(page: int | None, label: str | None = None, *, word: str = "page") -> str:
    """
    A page as people are told of it: *page 4*, or *page 2 (PDF page 4)*.

    :param label: What is printed on it, if that differs from its number.
    :returns: Nothing without a page.
    """
    if not page:
        return ""
    return f"{word} {label} (PDF page {page})" if label else f"{word} {page}"
