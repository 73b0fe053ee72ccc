"""Questions made without a language model ask for what their passage says."""

from __future__ import annotations

import pytest

from pipelines.store.pair_passages import Passage
from training.pairs import asking
from training.pairs.offline import OfflineGenerator

FILLER = "The harbour keeps its maps in the northern archive where nobody looks at them."


def passage(text: str, *, section: str = "", language: str | None = "en") -> Passage:
    return Passage(str(hash(text)), text, "report.pdf", section, 0, language, False)


def questions(*passages: Passage) -> set[str]:
    return {made.question for made in OfflineGenerator(passages).questions(passages[0])}


@pytest.mark.parametrize(
    ("sentence", "question"),
    [
        ("Revenue was $17.5 billion in 2021, a record.", "What was Revenue in 2021?"),
        ("The total fare increased by 12% in 2020.", "How much did the total fare increase in 2020?"),
        ("Key Metric Report (KMR) is sent to each manager.", "What does KMR stand for?"),
        ("A quokka is a small wallaby of the islands.", "What is a quokka?"),
        (
            "Changes in the law could harm our business in many countries.",
            "How could Changes in the law harm the company's business in many countries?",
        ),
    ],
)  # fmt: skip
def test_a_sentence_is_turned_round(sentence, question):
    assert question in questions(passage(f"{sentence} {FILLER} The company has customers."))


@pytest.mark.parametrize(
    "sentence",
    [
        "A page that you have not opened yet is marked by a dot in the margin.",
        "What you should know about the harbour is written on its walls.",
    ],
)
def test_half_a_clause_is_no_term(sentence):
    """ "What is a page that you have not opened yet?" asks for nothing."""
    asked = questions(passage(f"{sentence} {FILLER}"))
    assert not any(question.startswith(("What is a page", "What is what")) for question in asked)


def test_a_heading_is_asked_for():
    asked = questions(passage(FILLER, section="Guide > Resetting the pump"))
    assert any("Resetting the pump" in question for question in asked)


def test_a_table_is_asked_for_by_its_caption():
    text = "Passengers by harbour and year:\n| Harbour name | 2020 |\n| North pier | 7 |"
    assert "What are the figures for Passengers by harbour and year?" in questions(passage(text))


def test_other_languages_get_no_english_words():
    text = "Die Anlage wird nach jeder Wartung langsam angefahren und danach zweimal geprüft."
    for question in questions(passage(text, section="Wartung der Anlage", language="de")):
        assert "What" not in question
        assert "How" not in question


def test_text_without_spaces_is_cropped():
    text = "这台设备在每次维护之后都必须缓慢启动并且由两名技术人员检查两次以后才能恢复正常运行状态而且每次都要做记录。"
    assert any(question in text for question in questions(passage(text, language="zh")))


def test_the_same_passage_gets_the_same_questions():
    one = passage(f"{FILLER} Fares fell by 3% in 2019 because of the storm.", section="Fares")
    assert OfflineGenerator([one]).questions(one) == OfflineGenerator([one]).questions(one)


def test_an_answer_is_read_strictly():
    assert asking.parse('```json\n{"questions": ["Why  so?"]}\n```', 2) == ["Why so?"]
    for answer in ("Sure! 1. Why?", "[]", '{"questions": []}', '{"questions": ["a", "b", "c"]}',
                   '{"questions": [""]}', '{"questions": "Why?"}'):  # fmt: skip
        with pytest.raises(ValueError):
            asking.parse(answer, 2)
