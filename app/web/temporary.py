"""
The folder that a server's uploads pass through: its own, in the data folder, for nobody else to read.

It is emptied when the server ends. What a server left that was killed goes when the next one starts.
"""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

from filelock import FileLock, Timeout


class TemporaryFolder:
    """One server's folder, held by a lock for as long as the process lives."""

    def __init__(self, home: Path) -> None:
        root = home / "tmp"
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        root.chmod(0o700)
        _remove_abandoned(root)
        self.path = root / f"web-{secrets.token_hex(6)}"
        # It is released by another thread than this one.
        self._lock = FileLock(self.path.with_suffix(".lock"), thread_local=False)
        # First: whoever sees the folder finds it held.
        self._lock.acquire()
        self.path.mkdir(mode=0o700)

    def close(self) -> None:
        """Remove it with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.release()
        Path(self._lock.lock_file).unlink(missing_ok=True)


def _remove_abandoned(root: Path) -> None:
    for lock_file in root.glob("web-*.lock"):
        lock = FileLock(lock_file)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue  # its server lives
        shutil.rmtree(lock_file.with_suffix(""), ignore_errors=True)
        lock_file.unlink(missing_ok=True)
        lock.release()
