"""Subtitles: what is said, minute by minute, each minute under the time when it begins."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from pipelines.errors import InputError
from pipelines.indexing.converted import Block, Converted, assemble
from pipelines.text.encodings.decode import decode

# What is said in this time stands together.
TOGETHER_S = 60

_TIMES = re.compile(
    r"^[ \t]*(?:(\d{1,3}):)?(\d{1,2}):(\d{2})[.,]\d{1,3}[ \t]*-->[ \t]*(?:\d{1,3}:)?\d{1,2}:\d{2}.*$",
    re.MULTILINE,
)
_SPEAKER = re.compile(r"<v(?:\.[\w.]+)?[ \t]+([^>\n]{1,80})>")
_TAGS = re.compile(r"</?(?:[a-z]{1,4}(?:[. ][^>\n]{0,80})?|\d[\d:.]*)>|\{\\[^}\n]{1,60}\}", re.I)


def read(data: bytes, mime: str) -> Converted:
    """
    The text of an SRT or VTT file.

    :raises InputError: It has no times in it.
    """
    text, encoding = decode(data)
    blocks: list[Block] = []
    begun = -TOGETHER_S
    said: list[str] = []
    for start, line in _cues(text.replace("\r\n", "\n").replace("\r", "\n")):
        if start - begun >= TOGETHER_S:
            blocks += _minute(begun, said)
            begun, said = start, []
        # Rolling captions say the last line again.
        if line and (not said or line != said[-1]):
            said.append(line)
    blocks += _minute(begun, said)
    if not blocks:
        raise InputError("there is no text in it: it has no lines with times")
    return assemble(blocks, mime, encoding)


def _minute(start: int, said: list[str]) -> list[Block]:
    if not said:
        return []
    time = f"{start // 3600}:{start // 60 % 60:02}:{start % 60:02}"
    return [Block(f"At {time}", level=1), Block("\n".join(said))]


def _cues(text: str) -> Iterator[tuple[int, str]]:
    """Second and text of each cue, without marks."""
    found = list(_TIMES.finditer(text))
    for number, times in enumerate(found):
        end = found[number + 1].start() if number + 1 < len(found) else len(text)
        # The lines of a cue end at an empty one; after it comes the number of the next.
        body = text[times.end() : end].strip("\n").split("\n\n")[0]
        body = html.unescape(_TAGS.sub("", _SPEAKER.sub(r"\1: ", body)))
        hours, minutes, seconds = (int(part or 0) for part in times.groups())
        yield hours * 3600 + minutes * 60 + seconds, " ".join(body.split())
