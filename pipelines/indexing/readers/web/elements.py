"""What HTML elements are, by their tag, their role and their names. Pure."""

from __future__ import annotations

import re
from typing import Any

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
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_RAISED = str.maketrans("0123456789+-−()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁽⁾ⁿ")
_SHORT_POWER = re.compile(r"[+\-−]?[0-9n]{1,4}")


def is_main(element: Any) -> bool:
    """Whether a page marks an element as its main part."""
    return element.tag in ("main", "article") or element.get("role") == "main"


def names_of(element: Any) -> str:
    """The names that a page gives an element."""
    return f"{element.get('class') or ''} {element.get('id') or ''}"


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


def span(cell: Any, name: str) -> int:
    """Number of columns or rows that a cell was merged over."""
    try:
        return max(1, int(cell.get(name) or 1))
    except ValueError:
        return 1


def raised(element: Any) -> str:
    """The text of a raised element."""
    return power("".join(element.itertext()).strip())


def power(text: str) -> str:
    """A raised text. A power stays one: 10⁶ is not 106."""
    is_power = _SHORT_POWER.fullmatch(text) is not None
    return text.translate(_RAISED) if is_power else text


def is_called_menu(element: Any) -> bool:
    """Whether an element is called a menu, a header or a footer."""
    named = element.tag in ("nav", "footer") or element.get("role", "") in _MENU_ROLES
    return named or _MENU.search(names_of(element)) is not None
