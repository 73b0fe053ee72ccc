"""Small files of many kinds, made for tests and for the table of what is read."""

from __future__ import annotations

import io
import json
import struct
import tarfile
import zipfile
from email.message import EmailMessage

ODF = {
    "office": "urn:oasis:names:tc:opendocument:xmlns:office:1.0",
    "text": "urn:oasis:names:tc:opendocument:xmlns:text:1.0",
    "table": "urn:oasis:names:tc:opendocument:xmlns:table:1.0",
    "draw": "urn:oasis:names:tc:opendocument:xmlns:drawing:1.0",
    "style": "urn:oasis:names:tc:opendocument:xmlns:style:1.0",
    "svg": "urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0",
    "presentation": "urn:oasis:names:tc:opendocument:xmlns:presentation:1.0",
    "dc": "http://purl.org/dc/elements/1.1/",
    "xlink": "http://www.w3.org/1999/xlink",
}
CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OPS/book.opf"/></rootfiles></container>'
)


def packed(files: dict[str, str | bytes]) -> bytes:
    """A ZIP file."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in files.items():
            package.writestr(name, content)
    return made.getvalue()


def tarred(files: dict[str, bytes], mode: str = "w:gz") -> bytes:
    """A TAR file."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return made.getvalue()


def open_document(kind: str, body: str, styles: str = "", automatic: str = "") -> bytes:
    """An OpenDocument file: `kind` is text, spreadsheet or presentation."""
    names = " ".join(f'xmlns:{name}="{address}"' for name, address in ODF.items())
    content = (
        f"<office:document-content {names}><office:automatic-styles>{automatic}"
        f"</office:automatic-styles><office:body><office:{kind}>{body}</office:{kind}>"
        "</office:body></office:document-content>"
    )
    of_styles = f"<office:document-styles {names}>{styles}</office:document-styles>"
    return packed({"content.xml": content, "styles.xml": of_styles})


def book(*chapters: str, title: str = "A book", by: str = "A. Writer") -> bytes:
    """An EPUB whose reading order is not that of its files."""
    numbers = range(len(chapters), 0, -1)
    items = "".join(
        f'<item id="c{n}" href="{n}.xhtml" media-type="application/xhtml+xml"/>' for n in numbers
    )
    order = "".join(f'<itemref idref="c{n}"/>' for n in range(1, len(chapters) + 1))
    opf = (
        '<package xmlns="http://www.idpf.org/2007/opf"><metadata'
        f' xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{title}</dc:title>'
        f"<dc:creator>{by}</dc:creator></metadata><manifest>{items}</manifest>"
        f"<spine>{order}</spine></package>"
    )
    pages = {
        f"OPS/{n}.xhtml": f'<html xmlns="http://www.w3.org/1999/xhtml"><body>{text}</body></html>'
        for n, text in enumerate(chapters, 1)
    }
    return packed({"META-INF/container.xml": CONTAINER, "OPS/book.opf": opf, **pages})


def mail(
    text: str = "", html: str = "", attached: dict[str, bytes] | None = None, **head: str
) -> bytes:
    """An EML file."""
    message = EmailMessage()
    message["From"] = "Ada <ada@example.org>"
    message["To"] = "Bob <bob@example.org>"
    message["Subject"] = head.get("subject", "Delivery of the pumps")
    message["Date"] = "Tue, 03 Mar 2026 10:00:00 +0100"
    message.set_content(text or "See below.")
    if html:
        message.add_alternative(html, subtype="html")
    for name, data in (attached or {}).items():
        message.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    return message.as_bytes()


def notebook(*cells: dict[str, object]) -> bytes:
    """A notebook."""
    return json.dumps({"cells": list(cells), "nbformat": 4, "nbformat_minor": 5}).encode()


def outlook(subject: str, body: str, attached: dict[str, bytes]) -> bytes:
    """A mail as Outlook saves it, with the few properties that are read."""
    wide = "utf-16-le"
    top = _properties(32, {0x0037001F: len(subject), 0x1000001F: len(body)})
    root: dict[str, object] = {
        "__properties_version1.0": top,
        "__substg1.0_0037001F": subject.encode(wide),
        "__substg1.0_1000001F": body.encode(wide),
    }
    for number, (name, data) in enumerate(attached.items()):
        root[f"__attach_version1.0_#{number:08X}"] = {
            "__properties_version1.0": _properties(
                8, {0x3707001F: len(name), 0x37010102: len(data)}
            ),
            "__substg1.0_3707001F": name.encode(wide),
            "__substg1.0_37010102": data,
        }
    return compound(root)


def _properties(head_bytes: int, sizes: dict[int, int]) -> bytes:
    rows = (struct.pack("<IIII", tag, 6, size, 0) for tag, size in sizes.items())
    return bytes(head_bytes) + b"".join(rows)


def compound(root: dict[str, object]) -> bytes:
    """An OLE compound file of small streams (bytes) and storages (dicts)."""
    none, end = 0xFFFFFFFF, 0xFFFFFFFE
    entries: list[list[object]] = [["Root Entry", 5, none, none, 0, 0]]
    mini, mini_fat = bytearray(), []

    def add(holder: int, content: dict[str, object]) -> None:
        before = None
        for name, value in content.items():
            at = len(entries)
            entries.append([name, 1 if isinstance(value, dict) else 2, none, none, 0, 0])
            if before is None:
                entries[holder][2] = at
            else:
                entries[before][3] = at
            before = at
            if isinstance(value, dict):
                add(at, value)
                continue
            assert isinstance(value, bytes)
            entries[at][4:] = [len(mini_fat), len(value)]
            count = max(1, -(-len(value) // 64))
            mini_fat.extend([*range(len(mini_fat) + 1, len(mini_fat) + count), end])
            mini.extend(value.ljust(count * 64, b"\0"))

    add(0, root)
    sizes = [1, -(-len(entries) // 4), -(-len(mini_fat) // 128), -(-len(mini) // 512)]
    starts = [sum(sizes[:n]) for n in range(5)]
    fat = [0xFFFFFFFD]
    for start, size in zip(starts[1:4], sizes[1:], strict=True):
        fat += [*range(start + 1, start + size), end]
    entries[0][4:] = [starts[3], len(mini)]
    directory = b"".join(
        str(name).encode("utf-16-le").ljust(64, b"\0")
        + struct.pack("<HBBIII", 2 * len(str(name)) + 2, kind, 1, none, right, child)
        + bytes(36)
        + struct.pack("<IQ", start, size)
        for name, kind, child, right, start, size in entries
    )
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    head += struct.pack("<HHHHHHIIIII", 0x3E, 3, 0xFFFE, 9, 6, 0, 0, 0, 1, starts[1], 0)
    head += struct.pack("<IIIII", 4096, starts[2], sizes[2], end, 0) + struct.pack("<I", 0)
    parts = [
        struct.pack(f"<{len(fat)}I", *fat).ljust(512, b"\xff"),
        directory.ljust(512 * sizes[1], b"\0"),
        struct.pack(f"<{len(mini_fat)}I", *mini_fat).ljust(512 * sizes[2], b"\xff"),
        bytes(mini).ljust(512 * sizes[3], b"\0"),
    ]
    return head.ljust(512, b"\xff") + b"".join(parts)
