"""The text of a shape on a slide: its runs, fields, equations and numbers, and shapes behind others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipelines.indexing.readers.counting import power, written
from pipelines.indexing.readers.office.symbols import equation

_ALTERNATIVES = "{http://schemas.openxmlformats.org/markup-compatibility/2006}AlternateContent"
# What the numbers of a list look like, by the name of their kind.
_KINDS = {
    "arabic": "decimal", "alphaLc": "lowerLetter", "alphaUc": "upperLetter",
    "romanLc": "lowerRoman", "romanUc": "upperRoman",
}  # fmt: skip


def text_of(body: Any) -> str:
    """
    The text of the body of a shape or a cell, a line a paragraph.

    :param body: The element that holds its paragraphs.
    """
    counts: dict[int, int] = {}
    return "\n".join(_line(paragraph, counts) for paragraph in body.iterchildren("{*}p"))


def _line(paragraph: Any, counts: dict[int, int]) -> str:
    text = "".join(_parts(paragraph))
    return f"{_number(paragraph, counts)}{text}" if text.strip() else text


def _parts(paragraph: Any) -> Iterator[str]:
    for child in paragraph:
        name = str(child.tag).rpartition("}")[2]
        if name in ("r", "fld"):
            yield _as_shown("".join(text.text or "" for text in child.iterchildren("{*}t")), child)
        elif name == "br":
            yield "\n"
        elif name in ("m", "oMath", "oMathPara"):
            yield equation(child)
        elif child.tag == _ALTERNATIVES:
            for shown in _chosen(child):
                yield from _parts(shown)


def _as_shown(text: str, run: Any) -> str:
    """The text of a run, with raised figures as a power and struck words as such."""
    looks = next(run.iterchildren("{*}rPr"), None)
    if looks is None:
        return text
    if not (looks.get("baseline") or "-").startswith(("-", "0")):
        return power(text)
    is_struck = looks.get("strike", "noStrike") != "noStrike" and text.strip()
    return f"(struck out: {text})" if is_struck else text


def _number(paragraph: Any, counts: dict[int, int]) -> str:
    """The number of a step. It counts on where nothing of its level or above stands between."""
    properties = next(paragraph.iterchildren("{*}pPr"), None)
    level = int(properties.get("lvl") or 0) if properties is not None else 0
    kinds = () if properties is None else properties.iterchildren("{*}buAutoNum")
    list_kind = next(iter(kinds), None)
    for deeper in [one for one in counts if one > level or (list_kind is None and one == level)]:
        del counts[deeper]
    if list_kind is None:
        return ""
    counts[level] = counts.get(level, int(list_kind.get("startAt") or 1) - 1) + 1
    kind = list_kind.get("type") or ""
    name = next((name for start, name in _KINDS.items() if kind.startswith(start)), "decimal")
    sign = written(counts[level], name)
    if kind.endswith("ParenBoth"):
        return f"({sign}) "
    return f"{sign}) " if kind.endswith("ParenR") else f"{sign}. "


def unwrap(tree: Any) -> None:
    """Put shapes of newer programs, which stand beside a picture for older ones, in their places."""
    for holder in list(tree.iter(_ALTERNATIVES)):
        above = holder.getparent()
        # Within a paragraph it is an equation, which is read there.
        if above is None or str(above.tag).endswith("}p"):
            continue
        place = above.index(holder)
        above.remove(holder)
        for shown in reversed(_chosen(holder)):
            above.insert(place, shown)


def _chosen(holder: Any) -> list[Any]:
    """What newer programs show, or else what older ones do."""
    for option in holder:
        if len(option):
            return list(option)
    return []
