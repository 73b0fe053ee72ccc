"""
What the base model makes of a run's texts: windows, their vectors, and each question's best one.

Training uses windows as they are searched: a question's positive is the window of its passage
that the base model finds nearest. Its hard negatives are of the wrong passages that the whole
retrieval ranks best. The vectors tell which negatives may be answers too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipelines.embedder import cpu_twin
from pipelines.embedder.encoder import Encoder, Vectors
from pipelines.embedder.local import LocalEncoder, states_tokens
from pipelines.errors import InputError
from pipelines.search.hybrid import TRUST_CHARS
from pipelines.search.pieces import SAMPLED_WINDOWS
from pipelines.system.atomic_files import write_staged
from pipelines.text.scoring.fusion import trust
from pipelines.text.scoring.late import PieceCounts
from pipelines.text.windows import cut
from training.finetune.options import TrainOptions
from training.finetune.rundir import RunDir, RunSettings
from training.finetune.whole import Ints, candidates
from training.finetune.words import Words
from training.pairs.question import Question

BLOCK = 256
# Hard negatives are drawn from so many of the best wrong passages.
WRONG = 8
# More are looked at, because some may be answers.
LOOKED_AT = 4
# Share of the words where it is not known how the base is searched: that of new indexes.
USUAL_SHARE = 0.65


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

    `gold` holds the places of all passages that answer the pair's question, `wrong` those that a
    person called wrong for it.
    """

    question: Ints  # place in the questions. Shape: (p,)
    # Windows: the positive, then hard negatives. Where these are too few, the positive stands in.
    candidates: Ints  # Shape: (p, 1 + k)
    gold: list[Ints]
    wrong: list[Ints]


@dataclass(frozen=True)
class Retrieval:
    """
    How the base's passages are searched.

    :param words: The postings of all passages.
    :param share: That of the words in the score.
    :param trust: How well the base reads each question (`fusion.trust`).
    :param pieces: Word pieces in windows, as late interaction weighs them.
    """

    encoder: Encoder
    words: Words
    share: float
    trust: list[float]
    pieces: PieceCounts


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
        stored = _embed(
            encoder, corpus, questions, options.size_tokens, options.stride_tokens, report
        )
        _write(run.windows, key, stored)
    place = {name: i for i, name in enumerate(corpus)}
    gold = [np.array([place[p] for p in q.passages], dtype=np.int64) for q in questions]
    wrong = [np.array([place[p] for p in q.wrong], dtype=np.int64) for q in train]
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
        gold=gold,
        heldout=np.arange(len(train), len(questions)),
        windows=stored,
        pairs=_pairs(stored, texts[: len(train)], (gold, wrong), retrieval, options),
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
    windows: Windows,
    questions: Sequence[str],
    labels: tuple[Sequence[Ints], Sequence[Ints]],
    retrieval: Retrieval,
    options: TrainOptions,
) -> TrainingPairs:
    """
    :param questions: Those to train on.
    :param labels: Places of the passages that answer each of them, and of those that a person
        called wrong for it.
    """
    gold = labels[0]
    # What is right for one person is no negative because another one called it wrong.
    called_wrong = [np.setdiff1d(bad, good) for bad, good in zip(labels[1], gold, strict=False)]
    # Windows stand in the order of their passages.
    present, first = np.unique(windows.passage, return_index=True)
    windows_of = np.split(np.arange(len(windows.texts)), first[1:])
    of_passage = dict(zip(present.tolist(), windows_of, strict=True))
    draw = np.random.default_rng(options.seed)
    count = options.resolved_hard_negatives
    question, rows = [], []
    for q, text in enumerate(questions):
        scores = windows.vectors @ windows.questions[q]
        told = [
            _nearest(of_passage[p], scores) for p in called_wrong[q].tolist() if p in of_passage
        ]
        wrong: list[int] = []
        if count:
            lexical = retrieval.words.scores(text)
            cosines = np.zeros(len(lexical))
            cosines[present] = np.maximum.reduceat(scores, first)
            order = candidates(cosines, lexical, retrieval.share, retrieval.trust[q])
            known = {*gold[q].tolist(), *called_wrong[q].tolist()}
            best_wrong = [p for p in order.tolist() if p in of_passage and p not in known]
            wrong = [_nearest(of_passage[p], scores) for p in best_wrong[: LOOKED_AT * WRONG]]
        # A passage without windows has no token that the tokenizer's vocabulary knows.
        own = [_nearest(of_passage[p], scores) for p in gold[q].tolist() if p in of_passage]
        for best, given in _dealt(own, told, count):
            ceiling = scores[best] + options.margin
            hard = [*given, *_drawn(wrong, scores, ceiling, count - len(given), draw)]
            question.append(q)
            rows.append([best, *hard, *[best] * (count - len(hard))])
    if not question:
        raise InputError("No pair to train on: no passage has a token the base model knows.")
    return TrainingPairs(
        np.array(question, dtype=np.int64),
        np.array(rows, dtype=np.int64),
        [gold[q] for q in question],
        [called_wrong[q] for q in question],
    )


def _dealt(own: Sequence[int], told: Sequence[int], count: int) -> list[tuple[int, Sequence[int]]]:
    """
    The pairs of a question: the window of each right passage with the wrong ones it is told from.

    One place stays free for a wrong passage that is searched. Where wrong ones are too many for
    the pairs that there are, right windows come again with the others.

    :param own: Windows of the right passages.
    :param told: Windows of the passages that a person called wrong.
    :param count: Hard negatives of a pair.
    """
    if not own:
        return []
    places = min(count, max(1, count - 1))
    parts = [told[i : i + places] for i in range(0, len(told), places)] if places else []
    parts = parts or [()]
    most = max(len(own), len(parts))
    return [(own[i % len(own)], parts[i % len(parts)]) for i in range(most)]


def _sample(texts: Sequence[str]) -> Sequence[str]:
    """Windows to count word pieces in, evenly drawn."""
    return texts[:: max(1, len(texts) // SAMPLED_WINDOWS)][:SAMPLED_WINDOWS]


def _nearest(own: Ints, scores: Vectors) -> int:
    """Of these windows, the one with the highest score."""
    return int(own[np.argmax(scores[own])])


def _drawn(
    wrong: Sequence[int], scores: Vectors, ceiling: float, count: int, draw: np.random.Generator
) -> list[int]:
    """
    Hard negatives, drawn from the best wrong ones. Those above the ceiling are taken for answers.

    :param wrong: Windows, that of the best passage first.
    :param scores: Of all windows. *Shape:* ``(w,)``
    """
    there = [window for window in wrong if scores[window] <= ceiling][: max(WRONG, count)]
    return [int(window) for window in draw.permutation(there)[:count]]


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
