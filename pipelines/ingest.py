"""
A file in, a searchable document out; or a reason why not, for a person.

Three stages overlap: reading, embedding, writing. What is read already is embedded together, sorted
by length. The slow work happens outside any transaction: one then writes a whole document, or, if
another version took over meanwhile, nothing, and its embedding is done again.
"""

from __future__ import annotations

import hashlib
import logging
import math
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, replace

import psycopg

from pipelines import build, calibrate, languages, memory
from pipelines.convert import Converter, mime_of
from pipelines.embedding import Embedder, OnTexts, unheard
from pipelines.errors import AttuneError, BusyError, ConflictError, InputError
from pipelines.gather import STOP_EVERY_S, bulk_known, gathered
from pipelines.handle import SearchHandle
from pipelines.incoming import (
    Begun,
    Draft,
    Embedded,
    Incoming,
    Outcome,
    Prepared,
    warnings_of,
    with_windows,
)
from pipelines.progress import Stop, Stopped, check, never
from pipelines.split import split
from pipelines.store import active, chunks, documents, graphs
from pipelines.store.db import Connection, Pool
from pipelines.store.ids import DocumentId

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
    :param on_windows: Told of windows embedded so far and in all, for a file under way.
    :param on_bulk: Told some of the texts, about as long as windows, before many are embedded:
        the moment to build a faster encoder. The handle is asked for anew after it.
    :param on_graph: Told before the graph over many windows is built, which takes up to minutes.
    :param stop: Says whether to stop, in the middle of a file too.
    """

    pool: Pool
    handle_source: Callable[[], SearchHandle]
    converter: Converter
    chunk_chars: int
    on_windows: OnTexts = unheard
    on_bulk: Callable[[Sequence[str]], None] | None = None
    on_graph: Callable[[], None] | None = None
    stop: Stop = never

    def ingest_many(self, files: Iterable[Incoming]) -> Iterator[Outcome]:
        """
        The outcome of every file, in order.

        :raises Stopped: `stop` said so; files that are in stay in.
        """
        changed, windows = False, 0
        with (
            ThreadPoolExecutor(1, thread_name_prefix="read") as reader,
            Embedder() as embedder,
            ThreadPoolExecutor(1, thread_name_prefix="write") as writer,
        ):
            try:
                for outcomes in self._groups(files, reader, embedder, writer):
                    changed |= any(outcome.status == "indexed" for outcome in outcomes)
                    windows += sum(outcome.windows for outcome in outcomes)
                    yield from outcomes
            except BaseException:  # stopped, interrupted, or nobody listens any more
                embedder.abandon()
                for stage in (reader, writer):
                    stage.shutdown(wait=False, cancel_futures=True)
                self.converter.abandon()
                raise
        if windows > MANY_WINDOWS:
            self.converter.close()
        if changed:
            self._settle(many=windows > MANY_WINDOWS)

    def _settle(self, *, many: bool) -> None:
        """Once all is in: the graph, if there are now enough windows, and the answer threshold."""
        handle = self.handle_source()
        with self.pool.connection() as conn:
            wanted = graphs.lacks_graph(conn, handle.vectors_id)
        if wanted:
            if self.on_graph is not None:
                self.on_graph()
            with suppress(BusyError):  # who builds it sees what we have written
                build.finish(self.pool, handle.vectors_id, self.stop)
        elif many:
            build.settle(self.pool, handle.vectors_id, self.stop)
        handle = self.handle_source()  # another version may have taken over meanwhile
        with self.pool.connection() as conn:
            # What counts as an answer depends on what there is to find.
            calibrate.refresh(conn, handle)

    def ingest(self, file: Incoming) -> Outcome:
        """The outcome of one file. Never raises for what is wrong with the file itself."""
        (outcome,) = self.ingest_many([file])
        return outcome

    def _groups(
        self,
        files: Iterable[Incoming],
        reader: ThreadPoolExecutor,
        embedder: Embedder,
        writer: ThreadPoolExecutor,
    ) -> Iterator[list[Outcome]]:
        """The outcomes of files that were embedded together."""
        coming: deque[tuple[int, Future[list[Outcome]]]] = deque()
        seen: set[tuple[str, str]] = set()
        groups = gathered(
            files, lambda file: reader.submit(self._prepare, file, seen), self._check_stop
        )
        if self.on_bulk is not None:
            groups = bulk_known(groups, self.on_bulk)
        for group in groups:
            self._check_stop()
            begun = self._begin([one.draft for one in group if one.draft is not None], embedder)
            written = writer.submit(self._write_group, group, begun, embedder)
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

    def _prepare(self, file: Incoming, seen: set[tuple[str, str]]) -> Prepared:
        """
        Read the file, unless it is known; registers it.

        :param seen: Collection with name, and with content, of the files before; added to.
        """
        started = time.perf_counter()
        try:
            mime = mime_of(file.source)
            self.converter.check_size(file.size_bytes or 0)
            content = file.load()
        except (OSError, InputError) as error:
            return self._refuse(file, _reason(error), started)
        sha256 = hashlib.sha256(content).hexdigest()
        marks = {(file.collection, file.source), (file.collection, sha256)}
        repeated = not marks.isdisjoint(seen)
        seen |= marks
        with self.pool.connection() as conn:
            known = _known(conn, file, sha256)
            if known is not None:
                return Prepared(file, started, sha256, known)
            if file.document_id is not None:
                document_id = file.document_id
                documents.start(conn, document_id)
            else:
                document_id = documents.begin(
                    conn,
                    source=file.source,
                    title=file.title,
                    sha256=sha256,
                    mime=mime,
                    content=content,
                    collection=file.collection,
                )
        try:
            converted = self.converter.convert(content, file.source)
            drafts = split(converted, self.chunk_chars)
            passages = [draft.text for draft in drafts]
            language, spoken = languages.of_document(converted.text, passages)
            draft = Draft(document_id, converted, drafts, spoken, language)
        except Exception as error:
            self._check_stop()  # it may have ended the reader
            failed = self._failed(file, document_id, _reason(error))
            return Prepared(file, started, sha256, failed)
        return Prepared(file, started, sha256, None, draft, repeated)

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

    def _embedded(self, begun: Begun | None) -> dict[DocumentId, Embedded]:
        """The drafts that could be embedded, by document; all of those begun together, or none."""
        if begun is None:
            return {}
        try:
            return begun.wait(self.on_windows, self.stop)
        except (Stopped, CancelledError):
            raise
        except Exception:
            return {}

    def _write_group(
        self, group: Sequence[Prepared], begun: Begun | None, embedder: Embedder
    ) -> list[Outcome]:
        embedded = self._embedded(begun)
        outcomes = [self._complete(one, embedded, embedder) for one in group]
        if sum(one.chars for one in group) > LARGE_CHARS:
            memory.give_back()
        return outcomes

    def _complete(
        self,
        prepared: Prepared,
        embedded: Mapping[DocumentId, Embedded],
        embedder: Embedder,
    ) -> Outcome:
        outcome = prepared.outcome
        if outcome is None and prepared.repeated:  # the one before may be in by now
            with self.pool.connection() as conn:
                outcome = _known(conn, prepared.file, prepared.sha256)
        if outcome is None:
            draft = prepared.draft
            assert draft is not None
            try:
                found = embedded.get(draft.document_id)
                outcome = self._write(prepared.file, draft, found, embedder)
            except (Stopped, CancelledError):
                raise
            except psycopg.OperationalError as error:
                if prepared.file.document_id is not None:
                    raise  # the fault is not the file's, and its row says that it waits
                outcome = self._committed(prepared.file, draft)
                outcome = outcome or self._failed(prepared.file, draft.document_id, _reason(error))
            except Exception as error:  # one file must not end the batch
                outcome = self._failed(prepared.file, draft.document_id, _reason(error))
        return replace(outcome, seconds=round(time.perf_counter() - prepared.started, 3))

    def _write(
        self, file: Incoming, draft: Draft, found: Embedded | None, embedder: Embedder
    ) -> Outcome:
        pages = draft.converted.pages
        for _ in range(MOST_TRIES):
            if found is None:
                begun = self._embed([draft], embedder)
                (found,) = begun.wait(self.on_windows, self.stop).values()
            handle = found.handle
            warnings = warnings_of(draft.converted, draft.language, read=found.cut_up.read)
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


def _known(conn: Connection, file: Incoming, sha256: str) -> Outcome | None:
    """The same content as before, under this name or, if the name is new, another one."""
    before = documents.indexed(conn, file.collection, file.source)
    twin = before or documents.same_content(conn, file.collection, sha256)
    if twin is None or twin.sha256 != sha256:
        return None
    if file.document_id is not None and twin.source == file.source:
        return None  # it is to be indexed anew
    documents.forget_attempts(conn, file.collection, file.source)
    reason = None if before else f"the same content as {twin.title}"
    return Outcome(file.source, "unchanged", twin.id, reason)


def _reason(error: Exception) -> str:
    """Why a file failed, for a person; the log has what only a programmer understands."""
    if isinstance(error, AttuneError):
        return str(error)
    if isinstance(error, OSError):
        return f"the file cannot be opened: {error.strerror or error}"
    incident = uuid.uuid4().hex[:8]
    log.error("incident %s", incident, exc_info=error)
    return f"an unexpected fault (incident {incident}): {type(error).__name__}"
