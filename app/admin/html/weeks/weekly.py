"""The weekly figures of the overview. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from app.admin.html import parts
from pipelines.store.question_weeks import QuestionWeek

HEADERS = [
    "Week from",
    "Questions",
    "Found nothing",
    "Disliked",
    "Shadow agrees",
    "New to the search",
]


def table(weeks: Sequence[QuestionWeek]) -> Markup:
    """The weeks that are over, newest first, folded. Nothing before the first one."""
    if not weeks:
        return Markup("")
    rows = [
        [
            parts.short(f"{one.week:%Y-%m-%d}"),
            f"{one.questions:,}",
            _share(one.not_found, one.questions),
            _share(one.disliked, one.liked + one.disliked),
            "–" if one.agreed is None else f"{one.agreed:.0%}",
            _distance(one),
        ]
        for one in weeks
    ]
    listed = parts.table(HEADERS, rows, numbers=range(1, len(HEADERS)))
    said = parts.quiet(
        "New to the search: how far questions are from those it was trained on, beside held-out"
        " questions, which should be about as far."
    )
    return parts.folded("Questions by week", Markup("{}{}").format(listed, said))


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "–"


def _distance(one: QuestionWeek) -> str:
    if one.distance is None or one.expected is None:
        return "–"
    return f"{one.distance:.2f} ({one.expected:.2f})"
