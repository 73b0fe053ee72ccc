"""Evaluations in the database: stored from a report, and read back in its form."""

from __future__ import annotations

import json
from typing import Any

from pipelines.store import evaluations
from pipelines.store.db import Connection
from pipelines.store.evaluations import Evaluation, QuestionRow
from pipelines.store.ids import EvaluationId
from training.evaluation.figures.comparison import (
    EvaluationReport,
)


def figures(report: EvaluationReport) -> dict[str, Any]:
    """The report without its questions, as stored in the database."""
    value: dict[str, Any] = json.loads(json.dumps(report.as_json()))
    del value["questions"]
    return value


def stored(conn: Connection, found: Evaluation) -> dict[str, Any]:
    """A stored evaluation in the form of `EvaluationReport.as_json`."""
    questions = [vars(row) for row in evaluations.questions_of(conn, found.id)]
    return {**found.figures, "questions": questions}


def store(
    conn: Connection, report: EvaluationReport, *, created_by: str = "system"
) -> EvaluationId:
    """Store an evaluation with its questions and return its id."""
    questions = report.as_json()["questions"]
    return evaluations.add(
        conn,
        dataset=report.dataset.name,
        dataset_sha256=report.dataset.sha256,
        models=[model.identity for model in report.models],
        verdict=report.verdict,
        figures=figures(report),
        questions=[
            QuestionRow(q["question"], q["leans_on_context"], list(q["relevant"]), q["results"])
            for q in questions
        ],
        created_by=created_by,
    )
