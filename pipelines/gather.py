"""Files in order, as many together as are read already and embed well together."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, wait

from pipelines.incoming import Incoming, Prepared

# Characters of documents embedded together, and how far reading may be ahead of embedding.
GROUP_CHARS = 200_000
AHEAD_FILES = 96
AHEAD_BYTES = 16 * 2**20
# So many chunks are worth the half minute that a faster encoder takes to build.
BULK_CHUNKS = 300
# About a window of a chunk, to build it by.
SAMPLE_CHARS = 500
# How often a stop is looked at while a file is read.
STOP_EVERY_S = 0.5


def gathered(
    files: Iterable[Incoming],
    read: Callable[[Incoming], Future[Prepared]],
    check_stop: Callable[[], None],
) -> Iterator[list[Prepared]]:
    """Files in order, as many together as are read already and embed well together."""
    coming = iter(files)
    ahead: deque[tuple[int, Future[Prepared]]] = deque()
    while True:
        while len(ahead) < AHEAD_FILES and (
            not ahead or sum(size for size, _ in ahead) < AHEAD_BYTES
        ):
            file = next(coming, None)
            if file is None:
                break
            ahead.append((file.size_bytes or 0, read(file)))
        if not ahead:
            return
        while wait([ahead[0][1]], STOP_EVERY_S).not_done:
            check_stop()
        group = [ahead.popleft()[1].result()]
        chars = group[0].chars
        while ahead and chars < GROUP_CHARS and ahead[0][1].done():
            group.append(ahead.popleft()[1].result())
            chars += group[-1].chars
        yield group


def bulk_known(
    groups: Iterator[list[Prepared]], on_bulk: Callable[[Sequence[str]], None]
) -> Iterator[list[Prepared]]:
    """
    The groups, the first of them once it is known whether there are many chunks to embed.

    Nothing is embedded before: the faster encoder would have done it sooner, and the slower
    one takes memory that building the other needs.
    """
    held: list[list[Prepared]] = []
    seen: list[str] = []
    for group in groups:
        held.append(group)
        seen += [
            chunk.text[:SAMPLE_CHARS]
            for one in group
            if one.draft is not None
            for chunk in one.draft.chunks
        ]
        if len(seen) >= BULK_CHUNKS:
            on_bulk(seen)
            break
    yield from held
    held.clear()
    yield from groups
