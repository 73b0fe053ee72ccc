"""Files inside of Word files and slides: parts of the text in another format, and embedded documents."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Any

from pipelines.errors import InputError
from pipelines.indexing.readers.kinds import mime_of
from pipelines.indexing.readers.members import Member, Members
from pipelines.indexing.readers.office.packages import RELATION, Package


class InsideFiles:
    """
    Reads the files inside of one package.

    :param members: Reads them, and remembers those that it could not.
    """

    def __init__(self, package: Package, members: Members) -> None:
        self._package, self._members = package, members

    def notes(self) -> list[str]:
        """What could not be read."""
        return self._members.notes()

    def part(self, here: str, reference: Any) -> str:
        """The text of the file that an element (`altChunk`) stands for."""
        name = self._package.target(here, reference.get(RELATION + "id")) or ""
        return "\n\n".join(self._texts(name))

    def objects(self, here: str, element: Any) -> list[str] | None:
        """The texts of the documents that an object embeds, or None where it embeds another thing."""
        found: list[str] = []
        for one in element.iter("{*}OLEObject", "{*}oleObj", "{*}objEmbed"):
            name = self._package.target(here, one.get(RELATION + "id")) or ""
            if not _is_document(name):
                return None
            found += self._texts(name)
        return found or None

    def _texts(self, name: str) -> Iterator[str]:
        file = Member.of(posixpath.basename(name), self._package.bytes_of(name))
        return (converted.text for _, converted in self._members.read([file]))


def _is_document(name: str) -> bool:
    try:
        return bool(mime_of(name))
    except InputError:
        return False
