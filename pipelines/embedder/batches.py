"""
Many texts to vectors in short steps, two at a time: while the last texts of one step are computed,
those of the next keep the other cores busy. A step's texts are of like length, so that little is
padded; between steps a stop is heard.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import numpy as np
from numpy.typing import NDArray

from pipelines.embedder.codes import Codes
from pipelines.embedder.encoder import Embedded, Encoder, Vectors, embed_documents
from pipelines.progress import Progress, Stop, Task, check
from pipelines.text.scoring.fusion import Reading
from pipelines.text.scoring.late import QueryTokens

# Texts of a step: a second or a few on a CPU.
STEP = 128
AT_ONCE = 2
# A wait without an end may never hear Ctrl-C: another thread may be the one that is told.
HEAR_EVERY_S = 0.5
# Texts embedded so far and in all, of one call.
OnTexts = Callable[[int, int], None]


class KnownVectors:
    """Texts that need not be embedded, because their vectors and codes are there."""

    def __init__(
        self, stored: Iterable[tuple[str, NDArray[np.float32], bytes | None]] = ()
    ) -> None:
        """:param stored: Text, vector and codes of each. *Shape of the vector:* ``(d,)``"""
        self._codes = Codes(0)
        self._texts: dict[str, tuple[NDArray[np.float32], int]] = {}
        for text, vector, code in stored:
            if text not in self._texts:
                self._texts[text] = vector, self._codes.append(code or b"")

    def __contains__(self, text: object) -> bool:
        return text in self._texts

    def vector(self, text: str) -> NDArray[np.float32]:
        """The vector of a text that is known. *Shape:* ``(d,)``"""
        return self._texts[text][0]

    def code(self, text: str) -> bytes:
        """The codes of a text that is known. Empty if there are none."""
        return self._codes[self._texts[text][1]]


NOTHING = KnownVectors()
# What is known of some texts, and whether codes are needed too.
Known = Callable[[Sequence[str], bool], KnownVectors]


def unknown(texts: Sequence[str], coded: bool) -> KnownVectors:
    """Nothing is known of any text."""
    return NOTHING


class Embedder:
    """The threads that embed. Leaving the context waits for what is under way and drops the rest."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="embed")
        self._changed = threading.Condition()
        self._steps = 0

    def begin(
        self,
        encode: Callable[[Sequence[str]], Embedded],
        texts: Sequence[str],
        dimension: int,
        lengths: Sequence[float] | None = None,
        known: KnownVectors = NOTHING,
        *,
        coded: bool = False,
    ) -> Embedding:
        """
        Begin to embed texts.

        :param lengths: By which to put like with like. If None, the texts' characters.
        :param known: Texts that need not be embedded.
        :param coded: Whether `encode` and `known` give codes.
        """
        rows = np.empty((len(texts), dimension), dtype=np.float32)
        codes = Codes(len(texts)) if coded else None
        for place, text in enumerate(texts):
            if text in known:
                rows[place] = known.vector(text)
                if codes is not None:
                    codes.put(place, known.code(text))
        new = np.array([i for i, text in enumerate(texts) if text not in known], dtype=np.intp)
        lengths = [len(text) for text in texts] if lengths is None else lengths
        order = new[np.argsort([-lengths[i] for i in new], kind="stable")]
        steps: deque[Step] = deque()
        for start in range(0, len(order), STEP):
            places = order[start : start + STEP]
            with self._changed:
                self._steps += 1
            step = self._threads.submit(encode, [texts[i] for i in places])
            step.add_done_callback(self._ended)
            steps.append((places, step))
        return Embedding(steps, rows, codes)

    def wait_for_room(self) -> None:
        """Wait until nothing is left but what is being computed: the moment to begin more."""
        with self._changed:
            while not self._changed.wait_for(lambda: self._steps <= AT_ONCE, HEAR_EVERY_S):
                pass

    def abandon(self) -> None:
        """Begin no more steps. Those under way run to their end."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _ended(self, _: object) -> None:
        with self._changed:
            self._steps -= 1
            self._changed.notify_all()

    def __enter__(self) -> Embedder:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(cancel_futures=True)


# Places of some texts, and what will be stored of them.
Step = tuple[NDArray[np.intp], "Future[Embedded]"]


class Embedding:
    """Vectors of some texts, being made."""

    def __init__(self, steps: deque[Step], rows: Vectors, codes: Codes | None) -> None:
        """
        :param rows: The vectors of texts that are in no step are there. *Shape:* ``(n, d)``
        :param codes: Likewise. None if there are none.
        """
        self._steps, self._rows, self._codes = steps, rows, codes

    def __len__(self) -> int:
        return len(self._rows)

    def wait(self, on_texts: OnTexts, stop: Stop) -> Embedded:
        """
        All vectors and codes, in the order of the texts.

        :param on_texts: Called after each step.
        :raises Stopped: `stop` said so. What was not begun is not done.
        :raises CancelledError: The embedder was abandoned before all was begun.
        """
        done = len(self) - sum(len(places) for places, _ in self._steps)
        try:
            while self._steps:
                check(stop)
                # Taken out: what a step gave is not held twice.
                places, step = self._steps.popleft()
                self._keep(places, step.result())
                done += len(places)
                on_texts(done, len(self))
        finally:
            for _, step in self._steps:
                step.cancel()
        return Embedded(self._rows, self._codes)

    def _keep(self, places: NDArray[np.intp], made: Embedded) -> None:
        self._rows[places] = made.vectors
        if self._codes is not None:
            assert made.codes is not None, "asked for codes, the encoder gives them"
            for place, code in zip(places.tolist(), made.codes, strict=True):
                self._codes.put(place, code)


class Watched:
    """An encoder that gives another's vectors, tells a task how far it is, and ends with it."""

    def __init__(self, encoder: Encoder, task: Task, known: Known = unknown) -> None:
        """:param known: Documents that need not be embedded."""
        self._encoder, self._task, self._known = encoder, task, known

    @property
    def dimension(self) -> int:
        """See `Encoder.dimension`."""
        return self._encoder.dimension

    @property
    def tokenizer(self) -> str:
        """See `Encoder.tokenizer`."""
        return self._encoder.tokenizer

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """:raises Stopped: The task was asked to stop."""
        return self._vectors(self._encoder.encode_queries, texts, NOTHING)

    def encode_documents(self, texts: Sequence[str]) -> Vectors:
        """:raises Stopped: The task was asked to stop."""
        return self._vectors(self._encoder.encode_documents, texts, self._known(texts, False))

    @property
    def late(self) -> bool:
        """See `Encoder.late`."""
        return self._encoder.late

    def encode_documents_late(self, texts: Sequence[str]) -> tuple[Vectors, Sequence[bytes]]:
        """:raises Stopped: The task was asked to stop."""
        encode = partial(embed_documents, self._encoder, coded=True)
        made = self._encode(encode, texts, self._known(texts, True), coded=True)
        assert made.codes is not None
        return made.vectors, made.codes

    def encode_query_late(self, text: str) -> tuple[NDArray[np.float32], QueryTokens]:
        """See `Encoder.encode_query_late`. *Shape:* ``(d,)``"""
        return self._encoder.encode_query_late(text)

    def token_offsets(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """See `Encoder.token_offsets`. *Shape:* ``(t, 2)`` each"""
        return self._encoder.token_offsets(texts)

    def token_ids(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """See `Encoder.token_ids`. *Shape:* ``(t,)`` each"""
        return self._encoder.token_ids(texts)

    def reading(self, text: str) -> Reading | None:
        """See `Encoder.reading`."""
        return self._encoder.reading(text)

    def _vectors(
        self,
        encode: Callable[[Sequence[str]], Vectors],
        texts: Sequence[str],
        known: KnownVectors,
    ) -> Vectors:
        return self._encode(lambda some: Embedded(encode(some)), texts, known).vectors

    def _encode(
        self,
        encode: Callable[[Sequence[str]], Embedded],
        texts: Sequence[str],
        known: KnownVectors,
        *,
        coded: bool = False,
    ) -> Embedded:
        if len(texts) <= 1:
            return encode(texts)
        with Embedder() as embedder:
            embedding = embedder.begin(encode, texts, self.dimension, known=known, coded=coded)
            return embedding.wait(self._tell, self._task.is_stopping)

    def _tell(self, done: int, total: int) -> None:
        self._task.tell(Progress("embedding", done, total))
