"""
Stores a person's decision on a question that somebody asked: as a pair to train on, as a question
to evaluate on, or with passages that are wrong for it.

The decision counts as the review. The checks of other pairs apply.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pipelines.errors import ConflictError, GateError, InputError
from pipelines.search.handle import SearchHandle
from pipelines.store import (
    documents,
    feedback,
    pair_passages,
    pair_review,
    pairs,
    wrong_passages,
)
from pipelines.store.chunks import digest
from pipelines.store.db import Connection, Pool
from pipelines.store.pair_passages import Passage
from pipelines.store.pairs import Split, Status
from pipelines.store.wrong_passages import Wrong
from training.pairs import quality
from training.pairs.collect import MOST_PER_VISITOR
from training.pairs.collector import OTHER_SIDE, Collector, PairDraft

Use = Literal["train", "heldout", "wrong"]


@dataclass(frozen=True)
class Lesson:
    """
    A question that somebody asked, as edited, with passages that are right or wrong for it.

    :param visitor: The visitor who asked it.
    """

    message_id: int
    visitor: str
    question: str
    chunk_ids: Sequence[int]


def teach(pool: Pool, handle: SearchHandle, lesson: Lesson, use: Use, *, who: str) -> int:
    """
    Store a reviewed question.

    :returns: The number of passages stored.
    :raises InputError: The question is not fit, or none of its passages still exists.
    :raises GateError: Too many of this visitor's questions are used, or the passage is on the other
        side.
    :raises ConflictError: It is stored already.
    """
    question = " ".join(lesson.question.split())
    with pool.connection() as conn:
        _check_share(conn, lesson)
        sources = feedback.sources(conn, lesson.chunk_ids)
        if not sources:
            raise InputError("Mark a source first. It must still be in the documents.")
        if use == "wrong":
            added = [_add_wrong(conn, lesson, question, s.text, s.title, who) for s in sources]
            if not any(added):
                raise ConflictError("These passages are kept as wrong for this question already.")
            return sum(added)
        texts = {source.text for source in sources}
        known = pair_passages.passages(conn, suspicious_code=documents.SUSPICIOUS)
        found = [passage for passage in known if passage.text in texts]
    return _add_pairs(pool, handle, lesson, question, found, use, who)


def _check_share(conn: Connection, lesson: Lesson) -> None:
    if feedback.taught(conn).get(lesson.visitor, 0) >= MOST_PER_VISITOR:
        raise GateError(
            f"{MOST_PER_VISITOR} questions of this visitor were used in the last thirty days: no"
            " more are used, so that no single visitor dominates the training."
        )


def _add_wrong(
    conn: Connection, lesson: Lesson, question: str, text: str, title: str, who: str
) -> bool:
    wrong = Wrong(
        question, quality.digest(question), text, digest(text), title, lesson.message_id,
        lesson.visitor,
    )  # fmt: skip
    return wrong_passages.add(conn, wrong, "accepted", who=who)


def _add_pairs(
    pool: Pool,
    handle: SearchHandle,
    lesson: Lesson,
    question: str,
    passages: Sequence[Passage],
    side: Split,
    who: str,
) -> int:
    collector = Collector(pool, handle, "feedback", passages, who, wanted=side)
    new = []
    for passage in passages:
        draft = PairDraft(question, "asked", passage, question, lesson.message_id, lesson.visitor)
        pair = collector.judge(draft, None, "")
        if pair is None:
            raise ConflictError("There is a pair with this question already.")
        if pair.status == "rejected":
            raise _refusal(pair.reason, side)
        new.append(pair)
    with pool.connection() as conn, conn.transaction():
        pairs.add(conn, new, created_by=who)
        ids = pairs.ids_of(conn, lesson.message_id, quality.digest(question))
        return pairs.decide(conn, ids, "accepted", who=who)


def _refusal(reason: str, side: Split) -> Exception:
    if reason != OTHER_SIDE:
        return InputError(f"The question is not fit for a pair: {reason}. Edit it.")
    other = "to judge on" if side == "train" else "to train on"
    return GateError(
        f"This passage, or one nearly like it, is used {other} already. It cannot be on both sides."
    )


def decide(
    conn: Connection, pair_id: int, status: Status, *, who: str, question: str | None = None
) -> None:
    """
    Store a person's decision on a pair or a wrong passage, with the edited question if given.

    :raises InputError: The question is empty, or the pair is gone.
    :raises GateError: Its passage is on the other side, or accepted as right and now called wrong.
    :raises ConflictError: Another pair has the edited question.
    """
    pair = pair_review.get(conn, pair_id)
    if pair is None:
        raise InputError("This pair is gone: its document was deleted.")
    if status == "accepted" and pair.reason == OTHER_SIDE:
        raise GateError(f"It cannot be accepted: {OTHER_SIDE}.")
    if status == "accepted" and pair.wrong and wrong_passages.answers(conn, pair_id):
        raise GateError(
            "This passage is accepted as an answer to the question. Reject that pair first."
        )
    edited = None if question is None else " ".join(question.split())
    if edited == "":
        raise InputError("The question is empty.")
    if edited == pair.question:
        edited = None
    pair_review.decide(
        conn,
        pair,
        status,
        who=who,
        question=edited,
        question_sha256=None if edited is None else quality.digest(edited),
    )
