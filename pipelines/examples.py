"""Questions to start with, made from the headings of what is indexed. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

# Headings that say where one is in a document, not what it is about.
_EMPTY = re.compile(
    r"(?i)^(?:introduction|contents|table of contents|references|appendix|index|summary|overview"
    r"|abstract|conclusions?|chapter \d+|part [ivx\d]+|sheet\d*|page \d+|[\W\d_]*)$"
)
_ENDING = re.compile(r"\.\w{1,5}$")
LONGEST = 70


def suggest(headings: Iterable[tuple[str, str]], *, most: int = 4) -> list[str]:
    """
    Example questions, at most two from one document, in the order of the documents; in each,
    those that it asks itself come first.

    :param headings: Title of the document and heading path of a chunk (" > " between levels).
    """
    asked: dict[str, list[tuple[int, str]]] = {}
    for title, path in headings:
        topic = " ".join(path.split(" > ")[-1].split()).strip("#*: ")
        if not 4 <= len(topic) <= LONGEST or _EMPTY.match(topic):
            continue
        if topic.endswith("?"):
            asked.setdefault(title, []).append((0, topic))
        elif len(topic.split()) <= 8:
            question = f"What does {_ENDING.sub('', title)} say about {topic}?"
            asked.setdefault(title, []).append((1, question))
    chosen: list[str] = []
    for questions in asked.values():
        best = [question for _, question in sorted(questions, key=lambda row: row[0])]
        chosen += [question for question in dict.fromkeys(best) if question not in chosen][:2]
    return chosen[:most]
