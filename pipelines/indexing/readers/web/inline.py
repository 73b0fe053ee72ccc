"""What an element within a line reads as, where that is not just the text in it."""

from __future__ import annotations

import re
from typing import Any

from pipelines.indexing.readers.web.elements import is_note_mark, raised
from pipelines.indexing.readers.web.formulas import formula

_PRICE = re.compile(r"[€$£¥]\s?\d{1,3}(?:[,. ]?\d{3})*\Z")
_TYPED = ("text", "email", "tel", "number", "date", "url")


def of_element(element: Any, *, is_beside_text: bool) -> str | None:
    """
    The text of an element that has its own way to be read.

    :param is_beside_text: Links and pictures are not all that stands around it.
    :returns: None if it reads as what is in it.
    """
    tag = element.tag
    if tag == "br":
        return "\n"
    if tag == "img":
        alt = " ".join((element.get("alt") or "").split())
        return f" (picture: {alt}) " if len(alt) > 2 and is_beside_text else ""
    if tag == "input":
        return _input(element)
    if tag == "select":
        chosen = [one for one in element.iter("option") if one.get("selected") is not None]
        return " ".join(["", *(" ".join("".join(one.itertext()).split()) for one in chosen), ""])
    if tag == "svg":
        texts = (" ".join(t.itertext()) for t in element.iter("{*}text", "text"))
        return f" {' '.join(texts)} "
    if tag == "math":
        return formula(element)
    if tag == "abbr":
        return _abbreviation(element)
    if tag == "a":
        return raised(element) if is_note_mark(element) else None
    return _raised(element) if tag == "sup" else None


def _raised(element: Any) -> str:
    """A power, a mark of a note, or the small cents of a price."""
    before = element.getprevious()
    text = (element.getparent().text if before is None else before.tail) or ""
    cents = "".join(element.itertext()).strip()
    is_price = _PRICE.search(text) is not None and len(cents) == 2 and cents.isdecimal()
    return f".{cents}" if is_price else raised(element)


def _input(element: Any) -> str:
    kind = element.get("type", "text")
    if kind in ("checkbox", "radio"):
        return "☒ " if element.get("checked") is not None else "☐ "
    return f" {element.get('value') or ''} " if kind in _TYPED else ""


def _abbreviation(element: Any) -> str | None:
    """A short form with what it stands for."""
    title, text = " ".join((element.get("title") or "").split()), "".join(element.itertext())
    return f"{text} ({title})" if len(title) > len(text.strip()) > 0 else None
