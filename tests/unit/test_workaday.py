"""Tables set by spaces, lists without marks, the most of a column, and what people ask for in other words."""

from __future__ import annotations

import pytest

from pipelines.answering import followup
from pipelines.answering.events import Turn
from pipelines.answering.extracts import most
from pipelines.answering.extracts.asked import Asked
from pipelines.answering.extracts.units import Unit, units
from pipelines.indexing.readers.web.markdown import read_markdown
from pipelines.search import evidence
from pipelines.text import lines, other_names
from pipelines.text.german import verb_forms
from tests.unit.test_everyday import answers, kinds, of

RESULTS = (
    "Parameter      Result    Unit     Guideline\n"
    "Phosphorus     61        mg/l     25 to 45\n"
    "Potassium      118       mg/l     120 to 240"
)
WAGES = (
    "Item           Hours     Rate      Amount\n"
    "Basic pay      152.0     24.10     3,663.20\n"
    "Shift bonus                        120.00"
)
VACUUMS = (
    "Model: Sirro; Price (EUR): 299; Noise (dB): 72; Battery life (min): 45\n"
    "Model: Halden; Price (EUR): 1,449; Noise (dB): 68; Battery life (min): 60\n"
    "Model: Lumen; Price (EUR): 529; Noise (dB): 61; Battery life (min): 55"
)
SOUP = "Ingredients\n1 onion\n2 carrots\n400 g tinned tomatoes\na piece of cheese\n\nMethod\n1. Chop.\n2. Cook."


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("Potassium            118         mg/l       120 to 240", "figures"),
        ("Shift bonus                        120.00", "figures"),
        ("One sentence.  Two spaces stand before this one.  And before this.", "text"),
        ("TERRALAB SERVICES                Report no. S-20931", "text"),
        ("The money is paid on the 28th to account 5550 0000.", "text"),
    ],
)
def test_a_line_in_columns_is_told_from_a_sentence(line, kind):
    """By its gaps, and by a stop at the end of many words."""
    assert lines.kind(line) == kind


def test_a_table_set_by_spaces_has_its_head_and_no_row_of_it():
    """The head is no heading and no answer, and units may stand in a column of their own."""
    found = [unit.cells for unit in units(RESULTS)]
    assert found[1] == (
        ("Parameter", "Potassium"), ("Result", "118"), ("Unit", "mg/l"), ("Guideline", "120 to 240")
    )  # fmt: skip
    assert len(found) == 2


def test_a_row_with_empty_cells_takes_names_by_its_places():
    """A cell belongs to the column that it stands below."""
    assert units(WAGES)[-1].cells == (("Item", "Shift bonus"), ("Amount", "120.00"))


def test_years_above_figures_are_no_row():
    """They are the names of the columns."""
    found = units("Year      2020    2021\nIncome    4,120   4,610")
    assert [unit.cells for unit in found] == [
        (("", "Income"), ("2020", "4,120"), ("2021", "4,610"))
    ]


def test_short_lines_with_amounts_are_a_list():
    """The line above them is its heading."""
    assert kinds(SOUP)[1:5] == [
        ("item", "1 onion"), ("item", "2 carrots"), ("item", "400 g tinned tomatoes"),
        ("item", "a piece of cheese"),
    ]  # fmt: skip
    assert units(SOUP)[1].heading == "Ingredients"


def test_wrapped_prose_is_no_list():
    """Its lines begin with small letters, and it has stops."""
    text = "The committee met on the third of May\nand it decided to buy a new van for the\nlibrary, which had asked for one since\nthe winter."
    assert not lines.unmarked(text)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Which vacuum is the quietest?", "Model: Lumen; Noise (dB): 61"),
        ("What is the cheapest model?", "Model: Sirro; Price (EUR): 299"),
        ("What is the most expensive vacuum cleaner?", "Model: Halden; Price (EUR): 1,449"),
        ("Which model has the longest battery life?", "Model: Halden; Battery life (min): 60"),
    ],
)
def test_the_most_of_a_column_is_compared(question, answer):
    """All rows are looked at, and the figures are read as numbers."""
    assert answers(question, f"Vacuums\n\n{VACUUMS}") == answer


def test_the_most_is_read_in_german():
    """With points between thousands, and what the row is about instead of its number."""
    text = "Pos. | Leistung | Gesamt\n1 | Grundieren | 540,00 €\n2 | Streichen | 1.704,00 €\n3 | Gerüst | 860,00 €"
    assert (
        answers("Was war der teuerste Posten?", text, "de")
        == "Leistung: Streichen; Gesamt: 1.704,00 €"
    )


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Which boat is the quietest?", VACUUMS),  # another thing
        ("Which model is the heaviest?", VACUUMS),  # no such column
        ("Which is cheapest?", "Model: A; Price: 3 EUR\nModel: B; Price: 2 USD"),  # other units
        ("Which is cheapest?", "Model: A; Price: 3 EUR\nModel: B; Price: on request"),
    ],
)
def test_no_most_is_told_where_it_is_not_certain(question, text):
    """Then the question is answered, or refused, as any other."""
    hit = of(text, "en")
    assert most.most(Asked.of(question), [hit], {1: units(text)}) is None


def test_a_table_that_may_go_on_has_no_most():
    """Its last row stands at the end of a long passage."""
    text = "\n".join(f"Model: Number {n}; Price: {n}" for n in range(100, 160))
    assert (
        most.most(Asked.of("Which is the cheapest model?"), [of(text, "en")], {1: units(text)})
        is None
    )


@pytest.mark.parametrize(
    ("value", "language", "number"),
    [
        ("1.704,00 €", "de", 1704.0),
        ("1,704.00", "en", 1704.0),
        ("4.000 l/h", "de", 4000.0),
        ("4.000", "en", 4.0),
        ("11,8 kg", "de", 11.8),
        ("2.4", "de", 2.4),
        ("1 449 €", "fr", None),
        ("7 to 9", "en", None),
    ],
)
def test_figures_are_read_as_their_language_writes_them(value, language, number):
    """A cell with two numbers is not compared."""
    found = most.figure(value, language)
    assert (found[0] if found else None) == number


@pytest.mark.parametrize(
    ("word", "forms"),
    [
        ("ausgezahlt", ("auszahlen",)),
        ("auszuzahlen", ("auszahlen",)),
        ("gekauft", ("kaufen",)),
        ("ansaugt", ("saugt",)),
        ("Anlage", ()),
        ("gehen", ()),
    ],
)
def test_german_verbs_are_known_in_their_other_forms(word, forms):
    """Participles, and verbs that a main clause takes apart."""
    assert verb_forms(word) == forms


@pytest.mark.parametrize(
    ("question", "text", "language", "answer"),
    [
        ("Where did Ms Keane buy the kettle?", "Date of purchase: 22 November\nDealer: Brandt, 9 Quay Street\nPrice: 64", "en", "Brandt"),
        ("Who analysed the sample?", "Sample taken: 3 March\nAnalyst: Dr R. Venkataraman\nDepth: 20 cm", "en", "Venkataraman"),
        ("Wie viel bekommt er ausgezahlt?", "Personalnummer: 2217\nBrutto: 4.039,31\nAuszahlung: 2.880,57", "de", "2.880,57"),
        ("Wie viele Urlaubstage hat er noch?", "Urlaubsgeld: 120,00\nResturlaub: 19 Tage\nStunden: 152", "de", "19 Tage"),
        ("Who sits on the committee?", "The committee decides on applications. The committee consists of the chair and the treasurer.", "en", "consists"),
        ("How old must you be to join the club?", "A member may leave at the end of a year. Anyone who is twelve or older may apply.", "en", "twelve"),
        ("When will the trustees meet again?", "Meeting of the trustees held on 14 May 2024\n\nNext meeting: 9 July 2024 at 18:30", "en", "9 July"),
        ("What do the children have to bring?", "Children may bring five pounds.\n\nEvery child needs:\n\n- a packed lunch\n- a rain jacket", "en", "rain jacket"),
        ("Is diving covered?", "## Not covered\n\n- Injuries from diving below 30 metres\n- Valuables in a car", "en", "Not covered:\n- Injuries"),
        ("When did version 4.1.2 come out?", "## 4.1.2 (9 December 2024)\n\nCloses a gap in the login form (CVE-2024-90412).", "en", "9 December 2024"),
        ("Was mache ich, wenn die Pumpe nicht ansaugt?", "Störung: Pumpe saugt nicht an; Abhilfe: Schlauch entlüften\nStörung: Motor geht aus; Abhilfe: warten", "de", "entlüften"),
    ],
)  # fmt: skip
def test_workaday_questions_get_the_part_that_answers(question, text, language, answer):
    """Answers are found by synonyms, by the kind of thing asked for, and by headings."""
    assert answer in answers(question, text, language)


def test_days_of_the_week_are_named_without_their_plural():
    """ "On Saturdays" is told by "Saturday first"."""
    assert evidence.names("Is it open on Saturdays?") == ("Saturday",)


@pytest.mark.parametrize(
    ("question", "asking", "is_most"),
    [
        ("Which is the quietest?", "quietest", False),
        ("Was ist am teuersten?", "teuersten", True),
        ("Quel est le moins cher ?", "le moins cher", False),
        ("How quiet is it?", None, None),
    ],
)
def test_superlatives_are_known(question, asking, is_most):
    """In several languages."""
    found = other_names.superlative(question)
    assert (found and found.asking, found and found.is_most) == (asking, is_most)


def test_an_item_says_what_it_stands_under():
    """Its opener counts before its heading."""
    (item,) = [u for u in units("## Rules\n\nNot allowed:\n\n- dogs\n- cats") if u.text == "- dogs"]
    assert (item.heading, item.opener) == ("## Rules", "Not allowed:")
    assert isinstance(item, Unit)


@pytest.mark.parametrize(
    ("question", "text", "other"),
    [
        ("What does the trip cost for Year 6?", "Year 5 trip: the cost is 17 pounds.", True),
        ("What does the trip cost for Year 5?", "Year 5 trip: the cost is 17 pounds.", False),
        ("What does the trip cost?", "Year 5 trip: the cost is 17 pounds.", False),
        ("When is room 12 free?", "The hall is free on Monday.", False),
    ],
)
def test_what_is_told_apart_by_its_number_is_not_mixed_up(question, text, other):
    """Only where the passages tell of others of the same kind."""
    assert evidence.weigh(question, [of(text, "en")]).of_others is other


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("What does the policy cost per month?", "Cover: Legal costs; Up to: 25,000 pounds"),
        ("How much zinc is in the soil?", "Soil depth: 20 cm"),
        ("How many litres does the kettle KT-170 hold?", "Product: Electric kettle KT-170"),
        ("Who is the chair of the club?", "The committee of the club consists of the chair and the treasurer."),
        ("How long is the guarantee on the Lumen Quiet?", "Model: Lumen Quiet; Price: 529; Weight: 2.7"),
    ],
)  # fmt: skip
def test_what_nearly_answers_is_not_sure(question, text):
    """Another amount, another thing, no figure, no name, or no such column."""
    from pipelines.answering.extracts import extract
    from tests.unit.test_extract import by_letters

    hit = of(text, "en", **dict.fromkeys(evidence.content(question, "en"), 3.0))
    chosen = extract.choose(question, by_letters([question])[0], [hit], by_letters, trusted=0.0)
    assert not extract.is_sure(chosen)


def test_a_word_that_no_passage_has_counts_by_its_other_names():
    """The library knows no weight for *doctorate*, but it has a PhD."""
    hit = of("PhD in chemistry", "en", chemistri=3.0)
    groups = Asked.of("Where was the chemistry doctorate?").groups(hit)
    assert any("phd" in names and weight > 1 for names, weight in groups)


@pytest.mark.parametrize(
    ("before", "question", "reading"),
    [
        ("When is the first Sunday bus from Harbour Square?", "and from the General Hospital?", "When is the first Sunday bus from General Hospital?"),
        ("How many tickets did we sell in March in Leeds?", "and in April?", "How many tickets did we sell in April in Leeds?"),
    ],
)  # fmt: skip
def test_a_follow_up_takes_the_place_of_the_name_after_its_preposition(before, question, reading):
    """Another name of the question before stays."""
    assert followup.readings(question, [Turn("user", before), Turn("assistant", "x")])[0] == reading


def test_fields_of_a_markdown_paragraph_stay_lines():
    """Rendered, the lines of a paragraph are joined. Those of a form are not."""
    text = "Born: 2 May 1986\nAddress: 7 Harbour Lane\n\nA sentence that\ngoes on here.\n"
    read = read_markdown(text.encode(), "text/markdown").text
    assert "Born: 2 May 1986\nAddress: 7 Harbour Lane" in read
    assert "A sentence that goes on here." in read
