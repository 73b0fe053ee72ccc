"""
Stores pairs from documents, from files, and from liked answers, and what readers marked as wrong.

Every pair passes the same checks, gets its side, and is stored with the objections found. Nothing
is dropped silently: rejected pairs are stored with their reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing

from pipelines.answering.llm import LLMOptions
from pipelines.errors import InputError
from pipelines.progress import NO_TASK, Progress, Task
from pipelines.search.handle import SearchHandle
from pipelines.store import documents, feedback, pair_passages, pairs, wrong_passages
from pipelines.store.db import Connection, Pool
from pipelines.store.pair_passages import Passage
from pipelines.store.wrong_passages import MarkedWrong, Wrong
from training.pairs import asking, quality
from training.pairs.asking import QuestionsOfPassage
from training.pairs.collector import Collector, PairDraft, Summary
from training.pairs.offline import OfflineGenerator

# Passages per call. They are enough to tune on, and take minutes without a language model.
MOST_PASSAGES = 2000
# Shorter passages are headings and captions, which answer no question.
SHORTEST_CHARS = 200
WRITTEN_AT_ONCE = 50
FEEDBACK = "from a liked answer"
# Questions of one visitor in 30 days, so that no single visitor dominates the training.
MOST_PER_VISITOR = 20


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
        for passage in pair_passages.passages(
            conn, suspicious_code=documents.SUSPICIOUS, without=without
        )
        if len(passage.text) >= SHORTEST_CHARS
    ]
    if not long_enough:
        raise InputError("No indexed document has passages to ask about: ingest some first.")
    seen = pair_passages.done(conn, generator)
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
        everything = pair_passages.passages(conn, suspicious_code=documents.SUSPICIOUS)
    generator = OfflineGenerator(everything, per_passage=per_passage)
    collector = Collector(pool, handle, OfflineGenerator.name, passages, created_by)

    def answered() -> Iterator[QuestionsOfPassage]:
        for passage in passages:
            task.check()
            proves = collector.side(passage) == "heldout"
            made = generator.whole(passage) if proves else generator.questions(passage)
            yield QuestionsOfPassage(passage, made)

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


def collect_liked(pool: Pool, handle: SearchHandle, *, created_by: str = "system") -> Summary:
    """
    Store liked questions with the passages that their answers cite. All wait for review.

    No visitor contributes more than `MOST_PER_VISITOR`.
    """
    with pool.connection() as conn:
        by_text = {
            p.text: p for p in pair_passages.passages(conn, suspicious_code=documents.SUSPICIOUS)
        }
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


def collect_wrong(pool: Pool, *, created_by: str = "system") -> int:
    """
    Store passages that readers marked as wrong for their question. All wait for review.

    No visitor contributes more than `MOST_PER_VISITOR`.

    :returns: Number of passages stored.
    """
    with pool.connection() as conn, conn.transaction():
        room = _room(feedback.taught(conn))
        return sum(
            wrong_passages.add(conn, _wrong(marked), "review", who=created_by)
            for marked in wrong_passages.marked(conn)
            if room(marked.visitor, marked.message_id)
        )


def _wrong(marked: MarkedWrong) -> Wrong:
    question = " ".join(marked.question.split())
    return Wrong(
        question, quality.digest(question), marked.passage, marked.passage_sha256, marked.document,
        marked.message_id, marked.visitor,
    )  # fmt: skip


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


def _parts(answers: Iterable[QuestionsOfPassage]) -> Iterator[list[QuestionsOfPassage]]:
    part: list[QuestionsOfPassage] = []
    for answered in answers:
        part.append(answered)
        if len(part) == WRITTEN_AT_ONCE:
            yield part
            part = []
    if part:
        yield part
