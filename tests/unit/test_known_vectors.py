"""What a run is given of its base's vectors is not embedded again."""

from __future__ import annotations

import numpy as np

from pipelines.store.chunks import digest
from training.finetune.options import TrainOptions
from training.finetune.prepare import _embed
from training.finetune.rundir import RunDir
from training.pairs.question import Question


class Counting:
    """An encoder of one token a character. A text's vector is its length, twice."""

    dimension = 2

    def __init__(self) -> None:
        self.embedded: list[str] = []

    def token_offsets(self, texts):
        return [np.array([(i, i + 1) for i in range(len(text))]) for text in texts]

    def encode_documents(self, texts):
        self.embedded += texts
        return self.encode_queries(texts)

    def encode_queries(self, texts):
        return np.array([[len(text)] * 2 for text in texts], dtype=np.float32)


def test_windows_with_a_known_vector_are_not_embedded(tmp_path):
    """They keep the vector that they have. Only the rest is counted as work."""
    run, encoder, told = RunDir(tmp_path), Counting(), []
    assert run.read_known() == {}
    run.write_known([digest("abcd")], np.array([[7, 8]], dtype=np.float16))
    options = TrainOptions(size_tokens=4, stride_tokens=4)
    made = _embed(
        encoder,
        {"p": "abcdefg"},
        [Question("why?", ("p",))],
        options,
        run.read_known(),
        lambda done, total: told.append((done, total)),
    )
    assert made.texts[0] == "abcd"
    assert encoder.embedded == made.texts[1:]
    assert made.vectors[0].tolist() == [7, 8]
    assert [row[0] for row in made.vectors[1:].tolist()] == [len(t) for t in made.texts[1:]]
    assert told[-1] == (len(made.texts), len(made.texts)), "one window less, one question more"
