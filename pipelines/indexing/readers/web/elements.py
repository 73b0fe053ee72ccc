"""What HTML elements are, by their tag, their role and their names. Pure."""

from __future__ import annotations

import re
from typing import Any

from pipelines.indexing.readers.counting import power

SILENT = {
    "script", "style", "noscript", "template", "head", "iframe", "object", "embed", "canvas",
    "audio", "video", "datalist", "rt", "rp", "del", "map", "frameset",
}  # fmt: skip
BLOCKS = {
    "address", "article", "aside", "blockquote", "body", "caption", "center", "details", "dialog",
    "div", "dl", "fieldset", "figcaption", "figure", "footer", "form", "header", "hgroup", "hr",
    "legend", "li", "main", "menu", "nav", "ol", "optgroup", "p", "section", "summary", "ul",
    "dir", "search",
}  # fmt: skip
# What stands apart from the text next to it, though on one line with it.
CONTROLS = {"button", "input", "label", "select", "textarea"}
_NAME = r"(?:^|[-_\s])(?:%s)(?=[-_\s]|$)"
BANNER = re.compile(
    _NAME
    % "cookies?|consent|gdpr|adverts?|advertisement|ads|sponsored|newsletter|subscribe|paywall"
    r"|popup|jump-link|skip-?links?|skip|sr-only|visually-hidden|screen-reader(?:-text)?|mw-editsection",
    re.IGNORECASE,
)
_MENU = re.compile(
    _NAME % "nav|navbar|navbox|navigation|menu|topbar|toolbar|sidebar|breadcrumbs?|pagination|pager"
    r"|share|sharing|social|related|recommended|footer|header|masthead|toc|tags|catlinks|widget|promo",
    re.IGNORECASE,
)
_MENU_ROLES = ("navigation", "banner", "contentinfo", "menu")
UNFOLDS = re.compile(
    _NAME % r"tab|tabs|tabpanel|tab-?pane|panel|pane|accordion|collapse|collapsed|collapsible"
    r"|details|spoiler|answer|faq|toggle|content",
    re.IGNORECASE,
)
_NOTE_MARK = re.compile(_NAME % "foot-?note(?:-?ref)?|note-?ref|end-?note(?:-?ref)?", re.IGNORECASE)
_EPUB = "{http://www.idpf.org/2007/ops}"
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)


def is_main(element: Any) -> bool:
    """Whether a page marks an element as its main part."""
    return element.tag in ("main", "article") or element.get("role") == "main"


def names_of(element: Any) -> str:
    """The names that a page gives an element."""
    return f"{element.get('class') or ''} {element.get('id') or ''}"


def is_apart(element: Any) -> bool:
    """
    Whether a page shows an element apart from the next one without a space between them.

    Such are a label and its value, two spans with classes of their own in a block.
    """
    following, above = element.getnext(), element.getparent()
    if element.tag != "span" or following is None or following.tag != "span" or element.tail:
        return False
    before, after = "".join(element.itertext()), "".join(following.itertext())
    classes = element.get("class"), following.get("class")
    return (
        above.tag in BLOCKS - {"p"}
        and not (above.text or "").strip()
        and all(classes)
        and classes[0] != classes[1]
        and len(before) > 1
        and before[-1].isalnum()
        and after[:1].isalnum()
    )


def is_hidden(element: Any) -> bool:
    """Whether an element is not shown at first."""
    hidden = element.get("hidden") is not None
    return hidden or _HIDDEN.search(element.get("style") or "") is not None


def is_bold(cell: Any) -> bool:
    """A cell whose whole text is bold is a heading of its column."""
    children = list(cell)
    return (
        len(children) == 1
        and children[0].tag in ("b", "strong")
        and not (cell.text or "").strip()
        and not (children[0].tail or "").strip()
    )


def code_beside_numbers(table: Any) -> Any | None:
    """The code of a table that only puts the numbers of its lines next to it."""
    codes = [one for one in table.iter("pre") if re.search(r"[^\d\s]", "".join(one.itertext()))]
    if len(codes) != 1 or len(list(table.iter("tr"))) != 1:
        return None
    code, whole = ("".join("".join(one.itertext()).split()) for one in (codes[0], table))
    beside = whole.replace(code, "", 1)
    return codes[0] if not beside or beside.isdigit() else None


def sign_of(cell: Any) -> str:
    """What a cell without text shows by a sign, by the words that stand for it."""
    told = (
        (one.get("aria-label") or one.get("alt") or one.get("title") or one.text or "")
        for one in cell.iter()
        if one.get("aria-label") or one.get("title") or one.tag in ("img", "title")
    )
    return ", ".join(dict.fromkeys(filter(None, (" ".join(text.split()) for text in told))))


def span(cell: Any, name: str) -> int:
    """Number of columns or rows that a cell was merged over."""
    try:
        return max(1, int(cell.get(name) or 1))
    except ValueError:
        return 1


def raised(element: Any) -> str:
    """The text of a raised element."""
    return power("".join(element.itertext()).strip())


def is_note_mark(link: Any) -> bool:
    """Whether a link is the number of a note, which stands at the end of a word."""
    kinds = link.get("role") or link.get("epub:type") or link.get(f"{_EPUB}type") or ""
    named = "noteref" in kinds or _NOTE_MARK.search(link.get("class") or "") is not None
    return named and "".join(link.itertext()).strip().isdecimal()


def is_called_menu(element: Any) -> bool:
    """Whether an element is called a menu, a header or a footer."""
    named = element.tag in ("nav", "footer") or element.get("role", "") in _MENU_ROLES
    return named or _MENU.search(names_of(element)) is not None
