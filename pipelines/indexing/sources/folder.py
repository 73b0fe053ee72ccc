"""A folder on this machine as a source of documents."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from pipelines.errors import InputError, NotReadyError
from pipelines.indexing import paths
from pipelines.indexing.readers.kinds import kind_of
from pipelines.indexing.sources.entries import SourceEntry, SourceRemarks
from pipelines.progress import Task
from pipelines.store.source_entries import KnownEntry


class FolderReader:
    """
    Lists the files of a folder and of the folders in it.

    Hidden files, and what no kind of document is, are left out. Links to folders are not followed.
    """

    mark = ""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.remarks = SourceRemarks()

    def batches(
        self, known: Mapping[str, KnownEntry], run_id: int, task: Task
    ) -> Iterator[Sequence[SourceEntry]]:
        """All files at once. See `Reader`."""
        if not self._folder.is_dir():
            raise NotReadyError(f"{paths.readable(self._folder)} is not there, or is no folder.")
        yield [entry for path in self._walk(task) if (entry := self._entry(path)) is not None]

    def close(self) -> None:
        """Nothing was stored."""

    def _walk(self, task: Task) -> Iterator[Path]:
        def unreadable(error: OSError) -> None:
            # Its files may be there still.
            where = self._key(Path(error.filename))
            self.remarks.skipped.append((where, f"it cannot be opened: {error.strerror}"))
            self.remarks.incomplete = f"{where} cannot be opened"

        for folder, folders, files in os.walk(self._folder, onerror=unreadable):
            task.check()
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(files):
                if not name.startswith("."):
                    yield Path(folder, name)

    def _entry(self, path: Path) -> SourceEntry | None:
        key = self._key(path)
        try:
            found = path.stat()
        except OSError as error:
            self._leave_out(key, f"it cannot be opened: {error.strerror}", error)
            return None
        reason = paths.why_not_read(found.st_mode)
        if reason is None:
            try:
                kind_of(path.name)
            except InputError as error:
                reason = str(error)
        if reason is not None:
            self.remarks.skipped.append((key, reason))
            return None
        name, source = paths.readable(path.name), paths.readable(path.absolute())
        stamp = f"{found.st_mtime_ns}.{found.st_ino}"
        return SourceEntry(key, source, name, found.st_size, stamp, partial(paths.read, path))

    def _leave_out(self, key: str, reason: str, error: OSError) -> None:
        """A file that is there and cannot be looked at is not gone."""
        missing = isinstance(error, FileNotFoundError)
        (self.remarks.skipped if missing else self.remarks.failed).append((key, reason))

    def _key(self, path: Path) -> str:
        return paths.readable(path.relative_to(self._folder).as_posix())
