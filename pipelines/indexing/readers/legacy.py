"""Office files from before 2007 (DOC, XLS, PPT): LibreOffice makes them new ones, where it is installed."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

from pipelines.errors import InputError
from pipelines.indexing.converted import Converted
from pipelines.indexing.readers.kinds import OFFICE
from pipelines.indexing.readers.members import Members
from pipelines.system import child_environment

LONGEST_S = 180
OLE = b"\xd0\xcf\x11\xe0"
HOW_TO_INSTALL = "install LibreOffice (see the handbook) and add the file again, or save it as"

_NEW = {
    "application/msword": ("docx", OFFICE + "wordprocessingml.document", "Word"),
    "application/vnd.ms-excel": ("xlsx", OFFICE + "spreadsheetml.sheet", "Excel"),
    "application/vnd.ms-powerpoint": ("pptx", OFFICE + "presentationml.presentation", "PowerPoint"),
}


def read(data: bytes, mime: str, members: Members) -> Converted:
    """
    The text of an old Office file, or of what is only called one.

    :raises InputError: It is none, or nothing here that reads it.
    """
    ending, new, name = _NEW[mime]
    if data.startswith(OLE):
        made, of = _made_new(data, ending, name), new
    else:
        made, of = data, _really(data, mime, new)
    return replace(members.read_member(made, of, members), mime=mime)


def _really(data: bytes, mime: str, new: str) -> str:
    """
    The type of a file that programs give the name of an old one.

    :raises InputError: It is none that is known.
    """
    start = data[:1000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(b"pk\x03\x04"):
        return new
    if start.startswith(b"{\\rtf"):
        return "application/rtf"
    if start.startswith((b"<html", b"<!doctype html", b"<table", b"<meta")) or b"<html" in start:
        return "text/html"
    if mime == "application/vnd.ms-excel" and b"\x00" not in data[:1000] and b"<?xml" not in start:
        return "text/csv"
    raise InputError("the file is damaged: it does not begin like an old Office file")


def _made_new(data: bytes, ending: str, name: str) -> bytes:
    program = shutil.which("soffice") or shutil.which("libreoffice")
    if program is None:
        raise InputError(f"it is an old {name} file: {HOW_TO_INSTALL} {ending.upper()}")
    with tempfile.TemporaryDirectory(prefix="attune-office") as folder:
        old = Path(folder) / f"old.{ending[:3]}"
        old.write_bytes(data)
        command = [
            program,
            f"-env:UserInstallation=file://{folder}/profile",
            "--headless",
            "--norestore",
            "--convert-to",
            ending,
            "--outdir",
            folder,
            str(old),
        ]
        try:
            subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=LONGEST_S,
                env=child_environment.whole(HOME=folder),
            )
        except subprocess.TimeoutExpired:
            raise InputError(f"LibreOffice took longer than {LONGEST_S} s to read it") from None
        made = old.with_suffix(f".{ending}")
        if not made.is_file():
            raise InputError("LibreOffice cannot read it; it may need a password, or be damaged")
        return made.read_bytes()
