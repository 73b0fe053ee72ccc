"""E-mail: its head, its text and its attachments, of EML files and of Outlook's MSG files."""

from __future__ import annotations

import io
import mimetypes
import re
from collections.abc import Iterator
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

from pipelines.errors import InputError
from pipelines.indexing.converted import Block, Converted, assemble, counted
from pipelines.indexing.readers.members import Member, Members, bundle
from pipelines.indexing.readers.web import markup
from pipelines.text.encodings.decode import decode

HEAD = ("From", "To", "Cc", "Date")
# A plain version with less of the words of the other one is only a hint to it.
LEAST_PLAIN = 0.9
_WORD = re.compile(r"\w{2,}")


def read_eml(data: bytes, mime: str, members: Members) -> Converted:
    """
    A mail as it was sent.

    :raises InputError: It is no mail, or an empty one.
    """
    message = BytesParser(policy=policy.default).parsebytes(data)
    assert isinstance(message, EmailMessage)
    if not any(message[name] for name in (*HEAD, "Subject")):
        raise InputError("the file is damaged: it has no head of a mail")
    head = [(name, _header(message, name)) for name in HEAD]
    plain, html = (_text(part) if part is not None else "" for part in _bodies(message))
    pictures = sum(part.get_content_maintype() == "image" for part in _inline(message))
    own = _own(_header(message, "Subject"), head, plain, html, pictures, mime)
    return bundle(own, members.read(_attached(message)), members, mime)


def _header(message: EmailMessage, name: str) -> str:
    try:
        return " ".join(str(message[name] or "").split())
    except (ValueError, IndexError, TypeError):  # some broken headers break their parser
        return ""


def _own(
    subject: str,
    head: list[tuple[str, str]],
    plain: str,
    html: str,
    pictures: int,
    mime: str,
) -> Converted:
    """The mail itself: its subject as heading, who wrote to whom, and the fuller of its texts."""
    blocks = [Block(subject or "(no subject)", level=1)]
    blocks += [Block(f"{name}: {value}") for name, value in head if value]
    shown = markup.html_blocks(html) if html.strip() else []
    words = {word for block in shown for word in _WORD.findall(block.text)}
    if len(words & set(_WORD.findall(plain))) < LEAST_PLAIN * len(words):
        # Headings in a mail stand below its subject.
        blocks += [Block(b.text, None, b.level and min(6, b.level + 1), b.verbatim) for b in shown]
    else:
        blocks.append(Block(plain, verbatim=True))
    notes = [f"{counted(pictures, 'picture')} not read"] if pictures else []
    return assemble(blocks, mime, notes=notes)


def _bodies(message: EmailMessage) -> list[Any | None]:
    """The plain and the HTML version of a mail, or the first of two texts that follow each other."""
    try:
        found = [message.get_body(preferencelist=(kind,)) for kind in ("plain", "html")]
    except (AttributeError, KeyError):  # a part that says it is several, and is one
        return [None, None]
    if None not in found and not {id(part) for part in found} <= _other_forms(message):
        first = next(part for part in _parts(message) if any(part is body for body in found))
        return [part if part is first else None for part in found]
    return list(found)


def _text(part: Any) -> str:
    try:
        return str(part.get_content())
    except (LookupError, ValueError, AssertionError):  # a charset that nobody knows
        return decode(part.get_payload(decode=True) or b"")[0]


def _parts(message: EmailMessage) -> Iterator[Any]:
    """The parts of a mail, without those of mails attached to it."""
    waiting = [message]
    while waiting:
        part = waiting.pop()
        if part.is_multipart() and part.get_content_maintype() != "message":
            waiting.extend(reversed(part.get_payload()))  # type: ignore[arg-type]
        else:
            yield part


def _inline(message: EmailMessage) -> Iterator[Any]:
    return (part for part in _parts(message) if part["Content-ID"] and not _is_attached(part))


def _is_attached(part: Any) -> bool:
    return part.get_content_disposition() == "attachment" or (
        part.get_filename() is not None and part["Content-ID"] is None
    )


def _attached(message: EmailMessage) -> Iterator[Member]:
    bodies = [part for part in _bodies(message) if part is not None]
    other_forms = _other_forms(message)
    for number, part in enumerate(_parts(message), 1):
        kind = part.get_content_type()
        if kind == "message/rfc822":
            inner = part.get_payload(0)
            subject = " ".join(str(inner["Subject"] or "mail").split())
            data = inner.as_bytes(policy=policy.default)
            yield Member.of(f"{subject.replace('/', '-')}.eml", data)
        elif kind == "message/delivery-status":
            told = "\n\n".join(str(one).strip() for one in part.get_payload())
            yield Member.of("delivery status.txt", told.encode("utf-8", "replace"))
        elif any(part is body for body in bodies) or (
            part["Content-ID"] and not _is_attached(part)
        ):
            continue
        elif _is_attached(part) or kind not in ("text/plain", "text/html"):
            name = part.get_filename() or f"attachment {number}"
            ending = mimetypes.guess_extension(kind) or (".txt" if kind.startswith("text/") else "")
            name = name if "." in name else name + ending
            yield Member.of(name, part.get_payload(decode=True) or b"")
        elif id(part) not in other_forms:
            ending = "html" if kind == "text/html" else "txt"
            yield Member.of(f"text {number}.{ending}", _text(part).encode("utf-8", "replace"))


def _other_forms(message: EmailMessage) -> set[int]:
    """The parts that say what another one says as well."""
    return {
        id(part)
        for around in message.walk()
        if around.get_content_type() == "multipart/alternative"
        for part in around.walk()
    }


def read_msg(data: bytes, mime: str, members: Members) -> Converted:
    """
    A mail as Outlook saves it.

    :raises InputError: It is damaged.
    """
    from oxmsg import Message

    try:
        message = Message.load(io.BytesIO(data))
        sent = message.sent_date
        head = [
            ("From", message.sender or ""),
            ("To", ", ".join(f"{to.name} <{to.email_address}>" for to in message.recipients)),
            ("Date", f"{sent:%Y-%m-%d %H:%M}" if sent else ""),
        ]
        html = message.html_body or ""
        own = _own(message.subject or "", head, message.body or "", html, 0, mime)
        attached = list(message.attachments)
    except InputError:
        raise
    except Exception as error:  # whatever a damaged file makes its parser raise
        raise InputError(f"the file is damaged: it is no Outlook mail ({error})") from error
    files = [Member.of(one.file_name or "attachment", one.file_bytes or b"") for one in attached]
    return bundle(own, members.read(files), members, mime)
