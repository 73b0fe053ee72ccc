"""
A file in, a searchable document out; or a reason why not, for a person.

Three stages overlap: one thread reads, the caller's embeds, one writes. What is read already is
embedded together, because the encoder sorts by length and fills its batches. The slow work happens
outside any transaction: one then writes a whole document, or, if another version took over
meanwhile, nothing, and its embedding is done again.
"""

from __future__ import annotations

import hashlib
import logging
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import psycopg

from pipelines import calibrate, languages, memory, text
from pipelines.build import Stop, Stopped
from pipelines.convert import Converter, mime_of
from pipelines.encoder import Vectors
from pipelines.errors import AttuneError, ConflictError, InputError
from pipelines.gather import bulk_known, gathered
from pipelines.handle import SearchHandle
from pipelines.incoming import (
    Draft,
    Embedded,
    Incoming,
    Outcome,
    Prepared,
    warnings_of,
    with_windows,
)
from pipelines.split import split
from pipelines.store import active, chunks, documents
from pipelines.store.chunks import NewChunk
from pipelines.store.db import Pool
from pipelines.store.ids import DocumentId

# Windows per call of the encoder: enough that sorting by length pays, few enough to report by.
ENCODE_AT_ONCE = 2048
# The same where a stop must be heard within seconds.
STOPPABLE_AT_ONCE = 256
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
    :param on_windows: Told of windows embedded so far and in all, for a file under way.
    :param on_bulk: Told some of the texts, about as long as windows, before many are embedded:
        the moment to build a faster encoder. The handle is asked for anew after it.
    :param stop: Says whether to stop, in the middle of a file too; None: there is no stopping.
    """

    pool: Pool
    handle_source: Callable[[], SearchHandle]
    converter: Converter
    chunk_chars: int
    on_windows: Callable[[int, int], None] | None = None
    on_bulk: Callable[[Sequence[str]], None] | None = None
    stop: Stop | None = None

    def ingest_many(self, files: Iterable[Incoming]) -> Iterator[Outcome]:
        """
        The outcome of every file, in order.

        :raises Stopped: `stop` said so; files that are in stay in.
        """
        changed, windows = False, 0
        with (
            ThreadPoolExecutor(1, thread_name_prefix="read") as reader,
            ThreadPoolExecutor(1, thread_name_prefix="write") as writer,
        ):
            try:
                for outcomes in self._groups(files, reader, writer):
                    changed |= any(outcome.status == "indexed" for outcome in outcomes)
                    windows += sum(outcome.windows for outcome in outcomes)
                    yield from outcomes
            except BaseException:  # stopped, interrupted, or nobody listens any more
                reader.shutdown(wait=False, cancel_futures=True)
                self.converter.abandon()
                raise
        if windows > MANY_WINDOWS:
            self.converter.close()
        if changed:  # what counts as an answer depends on what there is to find
            with self.pool.connection() as conn:
                calibrate.refresh(conn, self.handle_source())

    def ingest(self, file: Incoming) -> Outcome:
        """The outcome of one file. Never raises for what is wrong with the file itself."""
        (outcome,) = self.ingest_many([file])
        return outcome

    def _groups(
        self, files: Iterable[Incoming], reader: ThreadPoolExecutor, writer: ThreadPoolExecutor
    ) -> Iterator[list[Outcome]]:
        """The outcomes of files that were embedded together."""
        writing: Future[list[Outcome]] | None = None
        groups = gathered(files, lambda file: reader.submit(self._prepare, file), self._check_stop)
        if self.on_bulk is not None:
            groups = bulk_known(groups, self.on_bulk)
        for group in groups:
            drafts = [one.draft for one in group if one.draft is not None]
            self._check_stop()
            embedded = self._embed_group(drafts)
            if writing is not None:
                yield writing.result()
            writing = writer.submit(self._write_group, group, embedded)
        if writing is not None:
            yield writing.result()

    def _check_stop(self) -> None:
        if self.stop is not None and self.stop():
            raise Stopped

    def _prepare(self, file: Incoming) -> Prepared:
        """Read the file, unless it is known; registers it."""
        started = time.perf_counter()
        try:
            mime = mime_of(file.source)
            self.converter.check_size(file.size_bytes or 0)
            content = file.load()
        except (OSError, InputError) as error:
            return self._refuse(file, _reason(error), started)
        sha256 = hashlib.sha256(content).hexdigest()
        known = self._known(file, sha256)
        if known is not None:
            return Prepared(file, started, sha256, known)
        with self.pool.connection() as conn:
            document_id = file.document_id or documents.begin(
                conn,
                source=file.source,
                title=file.title,
                sha256=sha256,
                mime=mime,
                content=content,
                collection=file.collection,
            )
            documents.start(conn, document_id)
        try:
            converted = self.converter.convert(content, file.source)
            drafts = split(converted, self.chunk_chars)
            spoken = languages.of_chunks([draft.text for draft in drafts], converted.text)
            draft = Draft(document_id, converted, drafts, spoken, text.language(converted.text))
        except Exception as error:
            self._check_stop()  # it may have ended the reader
            failed = self._failed(file, document_id, _reason(error))
            return Prepared(file, started, sha256, failed)
        return Prepared(file, started, sha256, None, draft)

    def _known(self, file: Incoming, sha256: str) -> Outcome | None:
        """The same content as before, under this name or, if the name is new, another one."""
        with self.pool.connection() as conn:
            before = documents.indexed(conn, file.collection, file.source)
            twin = before or documents.same_content(conn, file.collection, sha256)
            if twin is None or twin.sha256 != sha256:
                return None
            if file.document_id is not None and twin.source == file.source:
                return None  # it is to be indexed anew
            documents.forget_attempts(conn, file.collection, file.source)
        reason = None if before else f"the same content as {twin.title}"
        return Outcome(file.source, "unchanged", twin.id, reason)

    def _refuse(self, file: Incoming, reason: str, started: float) -> Prepared:
        """A file that cannot even be opened, or is of no readable type, is listed all the same."""
        with self.pool.connection() as conn:
            document_id = file.document_id or documents.begin(
                conn,
                source=file.source,
                title=file.title,
                sha256=hashlib.sha256(b"").hexdigest(),
                mime="application/octet-stream",
                content=b"",
                collection=file.collection,
            )
        return Prepared(file, started, "", self._failed(file, document_id, reason))

    def _committed(self, file: Incoming, draft: Draft) -> Outcome | None:
        """The outcome of a write whose connection was lost, if it was made all the same."""
        with self.pool.connection() as conn:
            document = documents.get(conn, draft.document_id)
        if document is None or document.status != "indexed":
            return None
        return Outcome(file.source, "indexed", document.id, chunks=len(draft.chunks))

    def _failed(self, file: Incoming, document_id: DocumentId, reason: str) -> Outcome:
        with self.pool.connection() as conn:
            documents.fail(conn, document_id, reason)
        return Outcome(file.source, "failed", document_id, reason)

    def _embed_group(self, drafts: Sequence[Draft]) -> dict[DocumentId, Embedded]:
        """The drafts that could be embedded, by document; together if none is at fault."""
        try:
            return self._embed(drafts)
        except Stopped:
            raise
        except Exception:
            return {}  # each is tried by itself when it is written, and fails alone

    def _embed(self, drafts: Sequence[Draft]) -> dict[DocumentId, Embedded]:
        """Drafts with the windows and vectors of the version that serves now."""
        if not drafts:
            return {}
        handle = self.handle_source()
        cut_up = [with_windows(draft, handle) for draft in drafts]
        counts = [sum(len(chunk.windows) for chunk in new) for new in cut_up]
        vectors = self._encode(handle, [chunk for new in cut_up for chunk in new])
        parts = np.split(vectors, np.cumsum(counts)[:-1])
        return {
            draft.document_id: Embedded(handle, new, rows)
            for draft, new, rows in zip(drafts, cut_up, parts, strict=True)
        }

    def _write_group(
        self, group: Sequence[Prepared], embedded: Mapping[DocumentId, Embedded]
    ) -> list[Outcome]:
        outcomes = [self._complete(one, embedded) for one in group]
        if sum(one.chars for one in group) > LARGE_CHARS:
            memory.give_back()
        return outcomes

    def _complete(self, prepared: Prepared, embedded: Mapping[DocumentId, Embedded]) -> Outcome:
        # Asked again: a file before may have been a copy of it.
        outcome = prepared.outcome or self._known(prepared.file, prepared.sha256)
        if outcome is None:
            draft = prepared.draft
            assert draft is not None
            try:
                outcome = self._write(prepared.file, draft, embedded.get(draft.document_id))
            except Stopped:
                raise
            except psycopg.OperationalError as error:
                if prepared.file.document_id is not None:
                    raise  # the fault is not the file's, and its row says that it waits
                outcome = self._committed(prepared.file, draft)
                outcome = outcome or self._failed(prepared.file, draft.document_id, _reason(error))
            except Exception as error:  # one file must not end the batch
                outcome = self._failed(prepared.file, draft.document_id, _reason(error))
        return replace(outcome, seconds=round(time.perf_counter() - prepared.started, 3))

    def _write(self, file: Incoming, draft: Draft, found: Embedded | None) -> Outcome:
        pages = draft.converted.pages
        for _ in range(MOST_TRIES):
            found = found or self._embed([draft])[draft.document_id]
            handle = found.handle
            warnings = warnings_of(draft.converted, draft.language, handle.encoder)
            with self.pool.connection() as conn, conn.transaction():
                chunks.lock_for_writing(conn)
                pointer = active.get(conn)
                if pointer is None or pointer.epoch != handle.epoch:
                    found = None  # another version serves now: its vectors are needed
                    continue
                documents.lock_source(conn, file.collection, file.source)
                before = documents.indexed(conn, file.collection, file.source)
                if before is not None and before.id == draft.document_id:
                    break  # whoever was given it as well has been faster
                if before is not None:
                    chunks.delete_document(conn, before.id)
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
                    found.chunks,
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
            chunks=len(found.chunks),
            windows=len(found.vectors),
        )

    def _encode(self, handle: SearchHandle, new: list[NewChunk]) -> Vectors:
        windows = [chunk.text[a:b] for chunk in new for a, b in chunk.windows]
        rows = np.empty((len(windows), handle.encoder.dimension), dtype=np.float32)
        step = ENCODE_AT_ONCE if self.stop is None else STOPPABLE_AT_ONCE
        for start in range(0, len(windows), step):
            self._check_stop()
            stop = start + step
            rows[start:stop] = handle.encoder.encode_documents(windows[start:stop])
            if self.on_windows is not None:
                self.on_windows(min(stop, len(windows)), len(windows))
        return rows


def _reason(error: Exception) -> str:
    """Why a file failed, for a person; the log has what only a programmer understands."""
    if isinstance(error, AttuneError):
        return str(error)
    if isinstance(error, OSError):
        return f"the file cannot be opened: {error.strerror or error}"
    incident = uuid.uuid4().hex[:8]
    log.error("incident %s", incident, exc_info=error)
    return f"an unexpected fault (incident {incident}): {type(error).__name__}"
