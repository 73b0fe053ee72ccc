"""
A file in, a searchable document out; or a reason why not, for a person.

Three stages overlap: reading, embedding, writing. Small files come first, and what is read already
is embedded together, sorted by length. The slow work happens outside any transaction: one then writes a whole document, or, if
another version took over meanwhile, nothing, and its embedding is done again.
"""

from __future__ import annotations

import hashlib
import logging
import math
import time
import uuid
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, replace

import psycopg

from pipelines.embedder import memory
from pipelines.embedder.batches import Embedder, OnTexts
from pipelines.errors import (
    DISK_FULL,
    AttuneError,
    BusyError,
    ConflictError,
    InputError,
    is_disk_full,
)
from pipelines.indexing.convert import Converter, mime_of
from pipelines.indexing.groups import STOP_EVERY_S, Bulk, gathered
from pipelines.indexing.meter import Meter
from pipelines.indexing.outcome import Outcome
from pipelines.indexing.split import split
from pipelines.indexing.stages import (
    Begun,
    Draft,
    Embedded,
    Incoming,
    Prepared,
    warnings_of,
    with_windows,
)
from pipelines.indexing.unfinished import Load, shared, standing
from pipelines.progress import OnProgress, Stop, Stopped, Task, check, never, unheard
from pipelines.search import threshold
from pipelines.search.handle import SearchHandle
from pipelines.store import active, chunks, documents, graphs
from pipelines.store.db import Pool
from pipelines.store.ids import DocumentId
from pipelines.text import languages
from pipelines.versions import build

# Windows that may be on their way to being written: enough that embedding need not wait.
WINDOWS_AHEAD = 1024
# After more text than this, what it took is worth giving back.
LARGE_CHARS = 2_000_000
# After so many the reader is let go, with its memory: the next files can wait for a new one.
MANY_WINDOWS = 5000
# A swap during the write makes it start over; more often than this, something is wrong.
MOST_TRIES = 5

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ingester:
    """
    Takes files in. Safe to use from several threads.

    :param handle_source: Gives the serving handle; asked again when a swap came in between.
    :param on_progress: Told which file is under way, the share of all that is done, and the time
        left; from several threads. The stage is "reading", "accelerating", "embedding", or "graph"
        while the graph over many windows is built, which takes up to minutes.
    :param on_bulk: Told some of the texts, about as long as windows, before many are embedded:
        the moment to build a faster encoder. The handle is asked for anew after it.
    :param stop: Says whether to stop, in the middle of a file too.
    """

    pool: Pool
    handle_source: Callable[[], SearchHandle]
    converter: Converter
    chunk_chars: int
    on_progress: OnProgress = unheard
    on_bulk: Callable[[Sequence[str]], None] | None = None
    stop: Stop = never

    def ingest_many(self, files: Iterable[Incoming]) -> Generator[Outcome, None, None]:
        """
        The outcome of every file as soon as it is in, the smallest first: a note does not wait for
        a book. Close the iterator to stop early.

        :raises Stopped: `stop` said so; files that are in stay in.
        """
        files = sorted(files, key=lambda file: file.size_bytes or 0)
        load = Load(self.pool, files, self.on_progress)
        changed, windows = False, 0
        with (
            ThreadPoolExecutor(1, thread_name_prefix="read") as reader,
            Embedder() as embedder,
            ThreadPoolExecutor(1, thread_name_prefix="write") as writer,
        ):
            try:
                for outcomes in self._groups(files, load, reader, embedder, writer):
                    changed |= any(outcome.status == "indexed" for outcome in outcomes)
                    windows += sum(outcome.windows for outcome in outcomes)
                    yield from outcomes
            except BaseException:  # stopped, interrupted, or nobody listens any more
                embedder.abandon()
                for stage in (reader, writer):
                    stage.shutdown(wait=False, cancel_futures=True)
                self.converter.abandon()
                load.cut_off()
                raise
        if windows > MANY_WINDOWS:
            self.converter.close()
        if changed:
            self._settle(load.meter, many=windows > MANY_WINDOWS)

    def _settle(self, meter: Meter, *, many: bool) -> None:
        """Once all is in: the graph, if there are now enough windows, and the answer threshold."""
        handle = self.handle_source()
        with self.pool.connection() as conn:
            wanted = graphs.lacks_graph(conn, handle.vectors_id)
        if wanted:
            meter.stage("graph")
            with suppress(BusyError):  # who builds it sees what we have written
                build.finish(self.pool, handle.vectors_id, Task(is_stopping=self.stop))
        elif many:
            build.settle(self.pool, handle.vectors_id, Task(is_stopping=self.stop))
        handle = self.handle_source()  # another version may have taken over meanwhile
        with self.pool.connection() as conn:
            # What counts as an answer depends on what there is to find.
            threshold.refresh(conn, handle)

    def ingest(self, file: Incoming) -> Outcome:
        """The outcome of one file. Never raises for what is wrong with the file itself."""
        (outcome,) = self.ingest_many([file])
        return outcome

    def _groups(
        self,
        files: Sequence[Incoming],
        load: Load,
        reader: ThreadPoolExecutor,
        embedder: Embedder,
        writer: ThreadPoolExecutor,
    ) -> Iterator[list[Outcome]]:
        """The outcomes of files that were embedded together."""
        coming: deque[tuple[int, Future[list[Outcome]]]] = deque()
        groups = gathered(
            files, lambda file: reader.submit(self._prepare, file, load), self._check_stop
        )
        bulk = Bulk()
        for group in groups:
            self._check_stop()
            if self.on_bulk is not None and (texts := bulk.due(group)):
                while coming:  # what is in already is told before the pause
                    yield self._outcomes(coming.popleft()[1])
                load.meter.stage("accelerating")
                self.on_bulk(texts)
            begun = self._begin([one.draft for one in group if one.draft is not None], embedder)
            written = writer.submit(self._write_group, group, begun, load, embedder)
            coming.append((0 if begun is None else len(begun.embedding), written))
            while coming and (
                coming[0][1].done() or sum(count for count, _ in coming) > WINDOWS_AHEAD
            ):
                yield self._outcomes(coming.popleft()[1])
            embedder.wait_for_room()  # the next group grows meanwhile
        while coming:
            yield self._outcomes(coming.popleft()[1])

    def _outcomes(self, written: Future[list[Outcome]]) -> list[Outcome]:
        while wait([written], STOP_EVERY_S).not_done:
            self._check_stop()
        return written.result()

    def _check_stop(self) -> None:
        check(self.stop)

    def _prepare(self, file: Incoming, load: Load) -> Prepared:
        """Read the file, unless its content is there; registers it."""
        started = time.perf_counter()
        load.meter.reading(file)
        try:
            mime_of(file.source)
            self.converter.check_size(file.size_bytes or 0)
            content = file.load()
        except (OSError, InputError) as error:
            refused = self._refused(file, load, _reason(error))
            return Prepared(file, time.perf_counter() - started, outcome=refused)
        sha256 = hashlib.sha256(content).hexdigest()
        repeated = load.is_repeated(file, sha256)
        with self.pool.connection() as conn:
            outcome = standing(conn, file, sha256)
        document_id: DocumentId | None = None
        draft: Draft | None = None
        if outcome is None:
            document_id = load.begin(file, sha256, content)
            with self.pool.connection() as conn:
                outcome = shared(conn, file, document_id, sha256)
            if outcome is None and not repeated:
                read = self._read(file, load, document_id, content)
                draft, outcome = (read, None) if isinstance(read, Draft) else (None, read)
        if draft is not None:
            load.meter.read(file, len(draft.converted.text))
        taken = time.perf_counter() - started
        return Prepared(file, taken, sha256, document_id, outcome, draft)

    def _read(
        self, file: Incoming, load: Load, document_id: DocumentId, content: bytes
    ) -> Draft | Outcome:
        """A file's text, cut into chunks; or the outcome of one that cannot be read."""
        try:
            converted = self.converter.convert(content, file.source)
            drafts = split(converted, self.chunk_chars)
            passages = [draft.text for draft in drafts]
            language, spoken = languages.of_document(converted.text, passages)
            return Draft(document_id, converted, drafts, spoken, language)
        except Stopped:
            raise
        except Exception as error:
            self._check_stop()  # it may have ended the reader
            return load.fail(file, document_id, _reason(error))

    def _refused(self, file: Incoming, load: Load, reason: str) -> Outcome:
        """A file that cannot even be opened, or is of no readable type, is listed all the same."""
        document_id = load.begin(file, hashlib.sha256(b"").hexdigest(), b"")
        return load.fail(file, document_id, reason)

    def _committed(self, file: Incoming, document_id: DocumentId) -> Outcome | None:
        """The outcome of a write whose connection was lost, if it was made all the same."""
        with self.pool.connection() as conn:
            document = documents.get(conn, document_id)
            if document is None or document.status != "indexed":
                return None
            return Outcome(
                file.source, "indexed", document_id, chunks=chunks.count_of(conn, document_id)
            )

    def _begin(self, drafts: Sequence[Draft], embedder: Embedder) -> Begun | None:
        """Begin to embed drafts together; None: one is at fault, or there are none."""
        try:
            return self._embed(drafts, embedder) if drafts else None
        except Exception:
            return None  # each is tried by itself when it is written, and fails alone

    def _embed(self, drafts: Sequence[Draft], embedder: Embedder) -> Begun:
        """Begin to embed drafts by the version that serves now."""
        handle = self.handle_source()
        cut_up = [with_windows(draft, handle) for draft in drafts]
        chunked = [chunk for one in cut_up for chunk in one.chunks]
        texts = [chunk.text[a:b] for chunk in chunked for a, b in chunk.windows]
        # All windows of a chunk but its last have as many tokens as the rule says.
        lengths = [
            math.inf if end is not chunk.windows[-1] else end[1] - end[0]
            for chunk in chunked
            for end in chunk.windows
        ]
        with self.pool.connection() as conn:
            ids = [draft.document_id for draft in drafts]
            known = chunks.vectors_before(conn, ids, handle.vectors_id, handle.rule_id)
        encoder = handle.encoder
        embedding = embedder.begin(
            encoder.encode_documents, texts, encoder.dimension, lengths, known
        )
        return Begun(handle, drafts, cut_up, embedding)

    def _embedded(
        self, group: Sequence[Prepared], begun: Begun | None, load: Load
    ) -> dict[DocumentId, Embedded]:
        """The drafts that could be embedded, by document; all of those begun together, or none."""
        if begun is None:
            return {}
        try:
            return begun.wait(self._teller(group, load), self.stop)
        except (Stopped, CancelledError):
            raise
        except Exception:
            return {}

    def _teller(self, group: Sequence[Prepared], load: Load) -> OnTexts:
        embedded = [one.file for one in group if one.draft is not None]
        return lambda done, total: load.meter.embedding(embedded, done, total)

    def _write_group(
        self, group: Sequence[Prepared], begun: Begun | None, load: Load, embedder: Embedder
    ) -> list[Outcome]:
        started = time.perf_counter()
        embedded = self._embedded(group, begun, load)
        waited, chars = time.perf_counter() - started, sum(one.chars for one in group)
        outcomes = []
        for one in group:
            started = time.perf_counter()
            outcome = self._complete(one, embedded, load, embedder)
            own = one.seconds + waited * one.chars / max(1, chars) + time.perf_counter() - started
            outcomes.append(replace(outcome, seconds=round(own, 3)))
            load.ended(outcome, one.file)
        if chars > LARGE_CHARS:
            memory.give_back()
        return outcomes

    def _complete(
        self,
        prepared: Prepared,
        embedded: Mapping[DocumentId, Embedded],
        load: Load,
        embedder: Embedder,
    ) -> Outcome:
        if prepared.outcome is not None:
            return prepared.outcome
        file, document_id = prepared.file, prepared.document_id
        assert document_id is not None
        try:
            draft = prepared.draft or self._repeated(prepared, load)
            if isinstance(draft, Outcome):
                return draft
            return self._write(prepared, draft, embedded.get(document_id), load, embedder)
        except (Stopped, CancelledError):
            raise
        except psycopg.OperationalError as error:
            if file.document_id is not None:
                raise  # the fault is not the file's, and its row says that it waits
            outcome = self._committed(file, document_id)
            return outcome or load.fail(file, document_id, _reason(error))
        except Exception as error:  # one file must not end the batch
            return load.fail(file, document_id, _reason(error))

    def _repeated(self, prepared: Prepared, load: Load) -> Draft | Outcome:
        """A file of whose content there was one before: what became of that is known by now."""
        file, document_id = prepared.file, prepared.document_id
        assert document_id is not None
        with self.pool.connection() as conn:
            outcome = shared(conn, file, document_id, prepared.sha256)
        return outcome or self._read(file, load, document_id, file.load())

    def _write(
        self,
        prepared: Prepared,
        draft: Draft,
        found: Embedded | None,
        load: Load,
        embedder: Embedder,
    ) -> Outcome:
        file, pages = prepared.file, draft.converted.pages
        for _ in range(MOST_TRIES):
            if found is None:
                begun = self._embed([draft], embedder)
                (found,) = begun.wait(self._teller([prepared], load), self.stop).values()
            handle = found.handle
            warnings = warnings_of(draft.converted, draft.language, read=found.cut_up.read)
            with self.pool.connection() as conn, conn.transaction():
                chunks.lock_for_writing(conn)
                pointer = active.get(conn)
                if pointer is None or pointer.epoch != handle.epoch:
                    found = None  # another version serves now: its vectors are needed
                    continue
                documents.lock_source(conn, file.collection, file.source)
                documents.lock_content(conn, file.collection, prepared.sha256)
                before = documents.indexed(conn, file.collection, file.source)
                if before is not None and before.id == draft.document_id:
                    break  # whoever was given it as well has been faster
                if outcome := shared(conn, file, draft.document_id, prepared.sha256):
                    return outcome  # and so has whoever was given the same content
                if before is not None:
                    chunks.delete_document(conn, before.id, replaced_by=draft.document_id)
                there = documents.finish(
                    conn,
                    draft.document_id,
                    language=draft.language,
                    pages=pages[-1][1] if pages else None,
                    warnings=warnings,
                )
                if not there:
                    raise ConflictError("it was deleted, or taken in anew, meanwhile")
                chunks.write(
                    conn,
                    draft.document_id,
                    handle.vectors_id,
                    handle.rule_id,
                    found.cut_up.chunks,
                    found.vectors,
                )
            break
        else:
            raise ConflictError("the serving version kept changing; try again")
        return Outcome(
            file.source,
            "indexed",
            draft.document_id,
            warnings=[warning["text"] for warning in warnings],
            chunks=len(found.cut_up.chunks),
            windows=len(found.vectors),
        )


def _reason(error: Exception) -> str:
    """Why a file failed, for a person; the log has what only a programmer understands."""
    if isinstance(error, AttuneError):
        return str(error)
    if is_disk_full(error):
        return DISK_FULL
    if isinstance(error, OSError):
        return f"the file cannot be opened: {error.strerror or error}"
    incident = uuid.uuid4().hex[:8]
    log.error("incident %s", incident, exc_info=error)
    return f"an unexpected fault (incident {incident}): {type(error).__name__}"
