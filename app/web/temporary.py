"""
The folder for a server's incoming uploads, inside the data folder and private to its user.

It is removed when the server ends. The folder of a killed server is removed by the next one to
start.
"""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

from filelock import FileLock, Timeout


class TemporaryFolder:
    """One server's folder, locked while the process lives."""

    def __init__(self, home: Path) -> None:
        root = home / "tmp"
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        root.chmod(0o700)
        _remove_abandoned(root)
        self.path = root / f"web-{secrets.token_hex(6)}"
        # Another thread releases it.
        self._lock = FileLock(self.path.with_suffix(".lock"), thread_local=False)
        # Locked before the folder exists, so that no other server finds it unlocked.
        self._lock.acquire()
        self.path.mkdir(mode=0o700)

    def close(self) -> None:
        """Remove the folder with its content."""
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
