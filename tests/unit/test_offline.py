"""Questions made without a language model ask for what their passage says."""

from __future__ import annotations

import pytest

from pipelines.store.pair_passages import Passage
from training.pairs import asking
from training.pairs.forms import FRAGMENTS
from training.pairs.grammar import english, german
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
            "How could changes in the law harm the company's business in many countries?",
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


@pytest.mark.parametrize(
    ("heading", "question"),
    [
        ("Guide > Resetting the pump", "How do I reset the pump?"),
        ("Guide > 2.1 Connect a printer", "How do I connect a printer?"),
        ("B. MEETING OF CREDITORS", "Meeting of creditors"),
        ("Ducks > Behaviour", "Behaviour, Ducks"),
        ("Where does the money go?", "Where does the money go?"),
    ],
)
def test_a_heading_is_asked_for(heading, question):
    assert question in questions(passage(FILLER, section=heading))


def test_a_heading_is_asked_for_once():
    """The later passages of a section do not answer for all of it."""
    first = passage(FILLER, section="Tide tables")
    second = Passage(
        "2", "The tides are high in spring.", "report.pdf", "Tide tables", 1, "en", False
    )
    made = OfflineGenerator([second, first])
    assert "Tide tables" in {one.question for one in made.questions(first)}
    assert "Tide tables" not in {one.question for one in made.questions(second)}


@pytest.mark.parametrize(
    ("table", "question"),
    [
        ("| Harbour name | 2020 |\n| North pier | 7 |", "What was North pier in 2020?"),
        ("| Part | Torque |\n|---|---|\n| Lid screw | 11 Nm |", "What is Torque of Lid screw?"),
    ],
)
def test_an_amount_in_a_table_is_asked_for_by_row_and_column(table, question):
    assert question in questions(passage(f"{FILLER}\n{table}"))


@pytest.mark.parametrize(
    ("sentence", "kind", "question"),
    [
        ("We account for income taxes using the asset method.", "manner",
         "How does the company account for income taxes?"),
        ("Interest expense was higher in 2021 due to a new loan.", "reason",
         "Why was interest expense higher in 2021?"),
        ("The final report must be filed within 30 days.", "time",
         "When must the final report be filed?"),
        ("To create a backup, choose Save in the menu.", "how", "How do I create a backup?"),
        ("The survey found 12 cases in Leicester.", "figure", "How many cases did the survey find in Leicester?"),
        ("You can delete a crawler that is not running.", "whether", "Can I delete a crawler?"),
        ("Riders must wear a helmet, unless they sit.", "whether", "Must riders wear a helmet?"),
    ],
)  # fmt: skip
def test_a_part_of_a_clause_is_asked_for(sentence, kind, question):
    assert (question, kind) in [
        (made.question, made.kind) for made in english.questions(sentence, "the company")
    ]


@pytest.mark.parametrize(
    ("sentence", "kind", "question"),
    [
        ("Ein Haushaltsplan ist eine Übersicht über die Ausgaben.", "definition",
         "Was ist ein Haushaltsplan?"),
        ("Die Kündigungsfrist beträgt drei Monate.", "figure", "Wie lang ist die Kündigungsfrist?"),
        ("Die Kosten der Sanierung beliefen sich auf 2,4 Millionen Euro.", "figure",
         "Wie hoch waren die Kosten der Sanierung?"),
        ("Innerhalb von 14 Tagen können Sie den Vertrag widerrufen.", "time",
         "Bis wann kann ich den Vertrag widerrufen?"),
        ("Wegen der Bauarbeiten bleibt die Bibliothek am Montag geschlossen.", "reason",
         "Warum bleibt die Bibliothek am Montag geschlossen?"),
        ("Bei Frost darf die Anlage nicht betrieben werden.", "whether",
         "Darf die Anlage bei Frost betrieben werden?"),
        ("Das Gerät schaltet sich nach einer Pause automatisch ab.", "whether",
         "Schaltet sich das Gerät nach einer Pause automatisch ab?"),
        ("Vor dem Öffnen des Gehäuses müssen Sie den Netzstecker ziehen.", "how",
         "Was muss ich vor dem Öffnen des Gehäuses tun?"),
    ],
)  # fmt: skip
def test_a_german_clause_is_turned_round(sentence, kind, question):
    assert (question, kind) in [(made.question, made.kind) for made in german.questions(sentence)]


@pytest.mark.parametrize(
    "sentence",
    [
        "This could harm our business in many countries.",
        "It was filed by the trustee within 30 days.",
        "The items above must be returned to the desk.",
        "Organisations which.",
    ],
)
def test_a_sentence_that_points_elsewhere_is_left_alone(sentence):
    assert list(english.questions(sentence, "the company")) == []


def test_fragments_come_last():
    """What nobody would ask stands in only where there are too few questions."""
    text = f"A quokka is a small wallaby of the islands. {FILLER}"
    made = OfflineGenerator([passage(text)]).questions(passage(text))
    fragments = [one.kind in FRAGMENTS for one in made]
    assert fragments == sorted(fragments)
    assert not fragments[0]
    assert fragments[-1]


def test_what_proves_a_gain_is_whole():
    text = f"A quokka is a small wallaby of the islands. {FILLER}"
    made = OfflineGenerator([passage(text)]).whole(passage(text))
    assert made
    assert not any(one.kind in FRAGMENTS for one in made)


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


def test_a_models_thinking_is_not_read_as_questions():
    """What it thinks may even look like the answer."""
    thought = '<think>{"questions": ["No?"]}</think>\n```json\n{"questions": ["Why so?"]}\n```'
    assert asking.parse(thought, 2) == ["Why so?"]
