"""Passages that answer a question too, because they repeat what it was made of."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipelines.text.scoring.repeats import also_answering
from training.pairs.question import Question
from training.pairs.stored import with_repeats

VALVE = "The relief valve of the boiler opens at 12 bar and closes again at 9 bar."
OWN = f"Chapter 4. {VALVE} Test it once a year with the hand lever."
CORPUS = {
    "own": OWN,
    "again": f"In short, before you begin: {VALVE} Wear gloves whenever you touch it.",
    "other figure": f"Chapter 9. {VALVE.replace('12', '14')} It is made of brass and needs no oil.",
    "other words": "A safety fitting lets steam out once the pressure of the kettle is too high.",
    "test": "Chapter 7. Pumps: test it once a year with the hand lever. Grease the bearing.",
}


@pytest.mark.parametrize(
    ("question", "also"),
    [
        ("At how many bar does the relief valve of the boiler open?", ("again", "other figure")),
        ("Does the relief valve open at 12 bar?", ("again",)),
        ("How often is it tested with the hand lever?", ("test",)),
        ("What has chapter 4?", ()),
        ("Wie spät ist es?", ()),
    ],
)
def test_a_passage_that_repeats_what_is_asked_answers_too(question, also):
    assert also_answering([(question, ("own",))], CORPUS, "en") == [also]


def test_what_stands_on_every_page_repeats_nothing():
    footer = "Harbour board of Norden, for internal use by its members only."
    corpus = {str(n): f"Page {n} tells of berth {n}. {footer}" for n in range(30)}
    question = "Who may use the pages of the harbour board for internal use?"
    asked = [(question, (name,)) for name in corpus]
    assert set(also_answering(asked, corpus, "en")) == {()}
    assert len(also_answering(asked[:1], corpus, "en")[0]) == 29


def test_a_passage_does_not_repeat_itself():
    both = ("Does the relief valve open at 12 bar?", ("own", "again"))
    assert also_answering([both, ("What is it?", ("other words",))], CORPUS, "en") == [
        (),
        (),
    ]


def test_what_a_person_called_wrong_does_not_answer_by_repeating():
    plain = Question("Does the relief valve open at 12 bar?", ("own",))
    marked = replace(plain, wrong=("again",))
    found = with_repeats([plain, marked], CORPUS)
    assert [question.also for question in found] == [("again",), ()]
