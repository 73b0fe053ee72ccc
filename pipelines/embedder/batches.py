"""
Many texts to vectors in short steps, two at a time: while the last texts of one step are computed,
those of the next keep the other cores busy. A step's texts are of like length, so that little is
padded; between steps a stop is heard.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from pipelines.embedder.encoder import Encoder, Vectors
from pipelines.progress import Progress, Stop, Task, check
from pipelines.text.fusion import Reading

# Texts of a step: a second or a few on a CPU.
STEP = 128
AT_ONCE = 2
# A wait without an end may never hear Ctrl-C: another thread may be the one that is told.
HEAR_EVERY_S = 0.5
NOTHING: Mapping[str, Vectors] = MappingProxyType({})
# Texts embedded so far and in all, of one call.
OnTexts = Callable[[int, int], None]


class Embedder:
    """The threads that embed. Leaving the context waits for what is under way and drops the rest."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="embed")
        self._changed = threading.Condition()
        self._steps = 0

    def begin(
        self,
        encode: Callable[[Sequence[str]], Vectors],
        texts: Sequence[str],
        dimension: int,
        lengths: Sequence[float] | None = None,
        known: Mapping[str, Vectors] = NOTHING,
    ) -> Embedding:
        """
        Begin to embed texts.

        :param lengths: By which to put like with like; None: the texts' characters.
        :param known: Vectors of texts that need not be embedded. *Shape:* ``(d,)`` each
        """
        rows = np.empty((len(texts), dimension), dtype=np.float32)
        for place, text in enumerate(texts):
            if text in known:
                rows[place] = known[text]
        new = np.array([i for i, text in enumerate(texts) if text not in known], dtype=np.intp)
        lengths = [len(text) for text in texts] if lengths is None else lengths
        order = new[np.argsort([-lengths[i] for i in new], kind="stable")]
        steps = []
        for start in range(0, len(order), STEP):
            places = order[start : start + STEP]
            with self._changed:
                self._steps += 1
            step = self._threads.submit(encode, [texts[i] for i in places])
            step.add_done_callback(self._ended)
            steps.append((places, step))
        return Embedding(steps, rows)

    def wait_for_room(self) -> None:
        """Wait until nothing is left but what is being computed: the moment to begin more."""
        with self._changed:
            while not self._changed.wait_for(lambda: self._steps <= AT_ONCE, HEAR_EVERY_S):
                pass

    def abandon(self) -> None:
        """Begin no more steps; those under way end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _ended(self, _: object) -> None:
        with self._changed:
            self._steps -= 1
            self._changed.notify_all()

    def __enter__(self) -> Embedder:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(cancel_futures=True)


class Embedding:
    """Vectors of some texts, being made."""

    def __init__(
        self, steps: list[tuple[NDArray[np.intp], Future[Vectors]]], rows: Vectors
    ) -> None:
        """
        :param steps: Places of some texts, and their vectors to come.
        :param rows: Those of the others are there. *Shape:* ``(n, d)``
        """
        self._steps, self._rows = steps, rows

    def __len__(self) -> int:
        return len(self._rows)

    def wait(self, on_texts: OnTexts, stop: Stop) -> Vectors:
        """
        All vectors, in the order of the texts. *Shape:* ``(n, d)``

        :param on_texts: Called after each step.
        :raises Stopped: `stop` said so; what was not begun is not done.
        :raises CancelledError: The embedder was abandoned before all was begun.
        """
        done = len(self) - sum(len(places) for places, _ in self._steps)
        try:
            for places, step in self._steps:
                check(stop)
                self._rows[places] = step.result()
                done += len(places)
                on_texts(done, len(self))
        finally:
            for _, step in self._steps:
                step.cancel()
        return self._rows


class Watched:
    """An encoder that gives another's vectors, tells a task how far it is, and ends with it."""

    def __init__(self, encoder: Encoder, task: Task) -> None:
        self._encoder, self._task = encoder, task

    @property
    def dimension(self) -> int:
        return self._encoder.dimension

    @property
    def tokenizer(self) -> str:
        return self._encoder.tokenizer

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """:raises Stopped: The task was asked to stop."""
        return self._encode(self._encoder.encode_queries, texts)

    def encode_documents(self, texts: Sequence[str]) -> Vectors:
        """:raises Stopped: The task was asked to stop."""
        return self._encode(self._encoder.encode_documents, texts)

    def token_offsets(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        return self._encoder.token_offsets(texts)

    def token_ids(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        return self._encoder.token_ids(texts)

    def reading(self, text: str) -> Reading | None:
        return self._encoder.reading(text)

    def _encode(self, encode: Callable[[Sequence[str]], Vectors], texts: Sequence[str]) -> Vectors:
        if len(texts) <= 1:
            return encode(texts)
        with Embedder() as embedder:
            embedding = embedder.begin(encode, texts, self.dimension)
            return embedding.wait(self._tell, self._task.is_stopping)

    def _tell(self, done: int, total: int) -> None:
        self._task.tell(Progress("embedding", done, total))
