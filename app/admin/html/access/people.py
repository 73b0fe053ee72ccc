"""People with open sessions, and visitors of whom something is stored, as their screen shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.actions.people import SHOWN_CHARS
from app.admin.html import parts, words
from app.admin.html.template import Template
from pipelines.store.visitors import SignedIn, Visitor

WAYS = {
    "oauth": "account", "admin-password": "admin password", "chat-password": "chat password",
    "link": "one-time link",
}  # fmt: skip
PEOPLE = ["Signed in", "Last sign-in", "By", "Sessions"]
VISITORS = ["Visitor", "Last used", "Questions", "Files"]

_html = Template("access")


def signed_in(people: Sequence[SignedIn]) -> str:
    """People with open sessions, each with a button to end them."""
    if not people:
        return parts.stack(parts.note("Nobody is signed in."))
    rows = [
        [
            _html.name(one.who, ", ".join(one.groups)),
            _html.lines(parts.when(one.since), parts.pick("End sessions", "end", number)),
            WAYS.get(one.via, one.via),
            one.sessions,
        ]
        for number, one in enumerate(people)
    ]
    return parts.stack(parts.table(PEOPLE, rows, numbers=[3]))


def visitors(found: Sequence[Visitor], names: Mapping[str, str]) -> str:
    """
    Visitors, each with a button to delete what is stored of them.

    :param names: Names of those who are signed in with an account, by visitor.
    """
    if not found:
        return parts.stack(parts.note("Nothing is stored of anybody yet."))
    rows = [
        [
            _html.name(
                names.get(one.visitor, one.visitor[:SHOWN_CHARS]),
                one.visitor[:SHOWN_CHARS] if one.visitor in names else "",
            ),
            _html.lines(
                parts.when(one.last_used),
                parts.pick("Delete data", "erase", int(one.visitor[:SHOWN_CHARS], 16)),
            ),
            _html.lines(
                f"{one.questions:,}", parts.short(words.count(one.conversations, "conversation"))
            ),
            f"{one.files:,}",
        ]
        for one in found
    ]
    return parts.stack(parts.table(VISITORS, rows, numbers=[3]))
