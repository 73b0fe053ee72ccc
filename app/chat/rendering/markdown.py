"""
Converts Markdown of documents, models and visitors to HTML that can only format. Pure.

The text is parsed here and never again. Every character that a browser or Gradio's own Markdown
could interpret is written as a numeric entity. Tags come from the list in
`app.chat.rendering.writer` and have no address, no style and no handler. So no text can load, link
or run anything.

Each block is one line, with an empty line between blocks. Gradio's Markdown passes such lines
through unchanged, and redraws only changed ones while an answer is written.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

from app.chat.rendering.marker import Marker, Span
from app.chat.rendering.writer import Cite, Writer, run

if TYPE_CHECKING:
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

FAINT = '<span class="unsupported">', "</span>"
# Larger texts are shown unparsed, because parsing would take too long or nest too deeply.
LONGEST_CHARS = 20_000
DEEPEST = 16
MOST_CELLS = 20_000
# Of lines, and of signs that may format: together about 50 ms of parsing.
MOST_LINES, MOST_SIGNS = 1000, 5000
_SIGNS = re.compile(r"[*_~`\[\\&|]")

_RULES = [
    "table", "fence", "blockquote", "hr", "list", "heading", "newline", "escape", "backticks",
    "strikethrough", "emphasis", "balance_pairs", "entity", "fragments_join", "text_join",
]  # fmt: skip

# No part may contain an opening bracket. So no two attempts read the same text, and matching is linear.
_LINK = re.compile(
    r"!?\[(?P<words>[^\[\]\n]*)\]"
    r"\((?P<address>[^\s()\[\]<>]*(?:\([^\s()\[\]<>]*\)[^\s()\[\]<>]*)*)"
    r"(?:[ \t]+\"[^\"\n\[\]]*\")?\)"
)


def html(
    text: str,
    *,
    cite: Cite | None = None,
    span: Span | None = None,
    faint: Sequence[Span] = (),
) -> str:
    """
    Convert Markdown to HTML.

    :param cite: Writes citations. If None, ``[1]`` is ordinary text.
    :param span: Characters of `text` to mark, wherever they appear in the HTML.
    :param faint: Parts of `text` to show in grey, in ascending order. Only without `span`.
    """
    source = _usable(text)
    marker = Marker(source, [span]) if span else Marker(source, faint, FAINT)
    tokens = _parsed(source)
    if tokens is None:
        return _as_it_is(source, marker, cite)
    return "\n\n".join(Writer(tokens, marker, cite).blocks())


def plain(text: str) -> str:
    """A text as it was written, with its line breaks."""
    return _as_it_is(_usable(text), None, None)


def _usable(text: str) -> str:
    """The text in the same number of characters, with line ends and characters that HTML allows."""
    text = text.replace("\r\n", " \n").replace("\r", "\n")
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]", "�", text)


def _parsed(source: str) -> list[Token] | None:
    """The text's tokens, or None if it is too large or too deep."""
    if len(source) > LONGEST_CHARS or source.count("\n") > MOST_LINES:
        return None
    if _cells(source) > MOST_CELLS or len(_SIGNS.findall(source)) > MOST_SIGNS:
        return None
    tokens = _MARKDOWN.parse(source)
    depth = deepest = 0
    for block in tokens:
        for token in (block, *(block.children or ())):
            depth += token.nesting
            deepest = max(deepest, depth)
    return None if deepest > DEEPEST else tokens


def _cells(source: str) -> int:
    """The number of cells that a table in this text could have, with short rows filled up."""
    lines = source.split("\n")
    return max(line.count("|") for line in lines) * len(lines)


def _as_it_is(source: str, marker: Marker | None, cite: Cite | None) -> str:
    text = source.strip("\n")
    if not text.strip():
        return ""
    return f'<p class="plain" dir="auto">{run(text, marker, cite)}</p>'


def _read_link(state: StateInline, silent: bool) -> bool:
    """An inline rule that replaces a link or an image by its words, and its address as text."""
    if state.src[state.pos] not in "![":
        return False
    found = _LINK.match(state.src, state.pos)
    if found is None:
        return False
    if not silent:
        words, address = found["words"].strip(), found["address"]
        # A model may write a citation as a link.
        state.push("text", "", 0).content = f"[{words}]" if words.isdigit() else words
        if address and address != words and not words.isdigit():
            state.push("address", "", 0).content = address
    state.pos = found.end()
    return True


_MARKDOWN = MarkdownIt("zero", {"maxNesting": DEEPEST + 8}).enable(_RULES)
_MARKDOWN.inline.ruler.push("link_as_text", _read_link)
