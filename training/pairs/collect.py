"""
Stores pairs from documents, from files, and from liked answers.

Every pair passes the same checks, gets its side, and is stored with the objections found. Nothing
is dropped silently: rejected pairs are stored with their reason.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipelines.answering.llm import LLMOptions
from pipelines.embedder.encoder import Vectors
from pipelines.errors import InputError
from pipelines.progress import NO_TASK, Progress, Task
from pipelines.search import hybrid
from pipelines.search.handle import SearchHandle
from pipelines.store import documents, feedback, pairs
from pipelines.store.chunks import digest
from pipelines.store.db import Connection, Pool
from pipelines.store.pairs import CORPUS, NewPair, Passage, Split
from pipelines.text.windows import cut
from training.pairs import asking, quality, sides
from training.pairs.asking import QuestionsOfPassage
from training.pairs.offline import OfflineGenerator
from training.pairs.seedfile import SeedFile
from training.pairs.sides import Piece

# Passages per call. They are enough to tune on, and take minutes without a language model.
MOST_PASSAGES = 2000
# Shorter passages are headings and captions, which answer no question.
SHORTEST_CHARS = 200
WRITTEN_AT_ONCE = 50
# Windows per batch. A batch takes seconds, so that a stop takes effect soon.
EMBEDDED_AT_ONCE = 256
OTHER_SIDE = "its passage is on the other side, or repeats one that is"
SUSPICIOUS = "its document gives orders to language models"
FEEDBACK = "from a liked answer"
# Questions of one visitor in 30 days, so that no single visitor dominates the training.
MOST_PER_VISITOR = 20


@dataclass
class Summary:
    """
    The result of a call: numbers of passages and of pairs by status, reasons for rejection, and
    faults.
    """

    passages: int = 0
    stored: int = 0
    accepted: int = 0
    review: int = 0
    sides: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The fields as plain JSON values."""
        return {
            name: dict(value) if isinstance(value, Counter) else value
            for name, value in vars(self).items()
        }


@dataclass(frozen=True)
class PairDraft:
    """A question and its passage, before the checks."""

    question: str
    kind: str
    passage: Passage
    # Its source. The same question twice in one group has several passages, in two it is a duplicate.
    group: str
    # The answer it comes from, and the visitor who asked it. None if it was generated.
    message_id: int | None = None
    visitor: str | None = None


def waiting(
    conn: Connection,
    generator: str,
    limit: int = MOST_PASSAGES,
    *,
    without: Sequence[str] = (),
) -> list[Passage]:
    """
    At most `limit` passages that a generator has not seen, an even sample of the documents.

    :param without: Collections to leave out.
    :raises InputError: There is no document with text.
    """
    long_enough = [
        passage
        for passage in pairs.passages(conn, suspicious_code=documents.SUSPICIOUS, without=without)
        if len(passage.text) >= SHORTEST_CHARS
    ]
    if not long_enough:
        raise InputError("No indexed document has passages to ask about: ingest some first.")
    seen = pairs.done(conn, generator)
    # Ordered by their sums, which is an even sample that the next call continues.
    left = sorted((p for p in long_enough if p.sha256 not in seen), key=lambda p: p.sha256)
    return left[:limit]


def generate_offline(
    pool: Pool,
    handle: SearchHandle,
    passages: Sequence[Passage],
    *,
    per_passage: int,
    created_by: str = "system",
    task: Task = NO_TASK,
) -> Summary:
    """
    Make pairs without a language model. After an interruption the next call continues.

    :raises Stopped: The task was asked to stop. Stored pairs stay.
    """
    with pool.connection() as conn:
        everything = pairs.passages(conn, suspicious_code=documents.SUSPICIOUS)
    generator = OfflineGenerator(everything, per_passage=per_passage)

    def answered() -> Iterator[QuestionsOfPassage]:
        for passage in passages:
            task.check()
            yield QuestionsOfPassage(passage, generator.questions(passage))

    collector = Collector(pool, handle, OfflineGenerator.name, passages, created_by)
    for part in _parts(answered()):
        collector.keep(part)
        task.tell(Progress("asking", collector.summary.passages, len(passages)))
    return collector.summary


async def generate_asked(
    pool: Pool,
    handle: SearchHandle,
    passages: Sequence[Passage],
    options: LLMOptions,
    *,
    per_passage: int,
    at_once: int,
    created_by: str = "system",
    task: Task = NO_TASK,
) -> Summary:
    """
    Make pairs with a language model. After an interruption the next call continues.

    :raises Stopped: The task was asked to stop, even while the model is answering. Stored pairs
        stay.
    :raises ProviderError: The endpoint refuses, or fails repeatedly.
    """
    name = asked_name(options)
    collector = Collector(pool, handle, name, passages, created_by)
    stream = asking.questions(passages, options, count=per_passage, at_once=at_once, task=task)
    async with aclosing(stream) as answers:
        async for answered in answers:
            # One at a time, because every answer is paid for and must be kept if the next one fails.
            await asyncio.to_thread(collector.keep, [answered])
            task.tell(Progress("asking", collector.summary.passages, len(passages)))
    return collector.summary


def asked_name(options: LLMOptions) -> str:
    """The name of a language model as a generator."""
    return f"llm:{options.model}"


def import_file(
    pool: Pool,
    handle: SearchHandle,
    seed: SeedFile,
    name: str,
    *,
    split: Split | None,
    created_by: str = "system",
    task: Task = NO_TASK,
    also: Callable[[Connection, Summary], object] = lambda conn, summary: None,
) -> Summary:
    """
    Store the pairs of a file, all or none. Its passages need not be in any document.

    :param split: Side of all of them. If None, a part is held out.
    :param task: Reports the windows that are embedded to rank the passages.
    :param also: Called in the same transaction.
    :raises Stopped: The task was asked to stop. Nothing is stored.
    """
    ordinals = {passage_id: n for n, passage_id in enumerate(seed.corpus)}
    language = _language_of(seed)
    passages = {
        passage_id: Passage(digest(text), text, name, passage_id, ordinals[passage_id], language, False)
        for passage_id, text in seed.corpus.items()
    }  # fmt: skip
    asked = [
        PairDraft(seed.queries[q], "given", passages[p], q)
        for q, ids in seed.relevant_docs.items()
        for p in ids
    ]
    ranks = _ranks_in(handle, asked, passages, task)
    collector = Collector(
        pool, handle, "import", list(passages.values()), created_by, origin=name, wanted=split
    )
    collector.summary.passages = len(passages)
    collector.store(asked, ranks, also=also)
    return collector.summary


def collect_liked(pool: Pool, handle: SearchHandle, *, created_by: str = "system") -> Summary:
    """
    Store liked questions with the passages that their answers cite. All wait for review.

    No visitor contributes more than `MOST_PER_VISITOR`.
    """
    with pool.connection() as conn:
        by_text = {p.text: p for p in pairs.passages(conn, suspicious_code=documents.SUSPICIOUS)}
        room = _room(feedback.taught(conn))
        asked = [
            PairDraft(
                liked.question, "liked", by_text[liked.passage], liked.question,
                liked.message_id, liked.visitor,
            )
            for liked in pairs.liked(conn)
            if liked.passage in by_text and room(liked.visitor, liked.message_id)
        ]  # fmt: skip
    collector = Collector(pool, handle, "feedback", [draft.passage for draft in asked], created_by)
    collector.store(asked, [None] * len(asked), hold=FEEDBACK)
    return collector.summary


def _room(taught: Mapping[str, int]) -> Callable[[str, int], bool]:
    """
    A function that says whether a visitor's answer may still be used. An answer counts only once.
    """
    taken: dict[str, set[int]] = {}

    def has_room(visitor: str, message_id: int) -> bool:
        mine = taken.setdefault(visitor, set())
        if message_id in mine or taught.get(visitor, 0) + len(mine) < MOST_PER_VISITOR:
            mine.add(message_id)
            return True
        return False

    return has_room


class Collector:
    """Checks drafts, assigns their sides, and stores them in parts."""

    def __init__(
        self,
        pool: Pool,
        handle: SearchHandle,
        generator: str,
        passages: Sequence[Passage],
        created_by: str,
        *,
        origin: str = CORPUS,
        wanted: Split | None = None,
    ) -> None:
        self._pool, self._handle, self._origin = pool, handle, origin
        self._generator, self._by = generator, created_by
        self.summary = Summary()
        self._seen: dict[str, str] = {}
        with pool.connection() as conn:
            self._asked = pairs.questions(conn)
            known = pairs.splits(conn)
            there = {p.sha256: p for p in passages}
            there |= {
                p.passage_sha256: Passage(
                    p.passage_sha256, p.passage, p.document, p.section, 0, p.language, False
                )
                for p in pairs.select(conn, statuses=("accepted", "review"))
                if p.passage_sha256 not in there
            }
        self._sides: Mapping[str, Split | None] = sides.assign(
            [Piece(p.sha256, p.text, p.document, p.section, p.ordinal) for p in there.values()],
            known,
            wanted=wanted,
        )

    def keep(self, answers: Sequence[QuestionsOfPassage]) -> None:
        """Store the questions of passages, and that these passages are done."""
        asked = [
            PairDraft(m.question, m.kind, a.passage, a.passage.sha256)
            for a in answers
            for m in a.made
        ]
        ranks = self._ranks(asked)
        done = [a.passage.sha256 for a in answers if a.fault is None]
        self.summary.faults += [a.fault for a in answers if a.fault is not None]
        self.summary.passages += len(answers)
        self.store(asked, ranks, done=done)

    def store(
        self,
        asked: Sequence[PairDraft],
        ranks: Sequence[int | None],
        *,
        hold: str = "",
        done: Sequence[str] = (),
        also: Callable[[Connection, Summary], object] = lambda conn, summary: None,
    ) -> None:
        """
        Check and store drafts in one transaction.

        :param ranks: Rank of each draft's passage for the base model, from 1. 0 means not placed,
            and None not ranked.
        :param hold: The reason why all of them wait for review, if they do.
        :param also: Called at the end of the transaction.
        """
        new = [self.judge(d, rank, hold) for d, rank in zip(asked, ranks, strict=True)]
        new = [pair for pair in new if pair is not None]
        with self._pool.connection() as conn, conn.transaction():
            self.summary.stored += pairs.add(conn, [p for p in new if p], created_by=self._by)
            pairs.mark_done(conn, self._generator, done)
            also(conn, self.summary)

    def judge(self, draft: PairDraft, rank: int | None, hold: str) -> NewPair | None:
        """
        Check a draft.

        :returns: The pair with its status and reason, or None if its question is stored already.
        """
        passage, key = draft.passage, quality.digest(draft.question)
        fault = quality.fault(draft.question, passage.language)
        side = self._sides[passage.sha256]
        if key in self._asked or self._seen.setdefault(key, draft.group) != draft.group:
            self.summary.rejected[quality.DUPLICATE] += 1
            return None  # a duplicate is not stored
        if fault is None and rank == 0:
            fault = quality.GENERIC
        if fault is None and side is None:
            fault = OTHER_SIDE
        waits = hold or (SUSPICIOUS if passage.suspicious else "")
        status: pairs.Status = "rejected" if fault else "review" if waits else "accepted"
        if fault:
            self.summary.rejected[fault] += 1
        else:
            self.summary.kinds[draft.kind] += 1
            self.summary.sides[str(side)] += 1
            self.summary.accepted += status == "accepted"
            self.summary.review += status == "review"
        return NewPair(
            question=draft.question, question_sha256=key, passage=passage.text,
            passage_sha256=passage.sha256, origin=self._origin, generator=self._generator,
            kind=draft.kind, document=passage.document, section=passage.section,
            language=passage.language, split=side or "train", status=status,
            reason=fault or waits, base_rank=rank or None,
            message_id=draft.message_id, visitor=draft.visitor,
        )  # fmt: skip

    def _ranks(self, asked: Sequence[PairDraft]) -> list[int]:
        """
        The rank of each draft's passage for the serving embedder, or 0 beyond `quality.PLACED`.
        """
        if not asked:
            return []
        vectors = self._handle.encoder.encode_queries([draft.question for draft in asked])
        found = []
        with self._pool.connection() as conn:
            for draft, vector in zip(asked, vectors, strict=True):
                hits = hybrid.hybrid(
                    conn, self._handle, draft.question, vector, quality.PLACED, mode="dense"
                )
                texts = [hit.text for hit in hits]
                found.append(
                    texts.index(draft.passage.text) + 1 if draft.passage.text in texts else 0
                )
        return found


def _ranks_in(
    handle: SearchHandle,
    asked: Sequence[PairDraft],
    passages: Mapping[str, Passage],
    task: Task,
) -> list[int | None]:
    """The ranks among the passages of a file. None if there are too few passages to rank."""
    if len(passages) <= quality.PLACED:
        return [None] * len(asked)
    order = {p.sha256: n for n, p in enumerate(passages.values())}
    windows, owner = [], []
    texts = [p.text for p in passages.values()]
    for n, tokens in enumerate(handle.encoder.token_offsets(texts)):
        for a, b in cut(tokens, handle.size_tokens, handle.stride_tokens):
            windows.append(texts[n][a:b])
            owner.append(n)
    parts = []
    for start in range(0, len(windows), EMBEDDED_AT_ONCE):
        task.check()
        task.tell(Progress("embedding", start, len(windows)))
        parts.append(handle.encoder.encode_documents(windows[start : start + EMBEDDED_AT_ONCE]))
    vectors, owners = np.concatenate(parts), np.array(owner)
    questions = handle.encoder.encode_queries([draft.question for draft in asked])
    return [
        _rank(vectors @ vector, owners, order[draft.passage.sha256])
        for vector, draft in zip(questions, asked, strict=True)
    ]


def _rank(scores: Vectors, owner: np.ndarray[Any, Any], right: int) -> int:
    best = np.full(owner.max() + 1, -np.inf)
    np.maximum.at(best, owner, scores)
    rank = int((best > best[right]).sum()) + 1
    return rank if rank <= quality.PLACED else 0


def _language_of(seed: SeedFile) -> str | None:
    from pipelines.text import clean

    return clean.language(" ".join(list(seed.corpus.values())[:20])[:4000])


def _parts(answers: Iterable[QuestionsOfPassage]) -> Iterator[list[QuestionsOfPassage]]:
    part: list[QuestionsOfPassage] = []
    for answered in answers:
        part.append(answered)
        if len(part) == WRITTEN_AT_ONCE:
            yield part
            part = []
    if part:
        yield part
