"""Calendars (iCalendar) and contacts (vCard): each event or person with what is said of it."""

from __future__ import annotations

import codecs
import quopri
import re
from collections.abc import Iterator

from pipelines.indexing.converted import Block, Converted, assemble
from pipelines.text.encodings.decode import decode

# What people call the names of fields. Others stay as they are written.
_CALLED = {
    "SUMMARY": "Summary", "DTSTART": "Start", "DTEND": "End", "DUE": "Due", "DURATION": "Duration",
    "LOCATION": "Location", "DESCRIPTION": "Description", "ORGANIZER": "Organizer",
    "ATTENDEE": "Attendee", "RRULE": "Repeats", "STATUS": "Status", "CATEGORIES": "Categories",
    "COMMENT": "Comment", "URL": "Address", "X-WR-CALNAME": "Calendar", "FN": "Name",
    "TEL": "Telephone", "EMAIL": "E-mail", "ADR": "Postal address", "ORG": "Organisation",
    "TITLE": "Title", "ROLE": "Role", "BDAY": "Birthday", "NOTE": "Note", "NICKNAME": "Nickname",
}  # fmt: skip
# Fields for programs, and pictures.
_FOR_PROGRAMS = {
    "UID", "DTSTAMP", "PRODID", "SEQUENCE", "VERSION", "CALSCALE", "METHOD", "REV", "PHOTO", "LOGO",
    "KEY", "TRANSP", "CREATED", "LAST-MODIFIED",
}  # fmt: skip
_FIELD = re.compile(
    r"(?:[\w-]+\.)?([A-Za-z][\w-]*)((?:;[^:\"]*(?:\"[^\"]*\"[^:\"]*)*)?):(.*)", re.DOTALL
)
_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)\d\d(Z?))?")
_NAMED = re.compile(r";CN=\"?([^;:\"]+)", re.I)
_ZONE = re.compile(r";TZID=\"?([^;:\"]+)", re.I)
_CHARSET = re.compile(r";CHARSET=\"?([\w-]{1,40})", re.I)
# A line that ends in "=" goes on in the next one.
_BROKEN = re.compile(r"^[^\r\n]*ENCODING=QUOTED-PRINTABLE(?:[^\r\n]*=\r?\n)*[^\r\n]*", re.I | re.M)
_ESCAPED = re.compile(r"\\([nN,;\\])")


def read(data: bytes, mime: str) -> Converted:
    """
    The entries of a calendar or an address book.

    :raises InputError: There is none.
    """
    text, encoding = decode(data)
    text = _BROKEN.sub(_whole, text)
    lines = re.sub(r"\r?\n[ \t]", "", text).splitlines()
    return assemble(list(_entries(lines)), mime, encoding)


def _entries(lines: list[str]) -> Iterator[Block]:
    found: list[str] = []
    person = ""
    in_zone = False  # when clocks are changed
    for line in lines:
        field = _FIELD.fullmatch(line)
        name = field.group(1).upper() if field else ""
        if name in ("BEGIN", "END"):
            if person and not any(one.startswith("Name: ") for one in found):
                found.insert(0, f"Name: {person}")
            yield Block("\n".join(found), verbatim=True)
            found, person = [], ""
            is_zone = line.upper().rstrip().endswith(":VTIMEZONE")
            in_zone = name == "BEGIN" if is_zone else in_zone
        elif in_zone:
            continue
        elif name == "N" and field is not None:
            person = _person(field.group(2), field.group(3))
        elif field is None:
            found += [line] if line.strip() else []
        elif name not in _FOR_PROGRAMS and (value := _value(name, field.group(2), field.group(3))):
            found.append(f"{_CALLED.get(name, name)}: {value}")
    yield Block("\n".join(found), verbatim=True)


def _whole(found: re.Match[str]) -> str:
    """A field of an old contact that was written over several lines."""
    return re.sub(r"=\r?\n[ \t]?", "", found.group())


def _person(told: str, value: str) -> str:
    """A name from its parts: family, given, others, title, ending."""
    parts = [_value("", told, part) for part in re.split(r"(?<!\\);", value)]
    family, given, others, title, ending = (*parts, "", "", "", "", "")[:5]
    return " ".join(filter(None, (title, given, others, family, ending)))


def _value(name: str, told: str, value: str) -> str:
    """
    What a field says, for a person.

    :param told: Its parameters.
    """
    if "QUOTED-PRINTABLE" in told.upper():
        charset = "".join(_CHARSET.findall(told)[:1]) or "utf-8"
        value = decode(quopri.decodestring(value.encode()), declared=_known(charset))[0]
    value = _ESCAPED.sub(
        lambda sign: "\n" if sign.group(1) in "nN" else sign.group(1), value
    ).strip()
    if (time := _TIME.fullmatch(value)) is not None:
        year, month, day, hour, minute, is_utc = time.groups()
        zone = " UTC" if is_utc else "".join(f" {found}" for found in _ZONE.findall(told)[:1])
        return f"{year}-{month}-{day}" + (f" {hour}:{minute}{zone}" if hour else "")
    if name == "ADR":
        return ", ".join(filter(None, map(str.strip, value.split(";"))))
    named = _NAMED.search(told)
    bare = re.sub("^(?:mailto|tel):", "", value, flags=re.I)
    return f"{named.group(1)} ({bare})" if named else bare


def _known(charset: str) -> str | None:
    try:
        return codecs.lookup(charset).name
    except LookupError:
        return None
