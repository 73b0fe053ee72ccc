"""A cell's value as a spreadsheet shows it: 15 %, 007, 1,250.00 €, 1 May 2024. Pure."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any

# Formats that follow the reader's own country; a date that means the same everywhere is better.
LOCAL_DATES = {14: "yyyy-mm-dd", 22: "yyyy-mm-dd hh:mm"}

# Larger whole numbers are no exact ones.
LONGEST_WHOLE = 1e17
# More decimals are none of the number.
MOST_DECIMALS = 10

_CONDITION = re.compile(r"\[(<=|>=|<>|<|>|=)(-?\d+(?:\.\d+)?)\]")
_MEANING: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq,
    "<>": operator.ne,
}  # fmt: skip
_SECTION = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]|;')
_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"|\\(?P<escaped>.)|_(?P<width>.)|\*(?P<fill>.)|\[\$(?P<sign>[^\-\]]*)[^\]]*\]'
    r"|\[(?P<elapsed>h+|m+|s+)\]|(?P<bracket>\[[^\]]*\])|(?P<general>General)"
    r"|(?P<ampm>AM/PM|A/P)|(?P<date>y+|m+|d+|h+|s+(?:\.0+)?)"
    r"|(?P<digits>[0#?][0#?,.]*(?:E[+-][0#?]+)?)|(?P<other>.)",
    re.IGNORECASE | re.DOTALL,
)


def shown(value: Any, number_format: str) -> str:
    """
    The text of a cell.

    :param number_format: As the file has it; "General" shows a number as short as it is.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    try:
        if isinstance(value, timedelta | datetime | date | time):
            return _moment(value, number_format)
        if isinstance(value, int | float):
            return _number(value, number_format)
    except (ValueError, OverflowError):
        pass
    return str(value)


def _general(value: float) -> str:
    if isinstance(value, int) or value.is_integer():
        return str(int(value)) if abs(value) < LONGEST_WHOLE else f"{value:g}"
    return f"{value:.10g}"


def _sections(number_format: str) -> list[str]:
    parts, start = [], 0
    for found in _SECTION.finditer(number_format):
        if found.group() == ";":
            parts.append(number_format[start : found.start()])
            start = found.end()
    return [*parts, number_format[start:]]


@lru_cache(maxsize=512)
def _tokens(number_format: str) -> list[tuple[str, str]]:
    return [(str(m.lastgroup), m.group(m.lastgroup or 0)) for m in _TOKEN.finditer(number_format)]


def _number(value: float, number_format: str) -> str:
    section, value = _section_for(value, _sections(number_format))
    tokens = _tokens(section)
    kinds = {kind for kind, _ in tokens}
    if "digits" not in kinds:
        if "general" in kinds or not kinds & {"quoted", "escaped"}:
            return _general(value)
        return _literals(tokens).strip()
    if sum(kind == "digits" for kind, _ in tokens) > 1 or "date" in kinds:
        return _masked(value, tokens)
    percents = sum(text == "%" for kind, text in tokens if kind == "other")
    number = _digits(abs(value) * 100**percents, next(t for k, t in tokens if k == "digits"))
    text = _literals(tokens, number).strip()
    return f"-{text}" if value < 0 else text


def _section_for(value: float, sections: list[str]) -> tuple[str, float]:
    """The part of a format that a number is shown by, and the number without a sign that it shows."""
    conditions = [_CONDITION.search(section) for section in sections]
    if any(conditions):
        for section, found in zip(sections, conditions, strict=True):
            if found is None or _MEANING[found.group(1)](value, float(found.group(2))):
                return section, value
        return sections[-1], value
    if value < 0 and len(sections) > 1:
        return sections[1], -value
    return sections[2 if value == 0 and len(sections) > 2 else 0], value


def _literals(tokens: list[tuple[str, str]], number: str = "") -> str:
    parts = []
    for kind, text in tokens:
        if kind == "digits":
            parts.append(number)
        elif kind in ("quoted", "escaped", "sign", "other"):
            parts.append(text if text != "@" else "")
        elif kind == "width":
            parts.append(" ")
    return "".join(parts)


def _masked(value: float, tokens: list[tuple[str, str]]) -> str:
    """Digits with signs between them, such as 000-0000, or a fraction."""
    if any(text == "/" for _, text in tokens):
        return _fraction(value, tokens)
    if not float(value).is_integer():
        return _general(value)
    size = sum(len(text.replace(",", "")) for kind, text in tokens if kind == "digits")
    digits = str(int(abs(value))).zfill(size)
    extra, parts = len(digits) - size, []
    for kind, text in tokens:
        if kind == "digits":
            count = len(text.replace(",", "")) + extra
            parts.append(digits[:count])
            digits, extra = digits[count:], 0
        elif kind in ("quoted", "escaped", "other", "sign"):
            parts.append(text)
    return ("-" if value < 0 else "") + "".join(parts).strip()


def _fraction(value: float, tokens: list[tuple[str, str]]) -> str:
    """A number such as 2 3/4, with as many digits below the line as its format has."""
    size = len([text for kind, text in tokens if kind == "digits"][-1])
    whole, rest = divmod(abs(value), 1)
    part = Fraction(rest).limit_denominator(10 ** min(size, 3) - 1)
    whole, part = (whole + 1, Fraction(0)) if part == 1 else (whole, part)
    shown = " ".join(
        filter(None, [str(int(whole)) if whole or not part else "", str(part) if part else ""])
    )
    return f"-{shown}" if value < 0 else shown


def _digits(value: float, mask: str) -> str:
    mask, _, exponent = mask.upper().partition("E")
    scaling = len(mask) - len(mask.rstrip(","))
    whole, _, decimals = mask.rstrip(",").partition(".")
    if exponent:
        return f"{value:.{len(decimals)}E}"
    value /= 1000**scaling
    text = _rounded(value, len(decimals))
    least = decimals.count("0")
    if "." in text and len(decimals) > least:
        left, _, right = text.partition(".")
        right = right[:least] + right[least:].rstrip("0")
        text = f"{left}.{right}" if right else left
    left, dot, right = text.partition(".")
    left = left.zfill(whole.count("0"))
    if "," in whole:
        left = re.sub(r"(?<=\d)(?=(?:\d{3})+$)", ",", left)
    return left + dot + right


def _rounded(value: float, places: int) -> str:
    """A number with so many decimals, rounded as people do: 2.5 to 3, and 1.005 to 1.01."""
    if abs(value) >= LONGEST_WHOLE or places > MOST_DECIMALS:
        return f"{value:.{places}f}"
    exact = Decimal(f"{value:.15g}")
    return f"{exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP):f}"


def _moment(value: Any, number_format: str) -> str:
    tokens = _tokens(_sections(number_format)[0])
    if isinstance(value, timedelta):
        return _elapsed(value, tokens)
    if not any(kind in ("date", "elapsed") for kind, _ in tokens):
        return str(value)
    if isinstance(value, time):
        value = datetime.combine(date(1900, 1, 1), value)
    elif not isinstance(value, datetime):
        value = datetime.combine(value, time())
    half = any(kind == "ampm" for kind, _ in tokens)
    parts, hour_before = [], False
    dates = [n for n, (kind, _) in enumerate(tokens) if kind in ("date", "elapsed")]
    for place, (kind, text) in enumerate(tokens):
        if kind in ("date", "elapsed"):
            following = next((tokens[n][1][0].lower() for n in dates if n > place), "")
            is_minute = text[0] in "mM" and len(text) < 3 and (hour_before or following == "s")
            parts.append(_part(value, text.lower(), half=half, is_minute=is_minute))
            hour_before = text[0] in "hH"
        elif kind == "ampm":
            parts.append("AM" if value.hour < 12 else "PM")
        elif kind in ("quoted", "escaped", "other"):
            parts.append("" if text == "@" else text)
    return "".join(parts).strip()


def _elapsed(value: timedelta, tokens: list[tuple[str, str]]) -> str:
    """A duration, in which the first unit counts on: 30:00 for a day and six hours."""
    seconds = round(value.total_seconds())
    first = next((text[0].lower() for kind, text in tokens if kind == "elapsed"), "h")
    minutes, second = divmod(abs(seconds), 60)
    sign = "-" if seconds < 0 else ""
    with_seconds = any(kind in ("date", "elapsed") and text[0] in "sS" for kind, text in tokens)
    if first == "s":
        return f"{sign}{abs(seconds)}"
    if first == "m":
        return f"{sign}{minutes}:{second:02}" if with_seconds else f"{sign}{minutes}"
    shown = f"{sign}{minutes // 60}:{minutes % 60:02}"
    return f"{shown}:{second:02}" if with_seconds else shown


def _part(value: datetime, token: str, *, half: bool, is_minute: bool) -> str:
    first, size = token[0], len(token)
    if first == "y":
        return f"{value.year:04}" if size > 2 else f"{value.year % 100:02}"
    if first == "m" and not is_minute:
        if size > 2:
            return value.strftime("%b" if size == 3 else "%B")
        return f"{value.month:0{size}}"
    if first == "d" and size > 2:
        return value.strftime("%a" if size == 3 else "%A")
    hour = (value.hour % 12 or 12) if half else value.hour
    number = {"d": value.day, "h": hour, "m": value.minute, "s": value.second}[first]
    return f"{number:0{min(size, 2)}}"
