"""Writes parsed Markdown as HTML, with tags that can only format. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from app.chat.rendering.escaping import escape
from app.chat.rendering.marker import Marker

if TYPE_CHECKING:
    from markdown_it.token import Token

# Turns a citation's number into its HTML, or into None if there is no such passage.
Cite = Callable[[int], str | None]

_TAGS = {
    "paragraph": "p", "bullet_list": "ul", "ordered_list": "ol", "list_item": "li",
    "blockquote": "blockquote", "table": "table", "thead": "thead", "tbody": "tbody", "tr": "tr",
    "th": "th", "td": "td", "em": "em", "strong": "strong", "s": "s",
}  # fmt: skip
_LEAVES = {"paragraph", "heading", "th", "td"}
_CONTAINERS = {"bullet_list", "ordered_list", "list_item", "blockquote", "table"}
_CITATION = re.compile(r"\[(\d{1,3})\]")
_BREAK = re.compile(r"(?i)<br ?/?>")
_FIGURE = re.compile(r"[-+−±~≈<>(]*[$€£¥]?\s?\d[\d.,'\s]*\)?\s?(?:%|[^\W\d_]{1,3})?\)?")


def run(text: str, marker: Marker | None, cite: Cite | None) -> str:
    """A run of text with its citations linked and its marked part marked."""
    if marker is None:
        return _cited(text, cite)
    written = ((_cited(part, cite), marked) for part, marked in marker.parts(text))
    opening, closing = marker.tag
    return "".join(f"{opening}{part}{closing}" if marked else part for part, marked in written)


def _cited(text: str, cite: Cite | None) -> str:
    if cite is None:
        return escape(text)
    # Elements at odd positions are the numbers.
    pieces = _CITATION.split(text)
    for at in range(1, len(pieces), 2):
        pieces[at] = cite(int(pieces[at])) or escape(f"[{pieces[at]}]")
    pieces[::2] = map(escape, pieces[::2])
    return "".join(pieces)


class Writer:
    """Writes the tokens of one text as HTML."""

    def __init__(self, tokens: Sequence[Token], marker: Marker, cite: Cite | None) -> None:
        self._tokens, self._marker, self._cite = tokens, marker, cite
        self._aligned = _aligned(tokens)

    def blocks(self) -> Iterator[str]:
        """The HTML of each block on one line."""
        line, depth = "", 0
        for at, token in enumerate(self._tokens):
            line += self._block(at, token)
            depth += token.nesting
            if depth == 0 and line:
                yield line
                line = ""

    def _block(self, at: int, token: Token) -> str:
        if token.map and token.nesting >= 0:
            self._marker.go_to(*token.map)
        if token.type == "inline":
            return "".join(map(self._inline, token.children or ()))
        if token.type == "fence":
            code = run(token.content.rstrip("\n"), self._marker, None)
            return f'<pre dir="ltr"><code>{code}</code></pre>'
        if token.type == "hr":
            return "<hr>"
        if token.hidden:
            return ""
        return self._tag(at, token)

    def _tag(self, at: int, token: Token) -> str:
        """An opening or a closing tag."""
        name = token.type.rpartition("_")[0]
        # The page itself uses the higher levels.
        tag = _TAGS[name] if name != "heading" else f"h{min(int(token.tag[1]) + 2, 5)}"
        if token.nesting < 0:
            return f"</{tag}></div>" if name == "table" else f"</{tag}>"
        direction = _direction(self._tokens, at) if name in _CONTAINERS else "auto"
        start = token.attrs.get("start")
        side = self._aligned.get(at)
        return "".join([
            '<div class="table">' if name == "table" else "",
            f"<{tag}",
            f' dir="{direction}"' if name in _CONTAINERS or name in _LEAVES else "",
            f' start="{int(start)}"' if start is not None else "",
            f' class="{side}"' if side else "",
            ">",
        ])  # fmt: skip

    def _inline(self, token: Token) -> str:
        if token.type in ("softbreak", "hardbreak"):
            return "<br>"
        if token.type == "code_inline":
            return f"<code>{run(token.content, self._marker, None)}</code>"
        if token.type == "address":
            return f' <span class="address">{escape("(" + token.content + ")")}</span>'
        if token.nesting:
            tag = _TAGS[token.type.rpartition("_")[0]]
            return f"<{tag}>" if token.nesting > 0 else f"</{tag}>"
        pieces = (run(piece, self._marker, self._cite) for piece in _BREAK.split(token.content))
        return "<br>".join(pieces)


def _direction(tokens: Sequence[Token], at: int) -> str:
    """
    The direction in which the first letter of a list, a quote or a table is read.

    With ``dir="auto"`` a browser ignores the text of parts that have a direction of their own.
    """
    level = tokens[at].level
    for token in tokens[at + 1 : at + 40]:
        if token.level <= level:
            break
        for child in token.children or ():
            for sign in child.content[:200]:
                kind = unicodedata.bidirectional(sign)
                if kind in ("R", "AL"):
                    return "rtl"
                if kind == "L":
                    return "ltr"
    return "ltr"


def _aligned(tokens: Sequence[Token]) -> dict[int, str]:
    """
    The class of each right-aligned or centred table cell: as specified, and figures on the right.
    """
    sides: dict[int, str] = {}
    columns: list[list[int]] = []
    column = 0
    for at, token in enumerate(tokens):
        if token.type == "table_open":
            columns = []
        elif token.type == "tr_open":
            column = 0
        elif token.type in ("th_open", "td_open"):
            if token.type == "th_open":
                columns.append([])
            if column < len(columns):
                columns[column].append(at)
            column += 1
        elif token.type == "table_close":
            for cells in columns:
                side = _side(tokens, cells)
                sides |= dict.fromkeys(cells, side) if side else {}
    return sides


def _side(tokens: Sequence[Token], cells: Sequence[int]) -> str | None:
    """The alignment of a column. `cells` begins with its header."""
    told = str(tokens[cells[0]].attrs.get("style", "")).removeprefix("text-align:")
    if told in ("right", "center"):
        return told
    texts = [tokens[at + 1].content.strip() for at in cells[1:]]
    figures = [text for text in texts if text]
    if not told and figures and all(len(f) < 30 and _FIGURE.fullmatch(f) for f in figures):
        return "right"
    return None
