"""Passages side by side: of a comparison's questions, and of a question that was tried. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from app.actions.comparisons import Entry, Page, ShownPassage
from app.actions.tryout import Tried
from app.admin.html import parts, words
from app.admin.html.parts import Tone
from app.admin.html.template import Template
from pipelines.text.places import page_name
from training.evaluation.figures.changes import Placed

SNIPPET_CHARS = 320
PASSAGE_CHARS = 900
TONES: dict[str, Tone] = {"won": "good", "lost": "bad", "alike": "quiet"}
RANKS = {"won": "higher", "lost": "lower", "alike": "equal"}

_html = Template("compare")


@dataclass(frozen=True)
class _ListedPassage:
    """
    A passage in a list.

    :param right: Whether it answers the question.
    :param most: Characters of its text that are shown.
    """

    title: str
    text: str
    score: float | None = None
    mark: Markup | None = None
    right: bool = False
    most: int = SNIPPET_CHARS


@dataclass(frozen=True)
class _QuestionCard:
    text: str
    pill: Markup
    ranks: str
    cause: str
    right: Sequence[_ListedPassage]
    old: Sequence[_ListedPassage]
    new: Sequence[_ListedPassage]


def questions(page: Page, old: str, new: str) -> str:
    """A page of questions, each to be opened for both lists."""
    if not page.entries:
        return parts.stack(parts.empty("No such question", "Choose another kind above."))
    said = (
        f"With {new}, {page.counts['won']} questions rank their passage higher,"
        f" {page.counts['lost']} lower, and {page.counts['alike']} equal."
    )
    cards = (_html.question(_question(entry), old, new) for entry in page.entries)
    return parts.stack(parts.quiet(said), Markup("").join(cards))


def _question(entry: Entry) -> _QuestionCard:
    change = entry.change
    return _QuestionCard(
        text=change.question,
        pill=parts.pill(RANKS[change.kind], TONES[change.kind]),
        ranks=f"rank {rank(change.before)} → {rank(change.after)}",
        cause=entry.cause,
        right=[
            _stored(entry.passages.get(name), name, most=PASSAGE_CHARS) for name in change.relevant
        ],
        old=_ranked(change.old, entry.passages),
        new=_ranked(change.new, entry.passages),
    )


def rank(place: int | None) -> str:
    """A rank, or `beyond 10` if the passage is not among the first ten."""
    return "beyond 10" if place is None else str(place)


def _ranked(placed: Sequence[Placed], passages: Mapping[str, ShownPassage]) -> list[_ListedPassage]:
    return [
        _stored(passages.get(one.passage), one.passage, score=one.score, right=one.gold)
        for one in placed
    ]


def _stored(
    passage: ShownPassage | None,
    name: str,
    *,
    score: float | None = None,
    right: bool = False,
    most: int = SNIPPET_CHARS,
) -> _ListedPassage:
    """A passage of the evaluation. Only its name is left if its document was deleted."""
    title, text = (
        (f"passage {name[:12]}", "no longer stored")
        if passage is None
        else (passage.title, passage.text)
    )
    mark = parts.pill("answers it", "good") if right else None
    return _ListedPassage(title, text, score, mark, right, most)


@dataclass(frozen=True)
class _TriedVersion:
    name: str
    times: str
    passages: Sequence[_ListedPassage]


def tried(found: Sequence[Tried]) -> str:
    """What two versions find for one question, side by side."""
    chunks = [{hit.chunk_id for hit in one.hits} for one in found]
    columns = []
    for n, one in enumerate(found):
        others = set().union(*(chunks[m] for m in range(len(found)) if m != n))
        shown = [_hit(hit, alone=len(found) > 1 and hit.chunk_id not in others) for hit in one.hits]
        times = f"question embedded in {one.embed_ms:.0f} ms, searched in {one.search_ms:.0f} ms"
        columns.append(_TriedVersion(one.version, times, shown))
    return str(_html.tried(columns))


def _hit(hit: Any, *, alone: bool) -> _ListedPassage:
    place = page_name(hit.page, hit.page_label) or (hit.heading or "").split(" > ")[-1][:60]
    mark = parts.pill("only here", "busy") if alone else None
    return _ListedPassage(words.joined(hit.title, place), hit.text, hit.score, mark)


def unbuilt(names: Sequence[str]) -> str:
    """Which versions cannot be asked, and the way to build them."""
    return str(_html.unbuilt(names)) if names else ""
