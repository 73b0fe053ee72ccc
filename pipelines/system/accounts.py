"""The machine's account that the embedded PostgreSQL runs under, where Attune runs as root."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from filelock import FileLock

# Root's own folder. In one that all may write to, another user could hold the lock.
LOCK = Path("/run/attune-account.lock")


def ensure(name: str) -> None:
    """
    Make the account if this process is root's and the account is missing.

    Two `useradd` at once both succeed, and the second one gives the account another number. Files
    of the first are then somebody else's, so only one process of the machine makes it.

    :raises OSError: The account cannot be made.
    """
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or _is_there(name):
        return
    with FileLock(LOCK, preserve_lock_file=True):
        if _is_there(name):
            return
        made = subprocess.run(
            ["useradd", "-s", "/bin/bash", name], capture_output=True, text=True, check=False
        )
        if made.returncode:
            raise OSError(f"The account {name} cannot be made: {made.stderr.strip()}")


def _is_there(name: str) -> bool:
    import pwd

    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
