"""Where links lead, for a reader of the text. Pure."""

from __future__ import annotations

import re
from typing import Any

_FILE = re.compile(r"\.(?:pdf|docx?|xlsx?|pptx?|odt|ods|odp|csv|zip|txt|rtf|ics|epub)$", re.I)


def target(link: Any, *, is_web_shown: bool) -> str:
    """Where a link leads, where a reader would want to know it."""
    return of_address(link.get("href") or "", "".join(link.itertext()), is_web_shown=is_web_shown)


def of_address(address: str, text: str, *, is_web_shown: bool = True) -> str:
    """
    An address in brackets after the text of its link, or nothing where the text says it.

    :param is_web_shown: Also addresses of pages, not only those of files, mail and telephones.
    """
    href = " ".join(address.split())
    scheme, _, rest = href.partition(":")
    if scheme in ("mailto", "tel"):
        bare = rest.partition("?")[0]
        plain = re.sub(r"[^\w@.+]", "", text)
        return "" if bare in text or re.sub(r"[^\w@.+]", "", bare) in plain else f" ({bare})"
    if href.startswith(("#", "javascript:", "data:")) or not text.strip() or href in text:
        return ""
    is_file = _FILE.search(href.partition("#")[0].partition("?")[0]) is not None
    is_web = scheme in ("http", "https") and is_web_shown
    bare = (href.partition("://")[2] or href).rstrip("/")
    short = len(href) < 300 and bare not in text
    return f" ({href})" if short and (is_file or is_web) else ""
