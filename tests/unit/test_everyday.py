"""Questions as ordinary people put them: other names, four languages, and how documents are written."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipelines.answering.extracts.asked import Asked
from pipelines.answering.extracts.units import Unit, units
from pipelines.search import evidence
from pipelines.store.hits import Hit
from pipelines.text import other_names
from pipelines.text.stop_words import spoken
from tests.unit.test_extract import by_letters, hit


def of(text: str, language: str, **weights: float) -> Hit:
    return replace(hit(1, text), language=language, weights=weights)


def answers(question: str, text: str, language: str = "en") -> str:
    """What is read out of a passage, by words alone."""
    from pipelines.answering.extracts import extract

    terms = evidence.content(question, language)
    found = of(text, language, **dict.fromkeys(terms, 3.0))
    vector = by_letters([question])[0]
    chosen = extract.choose(question, vector, [found], by_letters, trusted=0.0)
    return " / ".join(e.shown for e in chosen)


def kinds(text: str) -> list[tuple[str, str]]:
    return [(unit.kind, unit.text) for unit in units(text)]


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("How heavy is the pump?", "en"),
        ("Wie schwer ist die Pumpe?", "de"),
        ("Öffnungszeiten Samstag", "de"),
        ("Combien pèse la chaudière ?", "fr"),
        ("¿Cuánto pesa la caldera?", "es"),
        ("revenue 2021", "en"),
    ],
)
def test_the_language_of_a_question_is_told_by_its_small_words(question, language):
    """A few words are enough, and a question without any counts as English."""
    assert spoken(question) == language


@pytest.mark.parametrize(
    ("question", "language", "content"),
    [
        ("Wie lang muss mein Passwort sein?", "de", {"lang", "passwort"}),
        ("Wie lange dauert das Programm Wolle?", "de", {"lang", "dauert", "programm", "woll"}),
        ("Faut-il un bonnet pour nager ?", "fr", {"bonnet", "nag"}),
        ("¿Qué ingredientes lleva la tortilla?", "es", {"ingredient", "tortill"}),
        ("How many pupils does it have?", "en", {"pupil"}),
    ],
)
def test_small_words_of_every_language_say_nothing(question, language, content):
    """They are left out by what is typed: *Wolle* stays, although its stem is that of *wollen*."""
    assert set(evidence.content(question, language)) == content


@pytest.mark.parametrize(
    ("question", "text", "language"),
    [
        ("How heavy is the pump?", "Weight of the pump: 12 kg", "en"),
        ("Combien pèse la chaudière ?", "Chaudière, poids : 38 kg", "fr"),
        ("How long is the guarantee?", "The warranty ends after five years.", "en"),
        ("Was kostet die Malerarbeit?", "Preis der Arbeit: 40 Euro", "de"),
        ("Wann ist die Malerrechnung fällig?", "Die Rechnung ist am 1. Juli fällig, Datum 3.6.", "de"),
        ("Wie schwer ist die Gartenpumpe?", "Gewicht der Pumpe: 11,8 kg", "de"),
        ("Which languages does she speak?", "She spoke three languages.", "en"),
        ("Can I freeze the goulash?", "The goulash can be frozen.", "en"),
        ("Darf ich die Suppe einfrieren?", "Die Suppe kann eingefroren werden.", "de"),
    ],
)  # fmt: skip
def test_other_names_count_as_the_words_of_a_question(question, text, language):
    """A passage in the words of a table, a contract or another tense holds the whole question."""
    assert evidence.weigh(question, [of(text, language)]).coverage == 1


def test_the_name_of_what_is_asked_for_alone_holds_nothing():
    """A passage with some height does not tell of the tower. One about the tower does."""
    asked = "Wie hoch ist der Eiffelturm?"
    height = evidence.weigh(asked, [of("Höhe der Pumpe: 31 cm", "de")])
    assert (height.coverage, height.absent) == (0, ("Wie hoch",))
    assert evidence.weigh(asked, [of("Der Eiffelturm, Höhe 330 m", "de")]).absent == ()


@pytest.mark.parametrize(
    ("question", "text", "absent"),
    [
        ("Wer ist der Betriebsrat der Stadtwerke?", "Leiterin der IT der Stadtwerke: N. Scholl", True),
        ("Wie heißt der Leiter der IT?", "Leiterin der IT der Stadtwerke: N. Scholl", False),
        ("Wie viele Mitarbeiter hat die Blitzrein GmbH?", "Die Blitzrein GmbH reinigt 840 m².", True),
        ("Wie viele Mitarbeiter hat die Blitzrein GmbH?", "Blitzrein GmbH, 12 Mitarbeiter", False),
        ("Rechnung von Familie Bergmann", "Rechnung für Familie Aydin über 40 Euro", True),
        ("Wie viel Watt hat die Pumpe?", "Leistung der Pumpe: 950 W", False),
    ],
)  # fmt: skip
def test_roles_counted_things_and_german_names_can_be_absent(question, text, absent):
    """What no passage names asks for more confidence. Units and people are counted otherwise."""
    assert bool(evidence.weigh(question, [of(text, "de")]).absent) is absent


def test_versions_are_held_with_and_without_their_v():
    """ "2.4.1" is written "v2.4.1", but not part of "12.4.1" or of a word."""
    assert evidence.holds("Fixed in v2.4.1.", "2.4.1")
    assert not evidence.holds("Fixed in 12.4.1.", "2.4.1")
    assert not evidence.holds("Fixed in dev2.4.1.", "2.4.1")


def test_an_item_of_two_sentences_is_one():
    """The list around it stays whole, too. So does a short field."""
    steps = "1. Turn the key.\n2. Enter the old code. It is 0000 when new.\n3. Let go."
    assert kinds(steps)[-1] == ("steps", steps)
    field = "W12: No magnet is found. Check the rear spoke."
    assert kinds(field) == [("field", field)]


@pytest.mark.parametrize("title", ["§ 3 Vergütung", "2. Roof", "Article 4: Term", "Clause 7 Fees"])
def test_the_title_of_a_clause_is_a_heading(title):
    """What stands below is told with it, and the title alone is no answer."""
    text = f"{title}\nThe fee is 2,380 euros a month and is paid in advance."
    found = units(text)
    assert {unit.heading for unit in found} == {title}
    assert title not in [unit.text for unit in found]


def test_steps_are_no_clauses():
    """A numbered line with another one below is an item."""
    assert [kind for kind, _ in kinds("1. Open the valve\n2. Close the valve")][:2] == [
        "item",
        "item",
    ]


def test_one_line_under_a_marked_heading_is_its_value():
    """ "English and French" under "Languages" is no heading, although it stands alone."""
    text = "## Languages\n\nEnglish and French\n\n## Licence\n\nClass B"
    values = [unit.text for unit in units(text) if unit.kind == "sentence"]
    assert values == ["English and French", "Class B"]


def test_a_row_with_stops_in_it_keeps_its_columns():
    """ "Pos." ends no sentence in a table."""
    text = "Pos. | Leistung | Gesamt\n3 | Gerüst stellen | 860,00 €"
    assert units(text)[-1].cells == (
        ("Pos.", "3"), ("Leistung", "Gerüst stellen"), ("Gesamt", "860,00 €")
    )  # fmt: skip


def test_columns_set_by_spaces_have_names():
    """As in bills that are plain text."""
    text = "Description       Hours   Amount\nLawn care         9       £306.00"
    assert units(text)[-1].cells == (
        ("Description", "Lawn care"), ("Hours", "9"), ("Amount", "£306.00")
    )  # fmt: skip


@pytest.mark.parametrize(
    ("question", "text", "language", "answer"),
    [
        ("How often are the windows cleaned?", "Cleaning a window costs 410 euros. The windows are cleaned four times a year.", "en", "four times"),
        ("Wie oft werden die Fenster geputzt?", "Die Fensterreinigung kostet 410 Euro. Die Fenster werden viermal im Jahr geputzt.", "de", "viermal"),
        ("Wie lautet die Kundennummer der Familie Aydin?", "Kunde: Familie Aydin\nKundennummer: 5082\nDatum: 17.06.2024", "de", "5082"),
        ("¿Cuántos huevos necesito?", "- 6 huevos\n- sal\n\n3. Mezclar los huevos batidos.", "es", "6 huevos"),
        ("Which part costs 11 euros?", "Part | Price\nValve | 11 euros\nSeal | 4 euros", "en", "Valve"),
    ],
)  # fmt: skip
def test_everyday_questions_get_the_part_that_answers(question, text, language, answer):
    """By the kind of thing that is asked for, its label, and what is counted."""
    assert answer in answers(question, text, language)


def test_a_row_about_somebody_else_is_no_answer():
    """All of those who are asked for stand somewhere in its passage."""
    asked = Asked.of("How many spaces does the South deck have?")
    row = Unit("row", (0, 9), "East field", cells=(("Area", "East field"), ("Spaces", "240")))
    assert not asked.agrees(row, of("Area | Spaces\nEast field | 240", "en"))
    assert asked.agrees(row, of("The South deck is closed. Area | Spaces\nEast field | 240", "en"))


@pytest.mark.parametrize(
    ("question", "unit", "agrees"),
    [
        ("What does the bike cost?", "The bike has 24 gears.", False),
        ("What does the bike cost?", "The bike is sold at 900 euros.", True),
        ("Quel est le numéro de téléphone de la piscine ?", "La piscine ouvre à 9 h.", False),
        ("¿Cuántas calorías tiene la tortilla?", "La tortilla tiene 6 huevos.", False),
    ],
)
def test_a_value_of_another_kind_is_no_answer(question, unit, agrees):
    """Where a price, a telephone number or calories are asked for, in four languages."""
    assert Asked.of(question).agrees(Unit("sentence", (0, 5), unit), of(unit, "en")) is agrees


def test_every_word_has_its_other_names_both_ways():
    """The groups are symmetric, and stems lead to them."""
    assert "warranty" in other_names.of_word("guarantee")
    assert "guarantee" in other_names.of_word("warranti")  # its stem
    assert other_names.of_word("zeppelin") == frozenset()
