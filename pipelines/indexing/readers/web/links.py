"""Where links lead, for a reader of the text. Pure."""

from __future__ import annotations

import re
from typing import Any

_FILE = re.compile(r"\.(?:pdf|docx?|xlsx?|pptx?|odt|ods|odp|csv|zip|txt|rtf|ics|epub)$", re.I)


def target(link: Any, *, is_web_shown: bool) -> str:
    """Where a link leads, where a reader would want to know it."""
    href = " ".join((link.get("href") or "").split())
    text = "".join(link.itertext())
    scheme, _, rest = href.partition(":")
    if scheme in ("mailto", "tel"):
        address = rest.partition("?")[0]
        plain = re.sub(r"[^\w@.+]", "", text)
        return (
            "" if address in text or re.sub(r"[^\w@.+]", "", address) in plain else f" ({address})"
        )
    if href.startswith(("#", "javascript:", "data:")) or not text.strip() or href in text:
        return ""
    is_file = _FILE.search(href.partition("#")[0].partition("?")[0]) is not None
    is_web = scheme in ("http", "https") and is_web_shown
    bare = (href.partition("://")[2] or href).rstrip("/")
    short = len(href) < 300 and bare not in text
    return f" ({href})" if short and (is_file or is_web) else ""
