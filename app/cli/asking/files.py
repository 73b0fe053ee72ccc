"""The files that `attune ingest` is given: those to add, and those that are left out."""

from __future__ import annotations

import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.errors import InputError
from pipelines.indexing.paths import readable, why_not_read


@dataclass
class GivenFiles:
    """
    What `ingest` was given: files to add, and what is left out.

    :param failed: Paths that were named and cannot be taken, each with the reason.
    :param hidden: Files in a folder whose name begins with a dot.
    :param not_read: What else is in a folder and no file, with what it is.
    """

    files: list[Path] = field(default_factory=list)
    failed: list[tuple[Path, str]] = field(default_factory=list)
    hidden: list[Path] = field(default_factory=list)
    not_read: list[str] = field(default_factory=list)


def find_files(paths: Iterable[Path], *, recursive: bool) -> GivenFiles:
    """
    The files to add, each once, and what is left out. Nothing is opened.

    :raises InputError: There is nothing to take.
    """
    found = GivenFiles()
    for path in paths:
        try:
            mode = path.stat().st_mode
        except OSError as error:
            missing = isinstance(error, FileNotFoundError) and not path.is_symlink()
            reason = "it does not exist" if missing else f"it cannot be opened: {error.strerror}"
            found.failed.append((path, reason))
            continue
        if not stat.S_ISDIR(mode):
            if odd := why_not_read(mode):
                found.failed.append((path, odd))
            else:
                found.files.append(path)
        elif recursive:
            _look_into(path, found)
        else:
            found.failed.append((path, "it is a folder; add --recursive to add the files in it"))
    # Two ways to one file are one.
    found.files = list({path.resolve(): path for path in reversed(found.files)}.values())[::-1]
    if not found.files:
        told = [f"{readable(path)}: {reason}." for path, reason in found.failed]
        raise InputError(" ".join(told) or "There is no file to add.")
    return found


def _look_into(folder: Path, found: GivenFiles) -> None:
    """Add what a folder holds."""
    for path in sorted(folder.rglob("*")):
        try:
            linked, mode = path.is_symlink(), path.stat().st_mode
        except OSError as error:
            found.not_read.append(f"{readable(path)}: {error.strerror}")
            continue
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            if stat.S_ISREG(mode):
                found.hidden.append(path)
        elif stat.S_ISDIR(mode):
            if linked:
                found.not_read.append(f"{readable(path)}: a link to a folder")
        elif reason := why_not_read(mode):
            found.not_read.append(f"{readable(path)}: {reason}")
        else:
            found.files.append(path)
