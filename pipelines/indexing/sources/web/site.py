"""
A website as a source of documents: the pages of its sitemaps, and what links lead to below an address.

Pages are given while the site is still being read, so that they can be indexed, and noted, before
the next ones are fetched. A run that was cut off fetches none of them again.
"""

from __future__ import annotations

import os
import tempfile
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import IO

from protego import Protego

from pipelines.errors import AttuneError, InputError, NotReadyError
from pipelines.indexing.sources.entries import SourceEntry, SourceRemarks
from pipelines.indexing.sources.web import links, rules
from pipelines.indexing.sources.web.fetch import AGENT, Fetcher, Response
from pipelines.progress import Progress, Task
from pipelines.store.source_entries import KnownEntry

BATCH = 25
GONE = (404, 410)
UNCHANGED = 304


class SiteReader:
    """
    Reads the pages below an address, or those that a sitemap names.

    :param folder: On the disk on which pages are stored until they are indexed, in files without a
        name, which end with the process.
    """

    mark = ""

    def __init__(self, address: str, fetcher: Fetcher, folder: Path) -> None:
        start = links.normal(address)
        if start is None:
            raise InputError(f"{address} is no address of a website.")
        self._start, self._fetcher = start, fetcher
        self._folder = folder
        self._stored: list[IO[bytes]] = []
        self._below = links.folder_of(start)
        self._waiting: deque[tuple[str, int]] = deque()
        self._met: set[str] = set()
        self._follows_links = True
        self.remarks = SourceRemarks()

    def batches(
        self, known: Mapping[str, KnownEntry], run_id: int, task: Task
    ) -> Iterator[Sequence[SourceEntry]]:
        """Pages in the order in which they are found. See `Reader`."""
        allowed = rules.robots(self._fetcher, self._start, task)
        batch = self._begin(allowed, task)
        read = 1
        while self._waiting:
            task.check()
            if self._is_over(read):
                break
            address, depth = self._waiting.popleft()
            task.tell(Progress("fetching", read, 0, item=address))
            before = known.get(address)
            if before is not None and before.run_id == run_id:
                self.remarks.unchanged.add(address)
                self._follow(before.links, depth)
                continue
            read += 1
            entry = self._visit(address, depth, before, allowed, task)
            batch += [entry] if entry is not None else []
            if len(batch) >= BATCH:
                yield batch
                self._drop_stored()
                batch = []
        if batch:
            yield batch

    def close(self) -> None:
        """Remove the stored pages, and close the connections."""
        self._fetcher.close()
        self._drop_stored()

    def _begin(self, allowed: Protego, task: Task) -> list[SourceEntry]:
        """
        Fetch the start, which tells what the source is.

        :raises NotReadyError: The start cannot be read.
        """
        if not allowed.can_fetch(self._start, AGENT):
            raise NotReadyError(f"The robots.txt of {self._start} does not allow to read it.")
        first = self._fetcher.get(self._start, task)
        if first.status != 200:
            raise NotReadyError(f"{self._start} cannot be read: status {first.status}.")
        self._met |= {self._start, first.address}
        if rules.is_sitemap(first.content):
            # Pages of a sitemap may lie beside its folder, but on no other host.
            host = self._below.partition("/")[0]
            self._below = f"{host}/"
            pages = rules.listed(self._fetcher, allowed, first.address, task, first.content)
            self._follow(pages, 0)
            self._follows_links = False
            return []
        if not links.is_below(first.address, self._below):
            self._below = links.folder_of(first.address)
        entry = self._entry(first.address, first, 0)
        self._follow(rules.listed(self._fetcher, allowed, first.address, task), 0)
        return [] if entry is None else [entry]

    def _visit(
        self, address: str, depth: int, before: KnownEntry | None, allowed: Protego, task: Task
    ) -> SourceEntry | None:
        """Fetch a page and note where it leads. :returns: None if it is not new."""
        if not allowed.can_fetch(address, AGENT):
            self.remarks.skipped.append((address, "robots.txt does not allow to read it"))
            return None
        stamp = before.stamp if before is not None and before.document_id is not None else ""
        try:
            found = self._fetcher.get(address, task, stamp, below=self._below)
        except InputError as error:
            self.remarks.skipped.append((address, str(error)))
            return None
        except AttuneError as error:
            self._fail(address, str(error), before, depth)
            return None
        if found.status == UNCHANGED and before is not None:
            self.remarks.unchanged.add(address)
            self._follow(before.links, depth)
            return None
        if found.status in GONE:
            if before is None:
                self.remarks.skipped.append((address, f"it is not there (status {found.status})"))
            return None
        if found.status != 200:
            self._fail(address, f"the server answers {found.status}", before, depth)
            return None
        if found.address != address:
            if found.address in self._met:
                return None  # another way to the same page
            self._met.add(found.address)
        return self._entry(found.address, found, depth)

    def _fail(self, address: str, reason: str, before: KnownEntry | None, depth: int) -> None:
        """A page that is not reached this time leads where it led before."""
        self.remarks.failed.append((address, reason))
        if before is not None:
            self._follow(before.links, depth)

    def _entry(self, address: str, found: Response, depth: int) -> SourceEntry | None:
        try:
            source = links.document_source(address, found.mime)
        except InputError as error:
            self.remarks.skipped.append((address, str(error)))
            return None
        page = links.LinkedPage("", ())
        if found.mime in links.PAGES:
            page = links.look_into(found.content, address)
        below = tuple(link for link in page.links if links.is_below(link, self._below))
        self._follow(below, depth)
        # Closed by `_drop_stored`.
        file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115
        self._stored.append(file)
        file.write(found.content)
        file.flush()
        return SourceEntry(
            address,
            source,
            page.title or links.title_of(address),
            len(found.content),
            found.stamp,
            partial(_content, file, len(found.content)),
            below,
        )

    def _follow(self, addresses: Sequence[str], depth: int) -> None:
        """Put addresses on the list of those to visit, each once."""
        if not self._follows_links:
            return
        for address in addresses:
            if address in self._met or not links.is_below(address, self._below):
                continue
            if not links.is_file(address):
                continue
            self._met.add(address)
            if depth < self._fetcher.bounds.depth:
                self._waiting.append((address, depth + 1))
            else:
                self.remarks.incomplete = f"links lead on after {depth} steps (ATTUNE_SOURCE_DEPTH)"

    def _is_over(self, read: int) -> bool:
        bounds = self._fetcher.bounds
        over = self._fetcher.is_over
        if read >= bounds.pages:
            over = f"{bounds.pages:,} pages are read (ATTUNE_SOURCE_PAGES)"
        if over:
            self.remarks.incomplete = f"{over}, and {len(self._waiting):,} more wait"
        return bool(over)

    def _drop_stored(self) -> None:
        while self._stored:
            self._stored.pop().close()


def _content(file: IO[bytes], size_bytes: int) -> bytes:
    """May be called again, and from another thread."""
    return os.pread(file.fileno(), size_bytes, 0)
