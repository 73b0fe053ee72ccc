"""
What the base model makes of a run's texts: windows, their vectors, and each question's best one.

Training uses windows as they are searched: a question's positive is the window of its passage
that the base model finds nearest. The same vectors tell which negatives may be answers too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines.embedder import cpu_twin
from pipelines.embedder.encoder import Encoder, Vectors
from pipelines.embedder.local import LocalEncoder
from pipelines.errors import InputError
from pipelines.system.atomic_files import write_staged
from pipelines.text.windows import cut
from training.finetune.rundir import RunDir, RunSettings
from training.pairs.question import Question

Ints = NDArray[np.int64]
BLOCK = 256


@dataclass(frozen=True)
class Windows:
    """The windows of a run's passages, and the base model's vectors of them and of questions."""

    texts: list[str]
    spans: Ints  # start and end character in the passage. Shape: (w, 2)
    passage: Ints  # place of each window's passage. Shape: (w,)
    vectors: Vectors  # Shape: (w, d)
    questions: Vectors  # training questions, then held-out ones. Shape: (q, d)


@dataclass(frozen=True)
class TrainingPairs:
    """
    Training pairs: one for each question and each passage that answers it.

    `gold` holds the places of all passages that answer the pair's question.
    """

    question: Ints  # place in the questions. Shape: (p,)
    candidates: Ints  # windows: the positive, then hard negatives. Shape: (p, 1 + k)
    gold: list[Ints]


@dataclass(frozen=True)
class TrainingData:
    """All that a method trains and evaluates on."""

    questions: list[str]
    gold: list[Ints]  # by question: places of the passages that answer it
    heldout: Ints  # places of the held-out questions. Shape: (h,)
    windows: Windows
    pairs: TrainingPairs


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
    if stored is None:
        encoder = _encoder(settings, base, device)
        stored = _embed(
            encoder, corpus, questions, options.size_tokens, options.stride_tokens, report
        )
        _write(run.windows, key, stored)
    place = {name: i for i, name in enumerate(corpus)}
    gold = [np.array([place[p] for p in q.passages], dtype=np.int64) for q in questions]
    return TrainingData(
        questions=[q.text for q in questions],
        gold=gold,
        heldout=np.arange(len(train), len(questions)),
        windows=stored,
        pairs=_pairs(stored, gold, len(train), options.hard_negatives, options.margin),
    )


def _encoder(settings: RunSettings, base: Path, device: str | None) -> Encoder:
    """
    The base model. On a CPU its accelerated twin if one is built, which takes a third of the time.
    """
    if device == "cpu" and settings.twins:
        twin = cpu_twin.load(Path(settings.twins), settings.base_sha256)
        if twin is not None:
            return twin
    return LocalEncoder(base, device=device)


def _embed(
    encoder: Encoder,
    corpus: dict[str, str],
    questions: Sequence[Question],
    size: int,
    stride: int,
    report: Callable[[int, int], None],
) -> Windows:
    passages = list(corpus.values())
    spans, owner = [], []
    for i, offsets in enumerate(encoder.token_offsets(passages)):
        cuts = cut(offsets, size, stride)
        spans.extend(cuts)
        owner.extend([i] * len(cuts))
    texts = _texts(passages, spans, owner)
    total, done = len(texts) + len(questions), 0
    # Longest first, so that a block is padded little and the time left is not underestimated.
    order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
    vectors = np.empty((len(texts), encoder.dimension), dtype=np.float32)
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


def _pairs(
    windows: Windows, gold: Sequence[Ints], train: int, negatives: int, margin: float
) -> TrainingPairs:
    by_passage: dict[int, list[int]] = {}
    for window, passage in enumerate(windows.passage.tolist()):
        by_passage.setdefault(passage, []).append(window)
    question, candidates, answers = [], [], []
    for q in range(train):
        scores = windows.vectors @ windows.questions[q]
        for passage in gold[q].tolist():
            own = by_passage.get(passage)
            if own is None:  # no token of it is in the tokenizer's vocabulary
                continue
            best = own[int(np.argmax(scores[own]))]
            hard = _hard_negatives(windows, scores, gold[q], scores[best] + margin, negatives)
            if len(hard) < negatives:
                continue
            question.append(q)
            candidates.append([best, *hard])
            answers.append(gold[q])
    if not question:
        raise InputError("No pair to train on: no passage has a token the base model knows.")
    return TrainingPairs(
        np.array(question, dtype=np.int64), np.array(candidates, dtype=np.int64), answers
    )


def _hard_negatives(
    windows: Windows, scores: Vectors, gold: Ints, ceiling: float, count: int
) -> list[int]:
    """
    The windows of other passages that the base model finds nearest, at most one of each passage.

    Those above the ceiling are taken for answers. The library's miner would embed the corpus again.
    """
    found: dict[int, int] = {}
    barred = set(gold.tolist())
    for window in np.argsort(-scores) if count else ():
        passage = int(windows.passage[window])
        if scores[window] > ceiling or passage in barred or passage in found:
            continue
        found[passage] = int(window)
        if len(found) == count:
            break
    return list(found.values())


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
