"""Texts that several threads embed side by side."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.embedder.streams import Streams

TEXTS = ["ccc", "a", "eeeee", "bb", "dddd"]


class Encoder:
    """Gives each text its length, and keeps what it was asked for together."""

    def __init__(self) -> None:
        self.parts: list[list[str]] = []
        self.threads: list[str] = []

    def __call__(self, texts: list[str]) -> NDArray[Any]:
        self.parts.append(texts)
        self.threads.append(threading.current_thread().name)
        return np.array([[len(text)] for text in texts])


def test_texts_of_like_length_are_embedded_together_and_come_back_in_order():
    encode = Encoder()
    rows = Streams(2).run(encode, TEXTS, batch_size=2)
    assert [row.tolist() for row in rows] == [[3], [1], [5], [2], [4]]
    assert sorted(encode.parts) == [["a"], ["ccc", "bb"], ["eeeee", "dddd"]]


def test_one_stream_is_given_all_texts_at_once():
    encode = Encoder()
    rows = Streams(1).run(encode, TEXTS, batch_size=2)
    assert [row.tolist() for row in rows] == [[3], [1], [5], [2], [4]]
    assert encode.parts == [TEXTS]


def test_a_text_alone_has_a_thread_of_its_own():
    """A question does not wait for documents that are being embedded."""
    encode, streams = Encoder(), Streams(2)
    (row,) = streams.run(encode, ["a"], batch_size=2)
    assert row.tolist() == [1]
    assert encode.threads[0].startswith("torch-alone")
