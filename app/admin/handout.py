"""Files that a page offers for download: copies in a folder of their own, the last few of them."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

MOST_KEPT = 8


class Handout:
    """
    A temporary folder, which is where pages may take files from. It goes with the process.

    Safe to share between threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._root: tempfile.TemporaryDirectory[str] | None = None
        self._given: OrderedDict[Path, None] = OrderedDict()

    def make(self, name: str, fill: Callable[[Path], object]) -> str:
        """The path of a new file of this name, which `fill` is given to write."""
        with self._lock:
            if self._root is None:
                self._root = tempfile.TemporaryDirectory(prefix="attune-handout-")
            folder = Path(tempfile.mkdtemp(dir=self._root.name))
        path = folder / Path(name).name
        fill(path)
        with self._lock:
            self._given[folder] = None
            while len(self._given) > MOST_KEPT:
                shutil.rmtree(self._given.popitem(last=False)[0], ignore_errors=True)
        return str(path)

    def copy(self, source: Path, name: str) -> str:
        """The path of a copy of a file."""
        return self.make(name, lambda path: shutil.copyfile(source, path))
