"""
A file in, a searchable document out; or a reason why not, for a person.

The slow work (reading, embedding) happens outside any transaction. One transaction then writes
everything, or, if another version took over meanwhile, nothing, and the embedding is done again.
"""

from __future__ import annotations

import hashlib
import logging
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Literal

import numpy as np

from pipelines import calibrate, languages, text
from pipelines.convert import Converted, Converter, mime_of
from pipelines.encoder import Encoder, Vectors
from pipelines.errors import AttuneError, ConflictError, InputError
from pipelines.handle import SearchHandle
from pipelines.split import ChunkDraft, split
from pipelines.store import active, chunks, documents
from pipelines.store.chunks import NewChunk
from pipelines.store.db import Pool
from pipelines.store.ids import DocumentId
from pipelines.windows import cut

Status = Literal["indexed", "unchanged", "failed"]
# Windows per call of the encoder: enough that sorting by length pays, few enough to report by.
ENCODE_AT_ONCE = 2048
# A document of so many chunks is worth the half minute that a faster encoder takes to build.
BULK_CHUNKS = 300
# A swap during the write makes it start over; more often than this, something is wrong.
MOST_TRIES = 5

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Incoming:
    """
    A file to take in. `source` and `collection` are its identity: the same again replaces it.

    `size_bytes`, where it is known, spares loading a file that is too large.
    """

    source: str
    title: str
    load: Callable[[], bytes]
    collection: str = "default"
    size_bytes: int | None = None

    @classmethod
    def from_path(cls, path: Path, collection: str = "default") -> Incoming:
        """A file on disk, known by its absolute path."""
        size = path.stat().st_size if path.is_file() else None
        return cls(str(path.resolve()), path.name, path.read_bytes, collection, size)


@dataclass(frozen=True)
class Outcome:
    """What became of one file."""

    source: str
    status: Status
    document_id: DocumentId | None = None
    reason: str | None = None
    warnings: list[str] = field(default_factory=list)
    chunks: int = 0
    windows: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Ingester:
    """
    Takes files in. Safe to use from several threads.

    :param handle_source: Gives the serving handle; asked again when a swap came in between.
    :param on_windows: Told of windows embedded so far and in all, for a file under way.
    :param on_bulk: Told some of the windows before many are embedded: the moment to build a
        faster encoder. The handle is asked for anew after it.
    """

    pool: Pool
    handle_source: Callable[[], SearchHandle]
    converter: Converter
    chunk_chars: int
    on_windows: Callable[[int, int], None] | None = None
    on_bulk: Callable[[Sequence[str]], None] | None = None

    def ingest_many(self, files: Iterable[Incoming]) -> Iterator[Outcome]:
        """The outcome of every file, in order; the next file is read while one is embedded."""
        changed = False
        with ThreadPoolExecutor(1, thread_name_prefix="read") as reader:
            ahead: deque[tuple[Incoming, Future[_Prepared]]] = deque()
            for file in chain(files, [None]):
                if file is not None:
                    ahead.append((file, reader.submit(self._prepare, file)))
                if ahead and (len(ahead) > 1 or file is None):
                    current, prepared = ahead.popleft()
                    outcome = self._complete(current, prepared.result())
                    changed |= outcome.status == "indexed"
                    yield outcome
        if changed:  # what counts as an answer depends on what there is to find
            with self.pool.connection() as conn:
                calibrate.refresh(conn, self.handle_source())

    def ingest(self, file: Incoming) -> Outcome:
        """The outcome of one file. Never raises for what is wrong with the file itself."""
        (outcome,) = self.ingest_many([file])
        return outcome

    def _prepare(self, file: Incoming) -> _Prepared:
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
            return _Prepared(started, sha256, known)
        with self.pool.connection() as conn:
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
        except Exception as error:
            failed = self._failed(file, document_id, _reason(error))
            return _Prepared(started, sha256, failed)
        return _Prepared(started, sha256, None, document_id, converted)

    def _known(self, file: Incoming, sha256: str) -> Outcome | None:
        """The same content as before, under this name or, if the name is new, another one."""
        with self.pool.connection() as conn:
            before = documents.indexed(conn, file.collection, file.source)
            twin = before or documents.same_content(conn, file.collection, sha256)
            if twin is None or twin.sha256 != sha256:
                return None
            documents.forget_attempts(conn, file.collection, file.source)
        reason = None if before else f"the same content as {twin.title}"
        return Outcome(file.source, "unchanged", twin.id, reason)

    def _refuse(self, file: Incoming, reason: str, started: float) -> _Prepared:
        """A file that cannot even be opened, or is of no readable type, is listed all the same."""
        with self.pool.connection() as conn:
            document_id = documents.begin(
                conn,
                source=file.source,
                title=file.title,
                sha256=hashlib.sha256(b"").hexdigest(),
                mime="application/octet-stream",
                content=b"",
                collection=file.collection,
            )
        return _Prepared(started, "", self._failed(file, document_id, reason))

    def _failed(self, file: Incoming, document_id: DocumentId, reason: str) -> Outcome:
        with self.pool.connection() as conn:
            documents.fail(conn, document_id, reason)
        return Outcome(file.source, "failed", document_id, reason)

    def _complete(self, file: Incoming, prepared: _Prepared) -> Outcome:
        # Asked again: the file before may have been a copy of it.
        outcome = prepared.outcome or self._known(file, prepared.sha256)
        if outcome is None:
            assert prepared.document_id is not None
            assert prepared.converted is not None
            try:
                outcome = self._index(file, prepared.document_id, prepared.converted)
            except Exception as error:  # one file must not end the batch
                outcome = self._failed(file, prepared.document_id, _reason(error))
        return replace(outcome, seconds=round(time.perf_counter() - prepared.started, 3))

    def _index(self, file: Incoming, document_id: DocumentId, converted: Converted) -> Outcome:
        drafts = split(converted, self.chunk_chars)
        language = text.language(converted.text)
        spoken = languages.of_chunks([draft.text for draft in drafts], converted.text)
        for _ in range(MOST_TRIES):
            handle = self.handle_source()
            new = _with_windows(drafts, spoken, handle)
            if self.on_bulk is not None and len(new) >= BULK_CHUNKS:
                self.on_bulk([chunk.text[a:b] for chunk in new for a, b in chunk.windows[:1]])
                handle = self.handle_source()
            vectors = self._encode(handle, new)
            warnings = _warnings(converted, language, handle.encoder)
            with self.pool.connection() as conn, conn.transaction():
                chunks.lock_for_writing(conn)
                pointer = active.get(conn)
                if pointer is None or pointer.epoch != handle.epoch:
                    continue  # another version serves now: its vectors are needed
                documents.lock_source(conn, file.collection, file.source)
                before = documents.indexed(conn, file.collection, file.source)
                if before is not None:
                    chunks.delete_document(conn, before.id)
                there = documents.finish(
                    conn,
                    document_id,
                    language=language,
                    pages=converted.pages[-1][1] if converted.pages else None,
                    warnings=warnings,
                )
                if not there:
                    raise ConflictError("it was deleted, or taken in anew, meanwhile")
                chunks.write(conn, document_id, handle.index_id, handle.rule_id, new, vectors)
            return Outcome(
                file.source,
                "indexed",
                document_id,
                warnings=[warning["text"] for warning in warnings],
                chunks=len(new),
                windows=len(vectors),
            )
        raise ConflictError("the serving version kept changing; try again")

    def _encode(self, handle: SearchHandle, new: list[NewChunk]) -> Vectors:
        windows = [chunk.text[a:b] for chunk in new for a, b in chunk.windows]
        rows = np.empty((len(windows), handle.encoder.dimension), dtype=np.float32)
        for start in range(0, len(windows), ENCODE_AT_ONCE):
            stop = start + ENCODE_AT_ONCE
            rows[start:stop] = handle.encoder.encode_documents(windows[start:stop])
            if self.on_windows is not None:
                self.on_windows(min(stop, len(windows)), len(windows))
        return rows


@dataclass(frozen=True)
class _Prepared:
    """A file after reading: an outcome already, or text to index."""

    started: float
    sha256: str
    outcome: Outcome | None
    document_id: DocumentId | None = None
    converted: Converted | None = None


def _reason(error: Exception) -> str:
    """Why a file failed, for a person; the log has what only a programmer understands."""
    if isinstance(error, AttuneError):
        return str(error)
    if isinstance(error, OSError):
        return f"the file cannot be opened: {error.strerror or error}"
    incident = uuid.uuid4().hex[:8]
    log.error("incident %s", incident, exc_info=error)
    return f"an unexpected fault (incident {incident}): {type(error).__name__}"


def _with_windows(
    drafts: Sequence[ChunkDraft], spoken: Sequence[str | None], handle: SearchHandle
) -> list[NewChunk]:
    offsets = handle.encoder.token_offsets([draft.text for draft in drafts])
    return [
        NewChunk(
            draft.text,
            draft.page,
            draft.heading,
            draft.char_start,
            draft.char_end,
            language,
            cut(spans, handle.size_tokens, handle.stride_tokens),
        )
        for draft, language, spans in zip(drafts, spoken, offsets, strict=True)
    ]


def _warnings(converted: Converted, language: str | None, encoder: Encoder) -> list[dict[str, str]]:
    found = []
    if converted.removed:
        found.append(
            {
                "code": "cleaned",
                "text": f"{converted.removed} characters that cannot be stored were removed",
            }
        )
    if not languages.reads(encoder, converted.text[:4000]):
        found.append(
            {
                "code": documents.UNREAD_LANGUAGE,
                "text": f"the embedding model hardly reads this text ({language or 'language unknown'});"
                f" a multilingual base model such as {languages.MULTILINGUAL} does",
            }
        )
    return found
