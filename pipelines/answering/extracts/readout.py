"""
Reads extracts out: a row with the columns that were asked for, sentences on one line, cards.

Pure. What is shown of an extract may be shorter than its span in the passage, or say more.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.answering.extracts.asked import Asked
from pipelines.answering.extracts.units import Unit
from pipelines.answering.extracts.words import alike
from pipelines.search import evidence
from pipelines.store.hits import Hit
from pipelines.text import sentences
from pipelines.text.lines import Span
from pipelines.text.terms import terms

# A row is read out whole, if it is short and the question has not every word of a column's name.
LONGEST_ROW = 320
# Cells of a longer one.
MOST_CELLS = 6
MOST_LABELS = 2
# A column that is asked for nearly as clearly as the best one is read out, too.
NEARLY = 0.5
MOST_CARDS = 3
LONGEST_CARD = 240
# Two parts of a passage are marked as one up to here. Else the better one is marked.
LONGEST_MARK = 450


@dataclass(frozen=True)
class Extract:
    """
    What answers in passage `number` (from 1).

    `text` is the marked span of the passage, `shown` what is read out of it, `subject` what it
    is about, told where extracts of different things stand together, `sure` how well it fits.
    """

    number: int
    span: Span
    text: str
    score: float
    shown: str = ""
    subject: str = ""
    sure: float = 1.0


def marks(extracts: Sequence[Extract]) -> dict[int, Span]:
    """What is marked in each passage that extracts are of, by its number."""
    found: dict[int, Span] = {}
    for extract in sorted(extracts, key=lambda e: -e.score):
        start, end = found.get(extract.number, extract.span)
        joined = min(start, extract.span[0]), max(end, extract.span[1])
        found[extract.number] = joined if joined[1] - joined[0] <= LONGEST_MARK else (start, end)
    return found


def render(extracts: Sequence[Extract]) -> str:
    """
    The extracts as the answer's text, one paragraph each, with its citation.

    Where they are about different things, each says what it is about.
    """
    several = len({e.subject for e in extracts}) > 1
    return "\n\n".join(
        f"{f'{one_line(e.subject)}: ' if several and e.subject else ''}{_uncited(e.shown) if e.shown else one_line(e.text)} [{e.number}]"
        for e in extracts
    )


def render_cards(found: Sequence[Extract]) -> str:
    """Cards as the answer's text: of each where it stands, and what stands there."""
    return "\n\n".join(
        f"> **{_uncited(card.subject).replace('*', ' ')}**  \n> {_uncited(card.shown)} [{card.number}]"
        for card in found
    )


def cards(hits: Sequence[Hit], spans: Sequence[Span]) -> list[Extract]:
    """Where the answer may stand, as extracts: a part of each of the best passages."""
    return [
        _card(number, hit, span)
        for number, (hit, span) in enumerate(zip(hits, spans, strict=False), start=1)
    ]


def _card(number: int, hit: Hit, span: Span) -> Extract:
    text, heading = hit.text[slice(*span)], hit.at(span[0]).heading or ""
    subject = " · ".join(filter(None, (hit.title, heading.split(" > ")[-1])))
    return Extract(number, span, text, hit.score, one_line(text), subject)


def window_part(hit: Hit) -> Span:
    """The first sentences of the window that was found."""
    start = hit.window_start or 0
    stop = min(hit.window_end or len(hit.text), start + LONGEST_CARD)
    inside = [s for s in sentences.split(hit.text) if s[0] >= start and s[1] <= stop]
    return (inside[0][0], inside[-1][1]) if inside else (start, stop)


def read_out(unit: Unit) -> str:
    """A unit as text, a row with the names of its columns."""
    if not unit.cells:
        return unit.text
    return "; ".join(f"{name}: {value}" if name else value for name, value in unit.cells)


def shown(asked: Asked, hit: Hit, unit: Unit) -> str:
    """What is shown of a unit."""
    if unit.kind in ("list", "steps", "section"):
        return unit.text
    return one_line(_row(asked, hit, unit) if unit.kind == "row" else unit.text)


def _row(asked: Asked, hit: Hit, unit: Unit) -> str:
    """A row as it is read out: what it is about and the columns that were asked for, by name."""
    if not unit.cells:
        return unit.text
    cells = unit.cells
    if years := [cell for cell in cells[1:] if cell[0] in asked.years]:
        cells = (cells[0], *years)
    else:
        columns = [asked.column(name, hit) for name, _ in cells]
        weights = [sum(words.values()) for words in columns]
        best = max(weights[1:], default=0.0)
        is_named = any(
            weight == best > 0
            and _has_all(asked, name, hit)
            # Of a column whose value the question has, too, other things are asked, and "which plant"
            # asks for more than the column of plants.
            and not asked.column(value, hit)
            and not (asked.which and not any(c.isdigit() for c in value))
            for weight, (name, value) in zip(weights[1:], cells[1:], strict=True)
        )
        if not is_named and len(read_out(unit)) <= LONGEST_ROW:
            pass  # what is asked for by other words may be in any cell
        elif best > 0:
            first = columns[weights.index(best, 1)]
            about = [n for n, (_, value) in enumerate(cells) if asked.column(value, hit)]
            # Equally good ones, and those that are asked for by other words.
            others = [
                n
                for n, words in enumerate(columns)
                if weights[n] == best
                or (weights[n] >= NEARLY * best and not words.keys() <= first.keys())
            ]
            times = [n for n, (_, value) in enumerate(cells) if asked.is_dated(value)]
            # The row's name is its first cell that is not a number.
            name = next((n for n, (_, value) in enumerate(cells) if not value[:1].isdigit()), 0)
            kept = {0, name, *about[:MOST_LABELS], *others, *times}
            cells = tuple(cell for n, cell in enumerate(cells) if n in kept)
        else:
            cells = cells[:MOST_CELLS]
    scale = f" ({unit.scale})" if unit.scale else ""
    return "; ".join(f"{name}: {value}" if name else value for name, value in cells) + scale


def _has_all(asked: Asked, name: str, hit: Hit) -> bool:
    """Whether the question has every word of the name of a column, but for what is in brackets."""
    words = [word for names, _ in asked.groups(hit) for word in names]
    return all(
        evidence.is_common(term) or any(alike(word, term) for word in words)
        for term in terms(re.sub(r"\(.*?\)", "", name), hit.language)
    )


def under(unit: Unit, said: str) -> str:
    """What is shown, after what stands above it: under *Not covered* it says something else."""
    above = one_line(unit.above).rstrip(": ")
    if not above or above in said:
        return said
    return f"{above}:\n{said}" if "\n" in said else f"{above}: {said}"


def one_line(text: str) -> str:
    """One line, without the mark of a list, and without what would read as a citation of ours."""
    return _uncited(re.sub(r"^(?:[-*•‣▪●○·]|#{1,6})\s+", "", " ".join(text.split())))


def _uncited(text: str) -> str:
    return re.sub(r"\[(\d{1,3})\]", r"(\1)", text)
