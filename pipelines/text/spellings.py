"""What is written in more than one way: versions, units, grouped digits, part numbers, names in code. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

ASCII_TOKEN = re.compile(r"\d+(?:[.,']\d+)+(?!\w)|[^\W_]+", re.ASCII)
_UNITS = (
    "kg|mg|g|t|km|cm|mm|nm|m|kwh|wh|kw|mw|gw|w|kv|mv|v|mah|ma|a|khz|mhz|ghz|hz|gb|mb|kb|tb|bar|psi"
    "|knm|kn|n|kpa|mpa|hpa|pa|ml|cl|l|min|ms|s|h|rpm|db|lm|lux|dpi|px|in|ft|lbs?|oz|mph|eur|usd|chf|ohm"
)
# What is written in more than one way. Each alternative ends where its run does, so that a text of
# any kind takes time in proportion to its length.
COMPOUND = re.compile(
    r"(?<![\w.])(?P<version>[vV]\d{1,9}(?:\.\d{1,9}){1,6})(?!\w)"
    rf"|(?<![\w.,])\d{{1,12}}(?:[.,]\d{{1,9}}){{0,4}}(?P<unit>(?i:{_UNITS}))(?!\w)"
    r"|(?<![\w.,])(?<!\d )(?P<grouped>\d{1,3}(?: \d{3}){2,4})(?![\w]| \d)"
    r"|(?<![\w/-])(?P<code>[A-Za-z0-9]{1,9}(?:[-/][A-Za-z0-9]{1,9}){1,4})(?![\w/-])"
    r"|(?<!\w)(?P<camel>[A-Z]{2,8}[a-z]{2}[a-z0-9]{0,30}(?:[A-Z]{1,8}[a-z0-9]{1,30}){0,6}"
    r"|[A-Za-z][a-z][a-z0-9]{0,30}(?:[A-Z]{1,8}[a-z0-9]{0,30}){1,6})(?!\w)",
    re.ASCII,
)
_PART = re.compile(r"[A-Z]{1,8}(?![a-z])|[A-Z]?[a-z0-9]+")
_LETTER, _DIGIT = re.compile("[A-Za-z]"), re.compile("[0-9]")
_OTHER_POINT = re.compile(r"[,'\u00a0\u202f]")
_GROUPS = re.compile(r"[.,'\u00a0\u202f](?=\d{3}(?!\d))")


def other_forms(compound: re.Match[str]) -> Iterator[tuple[str, bool]]:
    """
    The same thing in the other usual spelling.

    "v2.4.1" is "2.4.1", "12.5kg" is "12.5 kg", "4 500 118" is "4500118", "K-53" is "K53", and
    "maxRetries" is "max retries". Hyphenated words have no other.
    """
    kind, text = str(compound.lastgroup), compound.group()
    if kind == "version":
        yield text[1:].lower(), False
    elif kind == "unit":
        unit = compound.group("unit")
        yield from (
            (token, False) for token in ASCII_TOKEN.findall(plain_number(text[: -len(unit)]))
        )
        yield unit.lower(), True
    elif kind == "grouped":
        yield text.replace(" ", ""), False
    elif kind == "code":
        yield from _codes(text)
    elif len(parts := _PART.findall(text)) > 1:
        yield from ((part.lower(), True) for part in parts)


def _codes(text: str) -> Iterator[tuple[str, bool]]:
    """A part number without its signs, whole and up to each of them: AX4472 and AX4472B."""
    if not (_DIGIT.search(text) and (_LETTER.search(text) or "/" in text)):
        return  # hyphenated words, or a date
    whole = ""
    for count, part in enumerate(re.split("[-/]", text)):
        whole += part.lower()
        if count and _DIGIT.search(whole):
            yield whole, True


def plain_number(token: str) -> str:
    """Write 1,234.5 and 1.234,5 alike: without thousands separators, with a decimal point."""
    return _OTHER_POINT.sub(".", _GROUPS.sub("", token))
