"""Dates that tables write in figures, as people say them: *2025-07-24* is 24 July. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

_NAMES = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
}
_MONTHS = {
    name.casefold(): number
    for names in _NAMES.values()
    for number, name in enumerate(names.split(), start=1)
}
_FIGURES = re.compile(
    r"(?<![\w.-])(?:\d{4}-(?P<month>\d\d)-(?P<day>\d\d)|(?P<first>\d{1,2})\.(?P<second>\d{1,2})\.\d{4})(?![\w-]|\.\d)"
)


def in_words(text: str, language: str | None) -> str:
    """The days and months that a text has in figures, in words of its language, else English."""
    names = _NAMES.get(language or "en", _NAMES["en"]).split()
    return " ".join(f"{day} {names[month - 1]}" for day, month in _figures(text))


def has_month(text: str, word: str) -> bool:
    """Whether a text has a date in figures of the month that a word names."""
    month = _MONTHS.get(word.casefold())
    return month is not None and any(month == other for _, other in _figures(text))


def _figures(text: str) -> Iterator[tuple[int, int]]:
    """Day and month of each date."""
    for found in _FIGURES.finditer(text):
        day, month = int(found["day"] or found["first"]), int(found["month"] or found["second"])
        if 1 <= month <= 12:
            yield day, month
