"""Files in order, as many together as are read already and embed well together."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, wait

from pipelines.indexing.stages import Incoming, Prepared

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
        # A long file is no company for short ones: they would wait for it.
        while ahead and ahead[0][1].done() and chars + ahead[0][1].result().chars < GROUP_CHARS:
            group.append(ahead.popleft()[1].result())
            chars += group[-1].chars
        yield group


class Bulk:
    """
    Notices when a load turns out to be large: a faster encoder is then worth building.

    What came before is embedded by the slower one at once. Nobody waits for the other to be built
    who gave a few pages.
    """

    def __init__(self) -> None:
        self._texts: list[str] | None = []

    def due(self, group: Sequence[Prepared]) -> list[str]:
        """Texts to build the faster encoder by, once: with the group that makes the load large."""
        if self._texts is None:
            return []
        self._texts += [
            chunk.text[:SAMPLE_CHARS]
            for one in group
            if one.draft is not None
            for chunk in one.draft.chunks
        ]
        if len(self._texts) < BULK_CHUNKS:
            return []
        texts, self._texts = self._texts, None
        return texts
