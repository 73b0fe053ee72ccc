"""HTML and Markdown: sections under their headings, and of a web page its own content."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import Any

from pipelines.errors import InputError
from pipelines.indexing.converted import Block, Converted, assemble, counted
from pipelines.indexing.readers.web import page
from pipelines.indexing.readers.web.elements import BLOCKS, SILENT
from pipelines.text.clean import decode

# A Markdown file is parsed in parts of about this size, so that nested brackets cost no square.
PART_CHARS = 30_000
# More marks than this in one paragraph are data, and no emphasis.
MOST_MARKS = 1_500
DECLARED_IN = 4096
# What browsers take these declared names for.
AS_BROWSERS = {
    "iso-8859-1": "cp1252", "latin1": "cp1252", "ascii": "cp1252", "us-ascii": "cp1252",
    "iso-8859-9": "cp1254", "iso-8859-11": "cp874", "gb2312": "gb18030", "gbk": "gb18030",
    "shift_jis": "cp932", "shift-jis": "cp932", "x-sjis": "cp932", "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949", "windows-31j": "cp932", "x-mac-roman": "mac_roman",
}  # fmt: skip

_DECLARED = re.compile(
    rb"""<meta[^>]+charset\s*=\s*["']?\s*([\w.:-]+)|^\s*<\?xml[^>]+encoding\s*=\s*["']([\w.:-]+)""",
    re.IGNORECASE,
)
_XML_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_FENCE = re.compile(r" {0,3}(```+|~~~+)")
_FRONT_MATTER = re.compile(r"\ufeff?---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_DEFINITION = re.compile(r"^ {0,3}\[[^\]\n]{1,200}\]:[ \t]*\S+.*$", re.MULTILINE)
_PICTURE = re.compile(r"data:[\w/+.-]{1,80}(?:;[\w=-]{1,40})*;base64,[A-Za-z0-9+/=]*")
_EMBEDDED = re.compile(r"!\[\[([^\]\n]{1,300})\]\]")
_WIKI_LINK = re.compile(r"\[\[(?:[^\]|\n]{1,300}\|)?([^\]|\n]{1,300})\]\]")
_CALLOUT = re.compile(r"^\[!(\w+)\][+-]?[ \t]*")
_OWN_COMMENT = re.compile(r"%%.{0,10000}?%%", re.DOTALL)
_MARKED_TEXT = re.compile(r"==(?=\S)([^=\n]{1,500}?)(?<=\S)==")
_TAG = re.compile(r"</?([A-Za-z][A-Za-z0-9-]*)(?=[\s/>])")
_HTML_TAGS = BLOCKS | SILENT | {
    "a", "abbr", "b", "bdi", "bdo", "big", "br", "cite", "code", "col", "colgroup", "data", "dd",
    "dfn", "dt", "em", "font", "html", "i", "img", "input", "ins", "kbd", "label", "link", "mark",
    "meta", "output", "picture", "pre", "progress", "q", "ruby", "s", "samp", "small", "source",
    "span", "strike", "strong", "sub", "sup", "svg", "table", "tbody", "td", "text", "textarea",
    "tfoot", "th", "thead", "time", "title", "tr", "tt", "u", "var", "wbr", "button",
    "h1", "h2", "h3", "h4", "h5", "h6",
}  # fmt: skip


def read_html(data: bytes, mime: str) -> Converted:
    """The content of a web page, without its menus and banners."""
    text, encoding = decode(data, declared=declared_encoding(data))
    tree = _tree(text)
    blocks = page.blocks(tree)
    title = " ".join((tree.findtext(".//head/title") or "").split())
    first = next((block.text for block in blocks if block.level is not None), None)
    if title and not any(block.level == 1 for block in blocks) and title != first:
        blocks.insert(0, Block(title, level=1))
    return assemble(blocks, mime, encoding)


def read_markdown(data: bytes, mime: str) -> Converted:
    """A Markdown file as it is rendered: without marks, comments and embedded pictures."""
    text, encoding = decode(data)
    text, pictures = _PICTURE.subn("", text.replace("\r\n", "\n").replace("\r", "\n"))
    notes = [f"{counted(pictures, 'embedded picture')} not read"] if pictures else []
    blocks: list[Block] = []
    front = _FRONT_MATTER.match(text)
    if front:
        blocks.append(Block(front.group(1), verbatim=True))
        text = text[front.end() :]
    blocks += markdown_blocks(text)
    return assemble(blocks, mime, encoding, notes=notes)


def html_blocks(text: str) -> list[Block]:
    """The blocks of HTML that is no web page: a chapter, a mail. All of it is content."""
    try:
        return page.blocks(_tree(text), page=False)
    except InputError:  # an empty one
        return []


def markdown_blocks(text: str) -> list[Block]:
    """The blocks of a Markdown text as it is rendered."""
    renderer = _Renderer(text)
    blocks: list[Block] = []
    for part in _parts(text):
        if (rendered := renderer.html(part)).strip():
            blocks += html_blocks(f"<body>{rendered}</body>")
    return blocks


def decoded(data: bytes) -> str:
    """The text of an HTML file, by the encoding that it says it has."""
    return decode(data, declared=declared_encoding(data))[0]


def declared_encoding(data: bytes) -> str | None:
    """The encoding that a page says it has, as browsers understand the name."""
    found = _DECLARED.search(data[:DECLARED_IN])
    if found is None:
        return None
    name = (found.group(1) or found.group(2)).decode("ascii", "ignore").lower()
    try:
        return codecs.lookup(AS_BROWSERS.get(name, name)).name
    except LookupError:
        return None


def _tree(text: str) -> Any:
    """
    The elements of a page.

    :raises InputError: There is nothing in it.
    """
    import lxml.html
    from lxml.etree import LxmlError

    try:
        return lxml.html.document_fromstring(_XML_DECLARATION.sub("", text.replace("\x00", "")))
    except (LxmlError, ValueError):
        raise InputError("there is no text in it") from None


def _parts(text: str) -> Iterator[str]:
    """Parts of a Markdown text that can be read one by one, cut at empty lines outside of code."""
    fence = ""
    lines: list[str] = []
    size = 0
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        if mark and (not fence or mark.group(1).startswith(fence)):
            fence = "" if fence else mark.group(1)
        lines.append(line)
        size += len(line) + 1
        # A list goes on after an empty line; a heading begins something else.
        if size > PART_CHARS and not fence and not line.strip():
            yield "\n".join(lines)
            lines, size = [], 0
    yield "\n".join(lines)


class _Renderer:
    """Markdown to HTML, with what Obsidian adds to it."""

    def __init__(self, text: str) -> None:
        """:param text: The whole file, which defines the targets of its links anywhere."""
        from markdown_it import MarkdownIt

        self._parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
        self._env: dict[str, Any] = {}
        definitions = "\n".join(found.group() for found in _DEFINITION.finditer(text))
        if definitions:
            self._parser.parse(definitions, self._env)

    def html(self, text: str) -> str:
        """The HTML of a part."""
        if not text.strip():
            return ""
        text = _calmed(text)
        tokens = self._parser.parse(text, self._env)
        for token in tokens:
            if token.type == "html_block":
                token.content = _known_tags(token.content)
            for child in token.children or ():
                if child.type == "html_inline":
                    child.content = _known_tags(child.content)
                elif child.type == "text":
                    child.content = _of_obsidian(child.content)
        return str(self._parser.renderer.render(tokens, self._parser.options, self._env))


def _of_obsidian(text: str) -> str:
    if "[" in text:
        text = _EMBEDDED.sub(r"(embedded: \1)", text)
        text = _WIKI_LINK.sub(r"\1", text)
        text = _CALLOUT.sub(lambda found: f"{found.group(1).capitalize()}: ", text)
    if "%%" in text:
        text = _OWN_COMMENT.sub("", text)
    return _MARKED_TEXT.sub(r"\1", text) if "==" in text else text


def _known_tags(html: str) -> str:
    """HTML in which what only looks like an element, such as <path>, is text."""
    if html.startswith("<!--"):
        return html
    return _TAG.sub(
        lambda tag: tag.group() if tag.group(1).lower() in _HTML_TAGS else f"&lt;{tag.group()[1:]}",
        html,
    )


def _calmed(text: str) -> str:
    """Paragraphs that are all marks with a backslash before each, which reads them as they are."""
    if len(text) < MOST_MARKS or _marks(text) < MOST_MARKS:
        return text
    paragraphs = text.split("\n\n")
    return "\n\n".join(
        re.sub(r"([\[\]*_`!<])", r"\\\1", paragraph)
        if _marks(paragraph) > MOST_MARKS
        else paragraph
        for paragraph in paragraphs
    )


def _marks(text: str) -> int:
    return sum(text.count(mark) for mark in "[*_`<")
