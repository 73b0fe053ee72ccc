"""Rows read out whole, records with a date, mails, days that are asked for, and the nearest parts."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.answering.extracts.answerable import may_answer
from pipelines.answering.extracts.asked import Asked
from pipelines.answering.extracts.candidates import nearest
from pipelines.answering.extracts.units import units
from pipelines.search import dates, dictionary, evidence
from pipelines.search.evidence import Evidence
from tests.unit.test_everyday import answers, of
from tests.unit.test_extract import hit

ROTA = (
    "| Day | From | Class | Room | Teacher |\n|---|---|---|---|---|\n"
    "| Monday | 18:00 | Pottery | B2 | Ruth Amsel |\n| Friday | 17:30 | Weaving | B4 | Jon Pike |"
)
PAY = (
    "| Item | In the first six months | Afterwards |\n|---|---|---|\n"
    "| Pay per year | £24,100 | £25,900 |\n| Leave | 20 days | 25 days |"
)
VISITS = (
    "Boiler book\n\nVisit 1\nDate: 4 May 2022\nWork: Flue swept, gasket renewed.\nPaid: £95\n\n"
    "Visit 2\nDate: 12 May 2023\nWork: Pump exchanged.\nPaid: £310"
)
MAIL = (
    "From: Ada Finch <ada@example.net>\nTo: Orders <orders@example.net>\nDate: 3 May 2025, 09:14\n"
    "Subject: Late wardrobe\n\nDear all,\n\nthe wardrobe was to come on 28 April. "
    "My joiner, Owen Hale, waits to fit it."
)


def by_place(_, spans):
    """Later parts meet the question better."""
    return np.array([start for start, _ in spans], np.float32)


@pytest.mark.parametrize(
    ("question", "text", "answer"),
    [
        ("who gives the pottery class?", ROTA, "Ruth Amsel"),
        ("when does weaving take place? day and time", ROTA, "17:30"),
        ("how much leave is there at first and how much later on?", PAY, "25 days"),
        ("what was done to the boiler in May 2022?", VISITS, "Flue swept"),
        ("Which club member looks after the equipment?", "No: 106; Name: Hugh Pike; Role: Equipment keeper; Joined: 2013; Town: Ely", "Hugh Pike"),
        ("who was meant to fit Ada's wardrobe?", MAIL, "Owen Hale"),
        ("when was the wardrobe due?", MAIL, "28 April"),
        ("how do you put new bags in the hoover?", "## Change the bags\n\n1. Lift the lid.\n2. Pull the old bag out.\n\nPut old bags in the grey bin.", "Lift the lid"),
    ],
)  # fmt: skip
def test_questions_of_a_household_get_the_part_that_answers(question, text, answer):
    """Rows are whole, dates and heads of mails are no answers to other questions."""
    assert answer in answers(question, text, "en")


def test_a_column_that_is_named_is_read_out_alone():
    """The whole row would hide it."""
    assert answers("What is the room of the pottery class?", ROTA, "en") == (
        "Day: Monday; Class: Pottery; Room: B2"
    )


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("on which days is Ruth Amsel in?", "Ruth Amsel teaches pottery to beginners."),
        ("how much does Jon Pike earn?", "Jon Pike answers calls on 01632 960 000."),
    ],
)
def test_what_tells_no_day_or_pay_does_not_answer(question, text):
    """A name alone is no answer."""
    (unit,) = units(text)
    assert not Asked.of(question).agrees(unit, of(text, "en"))


def test_a_name_that_comes_again_begins_the_next_record():
    """What is paid at the second visit does not belong to the first."""
    second = next(unit for unit in units(VISITS) if unit.text == "Paid: £310")
    assert "2023" in second.around
    assert "2022" not in second.around


def test_of_each_passage_the_nearest_part_is_told():
    """With what follows, as long as it is short. Without late interaction, where the window begins."""
    text = "Bins are emptied on Friday. " + "Dogs stay outside. " * 20 + "The gate shuts at ten."
    found = hit(1, text, window=(0, len(text)))
    (near,) = nearest([found], by_place)
    assert text[slice(*near.span)].endswith("The gate shuts at ten.")
    assert near.span[1] - near.span[0] <= 240
    (near,) = nearest([found], None)
    assert text[slice(*near.span)].startswith("Bins are emptied")


@pytest.mark.parametrize(
    ("fit", "absent", "meets", "may"),
    [
        (0.7, (), 0.5, True),
        (0.5, (), 0.5, False),
        (0.7, ("K-53",), 0.5, False),
        (0.7, (), 0.3, False),
        (0.7, (), None, False),
    ],
)
def test_what_is_told_in_other_words_may_answer(fit, absent, meets, may):
    """Where the passages nearly fit, no name is absent, and a sentence meets the question."""
    weighed = Evidence(named=False, coverage=0.2, absent=absent)
    met = None if meets is None else lambda _, spans: np.full(len(spans), meets, np.float32)
    assert may_answer(fit, weighed, [hit(1, "Dogs stay outside.")], met) is may


def test_a_dictionary_has_words_and_no_typos():
    """Of languages without one nothing is known."""
    assert {"wende", "fragen", "kaution"} <= dictionary.words("de")
    assert not {"abrechnug", "schwehr"} & dictionary.words("de")
    assert "dearer" in dictionary.words("en")
    assert dictionary.words("fi") == frozenset()


TOUR = (
    "Date: 2025-07-23; Day: Wednesday; Town: Ghent; Venue: Old Market Hall\n"
    "Date: 2025-07-24; Day: Thursday; Town: Bruges; Venue: Chapel of Mercy\n"
    "Date: 2025-08-24; Day: Sunday; Town: Lille; Venue: City Theatre"
)


@pytest.mark.parametrize(
    ("question", "language"),
    [("Where do we sing on 24 July?", "en"), ("Wo singen wir am 24. Juli?", "de")],
)
def test_a_date_in_figures_is_found_by_its_words(question, language):
    """The row of that day, and no name is missing."""
    assert "Chapel of Mercy" in answers(question, TOUR, language)
    assert not evidence.weigh(question, [of(TOUR, language)]).absent


def test_months_are_told_from_figures():
    """Of ISO dates and of German ones. Versions and addresses are no dates."""
    text = "Paid on 2025-03-04 and 7.11.2024, not 10.0.0.2025 or v1.12.2024."
    assert dates.in_words(text, "en") == "4 March 7 November"
    assert dates.has_month(text, "März")
    assert not dates.has_month(text, "December")


def test_which_one_is_answered_by_whole_rows():
    """The full name of the plant takes two columns."""
    stock = (
        "Code: N1; Plant: Clematis; Kind: Nelly; Remarks: Poisonous\n"
        "Code: N2; Plant: Fern; Kind: Lady; Remarks: none"
    )
    assert "Nelly" in answers("Which plant is poisonous?", stock)
