"""
Pieces that the admin's screens are made of: tables, status words, figures, bars, notes. Pure.

The template escapes everything that is passed in, except what these functions return.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Literal

from markupsafe import Markup, escape

from app.admin.html import words
from app.admin.html.template import Template
from training.evaluation.figures.glossary import meaning

Tone = Literal["good", "bad", "busy", "warn", "quiet"]
TONES: dict[str, Tone] = {
    "indexed": "good", "accepted": "good", "succeeded": "good", "ready": "good", "active": "good",
    "done": "good", "better": "good", "like": "good",
    "failed": "bad", "rejected": "bad", "aborted": "bad", "worse": "bad", "dislike": "bad",
    "queued": "quiet", "todo": "quiet", "retired": "quiet", "cancelled": "quiet",
    "indexing": "busy", "doing": "busy", "building": "busy", "running": "busy",
    "review": "warn", "interrupted": "warn",
}  # fmt: skip
# Shown until a screen has looked for the first time.
LOADING = '<div class="loading" role="status"><span>Loading…</span><i></i><i></i><i></i></div>'

_html = Template("parts")


def pill(word: str, tone: Tone | None = None) -> Markup:
    """A status word on a colour. The word alone says all."""
    return _html.pill(word, tone or TONES.get(word, "quiet"))


@dataclass(frozen=True)
class _Column:
    name: object
    kind: str


@dataclass(frozen=True)
class _TableRow:
    cells: Sequence[object]
    key: object = None
    chosen: bool = False


def table(
    headers: Sequence[object], rows: Iterable[Sequence[object]], *, numbers: Sequence[int] = ()
) -> Markup:
    """
    A table. Cells may be plain values or pieces made here.

    :param numbers: Places of the columns that hold numbers.
    """
    return _table(headers, [_TableRow(cells) for cells in rows], numbers)


def choices(
    headers: Sequence[object],
    rows: Iterable[tuple[object, Sequence[object]]],
    chosen: object = None,
    *,
    numbers: Sequence[int] = (),
) -> Markup:
    """
    A table whose rows can be chosen, by mouse or keyboard, in a component of `screen.clickable`.

    :param rows: Each with its key, which is what the component's `select` event brings.
    """
    return _table(headers, [_TableRow(cells, key, key == chosen) for key, cells in rows], numbers)


def _table(headers: Sequence[object], rows: Sequence[_TableRow], numbers: Sequence[int]) -> Markup:
    columns = [_Column(name, "number" if n in numbers else "") for n, name in enumerate(headers)]
    for row in rows:
        assert len(row.cells) == len(columns), "each row has a cell for each header"
    return _html.table(columns, rows)


def cards(figures: Iterable[tuple[object, object, object]]) -> Markup:
    """Figures side by side: what it is, the figure, and a remark below it."""
    return _html.cards(list(figures))


def bar(done: float, total: float | None, label: str = "") -> Markup:
    """A progress bar. It moves to and fro if `total` is not known."""
    percent = max(0.0, min(100.0, 100 * done / total)) if total else None
    return _html.bar(percent, label)


def empty(title: str, help_text: str | Markup) -> Markup:
    """What stands where nothing is yet, and what to do about it."""
    return _html.empty(title, help_text)


def note(text: str | Markup, tone: Tone = "quiet") -> Markup:
    """A sentence set apart."""
    return _html.note(text, tone)


def verdict(
    text: str | Markup, tone: Tone, steps: Iterable[Markup] = (), *, subject: str = ""
) -> Markup:
    """
    A sentence set apart, with the links that follow from it.

    :param subject: What the sentence is about, in bold before it.
    """
    return _html.verdict(text, tone, list(steps), subject)


def doors(steps: Sequence[Markup]) -> Markup:
    """Links of `door` in a row, or nothing if there are none."""
    return _html.steps_on(steps)


def link(label: str, screen: str) -> Markup:
    """
    A link to another tab of the page.

    :param screen: Name of the tab. `versions/v1` chooses a version there, and `versions/v1/promote`
        asks whether to promote it.
    """
    return _html.link(label, screen)


def door(label: str, screen: str, *, primary: bool = False) -> Markup:
    """A link to another tab that looks like a button: the next step."""
    return _html.door(label, screen, primary)


def term(word: str, shown: str | None = None) -> Markup:
    """
    A word with its meaning, for mouse, keyboard and finger.

    See `training.evaluation.figures.glossary`.
    """
    said = meaning(word)
    return _html.term(shown or word, said) if said else escape(shown or word)


def when(moment: datetime | None, now: datetime | None = None) -> Markup:
    """How long ago something was, in words. The title holds the exact time."""
    if moment is None:
        return Markup("")
    exact = moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return _html.time(moment, exact, words.ago((now or datetime.now(UTC)) - moment))


def clipped(text: str, most: int = 160) -> Markup:
    """A text cut to one line. The title holds all of it."""
    line = words.flat(text)
    if len(line) <= most:
        return escape(line)
    return _html.clipped(line[: most - 1].rstrip(), line[:1000])


def pick(
    label: object, verb: str, number: int, *, css: str = "", pressed: bool | None = None
) -> Markup:
    """A button in HTML that tells the page's component which one it was."""
    return _html.pick(label, verb, number, css, pressed)


def choose(group: str, number: int, label: str) -> Markup:
    """A checkbox. The page's script keeps it checked when the table is drawn again."""
    return _html.choose(group, number, label)


def choose_all(group: str) -> Markup:
    """A checkbox for all of a table."""
    return _html.choose_all(group)


@dataclass(frozen=True)
class _Span:
    text: str
    depth: int
    number: int | None


def spans(text: str, windows: Sequence[tuple[int, int]]) -> Markup:
    """
    A passage with its windows: a number where each begins, and a shade where two overlap.

    :param windows: Spans of characters in the text, by their start.
    """
    edges = sorted({0, len(text), *(edge for window in windows for edge in window)})
    starts = {start: number for number, (start, _) in enumerate(windows, 1)}
    return _html.spans(
        [
            _Span(
                text[start:end],
                min(2, sum(a <= start and end <= b for a, b in windows)),
                starts.get(start),
            )
            for start, end in pairwise(edges)
        ]
    )


def stack(*pieces: str | Markup) -> str:
    """Pieces one below the other, as the value of a `gr.HTML`."""
    return str(_html.stack(pieces))


def heading(text: str | Markup, remark: str | Markup = "") -> Markup:
    """A heading within a screen."""
    return _html.heading(text, remark)


def facts(rows: Iterable[tuple[object, object]]) -> Markup:
    """Names with their values. Names without a value are left out."""
    return _html.facts([(name, value) for name, value in rows if value not in (None, "")])


def steps(rows: Iterable[tuple[str, str, str]]) -> Markup:
    """Numbered steps: what is done, what that means, and how long it takes."""
    return _html.steps(list(rows))


def checks(rows: Iterable[tuple[bool, str, str]]) -> Markup:
    """Checks: whether each passed, its name, and what was found."""
    return _html.checks(list(rows))


def folded(summary: str, content: Markup) -> Markup:
    """A line that unfolds what is below it."""
    return _html.folded(summary, content)


def log(text: str) -> Markup:
    """Lines that a program wrote."""
    return _html.log(text)


def quiet(text: object) -> Markup:
    """Muted text."""
    return _html.quiet(text)


def short(text: object) -> Markup:
    """A word or two that stay in one line."""
    return _html.short(text)
