"""Office files as what they are: zipped XML parts that point to each other."""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from collections.abc import Iterator
from typing import Any

# "Strict" files use these names for what every reader knows by the others.
_STRICT = b"http://purl.oclc.org/ooxml/"
_NAMES = (
    (rb"http://purl\.oclc\.org/ooxml/(wordprocessingml|spreadsheetml|presentationml)/main",
     rb"http://schemas.openxmlformats.org/\1/2006/main"),
    (rb"http://purl\.oclc\.org/ooxml/drawingml/(\w+)",
     rb"http://schemas.openxmlformats.org/drawingml/2006/\1"),
    (rb"http://purl\.oclc\.org/ooxml/officeDocument/extendedProperties",
     rb"http://schemas.openxmlformats.org/officeDocument/2006/extended-properties"),
    (rb"http://purl\.oclc\.org/ooxml/officeDocument/customProperties",
     rb"http://schemas.openxmlformats.org/officeDocument/2006/custom-properties"),
    (rb"http://purl\.oclc\.org/ooxml/officeDocument/(\w+)",
     rb"http://schemas.openxmlformats.org/officeDocument/2006/\1"),
)  # fmt: skip
RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_MAIN_PARTS = ("word/document.xml", "xl/workbook.xml", "ppt/presentation.xml", "_rels/.rels")


class Package:
    """The parts of an Office file, by name."""

    def __init__(self, data: bytes) -> None:
        self._zip = zipfile.ZipFile(io.BytesIO(data))
        self.names = self._zip.namelist()
        self._known: dict[str, dict[str, tuple[str, str]]] = {}
        self._addresses: dict[str, dict[str, str]] = {}

    def xml(self, name: str) -> Any | None:
        """The root of a part, or None if it is absent or no XML."""
        from lxml import etree

        parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
        try:
            return etree.fromstring(self._zip.read(name), parser)
        except (KeyError, etree.XMLSyntaxError):
            return None

    def bytes_of(self, name: str | None) -> bytes:
        """The bytes of a part, or none if it is absent or damaged."""
        try:
            return self._zip.read(name or "")
        except (KeyError, zipfile.BadZipFile, OSError):
            return b""

    def related(self, name: str, kind: str) -> Iterator[Any]:
        """The roots of the parts that a part points to, of the kinds that end in `kind`."""
        for target in self.targets(name, kind):
            root = self.xml(target)
            if root is not None:
                yield root

    def targets(self, name: str, kind: str) -> Iterator[str]:
        """The names of these parts."""
        for of_kind, target in self._relations(name).values():
            if of_kind.endswith(kind):
                yield target

    def target(self, name: str, relation: str | None) -> str | None:
        """The name of the part that a part points to by the id of a relation."""
        return self._relations(name).get(relation or "", ("", None))[1]

    def address(self, name: str, relation: str | None) -> str:
        """Where a link of a part leads outside of the file, by the id of a relation."""
        self._relations(name)
        return self._addresses[name].get(relation or "", "")

    def _relations(self, name: str) -> dict[str, tuple[str, str]]:
        """Kind and target of a part's relations by id, without those to other files."""
        if name not in self._known:
            folder, file = posixpath.split(name.lstrip("/"))
            relations = self.xml(posixpath.join(folder, "_rels", f"{file}.rels"))
            self._addresses[name] = {
                one.get("Id", ""): one.get("Target", "")
                for one in (() if relations is None else relations)
                if one.get("TargetMode") == "External"
            }
            self._known[name] = {
                one.get("Id", ""): (
                    one.get("Type", ""),
                    posixpath.normpath(posixpath.join("/", folder, one.get("Target", "")))[1:],
                )
                for one in (() if relations is None else relations)
                if one.get("TargetMode") != "External"
            }
        return self._known[name]


def transitional(data: bytes) -> bytes:
    """Give a Strict Office file the names that readers know. Any other file stays as it is."""
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        named = set(package.namelist())
        if not any(_STRICT in package.read(part) for part in _MAIN_PARTS if part in named):
            return data
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as copy:
            for entry in package.infolist():
                content = package.read(entry)
                if entry.filename.endswith((".xml", ".rels")) and _STRICT in content:
                    for strict, known in _NAMES:
                        content = re.sub(strict, known, content)
                copy.writestr(entry.filename, content)
    return made.getvalue()
