"""Source code: as it stands, with what it defines as headings."""

from __future__ import annotations

import re
from dataclasses import replace

from pipelines.indexing.converted import Block, Converted, assemble
from pipelines.text.encodings.decode import decode

MOST_HEADINGS = 5000
_DEFINITION = re.compile(
    r"^([ \t]{0,40})(?:(?:export|default|public|private|protected|internal|static|final|abstract"
    r"|async|pub(?:\([a-z]+\))?|open|override|sealed|data|const|unsafe|extern)[ \t]+){0,5}"
    r"(?:def|class|func|fun|fn|function|interface|struct|enum|trait|impl|module|namespace|object"
    r"|CREATE[ \t]+(?:OR[ \t]+REPLACE[ \t]+)?(?:TABLE|VIEW|FUNCTION|PROCEDURE))[ \t]+"
    r"(?:\([^)\n]{1,80}\)[ \t]*)?(?:IF[ \t]+NOT[ \t]+EXISTS[ \t]+)?([\w.:$<>\"`]{1,120})",
    re.MULTILINE,
)


def read(data: bytes, mime: str) -> Converted:
    """The text of a source file. Functions and classes are headings, so that citations name them."""
    text, encoding = decode(data)
    found = assemble([Block(text, verbatim=True)], mime, encoding)
    headings = []
    for match in _DEFINITION.finditer(found.text):
        indent = match.group(1).expandtabs(4)
        place = match.start() + len(match.group(1))
        headings.append((place, min(6, 1 + len(indent) // 2), match.group(2).strip('"`<:')))
        if len(headings) >= MOST_HEADINGS:
            break
    return replace(found, headings=headings)
