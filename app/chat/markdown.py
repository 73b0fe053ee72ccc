"""
Markdown of documents, models and visitors as HTML that can only format. Pure.

The text is parsed here, and never again: every sign that a browser or Gradio's own Markdown could
read is written as a numeric entity. Tags come from the list in this file and carry no address,
no style and no handler. Whatever a text holds, it can neither load, link nor run anything.

Each block is one line, blocks are parted by an empty line: Gradio's Markdown passes such lines
through as they are, and draws only those again that changed while an answer is written.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from html import unescape
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

Span = tuple[int, int]
# A citation's number -> its HTML; None: there is no such passage, the text stays.
Cite = Callable[[int], str | None]

# Beyond these a text is shown as it is: parsing would take too long, or draw too deep.
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
_TAGS = {
    "paragraph": "p", "bullet_list": "ul", "ordered_list": "ol", "list_item": "li",
    "blockquote": "blockquote", "table": "table", "thead": "thead", "tbody": "tbody", "tr": "tr",
    "th": "th", "td": "td", "em": "em", "strong": "strong", "s": "s",
}  # fmt: skip
_LEAVES = {"paragraph", "heading", "th", "td"}
_CONTAINERS = {"bullet_list", "ordered_list", "list_item", "blockquote", "table"}
_CITATION = re.compile(r"\[(\d{1,3})\]")
_BREAK = re.compile(r"(?i)<br ?/?>")
# No part may hold an opening bracket, so no two tries read the same text: this stays linear.
_LINK = re.compile(
    r"!?\[(?P<words>[^\[\]\n]*)\]"
    r"\((?P<address>[^\s()\[\]<>]*(?:\([^\s()\[\]<>]*\)[^\s()\[\]<>]*)*)"
    r"(?:[ \t]+\"[^\"\n\[\]]*\")?\)"
)
_FIGURE = re.compile(r"[-+−±~≈<>(]*[$€£¥]?\s?\d[\d.,'\s]*\)?\s?(?:%|[^\W\d_]{1,3})?\)?")
# How far a piece of text is looked for in its source: markup may stand between.
AHEAD, AHEAD_OF_A_SIGN, BETWEEN_SIGNS = 2000, 200, 40


def html(text: str, *, cite: Cite | None = None, span: Span | None = None) -> str:
    """
    Markdown as HTML.

    :param cite: Writes citations; None: ``[1]`` is text like any other.
    :param span: Characters of `text` that are marked wherever they come to stand.
    """
    source = _usable(text)
    marker = _Marker(source, span)
    tokens = _parsed(source)
    if tokens is None:
        return _as_it_is(source, marker, cite)
    return "\n\n".join(_Writer(tokens, marker, cite).blocks())


def plain(text: str) -> str:
    """A text as it was written, line by line."""
    return _as_it_is(_usable(text), None, None)


def escape(text: str) -> str:
    """Text for HTML, also in an attribute: nothing in it can be read as markup of any kind."""
    return text.translate(_ENTITIES)


class _Entities(dict[int, str]):
    """For `str.translate`: letters, digits and the blank stay, all else becomes an entity."""

    def __missing__(self, code: int) -> str:
        sign = chr(code)
        if sign.isalnum() or sign == " ":
            entity = sign
        elif code in (0x202D, 0x202E):  # they turn the letters of a line round
            entity = ""
        else:
            entity = f"&#{code};"
        self[code] = entity
        return entity


_ENTITIES = _Entities()


def _usable(text: str) -> str:
    """The text in as many characters, with line ends and signs that HTML knows."""
    text = text.replace("\r\n", " \n").replace("\r", "\n")
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]", "�", text)


def _parsed(source: str) -> list[Token] | None:
    """The text's tokens; None where it is too large or too deep."""
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
    """How many cells a table of this text could have: short rows are filled up."""
    lines = source.split("\n")
    return max(line.count("|") for line in lines) * len(lines)


def _as_it_is(source: str, marker: _Marker | None, cite: Cite | None) -> str:
    text = source.strip("\n")
    if not text.strip():
        return ""
    return f'<p class="plain" dir="auto">{_run(text, marker, cite)}</p>'


def _read_link(state: StateInline, silent: bool) -> bool:
    """An inline rule: of a link or an image its words stay, and its address as text."""
    if state.src[state.pos] not in "![":
        return False
    found = _LINK.match(state.src, state.pos)
    if found is None:
        return False
    if not silent:
        words, address = found["words"].strip(), found["address"]
        # A citation that a model made a link.
        state.push("text", "", 0).content = f"[{words}]" if words.isdigit() else words
        if address and address != words and not words.isdigit():
            state.push("address", "", 0).content = address
    state.pos = found.end()
    return True


_MARKDOWN = MarkdownIt("zero", {"maxNesting": DEEPEST + 8}).enable(_RULES)
_MARKDOWN.inline.ruler.push("link_as_text", _read_link)


class _Marker:
    """Tells which of the shown characters stand in a span of the source."""

    def __init__(self, source: str, span: Span | None) -> None:
        self._source, self._span = source, span
        self._at, self._end = 0, len(source)
        self._lines = [0, *(found.end() for found in re.finditer("\n", source))] if span else []

    def go_to(self, first: int, end: int) -> None:
        """What is shown next stands in these lines of the source."""
        if self._span is None:
            return
        start = self._lines[first]
        self._end = self._lines[end] if end < len(self._lines) else len(self._source)
        if not start <= self._at < self._end:
            self._at = start

    def parts(self, text: str) -> Iterator[tuple[str, bool]]:
        """The text in pieces, each with whether it is marked."""
        if self._span is None:
            return iter([(text, False)])
        found = self._source.find(text, self._at, min(self._at + len(text) + AHEAD, self._end))
        return self._cut(text, found, self._span) if found >= 0 else self._sign_by_sign(text)

    def _cut(self, text: str, found: int, span: Span) -> Iterator[tuple[str, bool]]:
        self._at = found + len(text)
        start, end = (min(max(at - found, 0), len(text)) for at in span)
        pieces = ((text[:start], False), (text[start:end], True), (text[end:], False))
        return (piece for piece in pieces if piece[0])

    def _sign_by_sign(self, text: str) -> Iterator[tuple[str, bool]]:
        """For text that the source spells differently, as with entities."""
        assert self._span is not None
        held, marked, ahead = "", False, AHEAD_OF_A_SIGN
        for sign in text:
            found = self._find(sign, ahead)
            now = marked if found is None else self._span[0] <= found < self._span[1]
            if now != marked and held:
                yield held, marked
                held = ""
            held, marked, ahead = held + sign, now, BETWEEN_SIGNS
        if held:
            yield held, marked

    def _find(self, sign: str, ahead: int) -> int | None:
        """Where a sign stands next, as itself or as an entity."""
        spellings = re.compile(rf"{re.escape(sign)}|&#?\w{{1,32}};")
        until = min(self._at + ahead, self._end)
        for found in spellings.finditer(self._source, self._at, until):
            if found[0] == sign or unescape(found[0]) == sign:
                self._at = found.end()
                return found.start()
        return None


def _run(text: str, marker: _Marker | None, cite: Cite | None) -> str:
    """A run of text, its citations written and its marked part marked."""
    parts = marker.parts(text) if marker else [(text, False)]
    written = ((_cited(part, cite), marked) for part, marked in parts)
    return "".join(f"<mark>{part}</mark>" if marked else part for part, marked in written)


def _cited(text: str, cite: Cite | None) -> str:
    if cite is None:
        return escape(text)
    # The odd ones are the numbers.
    pieces = _CITATION.split(text)
    for at in range(1, len(pieces), 2):
        pieces[at] = cite(int(pieces[at])) or escape(f"[{pieces[at]}]")
    pieces[::2] = map(escape, pieces[::2])
    return "".join(pieces)


class _Writer:
    """Writes the tokens of one text as HTML."""

    def __init__(self, tokens: Sequence[Token], marker: _Marker, cite: Cite | None) -> None:
        self._tokens, self._marker, self._cite = tokens, marker, cite
        self._aligned = _aligned(tokens)

    def blocks(self) -> Iterator[str]:
        """The HTML of each block, as one line."""
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
            code = _run(token.content.rstrip("\n"), self._marker, None)
            return f'<pre dir="ltr"><code>{code}</code></pre>'
        if token.type == "hr":
            return "<hr>"
        if token.hidden:
            return ""
        return self._tag(at, token)

    def _tag(self, at: int, token: Token) -> str:
        """An opening or a closing tag."""
        name = token.type.rpartition("_")[0]
        # The page has headings of its own above these.
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
            return f"<code>{_run(token.content, self._marker, None)}</code>"
        if token.type == "address":
            return f' <span class="address">{escape("(" + token.content + ")")}</span>'
        if token.nesting:
            tag = _TAGS[token.type.rpartition("_")[0]]
            return f"<{tag}>" if token.nesting > 0 else f"</{tag}>"
        pieces = (_run(piece, self._marker, self._cite) for piece in _BREAK.split(token.content))
        return "<br>".join(pieces)


def _direction(tokens: Sequence[Token], at: int) -> str:
    """
    Which way the first letter of a list, a quote or a table is read.

    A browser told to find out itself looks at no text of parts that have a direction of their own.
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
    """The class of each table cell that stands right or in the middle: as told, and figures right."""
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
    """Where a column stands; `cells` begins with its head."""
    told = str(tokens[cells[0]].attrs.get("style", "")).removeprefix("text-align:")
    if told in ("right", "center"):
        return told
    texts = [tokens[at + 1].content.strip() for at in cells[1:]]
    figures = [text for text in texts if text]
    if not told and figures and all(len(f) < 30 and _FIGURE.fullmatch(f) for f in figures):
        return "right"
    return None
