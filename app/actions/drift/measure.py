"""Measures each week's questions once it is over: the worker's maintenance calls it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from app.services import Services
from pipelines.progress import NO_TASK, Task
from pipelines.search.handle import SearchHandle
from pipelines.store import question_weeks
from pipelines.store.question_weeks import QuestionWeek

# Questions that are embedded of a week and of each side of the pairs, at most and at least.
MOST_ASKED, MOST_PAIRS, FEWEST = 200, 1000, 20


def is_due(services: Services) -> bool:
    """Whether a whole week is not measured yet."""
    with services.pool.connection() as conn:
        return bool(question_weeks.unmeasured(conn))


def run(services: Services, task: Task = NO_TASK) -> int:
    """
    Measure the weeks that are over, and return their number.

    :raises Stopped: The task was asked to stop.
    """
    with services.pool.connection() as conn:
        weeks = question_weeks.unmeasured(conn)
        if not weeks:
            return 0
        learned = question_weeks.pair_questions(conn, "train", MOST_PAIRS)
        held_out = question_weeks.pair_questions(conn, "heldout", MOST_ASKED)
    for week in weeks:
        task.check()
        with services.pool.connection() as conn:
            row, asked = (
                question_weeks.count(conn, week),
                question_weeks.asked(conn, week, MOST_ASKED),
            )
        if min(len(learned), len(held_out), len(asked)) >= FEWEST:
            row = _with_distances(services.replica.answering(), row, asked, learned, held_out)
        with services.pool.connection() as conn:
            question_weeks.store(conn, row)
    return len(weeks)


def _with_distances(
    handle: SearchHandle,
    row: QuestionWeek,
    asked: list[str],
    learned: list[str],
    held_out: list[str],
) -> QuestionWeek:
    vectors = handle.encoder.encode_queries([*learned, *asked, *held_out])
    known, new = vectors[: len(learned)], vectors[len(learned) :]
    # Vectors have length 1.
    nearest = 1 - np.max(new @ known.T, axis=1)
    return replace(
        row,
        distance=float(np.median(nearest[: len(asked)])),
        expected=float(np.median(nearest[len(asked) :])),
    )
