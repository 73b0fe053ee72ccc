"""
The threads of a load: one reads ahead, two embed, one writes.

Files that are read already are embedded together. While a group is being embedded, the next one
is read and the one before is written. Nothing else in `pipelines/indexing` starts a thread.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Protocol, TypeVar

from pipelines.embedder.batches import Embedder
from pipelines.indexing.embedding import PendingFiles
from pipelines.indexing.incoming import Incoming
from pipelines.indexing.outcome import Outcome
from pipelines.indexing.records import ReadFile

# Characters of files that are embedded together, and how far reading may be ahead of embedding.
GROUP_CHARS = 200_000
AHEAD_FILES = 96
AHEAD_BYTES = 16 * 2**20
# Windows that may wait to be written: enough that embedding need not wait for the database.
WINDOWS_AHEAD = 1024
# How often a stop is looked for while nothing else happens.
STOP_EVERY_S = 0.5

T = TypeVar("T")


class Steps(Protocol):
    """What happens to files. `run` calls each step from the thread that its name says."""

    def check(self) -> None:
        """:raises Stopped: The load is to end."""

    def read(self, file: Incoming) -> ReadFile:
        """Read and split a file. Called in the reading thread."""

    def pause(self, group: Sequence[ReadFile]) -> Callable[[], None] | None:
        """Work to do before a group is embedded, once all groups before it are written."""

    def embed(self, group: Sequence[ReadFile], embedder: Embedder) -> PendingFiles | None:
        """Begin to embed a group. Called in the caller's thread."""

    def write(
        self, group: Sequence[ReadFile], pending: PendingFiles | None, embedder: Embedder
    ) -> list[Outcome]:
        """Wait for a group's vectors and write its files. Called in the writing thread."""

    def cut_off(self) -> None:
        """End the steps under way in all threads, for good."""


def run(files: Iterable[Incoming], steps: Steps) -> Generator[list[Outcome], None, None]:
    """
    Take files through all steps, in their order. Close the iterator to stop early.

    :returns: The outcomes of each group as soon as it is written.
    """
    with (
        ThreadPoolExecutor(1, thread_name_prefix="read") as reader,
        Embedder() as embedder,
        ThreadPoolExecutor(1, thread_name_prefix="write") as writer,
    ):
        try:
            yield from _run(files, steps, reader, embedder, writer)
        except BaseException:  # stopped, interrupted, or nobody listens any more
            embedder.abandon()
            for stage in (reader, writer):
                stage.shutdown(wait=False, cancel_futures=True)
            steps.cut_off()
            raise


def _run(
    files: Iterable[Incoming],
    steps: Steps,
    reader: ThreadPoolExecutor,
    embedder: Embedder,
    writer: ThreadPoolExecutor,
) -> Iterator[list[Outcome]]:
    # Windows of each group that is not written yet, and its outcomes to come.
    unwritten: deque[tuple[int, Future[list[Outcome]]]] = deque()
    groups = gathered(files, lambda file: reader.submit(steps.read, file), steps.check)
    for group in groups:
        steps.check()
        if pause := steps.pause(group):
            while unwritten:
                yield _result(unwritten.popleft()[1], steps.check)
            pause()
        pending = steps.embed(group, embedder)
        written = writer.submit(steps.write, group, pending, embedder)
        unwritten.append((0 if pending is None else len(pending), written))
        while unwritten and (
            unwritten[0][1].done() or sum(count for count, _ in unwritten) > WINDOWS_AHEAD
        ):
            yield _result(unwritten.popleft()[1], steps.check)
        embedder.wait_for_room()  # the next group grows meanwhile
    while unwritten:
        yield _result(unwritten.popleft()[1], steps.check)


def gathered(
    files: Iterable[Incoming],
    read: Callable[[Incoming], Future[ReadFile]],
    check: Callable[[], None],
) -> Iterator[list[ReadFile]]:
    """Files in order, as many together as are read already and embed well together."""
    coming = iter(files)
    ahead: deque[tuple[int, Future[ReadFile]]] = deque()
    while True:
        _read_ahead(coming, ahead, read)
        if not ahead:
            return
        group = [_result(ahead.popleft()[1], check)]
        chars = group[0].chars
        # A long file is no company for short ones: they would wait for it.
        while ahead and ahead[0][1].done() and chars + ahead[0][1].result().chars < GROUP_CHARS:
            group.append(ahead.popleft()[1].result())
            chars += group[-1].chars
        yield group


def _read_ahead(
    coming: Iterator[Incoming],
    ahead: deque[tuple[int, Future[ReadFile]]],
    read: Callable[[Incoming], Future[ReadFile]],
) -> None:
    """Have more files read, as far as they may be ahead."""
    while len(ahead) < AHEAD_FILES and (not ahead or sum(size for size, _ in ahead) < AHEAD_BYTES):
        file = next(coming, None)
        if file is None:
            return
        ahead.append((file.size_bytes or 0, read(file)))


def _result(future: Future[T], check: Callable[[], None]) -> T:
    """Wait in slices: an untimed wait in the main thread may never wake to handle Ctrl-C."""
    while wait([future], STOP_EVERY_S).not_done:
        check()
    return future.result()
