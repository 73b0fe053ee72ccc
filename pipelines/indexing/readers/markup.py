"""HTML and Markdown: sections under their headings; of a web page its main text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from haystack.components.converters import HTMLToDocument
from haystack.dataclasses import ByteStream

from pipelines.indexing.converted import Block, Converted, assemble
from pipelines.text.clean import decode, tidy

# Main-text extraction that keeps less than this share of a page's visible text lost the page.
LEAST_MAIN_TEXT = 0.3
# With more than this share, nothing of note was left out.
NEARLY_ALL = 0.9
EXTRACTION = {"output_format": "markdown", "include_tables": True, "include_comments": False}
BLOCK_ELEMENTS = ("p", "div", "section", "tr", "li", "br", "dt", "dd", "table", "pre", "blockquote")

_FENCE = re.compile(r"^\s*(```+|~~~+)")
_HEADING = re.compile(r" {0,3}(#{1,6})\s+(\S.*)")
_XML_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")


def read_html(data: bytes, mime: str) -> Converted:
    """The main text of a page; all its visible text where hardly any of it counts as main."""
    text, encoding = decode(data)
    whole = _visible_text(text)
    source = ByteStream(text.encode("utf-8", errors="ignore"), mime_type=mime)
    documents = HTMLToDocument(extraction_kwargs=EXTRACTION).run(sources=[source])["documents"]
    main = (documents[0].content or "") if documents else ""
    return assemble(list(_sections(_choose(main, whole))), mime, encoding)


def read_markdown(data: bytes, mime: str) -> Converted:
    """The sections of a Markdown file."""
    text, encoding = decode(data)
    return assemble(list(_sections(text)), mime, encoding)


def _choose(main: str, whole: str) -> str:
    """The main text, unless extraction lost most of the page, or only its headings."""
    if len(main) < LEAST_MAIN_TEXT * len(whole):
        return whole
    flat = not any(map(_HEADING.match, main.splitlines()))
    return whole if flat and len(main) > NEARLY_ALL * len(whole) else main


def _visible_text(page: str) -> str:
    """The text of a page without scripts, styles and tags; headings marked as in Markdown."""
    import lxml.html
    from lxml.etree import LxmlError
    from lxml_html_clean import Cleaner

    try:
        tree = lxml.html.document_fromstring(_XML_DECLARATION.sub("", page))
        body = Cleaner(style=True, page_structure=False, safe_attrs_only=False).clean_html(tree)
    except (LxmlError, ValueError):
        return ""
    for level in range(1, 7):
        for heading in list(body.iter(f"h{level}")):
            title, tail = " ".join(heading.text_content().split()), heading.tail
            heading.clear()
            heading.text = f"\n\n{'#' * level} {title}" if title else None
            heading.tail = "\n\n" + (tail or "")
    for element in body.iter(*BLOCK_ELEMENTS):
        element.tail = "\n\n" + (element.tail or "")
    for cell in body.iter("td", "th"):
        cell.tail = " " + (cell.tail or "")
    return tidy(str(body.text_content()))


def _sections(text: str) -> Iterator[Block]:
    """Markdown in blocks: headings apart, lines of code never taken for headings."""
    fence = ""
    lines: list[str] = []
    for line in text.splitlines():
        mark = _FENCE.match(line)
        if mark and (not fence or mark.group(1).startswith(fence)):
            fence = "" if fence else mark.group(1)[:3]
        heading = None if fence or mark else _HEADING.match(line)
        if heading is None:
            lines.append(line)
            continue
        yield Block("\n".join(lines))
        lines = []
        yield Block(_title(heading.group(2)), level=len(heading.group(1)))
    yield Block("\n".join(lines))


def _title(text: str) -> str:
    """A heading without the hashes that may close it; those of "C#" stay."""
    before, _, last = text.rstrip().rpartition(" ")
    return before if last.strip("#") == "" else text
