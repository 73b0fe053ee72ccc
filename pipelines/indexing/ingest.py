"""
A file in, a searchable document out, or a reason why not for a person.

A load goes read -> split -> embed -> write. The steps are in `steps`, each in a module of its own
(`reading`, `embedding`, `writing`). The threads that overlap them are in `load/stages`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass

from pipelines.errors import BusyError
from pipelines.indexing.convert import Converter
from pipelines.indexing.incoming import Incoming
from pipelines.indexing.load import stages
from pipelines.indexing.load.load import Load
from pipelines.indexing.load.meter import Meter
from pipelines.indexing.outcome import Outcome
from pipelines.indexing.steps import FileSteps
from pipelines.progress import NO_TASK, Task
from pipelines.search import threshold
from pipelines.search.handle import SearchHandle
from pipelines.store import graphs
from pipelines.store.db import Pool
from pipelines.versions import build

# After so many windows the reader process is ended, for its memory. The next load starts a new one.
MANY_WINDOWS = 5000

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ingester:
    """
    Indexes files. Safe to use from several threads.

    :param handle_source: Gives the serving handle. It is called again for every group of files,
        because another version may have taken over.
    :param chunk_chars: Length of a passage.
    :param task: Told the current file, the share that is done, and the time left, from several
        threads. The stage is "reading", "accelerating", "embedding", "graph" while the graph over
        many windows is built, which takes up to minutes, or "threshold" at the end. A stop takes
        effect in the middle of a file too.
    :param on_bulk: Called with some of the texts, about as long as windows, before many are
        embedded: the moment to build a faster encoder. `handle_source` may give another one after.
    """

    pool: Pool
    handle_source: Callable[[], SearchHandle]
    converter: Converter
    chunk_chars: int
    task: Task = NO_TASK
    on_bulk: Callable[[Sequence[str]], None] | None = None

    def ingest_many(self, files: Iterable[Incoming]) -> Generator[Outcome, None, None]:
        """
        Index files, the smallest first: a note does not wait for a book.

        Close the iterator to stop early.

        :returns: The outcome of every file as soon as it is known.
        :raises Stopped: The task was asked to stop. Files that are in stay in.
        """
        files = sorted(files, key=lambda file: file.size_bytes or 0)
        load = Load(self.pool, files, self.task)
        steps = FileSteps(load, self.handle_source, self.converter, self.chunk_chars, self.on_bulk)
        has_changed, windows = False, 0
        with closing(stages.run(files, steps)) as groups:
            for outcomes in groups:
                has_changed |= any(outcome.status == "indexed" for outcome in outcomes)
                windows += sum(outcome.windows for outcome in outcomes)
                yield from outcomes
        if windows > MANY_WINDOWS:
            self.converter.close()
        if has_changed:
            self._settle(load.meter, is_large=windows > MANY_WINDOWS)

    def ingest(self, file: Incoming) -> Outcome:
        """The outcome of one file. Never raises for what is wrong with the file itself."""
        (outcome,) = self.ingest_many([file])
        return outcome

    def _settle(self, meter: Meter, *, is_large: bool) -> None:
        """Once all is in: the graph, if there are now enough windows, and the answer threshold."""
        handle = self.handle_source()
        with self.pool.connection() as conn:
            lacks_graph = graphs.lacks_graph(conn, handle.vectors_id)
        if lacks_graph:
            meter.stage("graph")
            try:
                build.finish(self.pool, handle.vectors_id, self.task)
            except BusyError:
                log.info("another process builds the search graph, over these windows too")
        elif is_large:
            build.settle(self.pool, handle.vectors_id, self.task)
        handle = self.handle_source()  # another version may have taken over meanwhile
        meter.last("threshold")
        with self.pool.connection() as conn:
            # What counts as an answer depends on what there is to find.
            threshold.refresh(conn, handle)
