"""Figures, times and texts in the words that the admin's screens use. Pure, and without HTML."""

from __future__ import annotations

import html
import re
from datetime import timedelta


def ago(age: timedelta) -> str:
    """An age: `3 hours ago`."""
    seconds = age.total_seconds()
    for size, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {name}{'' if count == 1 else 's'} ago"
    return "just now"


def seconds(value: float | None) -> str:
    """A duration: `12 s`, `10 min`, `2.0 h`. Empty if it is not known."""
    if value is None:
        return ""
    if value < 90:
        return f"{value:.0f} s"
    if value < 5400:
        return f"{value / 60:.0f} min"
    return f"{value / 3600:.1f} h"


def size(size_bytes: int) -> str:
    """A size: `12 B`, `1.2 KB`, `57 MB`."""
    value = float(size_bytes)
    for unit in ("B", "KB", "MB"):
        if round(value) < 1000:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 10 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """`1 document`, `2 documents`, `1,234 documents`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def flat(text: str) -> str:
    """A text on one line."""
    return " ".join(text.split())


def shortened(text: str, most: int) -> str:
    """A text on one line, cut at a word if it is longer than `most` characters."""
    line = flat(text)
    return line if len(line) <= most else f"{line[:most].rsplit(' ', 1)[0]} …"


def joined(*parts: str) -> str:
    """The parts that are not empty, with a dot between them."""
    return " · ".join(filter(None, parts))


def plain(text: str) -> str:
    """Text for a Markdown component, with every character escaped that Markdown or HTML reads."""
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|~])", r"\\\1", html.escape(text, quote=False))
