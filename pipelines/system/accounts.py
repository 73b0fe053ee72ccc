"""The machine's account that the embedded PostgreSQL runs under, where Attune runs as root."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from filelock import FileLock

# Root's own folder. In one that all may write to, another user could hold the lock.
LOCK = Path("/run/attune-account.lock")


def is_root() -> bool:
    """Whether this process may make accounts and give files away."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def ensure(name: str) -> None:
    """
    Make the account if it is missing. Only root can.

    Two `useradd` at once both succeed, and the second one gives the account another number. Files
    of the first are then somebody else's, so only one process of the machine makes it.

    :raises OSError: The account cannot be made.
    """
    if _is_there(name):
        return
    with FileLock(LOCK, preserve_lock_file=True):
        if _is_there(name):
            return
        made = subprocess.run(
            ["useradd", "-s", "/bin/bash", name], capture_output=True, text=True, check=False
        )
        if made.returncode:
            raise OSError(f"The account {name} cannot be made: {made.stderr.strip()}")


def give(folder: Path, name: str) -> None:
    """
    Let the account own a folder and all that is in it. Only root can.

    A folder that came from another machine carries the number that the account has there.
    """
    for place in (folder, *folder.rglob("*")):
        shutil.chown(place, name, name)


def owner(path: Path) -> str | None:
    """The name of the account that owns a file, if this machine has that account."""
    try:
        return path.owner()
    except KeyError:
        return None


def _is_there(name: str) -> bool:
    import pwd

    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
