"""HTML: sections under their headings, and of a web page its own content."""

from __future__ import annotations

import codecs
import html
import re
from typing import Any

from pipelines.errors import InputError
from pipelines.indexing.converted import Block, Converted, assemble
from pipelines.indexing.readers.web import page
from pipelines.indexing.readers.web.unfolding import is_made_by_script, unfold
from pipelines.text.encodings.decode import decode

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
_XHTML = re.compile(r"xmlns\s*=\s*[\"']http://www\.w3\.org/1999/xhtml")
_CDATA = re.compile(r"<!\[CDATA\[(.*?)\]\]>", re.DOTALL)


def read_html(data: bytes, mime: str) -> Converted:
    """The content of a web page, without its menus and banners."""
    text, encoding = decode(data, declared=declared_encoding(data))
    tree = _tree(text)
    notes = unfold(tree)
    blocks = page.blocks(tree)
    if not blocks and is_made_by_script(tree):
        notes.append("its text is written by a script, which is not run")
    title = " ".join((tree.findtext(".//head/title") or "").split())
    first = next((block.text for block in blocks if block.level is not None), None)
    if title and not any(block.level == 1 for block in blocks) and title != first:
        blocks.insert(0, Block(title, level=1))
    return assemble(blocks, mime, encoding, notes=notes)


def html_blocks(text: str) -> list[Block]:
    """The blocks of HTML that is no web page: a chapter, a mail. All of it is content."""
    try:
        tree = _tree(text)
    except InputError:  # an empty one
        return []
    unfold(tree)
    return page.blocks(tree, page=False)


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

    text = _XML_DECLARATION.sub("", text.replace("\x00", ""))
    if "<![CDATA[" in text and _XHTML.search(text[:DECLARED_IN]):
        text = _CDATA.sub(lambda found: html.escape(found.group(1), quote=False), text)
    try:
        return lxml.html.document_fromstring(text)
    except (LxmlError, ValueError):
        raise InputError("there is no text in it") from None
