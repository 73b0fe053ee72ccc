"""What the picker's choice is called, for people. Pure."""

from __future__ import annotations

from collections.abc import Sequence

OWN = "what you added"
# Documents that are named one by one. More of them are counted.
MOST_NAMED = 2
LONGEST_TITLE = 60
CLOSED = "A document that is no longer open to you"


def label(own: bool, collections: Sequence[str], titles: Sequence[str]) -> str:
    """A choice in some words, as in "Searched in: ..."."""
    parts = [OWN] if own else []
    parts += [f"collection {name}" for name in collections[:MOST_NAMED]]
    if (more := len(collections) - MOST_NAMED) > 0:
        parts.append(f"{more} more {'collection' if more == 1 else 'collections'}")
    if len(titles) <= MOST_NAMED:
        parts += map(_short, titles)
    else:
        parts.append(f"{len(titles)} documents")
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def _short(title: str) -> str:
    return title if len(title) <= LONGEST_TITLE else f"{title[:LONGEST_TITLE].rstrip()}…"


def gone(names: Sequence[str], *, is_empty: bool) -> str:
    """
    What dropped out of a choice.

    :param is_empty: Nothing else is left of it.
    """
    if not names:
        return ""
    are = "is" if len(names) == 1 else "are"
    said = f"{', '.join(names)} {are} no longer there."
    return f"{said} Everything is searched again." if is_empty else said


def not_found(label: str, *, has_nearest: bool) -> str:
    """The answer where the chosen documents do not hold one."""
    text = f"Nothing in {label} answers this question."
    return f"{text} The nearest passages are below." if has_nearest else text
