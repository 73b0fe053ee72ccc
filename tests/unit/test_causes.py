"""Guesses at why an answer was missed."""

from __future__ import annotations

from training.evaluation.figures.causes import NONE_FOUND, Causes

FILLER = {
    f"f{i}": f"A passage number {i} about gardens, rivers and birds of the north."
    for i in range(20)
}
GOLD = "The company leases its offices in Lisbon until the year 2031 under one contract."


def _likely(question: str, corpus: dict[str, str], top: list[str], *, leans: bool = False) -> str:
    return Causes({**FILLER, **corpus}).likely(question, ["gold"], top, leans=leans)


def test_a_near_copy_answers_it_too():
    corpus = {"gold": GOLD, "copy": GOLD.replace("company", "firm")}
    assert "another passage" in _likely("Where are offices leased?", corpus, ["copy", "gold"])


def test_a_table_is_called_a_table():
    table = "Revenue 2019 2020 2021 Mobility 10,745 6,089 6,953 Delivery 1,401 3,904 8,362"
    assert "table" in _likely("How did revenue grow?", {"gold": table}, ["f1"])


def test_an_abbreviation_that_the_answer_lacks_is_jargon():
    assert "jargon: EBITDA" in _likely(
        "What about EBITDA and offices in Lisbon?", {"gold": GOLD}, ["f1"]
    )


def test_a_passage_cut_within_a_sentence():
    cut = "and its offices in Lisbon are leased until the year 2031 under"
    assert "within a sentence" in _likely("Where are offices leased?", {"gold": cut}, ["f1"])


def test_no_rule_fits_and_it_says_so():
    assert (
        _likely("Until when are the offices in Lisbon leased?", {"gold": GOLD}, ["f1"])
        == NONE_FOUND
    )


def test_a_question_that_leans_on_its_passage_comes_first():
    said = _likely("What does this section say on offices?", {"gold": GOLD}, ["f1"], leans=True)
    assert said.startswith("the question leans")
