"""Cells that hold figures, and those that hold names. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

_NUMBER = re.compile(
    r"[(<>≤≥~±+\-−–]*\s?(?:[$€£¥]|[A-Z]{2,3}\s)?\s?[(+\-−–]?\d[\d.,'’\s\u00a0\u202f:/\-–]*"
    r"(?:\s?(?:%|‰|[$€£¥]|°\s?[CFK]?|[A-Za-zµΩ]{1,4}[²³]?))?[⁰¹²³⁴-⁹]{0,2}(?:\s?[)%‰]){0,2}"
    r"|[$€£¥]?\s?[-–—]+\s?%?|n/?a|yes|no|true|false|[☐☑☒✓✔✗✘]|=.*",
    re.IGNORECASE,
)
_YEAR = re.compile(r"(?:FY\s?)?(?:19|20)\d\d(?:/\d\d(?:\d\d)?)?")
# "Jan 25", "01/2025", "Q1 2024", "KW 12" name columns, and so does "No", of which "No." is the long form.
_NAME = re.compile(
    r"(?:jan|feb|mar|mär|apr|may|mai|jun|jul|aug|sep|sept|oct|okt|nov|dec|dez)[ ./'’-]*"
    r"(?:19|20)?\d\d|(?:q|h|t|kw|wk|week|fy|gj)[ ./-]?\d{1,2}(?:[ /.-]+(?:20)?\d\d)?|no|nr"
    r"|(?:0?[1-9]|1[0-2])[./-](?:19|20)\d\d|(?:19|20)\d\d[./-](?:0[1-9]|1[0-2])",
    re.IGNORECASE,
)
_MOMENT = re.compile(
    r"(?:\d{1,2}[./-]\d{1,2}[./-](?:\d\d){1,2}|\d{4}-\d\d-\d\d)(?: \d\d:\d\d(?::\d\d)?)?"
    r"|\d{1,2}:\d\d(?:\s?[-–]\s?\d{1,2}:\d\d)?"
)
_COMMENT = re.compile(r" \(comment: .*\)$", re.DOTALL)


def is_number(text: str) -> bool:
    """Whether a cell holds a figure, a date or a yes or no, and no name."""
    return _NUMBER.fullmatch(_COMMENT.sub("", text)) is not None


def is_year(text: str) -> bool:
    """Whether a cell holds a year, which may name a column."""
    return _YEAR.fullmatch(text) is not None


def is_moment(text: str) -> bool:
    """Whether a cell holds a date or a time of day."""
    return _MOMENT.fullmatch(text) is not None


def is_value(text: str) -> bool:
    """Whether a cell holds a figure that names no column."""
    return is_number(text) and not is_year(text) and _NAME.fullmatch(text) is None


def without_comment(text: str) -> str:
    """A cell without the comment at it."""
    return _COMMENT.sub("", text)


def below(column: int, rows: Sequence[Sequence[str]]) -> bool:
    """Whether most cells of a column are figures."""
    values = [row[column] for row in rows if column < len(row) and row[column]]
    return bool(values) and sum(map(is_number, values)) > len(values) / 2
