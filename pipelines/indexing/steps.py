"""
What happens to the files of one load: read -> split -> embed -> write.

The slow work happens outside any transaction. One transaction then writes a whole file or, if
another version took over meanwhile, nothing; the file is then embedded by that version.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass, field, replace

import psycopg

from pipelines.embedder import memory
from pipelines.embedder.batches import Embedder, OnTexts
from pipelines.errors import ConflictError
from pipelines.indexing import embedding, reading, writing
from pipelines.indexing.convert import Converter
from pipelines.indexing.duplicates import share
from pipelines.indexing.embedding import PendingFiles
from pipelines.indexing.incoming import Incoming
from pipelines.indexing.load.bulk import Bulk
from pipelines.indexing.load.load import Load
from pipelines.indexing.outcome import Outcome, reason_of
from pipelines.indexing.records import EmbeddedFile, ReadFile, SplitText
from pipelines.progress import Stopped
from pipelines.search.handle import SearchHandle
from pipelines.store.ids import DocumentId

# After a group with more text than this, the memory that it took is worth giving back.
LARGE_CHARS = 2_000_000
# A swap during the write makes a file start over; more often than this, something is wrong.
MOST_TRIES = 5

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FileSteps:
    """The steps of one load, as `stages.run` calls them. See `Ingester` for the parameters."""

    load: Load
    handle_source: Callable[[], SearchHandle]
    converter: Converter
    chunk_chars: int
    on_bulk: Callable[[Sequence[str]], None] | None
    bulk: Bulk = field(default_factory=Bulk)

    def check(self) -> None:
        """:raises Stopped: The load was asked to stop."""
        self.load.task.check()

    def read(self, file: Incoming) -> ReadFile:
        """Read a file and split its text."""
        with self.load.timed(file):
            return reading.read(file, self.load, self.converter, self.chunk_chars)

    def pause(self, group: Sequence[ReadFile]) -> Callable[[], None] | None:
        """What builds a faster encoder, with the group that makes the load large."""
        if self.on_bulk is None or not (texts := self.bulk.due(group)):
            return None
        on_bulk = self.on_bulk

        def build() -> None:
            self.load.meter.stage("accelerating")
            on_bulk(texts)

        return build

    def embed(self, group: Sequence[ReadFile], embedder: Embedder) -> PendingFiles | None:
        """Begin to embed a group. None if that fails, or if there is nothing to embed."""
        if not any(read.text for read in group):
            return None
        try:
            return self._begin(group, embedder)
        except Exception:
            log.warning(
                "embedding %s files together failed: each is tried alone", len(group), exc_info=True
            )
            return None

    def _begin(self, group: Sequence[ReadFile], embedder: Embedder) -> PendingFiles:
        return embedding.begin(group, self.handle_source(), self.load.pool, embedder)

    def write(
        self, group: Sequence[ReadFile], pending: PendingFiles | None, embedder: Embedder
    ) -> list[Outcome]:
        """Wait for a group's vectors, then write its files one by one."""
        started = time.perf_counter()
        embedded = self._embedded(group, pending)
        waited_s, chars = time.perf_counter() - started, sum(read.chars for read in group)
        outcomes = []
        for read in group:
            self.load.add_time(read.file, waited_s * read.chars / max(1, chars))
            with self.load.timed(read.file):
                outcome = self._complete(read, embedded.get(read.document_id), embedder)
            outcomes.append(self.load.ended(read.file, outcome))
        if chars > LARGE_CHARS:
            memory.give_back()
        return outcomes

    def _embedded(
        self, group: Sequence[ReadFile], pending: PendingFiles | None
    ) -> dict[DocumentId, EmbeddedFile]:
        """The files that were embedded together, by document. None of them if that failed."""
        if pending is None:
            return {}
        try:
            return pending.wait(self._teller(group), self.load.task.is_stopping)
        except (Stopped, CancelledError):
            raise
        except Exception:
            log.warning(
                "embedding %s files together failed: each is tried alone", len(group), exc_info=True
            )
            return {}

    def _teller(self, group: Sequence[ReadFile]) -> OnTexts:
        files = [read.file for read in group if read.text is not None]
        return lambda done, total: self.load.meter.embedding(files, done, total)

    def _complete(
        self, read: ReadFile, embedded: EmbeddedFile | None, embedder: Embedder
    ) -> Outcome:
        """The outcome of a file. One that cannot be written fails alone."""
        try:
            result = self._repeated(read) if read.result is None else read.result
            if isinstance(result, Outcome):
                return result
            return self._write(read, result, embedded, embedder)
        except (Stopped, CancelledError):
            raise
        except psycopg.OperationalError as error:
            if read.file.document_id is not None:
                raise  # the fault is not the file's, and its row says that it waits
            outcome = writing.committed(self.load.pool, read.file, read.document_id)
            return outcome or self.load.fail(read.file, read.document_id, reason_of(error))
        except Exception as error:
            return self.load.fail(read.file, read.document_id, reason_of(error))

    def _repeated(self, read: ReadFile) -> SplitText | Outcome:
        """A file whose content came before in the load: what became of that one is known by now."""
        with self.load.pool.connection() as conn:
            outcome = share(conn, read.file, read.document_id, read.sha256)
        return outcome or reading.read_text(
            read, read.file.load(), self.load, self.converter, self.chunk_chars
        )

    def _write(
        self,
        read: ReadFile,
        text: SplitText,
        embedded: EmbeddedFile | None,
        embedder: Embedder,
    ) -> Outcome:
        """
        Write a file, embedding it again whenever another version took over meanwhile.

        :raises ConflictError: That happened too often, or another process was faster.
        """
        read = replace(read, result=text)
        for _ in range(MOST_TRIES):
            embedded = embedded or self._embed_alone(read, embedder)
            if outcome := writing.try_write(self.load.pool, read, text, embedded):
                return outcome
            embedded = None
        raise ConflictError("the serving version kept changing; try again")

    def _embed_alone(self, read: ReadFile, embedder: Embedder) -> EmbeddedFile:
        pending = self._begin([read], embedder)
        (embedded,) = pending.wait(self._teller([read]), self.load.task.is_stopping).values()
        return embedded

    def cut_off(self) -> None:
        """Let nothing more begin, in any thread. Rows of files under way are removed or wait again."""
        self.converter.abandon()
        self.load.cut_off()
