"""
What the base model makes of a run's texts: windows, their vectors, and each question's best one.

Training uses windows as they are searched: a question's positive is the window of its passage
that the base model finds nearest. Its hard negatives are of the wrong passages that the whole
retrieval ranks best. The vectors tell which negatives may be answers too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines.embedder import cpu_twin
from pipelines.embedder.encoder import Encoder
from pipelines.embedder.local import LocalEncoder, states_tokens
from pipelines.search.hybrid import TRUST_CHARS
from pipelines.search.pieces import SAMPLED_WINDOWS
from pipelines.store.chunks import digest
from pipelines.system.atomic_files import write_staged
from pipelines.text.scoring.fusion import trust
from pipelines.text.scoring.late import PieceCounts
from pipelines.text.windows import cut
from training.finetune.negatives import Labels, Retrieval, TrainingPairs, Windows, training_pairs
from training.finetune.options import TrainOptions
from training.finetune.rundir import RunDir, RunSettings
from training.finetune.whole import Ints
from training.finetune.words import Words
from training.pairs.question import Question

BLOCK = 256
# Share of the words where it is not known how the base is searched: that of new indexes.
USUAL_SHARE = 0.65


@dataclass(frozen=True)
class TrainingData:
    """All that a method trains and evaluates on."""

    questions: list[str]
    gold: list[Ints]  # by question: places of the passages that answer it
    heldout: Ints  # places of the held-out questions. Shape: (h,)
    windows: Windows
    pairs: TrainingPairs
    retrieval: Retrieval


def load(
    run: RunDir, base: Path, *, device: str | None, report: Callable[[int, int], None]
) -> TrainingData:
    """
    Prepare a run. The first call embeds, and later calls read what was stored.

    :param report: Called with the number of texts embedded so far and in all.
    """
    settings = run.read_settings()
    options = settings.options
    corpus = run.read_corpus()
    train, heldout = run.read_questions(run.train), run.read_questions(run.heldout)
    questions = [*train, *heldout]
    key = _key(corpus, questions, settings.base_sha256, vars(options))
    stored = _read(run.windows, key, list(corpus.values()))
    encoder = _encoder(settings, base, device)
    if stored is None:
        stored = _embed(encoder, corpus, questions, options, run.read_known(), report)
        _write(run.windows, key, stored)
    place = {name: i for i, name in enumerate(corpus)}

    def places(passages: Sequence[str]) -> Ints:
        return np.array([place[p] for p in passages], dtype=np.int64)

    texts = [q.text for q in questions]
    retrieval = Retrieval(
        encoder,
        Words.of_language_of(list(corpus.values())),
        USUAL_SHARE if settings.lexical_weight is None else settings.lexical_weight,
        [trust(text[:TRUST_CHARS], encoder.reading(text[:TRUST_CHARS])) for text in texts],
        PieceCounts.of(encoder.token_ids(_sample(stored.texts))),
    )
    return TrainingData(
        questions=texts,
        gold=[places(q.passages + q.also) for q in questions],
        heldout=np.arange(len(train), len(questions)),
        windows=stored,
        pairs=training_pairs(
            stored,
            texts[: len(train)],
            Labels(
                learned=[places(q.passages) for q in train],
                right=[places(q.passages + q.also) for q in train],
                wrong=[places(q.wrong) for q in train],
            ),
            retrieval,
            options,
        ),
        retrieval=retrieval,
    )


def _encoder(settings: RunSettings, base: Path, device: str | None) -> Encoder:
    """
    The base model. On a CPU its accelerated twin if one is built, which takes a third of the time,
    and if it gives as much as the model itself.
    """
    if device == "cpu" and settings.twins:
        twin = cpu_twin.load(Path(settings.twins), settings.base_sha256)
        if twin is not None and (twin.late or not states_tokens(base)):
            return twin
    return LocalEncoder(base, device=device, may_halve=True)


def _embed(
    encoder: Encoder,
    corpus: dict[str, str],
    questions: Sequence[Question],
    options: TrainOptions,
    known: Mapping[str, NDArray[np.float16]],
    report: Callable[[int, int], None],
) -> Windows:
    """:param known: Vectors of windows by their sha256, which are not embedded again."""
    passages = list(corpus.values())
    spans, owner = [], []
    for i, offsets in enumerate(encoder.token_offsets(passages)):
        cuts = cut(offsets, options.size_tokens, options.stride_tokens)
        spans.extend(cuts)
        owner.extend([i] * len(cuts))
    texts = _texts(passages, spans, owner)
    vectors = np.empty((len(texts), encoder.dimension), dtype=np.float32)
    missing = []
    for i, text in enumerate(texts):
        vector = known.get(digest(text))
        if vector is None:
            missing.append(i)
        else:
            vectors[i] = vector
    total, done = len(missing) + len(questions), 0
    # Longest first, so that a block is padded little and the time left is not underestimated.
    order = sorted(missing, key=lambda i: -len(texts[i]))
    for start in range(0, len(order), BLOCK):
        block = order[start : start + BLOCK]
        vectors[block] = encoder.encode_documents([texts[i] for i in block])
        done += len(block)
        report(done, total)
    asked = encoder.encode_queries([q.text for q in questions])
    report(total, total)
    places = np.array(spans, dtype=np.int64).reshape(-1, 2)
    return Windows(texts, places, np.array(owner, dtype=np.int64), vectors, asked)


def _texts(
    passages: Sequence[str], spans: Iterable[Sequence[int]], owner: Iterable[int]
) -> list[str]:
    return [passages[i][start:end] for (start, end), i in zip(spans, owner, strict=True)]


def _sample(texts: Sequence[str]) -> Sequence[str]:
    """Windows to count word pieces in, evenly drawn."""
    return texts[:: max(1, len(texts) // SAMPLED_WINDOWS)][:SAMPLED_WINDOWS]


def _key(
    corpus: dict[str, str], questions: Sequence[Question], base: str, options: dict[str, object]
) -> str:
    digest = hashlib.sha256(f"{base} {options['size_tokens']} {options['stride_tokens']}".encode())
    for text in [*corpus.values(), *(q.text for q in questions)]:
        digest.update(hashlib.sha256(text.encode()).digest())
    return digest.hexdigest()


def _read(path: Path, key: str, passages: Sequence[str]) -> Windows | None:
    if not path.is_file():
        return None
    with np.load(path) as stored:
        if str(stored["key"]) != key:
            return None
        spans, owner = stored["spans"], stored["passage"]
        texts = _texts(passages, spans.tolist(), owner.tolist())
        return Windows(texts, spans, owner, stored["vectors"], stored["questions"])


def _write(path: Path, key: str, windows: Windows) -> None:
    write_staged(
        path,
        lambda file: np.savez(
            file,
            key=np.array(key),
            spans=windows.spans,
            passage=windows.passage,
            vectors=windows.vectors,
            questions=windows.questions,
        ),
    )
