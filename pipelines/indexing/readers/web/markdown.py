"""Markdown as it is rendered, with what its dialects add: notes, terms, formulas, boxes."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

from pipelines.indexing.converted import Block, Converted, assemble, counted
from pipelines.indexing.readers.web.elements import BLOCKS, SILENT
from pipelines.indexing.readers.web.markdown_lines import (
    FENCE,
    split_off,
    with_pipes,
    with_whole_code,
)
from pipelines.indexing.readers.web.markup import html_blocks
from pipelines.text import lines as lines_of
from pipelines.text.encodings.decode import decode

if TYPE_CHECKING:
    from markdown_it.token import Token

# A Markdown file is parsed in parts of about this size, so that nested brackets cost no square.
PART_CHARS = 30_000
# More marks than this in one paragraph are data, and no emphasis.
MOST_MARKS = 1_500
# A longer line is a sentence, and no field of a form.
LONGEST_FIELD = 100

_FRONT_MATTER = re.compile(
    r"\ufeff?(---|\+\+\+)[ \t]*\n(.*?)\n(?:\1|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL
)
_DEFINITION = re.compile(r"^ {0,3}\[[^\]\n]{1,200}\]:[ \t]*\S+.*$", re.MULTILINE)
_PICTURE = re.compile(r"data:[\w/+.-]{1,80}(?:;[\w=-]{1,40})*;base64,[A-Za-z0-9+/=]*")
_EMBEDDED = re.compile(r"!\[\[([^\]\n]{1,300})\]\]")
_WIKI_LINK = re.compile(r"\[\[(?:[^\]|\n]{1,300}\|)?([^\]|\n]{1,300})\]\]")
_CALLOUT = re.compile(r"^\[!(\w+)\][+-]?[ \t]*")
_OWN_COMMENT = re.compile(r"%%.{0,10000}?%%", re.DOTALL)
_MARKED_TEXT = re.compile(r"==(?=\S)([^=\n]{1,500}?)(?<=\S)==")
# Notes by their name, and those that stand within the text.
_NOTE = re.compile(r"\[\^([^\]\s]{1,100})\]|\^\[([^\[\]]{1,1000})\]")
_TASK = re.compile(r"\A\[([ xX])\][ \t]+")
_ATTRIBUTES = re.compile(r"[ \t]*\{[#.][^{}]{0,200}\}[ \t]*\Z")
_TAG = re.compile(r"</?([A-Za-z][A-Za-z0-9-]*)(?=[\s/>])")
_HTML_TAGS = BLOCKS | SILENT | {
    "a", "abbr", "b", "bdi", "bdo", "big", "br", "cite", "code", "col", "colgroup", "data", "dd",
    "dfn", "dt", "em", "font", "html", "i", "img", "input", "ins", "kbd", "label", "link", "mark",
    "meta", "output", "picture", "pre", "progress", "q", "ruby", "s", "samp", "small", "source",
    "span", "strike", "strong", "sub", "sup", "svg", "table", "tbody", "td", "text", "textarea",
    "tfoot", "th", "thead", "time", "title", "tr", "tt", "u", "var", "wbr", "button",
    "h1", "h2", "h3", "h4", "h5", "h6",
}  # fmt: skip


def read_markdown(data: bytes, mime: str) -> Converted:
    """A Markdown file as it is rendered: without marks, comments and embedded pictures."""
    text, encoding = decode(data)
    text, pictures = _PICTURE.subn("", text.replace("\r\n", "\n").replace("\r", "\n"))
    notes = [f"{counted(pictures, 'embedded picture')} not read"] if pictures else []
    blocks: list[Block] = []
    front = _FRONT_MATTER.match(text)
    if front:
        blocks.append(Block(front.group(2), verbatim=True))
        text = text[front.end() :]
    blocks += markdown_blocks(text)
    return assemble(blocks, mime, encoding, notes=notes)


def markdown_blocks(text: str) -> list[Block]:
    """The blocks of a Markdown text as it is rendered."""
    text, notes = split_off(with_whole_code(with_pipes(text)))
    renderer = _Renderer(text, notes)
    blocks: list[Block] = []
    for rendered in chain(map(renderer.html, _parts(text)), renderer.notes_left()):
        if rendered.strip():
            blocks += html_blocks(f"<body>{rendered}</body>")
    return blocks


def _parts(text: str) -> Iterator[str]:
    """Parts of a Markdown text that can be read one by one, cut at empty lines outside of code."""
    fence = ""
    lines: list[str] = []
    size = 0
    for line in text.split("\n"):
        mark = FENCE.match(line)
        if mark and (not fence or mark.group(1).startswith(fence)):
            fence = "" if fence else mark.group(1)
        lines.append(line)
        size += len(line) + 1
        # A list goes on after an empty line. A heading ends it.
        if size > PART_CHARS and not fence and not line.strip():
            yield "\n".join(lines)
            lines, size = [], 0
    yield "\n".join(lines)


class _Renderer:
    """Markdown to HTML, with what Obsidian adds to it."""

    def __init__(self, text: str, notes: dict[str, str]) -> None:
        """
        :param text: The whole file, which defines the targets of its links anywhere.
        :param notes: The text of each note by its name.
        """
        from markdown_it import MarkdownIt
        from mdit_py_plugins.deflist import deflist_plugin
        from mdit_py_plugins.dollarmath import dollarmath_plugin

        self._parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
        self._parser.use(deflist_plugin)
        self._parser.use(
            dollarmath_plugin, allow_space=False, allow_digits=False, renderer=_dollars
        )
        self._env: dict[str, Any] = {}
        self._known, self._notes = frozenset(notes), dict(notes)
        definitions = "\n".join(found.group() for found in _DEFINITION.finditer(text))
        if definitions:
            self._parser.parse(definitions, self._env)

    def html(self, text: str) -> str:
        """The HTML of a part."""
        return self._rendered(self._parser.parse(_calmed(text), self._env)) if text.strip() else ""

    def notes_left(self) -> Iterator[str]:
        """The HTML of the notes that nothing has pointed to."""
        while self._notes:
            yield f"<p>{self._note(next(iter(self._notes)))}</p>"

    def _rendered(self, tokens: list[Token]) -> str:
        for before, token in zip([None, *tokens], tokens, strict=False):
            if token.type == "html_block":
                token.content = _known_tags(token.content)
            children = list(token.children or ())
            if children and children[0].type == "text" and token.level > 1:
                children[0].content = _TASK.sub(_task, children[0].content)
            if children and before is not None and before.type == "heading_open":
                children[-1].content = _ATTRIBUTES.sub("", children[-1].content)
            if children:
                _keep_lines_apart(children)
                _keep_products(children)
                token.children = [new for child in children for new in self._inline(child)]
        return str(self._parser.renderer.render(tokens, self._parser.options, self._env))

    def _inline(self, token: Token) -> Iterator[Token]:
        if token.type == "html_inline":
            token.content = _known_tags(token.content)
        elif token.type == "image" and (title := str(token.attrs.get("title", ""))):
            if title not in token.content:
                token.children = [*(token.children or ()), _token("text", f" {title}")]
        elif token.type == "text" and "^" in token.content:
            yield from self._with_notes(token.content)
            return
        elif token.type == "text":
            token.content = _of_obsidian(token.content)
        yield token

    def _with_notes(self, text: str) -> Iterator[Token]:
        """A text with its notes in place of their marks. A note is read where it comes first."""
        place = 0
        for mark in _NOTE.finditer(text):
            name, inner = mark.group(1), mark.group(2)
            if name is not None and name not in self._known:
                continue
            yield _token("text", _of_obsidian(text[place : mark.start()].rstrip()))
            place = mark.end()
            yield _token("html_inline", self._note(name, inner))
        yield _token("text", _of_obsidian(text[place:]))

    def _note(self, name: str | None, text: str | None = None) -> str:
        if text is None and name is not None:
            text = self._notes.pop(name, "")
        if not text:
            return ""
        tokens = self._parser.parseInline(" ".join(text.split()), self._env)
        return f" (footnote: {self._rendered(tokens).strip()})"


def _keep_lines_apart(children: list[Token]) -> None:
    """
    Break lines of a paragraph that are fields, like "Date: 3 May" above "Place: Leeds", or "Step 2.".
    """
    lines, breaks = [""], []
    for child in children:
        if child.type in ("softbreak", "hardbreak"):
            breaks.append(child)
            lines.append("")
        else:
            lines[-1] += child.content
    is_field = [len(line) <= LONGEST_FIELD and lines_of.is_field(line.strip()) for line in lines]
    for place, child in enumerate(breaks):
        is_step = lines_of.STEP.match(lines[place + 1].strip())
        if is_step or (is_field[place] and is_field[place + 1]):
            child.type = "hardbreak"


def _keep_products(children: list[Token]) -> None:
    """Take stars between figures for what they are: 2*3*4 has no emphasis in it."""
    products: list[bool] = []
    texts = ["", *(child.content for child in children), ""]
    for before, child, after in zip(texts, children, texts[2:], strict=False):
        if child.type == "em_open":
            is_figure = before[-1:].isdecimal() and after[:1].isdecimal()
            products.append(is_figure and child.markup == "*")
        if (child.type == "em_open" and products[-1]) or (
            child.type == "em_close" and products.pop()
        ):
            child.type, child.tag, child.nesting, child.content = "text", "", 0, "*"


def _token(kind: str, content: str) -> Token:
    from markdown_it.token import Token

    return Token(kind, "", 0, content=content)


def _dollars(formula: str, options: dict[str, Any]) -> str:
    """A formula as it is written."""
    marks = "$$" if options.get("display_mode") else "$"
    return html.escape(f"{marks}{formula.strip()}{marks}")


def _task(found: re.Match[str]) -> str:
    return "(to do) " if found.group(1) == " " else "(done) "


def _of_obsidian(text: str) -> str:
    if "[" in text:
        text = _EMBEDDED.sub(r"(embedded: \1)", text)
        text = _WIKI_LINK.sub(r"\1", text)
        text = _CALLOUT.sub(lambda found: f"{found.group(1).capitalize()}: ", text)
    if "%%" in text:
        text = _OWN_COMMENT.sub("", text)
    return _MARKED_TEXT.sub(r"\1", text) if "==" in text else text


def _known_tags(text: str) -> str:
    """HTML in which what only looks like an element, such as <path>, is text."""
    if text.startswith("<!--"):
        return text
    return _TAG.sub(
        lambda tag: tag.group() if tag.group(1).lower() in _HTML_TAGS else f"&lt;{tag.group()[1:]}",
        text,
    )


def _calmed(text: str) -> str:
    """Paragraphs that are all marks with a backslash before each, which reads them as they are."""
    if len(text) < MOST_MARKS or _marks(text) < MOST_MARKS:
        return text
    paragraphs = text.split("\n\n")
    return "\n\n".join(
        re.sub(r"([\[\]*_`!<$])", r"\\\1", paragraph)
        if _marks(paragraph) > MOST_MARKS
        else paragraph
        for paragraph in paragraphs
    )


def _marks(text: str) -> int:
    return sum(text.count(mark) for mark in "[*_`<$")
