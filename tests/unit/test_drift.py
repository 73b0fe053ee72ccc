"""When questions have changed enough to say so."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from app.actions.drift.judge import changes
from app.admin.html.suggestions import Facts, suggest
from app.admin.html.weeks import weekly
from pipelines.store.question_weeks import QuestionWeek


def week(number=0, questions=100, not_found=10, liked=20, disliked=2, **more):
    monday = date(2026, 11, 23) - timedelta(weeks=number)
    return QuestionWeek(monday, questions, not_found, liked, disliked, **more)


BEFORE = [week(number, distance=0.3) for number in range(1, 5)]


@pytest.mark.parametrize(
    ("last", "said"),
    [
        (week(not_found=26), "26% of the questions found nothing, before 10%"),
        (week(not_found=13), ""),  # less than five points
        (week(not_found=16), ""),  # six points: chance makes as much, 2.5 errors are eight
        (week(not_found=2), ""),  # better
        (week(questions=20, not_found=19), ""),  # too few to say
        (week(liked=15, disliked=9), "38% of the votes were dislikes, before 9%"),
        (week(liked=10, disliked=9), ""),  # too few votes
        (week(distance=0.40, expected=0.30), "other things than in the weeks before"),
        (week(distance=0.36, expected=0.30), ""),  # a fifth more: not a quarter
        (week(distance=0.05, expected=0.02), ""),  # twice as far, and near all the same
        (week(distance=0.5), ""),
        (week(distance=0.34, expected=0.20), ""),  # people's words are always further
    ],
)
def test_a_change_is_told_if_it_is_no_chance_and_large(last, said):
    found = changes([last, *BEFORE])
    assert len(found) == bool(said)
    assert said in "".join(found)


def test_a_shadow_that_agrees_less_is_told():
    before = [week(number, agreed=0.8) for number in range(1, 5)]
    assert (
        "found 60% of the same passages last week, before 80%"
        in changes([week(agreed=0.6), *before])[0]
    )
    assert changes([week(agreed=0.7), *before]) == []
    assert changes([week(agreed=0.6), *BEFORE]) == []
    assert changes([week(), *before]) == []


def test_without_a_week_before_nothing_is_told():
    assert changes([]) == changes([week(not_found=90)]) == []


def test_the_overview_suggests_to_improve_unless_that_is_under_way():
    facts = Facts(
        own_documents=3, train_pairs=100, heldout_pairs=40, changes=("Something changed.",)
    )
    said = [one for one in suggest(facts) if one.fact == "Something changed."]
    assert [one.advice for one in said] == ["Improve the search, above."]
    busy = Facts(
        own_documents=3, train_pairs=100, changes=("Something changed.",), busy_training=True
    )
    assert not [one for one in suggest(busy) if one.fact == "Something changed."]


def test_figures_that_are_not_known_are_no_numbers():
    table = weekly.table(
        [week(liked=0, disliked=0), week(1, agreed=0.5, distance=0.25, expected=0.2)]
    )
    assert "2026-11-23" in table
    assert table.count("–") == 3
    assert "0.25 (0.20)" in table
    assert weekly.table([]) == ""
