"""
Who may add files in the chat, how many, and under which names.

An admin's files are added to the shared documents. A visitor's files go to a private collection
that only this visitor searches (`pipelines/store/scope`), within a quota and for some days.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Any

from app.access import limits
from app.access.auth import Access, Person, access_of, connection_of, person_of
from app.access.bodies import MEGABYTE
from app.access.reader import Reader, reader_for
from app.access.visitor import token_of
from app.settings import Settings
from pipelines.errors import AttuneError
from pipelines.store import own_files, rate_counts, scope
from pipelines.store.db import Connection

HOUR_S = 3600
PER_HOUR = 60
LONGEST_NAME = 150
ONLY_ADMINS = "Only admins can add documents here. If you are one, sign in under Admin."
BY_LINK = (
    "Only an admin can add documents here: open the link that Attune printed when it started, or run"
    " attune admin-link for a new one."
)
SIGN_IN = "Sign in to add documents of your own."
NO_COOKIE = "Open the chat in this browser first, with cookies allowed."


class Refused(AttuneError):
    """A refused request, answered with a sentence and an HTTP status."""

    def __init__(self, reason: str, status: int) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class Adder:
    """
    A person who adds files, and where the files go.

    `refusal` is the reason why they may not, or None. `who` is their name in jobs and the audit.
    `admin` says whether their files are for all: admins, and members of an editors' group.
    """

    reader: Reader
    who: str
    admin: bool
    refusal: str | None

    @property
    def collection(self) -> str:
        """The collection that their files are added to."""
        return scope.DEFAULT if self.admin else self.reader.own

    @property
    def collections(self) -> list[str]:
        """The collections whose newest files they see in their list and may delete."""
        return [self.reader.own, scope.DEFAULT] if self.admin else [self.reader.own]


def adder_of(request: Any) -> Adder:
    """
    The sender of a request as an `Adder`.

    :raises AccessError: It did not come through the guard.
    """
    person = person_of(request)
    reader = reader_for(request, person)
    if person is not None and person.edits:
        return Adder(reader, person.name, True, None)
    refusal = _refusal_for(access_of(request), person)
    named = person is not None and person.named
    if refusal is None and not (named or token_of(connection_of(request)) is not None):
        refusal = NO_COOKIE
    return Adder(reader, f"visitor {reader.visitor[:8]}", False, refusal)


def _refusal_for(access: Access, person: Person | None) -> str | None:
    """The reason why somebody who is not an admin may not add files, or None if they may."""
    match access.settings.chat_upload:
        case "everyone":
            return None
        case "signed-in":
            return None if person is not None else SIGN_IN
    return BY_LINK if "link" in access.policy.admin_ways else ONLY_ADMINS


def clean_name(name: str) -> str:
    """
    A file's name to store and show: the last part of a path, without control characters.

    :raises Refused: Nothing is left.
    """
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rsplit("/", 1)[-1]
    # Right-to-left letters stay. Marks that switch the direction, and surrogates, are removed.
    shown = "".join(sign for sign in last if unicodedata.category(sign)[0] != "C")
    words = " ".join(shown.split())
    stem, dot, ending = words.rpartition(".")
    if not words.strip(". "):
        raise Refused("The file has no name.", 400)
    return (stem[: LONGEST_NAME - len(ending)] + dot + ending)[-LONGEST_NAME:]


def check_quota(
    conn: Connection, settings: Settings, adder: Adder, title: str, size_bytes: int
) -> None:
    """
    Check a file's size against the limits.

    :raises Refused: It is larger than one file may be, or than what is left of the visitor's quota.
    """
    most_mb = settings.max_upload_mb
    if size_bytes > most_mb * MEGABYTE:
        raise Refused(f"{title} is larger than {most_mb} MB, the most that one file may have.", 413)
    if adder.admin:
        return
    mine = own_files.held(conn, adder.collection)
    if mine.files >= settings.visitor_files:
        raise Refused(
            f"You have {mine.files} files here, as many as you may. Delete one first.", 409
        )
    if mine.size_bytes + size_bytes > settings.visitor_mb * MEGABYTE:
        raise Refused(
            f"{title} does not fit: your files may have {settings.visitor_mb} MB together."
            " Delete some first.",
            413,
        )
    in_all = own_files.held_in_all(conn)
    if in_all.size_bytes + size_bytes > settings.visitors_mb * MEGABYTE:
        raise Refused("There is no room for more files of visitors. Ask an admin.", 507)


def throttle(conn: Connection, adder: Adder) -> None:
    """
    Count an upload by a visitor.

    :raises Refused: There were too many uploads in this hour.
    """
    if adder.admin:
        return
    rules = (
        (f"upload {adder.reader.visitor}", PER_HOUR),
        (f"upload {adder.reader.address}", PER_HOUR * limits.VISITORS_PER_ADDRESS),
    )
    for key, most in rules:
        wait_s = rate_counts.take(conn, key, window_s=HOUR_S, most=most)
        if wait_s is not None:
            minutes = max(1, round(wait_s / 60))
            raise Refused(f"You have added many files. Please try again in {minutes} minutes.", 429)
