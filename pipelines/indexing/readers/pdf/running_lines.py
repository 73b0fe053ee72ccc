"""Headers and footers that the pages of a PDF share. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

# A line is a header or footer if so many pages have it, and this share of all pages: left and right
# pages often have their own, and the first one none.
FEWEST_PAGES = 4
LEAST_SHARE = 0.3
# Lines that a header or footer may have.
MOST_LINES = 3
# In a line with so many letters for each number, one number in so many may be anything.
LETTERS, OTHERS = 5, 4
LONGEST_NUMBER = 9

_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True)
class _Edge:
    """The first or last line of a page, and the numbers in it."""

    page: int
    line: str
    numbers: tuple[int, ...]


def without_running_lines(pages: Sequence[str]) -> list[str]:
    """
    Pages without the header and footer lines that many of them share.

    A number in such a line is the same on every page, or counts up with the pages. A row of a table
    that goes on over many pages has other numbers on each, and stays.
    """
    lines = [page.split("\n") for page in pages]
    for _ in range(MOST_LINES):
        lines = _without_outer_lines([_trimmed(of_page) for of_page in lines])
    return ["\n".join(of_page) for of_page in lines]


def _trimmed(lines: list[str]) -> list[str]:
    """Lines without empty ones at their ends, at least one."""
    first, last = 0, len(lines) - 1
    while first < last and not lines[first]:
        first += 1
    while first < last and not lines[last]:
        last -= 1
    return lines[first : last + 1]


def _without_outer_lines(lines: Sequence[list[str]]) -> list[list[str]]:
    alike: dict[tuple[int, str], list[_Edge]] = defaultdict(list)
    for page, of_page in enumerate(lines):
        for side in (0, -1):
            line = of_page[side]
            if line.strip():
                numbers = tuple(int(n[:LONGEST_NUMBER]) for n in _NUMBER.findall(line))
                alike[side, _NUMBER.sub("#", line.strip())].append(_Edge(page, line, numbers))
    least = max(FEWEST_PAGES, int(len(lines) * LEAST_SHARE))
    running = {
        (edge.page, edge.line)
        for edges in alike.values()
        if len(edges) >= least
        for edge in _running(edges)
    }
    kept = []
    for page, of_page in enumerate(lines):
        if len(of_page) > 2 and (page, of_page[0]) in running:
            of_page = of_page[1:]
        if len(of_page) > 2 and (page, of_page[-1]) in running:
            of_page = of_page[:-1]
        kept.append(of_page)
    return kept


def _running(edges: list[_Edge]) -> Iterator[_Edge]:
    """Those of lines that only differ in their numbers whose numbers are those of a header."""
    columns = list(zip(*(edge.numbers for edge in edges), strict=True))
    pages = [edge.page for edge in edges]
    fitting = [list(_fits(column, pages)) for column in columns]
    for place, edge in enumerate(edges):
        others = sum(not of_column[place] for of_column in fitting)
        letters = sum(map(str.isalpha, edge.line))
        if not others or (letters >= LETTERS * len(columns) and others * OTHERS <= len(columns)):
            yield edge


def _fits(numbers: Sequence[int], pages: Iterable[int]) -> Iterator[bool]:
    """Whether each number is that of the page before or after, or counts on from there."""
    offsets = [number - page for number, page in zip(numbers, pages, strict=True)]
    for place, number in enumerate(numbers):
        near = [*range(max(0, place - 1), place), *range(place + 1, min(len(numbers), place + 2))]
        yield any(number == numbers[n] or offsets[place] == offsets[n] for n in near)
