"""Checks drafts of pairs, gives them a side, and stores them with the objections found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipelines.search import hybrid
from pipelines.search.handle import SearchHandle
from pipelines.store import pair_passages, pairs
from pipelines.store.db import Connection, Pool
from pipelines.store.pair_passages import Passage
from pipelines.store.pairs import CORPUS, NewPair, Split
from training.pairs import quality, sides
from training.pairs.asking import QuestionsOfPassage
from training.pairs.sides import Placed

OTHER_SIDE = "its passage is on the other side, or repeats one that is"
SUSPICIOUS = "its document gives orders to language models"


@dataclass
class Summary:
    """
    The result of a call: numbers of passages and of pairs by status, reasons for rejection, and
    faults. `wrong` passages wait for review too.
    """

    passages: int = 0
    stored: int = 0
    accepted: int = 0
    review: int = 0
    wrong: int = 0
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
            [Placed(p.sha256, p.text, p.document, p.section, p.ordinal) for p in there.values()],
            known,
            wanted=wanted,
        )

    def side(self, passage: Passage) -> Split | None:
        """The side of a passage. None if it repeats one of the other side."""
        return self._sides[passage.sha256]

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
            pair_passages.mark_done(conn, self._generator, done)
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
