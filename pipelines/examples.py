"""Questions to start with, made from the headings of what is indexed. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

# Headings that say where one is in a document, not what it is about.
_EMPTY = re.compile(
    r"(?i)^(?:introduction|contents|table of contents|references|appendix|index|summary|overview"
    r"|abstract|conclusions?|chapter \d+|part [ivx\d]+|sheet\d*|page \d+|[\W\d_]*)$"
)
LONGEST = 70


def suggest(headings: Iterable[tuple[str, str]], *, most: int = 4) -> list[str]:
    """
    Example questions, at most two from one document; those that documents ask themselves first.

    :param headings: Title of the document and heading path of a chunk (" > " between levels).
    """
    asked: list[tuple[int, str, str]] = []
    for title, path in headings:
        topic = " ".join(path.split(" > ")[-1].split()).strip("#*: ")
        if not 4 <= len(topic) <= LONGEST or _EMPTY.match(topic):
            continue
        if topic.endswith("?"):
            asked.append((0, title, topic))
        elif len(topic.split()) <= 8:
            asked.append((1, title, f"What does {title} say about {topic}?"))
    chosen: dict[str, str] = {}
    for _, title, question in sorted(asked, key=lambda row: row[0]):
        if len(chosen) < most and list(chosen.values()).count(title) < 2:
            chosen.setdefault(question, title)
    return list(chosen)
