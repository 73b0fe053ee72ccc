"""
Pieces of the admin's screens as HTML: tables, status words, figures, bars. Pure.

Everything handed in is escaped here, whatever it is and wherever it comes from; only what these
functions themselves return is taken as it is.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Literal

from markupsafe import Markup, escape

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


def pill(word: str, tone: Tone | None = None) -> Markup:
    """A status word on its colour; the word says all, the colour only helps."""
    return Markup('<span class="pill {}">{}</span>').format(tone or TONES.get(word, "quiet"), word)


def table(
    headers: Sequence[object], rows: Iterable[Sequence[object]], *, numbers: Sequence[int] = ()
) -> Markup:
    """
    A table. Cells may be plain values or pieces made here.

    :param numbers: Places of the columns that hold numbers.
    """
    kinds = ["number" if n in numbers else "" for n in range(len(headers))]
    head = Markup("").join(
        Markup('<th class="{}">{}</th>').format(kind, name)
        for kind, name in zip(kinds, headers, strict=True)
    )
    body = Markup("").join(
        Markup("<tr>{}</tr>").format(
            Markup("").join(
                Markup('<td class="{}">{}</td>').format(kind, "" if cell is None else cell)
                for kind, cell in zip(kinds, row, strict=True)
            )
        )
        for row in rows
    )
    return Markup(
        '<div class="table"><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>'
    ).format(head, body)


def cards(figures: Iterable[tuple[str, object, object]]) -> Markup:
    """Figures side by side: what it is, the figure, and a remark below it."""
    return Markup('<div class="cards">{}</div>').format(
        Markup("").join(
            Markup(
                '<div class="card"><div class="what">{}</div><div class="figure">{}</div>'
                '<div class="remark">{}</div></div>'
            ).format(what, figure, remark)
            for what, figure, remark in figures
        )
    )


def bar(done: float, total: float | None, label: str = "") -> Markup:
    """How far something is. Without a total it says only that it moves."""
    if not total:
        return Markup('<div class="bar moving"><i></i><span>{}</span></div>').format(label)
    percent = max(0.0, min(100.0, 100 * done / total))
    return Markup(
        '<div class="bar" role="progressbar" aria-valuenow="{:.0f}" aria-valuemin="0"'
        ' aria-valuemax="100" aria-label="{}"><i style="width:{:.1f}%"></i><span>{}</span></div>'
    ).format(percent, label or "progress", percent, label)


def empty(title: str, help_text: str | Markup) -> Markup:
    """What stands where nothing is yet, and what to do about it."""
    return Markup('<div class="empty"><strong>{}</strong><p>{}</p></div>').format(title, help_text)


def note(text: str | Markup, tone: Tone = "quiet") -> Markup:
    """A sentence set apart."""
    return Markup('<div class="note {}">{}</div>').format(tone, text)


def link(label: str, screen: str) -> Markup:
    """
    A link to another tab of the page.

    :param screen: Name of the tab. `versions/v1` chooses a version there, and `versions/v1/promote`
        asks whether to promote it.
    """
    return Markup('<a href="#tab-{}">{}</a>').format(screen, label)


def door(label: str, screen: str, *, primary: bool = False) -> Markup:
    """A link to another tab that looks like a button: the next step."""
    css = "door primary" if primary else "door"
    return Markup('<a class="{}" href="#tab-{}">{}</a>').format(css, screen, label)


def term(word: str, shown: str | None = None) -> Markup:
    """A word with its meaning, for mouse, keyboard and finger; see `training.evaluation.figures.glossary`."""
    said = meaning(word)
    if not said:
        return escape(shown or word)
    return Markup(
        '<span class="term" tabindex="0" data-tip="{}" aria-description="{}">{}</span>'
    ).format(said, said, shown or word)


def when(moment: datetime | None, now: datetime | None = None) -> Markup:
    """How long ago, in words; the exact time is in its title."""
    if moment is None:
        return Markup("")
    words = ago((now or datetime.now(UTC)) - moment)
    exact = moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        moment.isoformat(), exact, words
    )


def ago(age: timedelta) -> str:
    """An age in words."""
    seconds = age.total_seconds()
    for size, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {name}{'' if count == 1 else 's'} ago"
    return "just now"


def seconds(value: float | None) -> str:
    """A duration in words; empty when it is not known."""
    if value is None:
        return ""
    if value < 90:
        return f"{value:.0f} s"
    if value < 5400:
        return f"{value / 60:.0f} min"
    return f"{value / 3600:.1f} h"


def size(size_bytes: int) -> str:
    """A size that a person can read."""
    value = float(size_bytes)
    for unit in ("B", "KB", "MB"):
        if round(value) < 1000:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 10 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """`1 document`, `2 documents`, `1,234 documents`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def clipped(text: str, most: int = 160) -> Markup:
    """A text in one line's room; all of it is in its title."""
    flat = " ".join(text.split())
    if len(flat) <= most:
        return escape(flat)
    return Markup('<span title="{}">{}…</span>').format(flat[:1000], flat[: most - 1].rstrip())


def pick(
    label: object, verb: str, number: int, *, css: str = "", pressed: bool | None = None
) -> Markup:
    """A button in HTML that tells the page's component which one it was."""
    state = "" if pressed is None else Markup(' aria-pressed="{}"').format(str(pressed).lower())
    return Markup('<button type="button" class="pick {}" data-pick="{}:{}"{}>{}</button>').format(
        css, verb, number, state, label
    )


def choose(group: str, number: int, label: str) -> Markup:
    """A checkbox; the page's script remembers what is checked when the table is drawn anew."""
    return Markup(
        '<input type="checkbox" data-choose="{}" value="{}" aria-label="Choose {}">'
    ).format(group, number, label)


def choose_all(group: str) -> Markup:
    """A checkbox for all of a table."""
    return Markup('<input type="checkbox" data-choose-all="{}" aria-label="Choose all">').format(
        group
    )


def spans(text: str, windows: Sequence[tuple[int, int]]) -> Markup:
    """
    A passage with its windows: a number where each begins, and a shade where two overlap.

    :param windows: Spans of characters in the text, by their start.
    """
    edges = sorted({0, len(text), *(edge for window in windows for edge in window)})
    starts = {start: number for number, (start, _) in enumerate(windows, 1)}
    pieces = []
    for start, end in pairwise(edges):
        deep = sum(a <= start and end <= b for a, b in windows)
        mark = Markup("<sup>{}</sup>").format(starts[start]) if start in starts else ""
        pieces.append(
            Markup('{}<span class="depth{}">{}</span>').format(mark, min(deep, 2), text[start:end])
        )
    return Markup("").join(pieces)


def plain(text: str) -> str:
    """Text for a Markdown component, every character that Markdown or HTML could read escaped."""
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|~])", r"\\\1", html.escape(text, quote=False))
