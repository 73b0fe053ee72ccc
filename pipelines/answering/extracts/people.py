"""Whether a part of a passage names somebody, where a person is asked for. Pure."""

from __future__ import annotations

import re

from pipelines.answering.extracts import kinds
from pipelines.answering.extracts.units import Unit, label, values
from pipelines.search import evidence


def named(question: str, unit: Unit) -> bool:
    """Whether a unit names somebody whom the question does not, or of whom a group consists."""
    is_field = unit.kind == "field"
    said = kinds.TITLE.sub("", values(unit)[0] if is_field else unit.text)
    others = set(kinds.PROPER.findall(f"x {said}" if is_field else said))
    others -= set(kinds.PROPER.findall(question)) | kinds.CALENDAR
    if is_field and (name := kinds.FULL_NAME.match(said)) and _asks_of(question, name.group()):
        others -= set(name.group().split())
    called = label(unit).split() if is_field else []  # "Priya Nair: yoga"
    is_name = len(called) > 1 and all(word[0].isupper() for word in called)
    is_group = kinds.MEMBERS.search(said) and evidence.role(question) is None
    return bool(others or is_name or is_group)


def _asks_of(question: str, name: str) -> bool:
    """Whether a question names somebody, by the first or the last name."""
    asked = re.findall(r"[^\W\d_]+", question.casefold())
    return not set(name.casefold().split()).isdisjoint(asked)
