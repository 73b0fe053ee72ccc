"""JSON and JSON Lines: each value with its name, and lists of records as tables."""

from __future__ import annotations

import json
import re
from typing import Any

from pipelines.errors import InputError
from pipelines.indexing.converted import Converted, assemble, counted
from pipelines.indexing.readers.data.values import Values
from pipelines.text.encodings.decode import decode

# Each with the strings around it, which stay as they are.
_COMMENT = re.compile(r'("(?:[^"\\\n]|\\.)*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
_COMMA = re.compile(r'("(?:[^"\\\n]|\\.)*")|,(?=\s*[}\]])')


def read_json(data: bytes, mime: str) -> Converted:
    """
    The values of a JSON file.

    :raises InputError: It is none.
    """
    text, encoding = decode(data)
    try:
        value = _loaded(text)
    except json.JSONDecodeError as error:
        if (bare := _without_comments(text)) != text:
            return read_json(bare.encode(), mime)
        if error.msg == "Extra data" and len(text.split("\n")) > 1:
            return read_json_lines(data, mime)
        raise InputError(
            f"the file is damaged: it is no JSON (line {error.lineno}: {error.msg})"
        ) from None
    values = Values()
    return assemble(list(values.blocks(value, "")), mime, encoding, notes=values.notes())


def read_json_lines(data: bytes, mime: str) -> Converted:
    """
    The records of a JSON Lines file.

    :raises InputError: None of its lines is JSON.
    """
    text, encoding = decode(data)
    records: list[Any] = []
    broken: list[int] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            records.append(_loaded(line))
        except json.JSONDecodeError:
            broken.append(number)
    if not records:
        raise InputError("the file is damaged: none of its lines is JSON")
    values = Values()
    blocks = list(values.blocks(records, ""))
    notes = values.notes()
    if broken:
        shown = ", ".join(map(str, broken[:20])) + (" ..." if len(broken) > 20 else "")
        notes.append(f"{counted(len(broken), 'line')} not read, which is no JSON: {shown}")
    return assemble(blocks, mime, encoding, notes=notes)


def _loaded(text: str) -> Any:
    """The value of a JSON text. Numbers stay as they are written."""
    return json.loads(text.removeprefix("\ufeff"), parse_int=str, parse_float=str)


def _without_comments(text: str) -> str:
    """JSON without what programs for settings allow in it: comments, and commas at the end."""
    return _COMMA.sub(r"\1", _COMMENT.sub(lambda found: found.group(1) or "", text))
