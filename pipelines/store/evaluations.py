"""Rows of `evaluation` and `evaluation_question`: measured results, question by question."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from pipelines.store.db import Connection
from pipelines.store.ids import EvaluationId
from pipelines.store.rows import class_row


@dataclass(frozen=True)
class Evaluation:
    """One evaluation as stored. `models` are identities, the reference first."""

    id: EvaluationId
    dataset: str
    dataset_sha256: str
    models: list[str]
    verdict: str
    figures: dict[str, Any]
    created_by: str
    created_at: datetime


@dataclass(frozen=True)
class QuestionRow:
    """
    One question of an evaluation. `results` has the rank and the best passages of each system.
    """

    question: str
    leans_on_context: bool
    relevant: list[str]
    results: dict[str, Any]


def add(
    conn: Connection,
    *,
    dataset: str,
    dataset_sha256: str,
    models: Sequence[str],
    verdict: str,
    figures: dict[str, Any],
    questions: Iterable[QuestionRow],
    created_by: str = "system",
) -> EvaluationId:
    """Store an evaluation with its questions and return its id."""
    with conn.transaction():
        row = conn.execute(
            "insert into evaluation (dataset, dataset_sha256, models, verdict, figures, created_by)"
            " values (%s, %s, %s, %s, %s, %s) returning id",
            (dataset, dataset_sha256, list(models), verdict, Jsonb(figures), created_by),
        ).fetchone()
        assert row is not None
        evaluation_id = EvaluationId(row[0])
        with (
            conn.cursor() as cursor,
            cursor.copy(
                "copy evaluation_question"
                " (evaluation_id, ordinal, question, leans_on_context, relevant, results) from stdin"
            ) as copy,
        ):
            for ordinal, q in enumerate(questions):
                copy.write_row(
                    (
                        evaluation_id,
                        ordinal,
                        q.question,
                        q.leans_on_context,
                        q.relevant,
                        Jsonb(q.results),
                    )
                )
    return evaluation_id


def get(conn: Connection, evaluation_id: EvaluationId) -> Evaluation | None:
    """The evaluation with this id."""
    with conn.cursor(row_factory=class_row(Evaluation)) as cursor:
        return cursor.execute("select * from evaluation where id = %s", (evaluation_id,)).fetchone()


def latest_of(conn: Connection, model: str, reference: str | None = None) -> Evaluation | None:
    """
    The newest evaluation in which a model was compared.

    :param model: Its identity: the sha256 of its files' manifest, or ``openai:NAME``.
    :param reference: Only evaluations with this model as the reference. None allows any.
    """
    with conn.cursor(row_factory=class_row(Evaluation)) as cursor:
        return cursor.execute(
            "select * from evaluation where models @> array[%(model)s]"
            " and (%(reference)s::text is null or models[1] = %(reference)s)"
            " order by id desc limit 1",
            {"model": model, "reference": reference},
        ).fetchone()


def comparisons(
    conn: Connection, model: str, reference: str, *, limit: int = 20
) -> list[Evaluation]:
    """The evaluations that compare a model with a reference, by identities, newest first."""
    with conn.cursor(row_factory=class_row(Evaluation)) as cursor:
        return cursor.execute(
            "select * from evaluation where models @> array[%s] and models[1] = %s"
            " order by id desc limit %s",
            (model, reference, limit),
        ).fetchall()


def list_all(conn: Connection, *, limit: int = 100) -> list[Evaluation]:
    """Evaluations, newest first."""
    with conn.cursor(row_factory=class_row(Evaluation)) as cursor:
        return cursor.execute(
            "select * from evaluation order by id desc limit %s", (limit,)
        ).fetchall()


def questions_of(conn: Connection, evaluation_id: EvaluationId) -> list[QuestionRow]:
    """The questions of an evaluation, in their order."""
    with conn.cursor(row_factory=class_row(QuestionRow)) as cursor:
        return cursor.execute(
            "select question, leans_on_context, relevant, results from evaluation_question"
            " where evaluation_id = %s order by ordinal",
            (evaluation_id,),
        ).fetchall()
