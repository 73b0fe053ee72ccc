"""The answer without an LLM: which sentences, in which order."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from pipelines.answering.extracts import candidates, extract, readout
from pipelines.answering.extracts.units import units
from pipelines.store.hits import Hit
from pipelines.text.places import Place

QUESTION = "When was the harbour bridge opened?"
WEIGHTS = {"harbour": 1.0, "bridg": 1.0, "open": 2.0}


def hit(number: int, text: str, *, document: int = 1, window: tuple[int, int] | None = None) -> Hit:
    start, end = window or (0, len(text))
    return Hit(
        chunk_id=number, document_id=document, title="t", source="s", collection="default",
        page=None, heading=None, text=text, language="en", score=1.0, dense=0.5, lexical=0.5,
        window_start=start, window_end=end,
    )  # fmt: skip


def by_letters(texts):
    """Unit vectors of letter counts: alike texts are near."""
    counts = np.array(
        [[t.lower().count(c) + 0.01 for c in "abcdefghijklmnopqrstuvwxyz0123456789"] for t in texts]
    )
    return (counts / np.linalg.norm(counts, axis=1, keepdims=True)).astype(np.float32)


def choose(*hits: Hit):
    return extract.choose(QUESTION, by_letters([QUESTION])[0], hits, by_letters)


def test_best_sentence_is_taken_with_its_exact_span():
    """The sentence that shares the question's rare words is chosen, with its position."""
    text = "Ships pass all day. The harbour bridge was opened in 1932. It rains often in the town."
    (best, *_) = choose(replace(hit(1, text), weights=WEIGHTS))
    assert text[slice(*best.span)] == best.text
    assert "The harbour bridge was opened in 1932." in best.text


def test_late_interaction_tells_what_meets_the_question_and_spares_the_encoder():
    """Sentences alike by their words are told apart, and only the best are embedded."""
    text = "The harbour bridge was painted. " * 12 + "The harbour bridge was inaugurated in May."
    embedded = []

    def encode(texts):
        embedded.extend(texts)
        return by_letters(texts)

    def met(hit, spans):
        return np.array([0.9 if "inaugurated" in hit.text[slice(*s)] else 0.5 for s in spans])

    passage = replace(hit(1, text), weights=WEIGHTS)
    (best, *_) = extract.choose(QUESTION, by_letters([QUESTION])[0], [passage], encode, met=met)
    assert "inaugurated in May" in best.text
    assert len(embedded) == extract.MOST_EMBEDDED

    def unknown(_, spans):
        return np.full(len(spans), np.nan)

    plain, same = (
        extract.choose(QUESTION, by_letters([QUESTION])[0], [passage], by_letters, met=scored)
        for scored in (None, unknown)
    )
    assert plain == same


def test_one_sentence_a_passage_and_none_twice():
    """
    Several passages may contribute, each once. A sentence with the same content is not repeated.
    """
    same = "The harbour bridge was opened in 1932."
    assert [e.text for e in choose(hit(1, same), hit(2, same))] == [same]
    assert [
        e.number for e in choose(hit(1, f"{same} The harbour bridge was reopened in 1999."))
    ] == [1]


@pytest.mark.parametrize(("weight", "count"), [(9.0, 2), (0.1, 1)])
def test_an_unsure_answer_comes_with_what_may_answer_as_well(weight, count):
    """
    It is unsure where the best sentence lacks what weighs most in the question. The other may be of
    the same passage, if it is not read out with the first one already.
    """
    text = (
        "The harbour bridge was painted in 1932.\n\nIts colour is a dark and quiet green."
        "\n\nThe harbour bridge was closed in 1950."
    )
    passage = replace(hit(1, text), weights={"harbour": 1.0, "bridg": 1.0, "open": weight})
    vector = np.zeros(99, dtype=np.float32)  # by words alone

    def choose(hit):
        return extract.choose(QUESTION, vector, [hit], lambda texts: np.eye(len(texts), 99))

    found = choose(passage)
    assert [e.text for e in found] == [
        "The harbour bridge was painted in 1932.",
        "The harbour bridge was closed in 1950.",
    ][:count]
    together = replace(hit(1, text.replace("\n\n", " ")), weights=passage.weights)
    spans = [e.span for e in choose(together)]
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(spans))


def test_reading_order_within_a_document():
    """Extracts of one document come as it is read, however they rank."""
    chosen = choose(
        replace(hit(9, "The harbour bridge was opened to trains in 1932."), weights=WEIGHTS),
        replace(hit(4, "In 1931 cars came before the harbour bridge opened."), weights=WEIGHTS),
    )
    assert [e.number for e in chosen] == [2, 1]


def test_unsure_extracts_come_best_first():
    """Wherever they stand in the document."""
    weights = {"harbour": 1.0, "bridg": 1.0, "open": 9.0}
    vector = np.zeros(99, dtype=np.float32)  # by words alone
    passages = [
        replace(hit(9, "The harbour bridge was painted in 1932."), weights=weights),
        replace(hit(4, "The bridge was closed in 1950."), weights=weights),
    ]
    found = extract.choose(QUESTION, vector, passages, lambda texts: np.eye(len(texts), 99))
    assert [e.number for e in found] == [1, 2]


@pytest.mark.parametrize("count", [3, 40])
def test_an_item_that_comes_nearest_is_quoted_with_its_list(count):
    """If the list is short. Else with the items that follow."""
    steps = [f"{n}. Turn the screw with number {n} to the left." for n in range(1, count + 1)]
    passage = hit(1, "## Open the box\n\n" + "\n".join(steps))

    def met(hit, spans):
        return np.array([float("number 2 " in hit.text[slice(*span)]) for span in spans])

    (near,) = candidates.nearest([passage], met)
    quoted = passage.text[slice(*near.span)]
    assert near.meets == 1
    assert (quoted == "\n".join(steps)) is (count == 3)
    assert "number 2 " in quoted
    assert len(quoted) <= candidates.LONGEST_LIST


def test_two_parts_of_a_passage_are_marked_as_one_if_they_are_near():
    """Else the better one is."""
    one, near, far = (
        readout.Extract(1, span, "", score)
        for span, score in [((0, 20), 1.0), ((60, 90), 2.0), ((900, 930), 0.5)]
    )
    assert readout.marks([one, near]) == {1: (0, 90)}
    assert readout.marks([one, far, replace(near, number=2)]) == {1: (0, 20), 2: (60, 90)}


def test_render_cites_every_extract_on_one_line():
    """Line breaks and list marks of the document do not reach the answer."""
    extracts = [readout.Extract(2, (0, 9), "- opened\n  in 1932.", 1.0)]
    assert readout.render(extracts) == "opened in 1932. [2]"


def test_passages_without_proper_sentences_still_answer():
    """A passage of short lines is used whole. Without passages there is no extract."""
    assert [e.text for e in choose(hit(1, "Opened: 1932"))] == ["Opened: 1932"]
    assert choose() == []


@pytest.mark.parametrize(
    "heading",
    ["The harbour bridge opened", "## The harbour bridge opened\n", "Harbour bridge 1932"],
)
def test_a_heading_is_no_answer_but_says_what_is_below_it(heading):
    """The sentence below is taken, also where it does not name again what it is about."""
    text = (
        f"{heading}\n\nTrains and cars crossed it from March 1932 on.\n\n"
        "## The weather\n\nIt rains often in the town."
    )
    below = replace(hit(1, text), heading="History > Harbour bridge 1932", weights=WEIGHTS)
    best, *_ = choose(below)
    assert best.text == "Trains and cars crossed it from March 1932 on."


def test_fields_and_figures_are_no_headings():
    """Short lines that state something may answer."""
    text = "Bridge opened: March 1932\nThe harbour bridge is a long bridge made of steel and stone."
    assert [e.text for e in choose(replace(hit(1, text), weights=WEIGHTS))] == [
        "Bridge opened: March 1932"
    ]


def test_few_sentences_are_embedded():
    """However long the passages, embedding stays bounded."""
    asked = []

    def encode(texts):
        asked.append(len(texts))
        return by_letters(texts)

    hits = [hit(n, f"A harbour sentence number {n} is here. " * 40) for n in range(1, 9)]
    extract.choose(QUESTION, by_letters([QUESTION])[0], hits, encode)
    assert asked == [candidates.MOST_CANDIDATES]


def answered(question: str, text: str, **weights: float) -> str:
    """What is read out of one passage, without its citation."""
    found = replace(hit(1, text), weights=weights)
    extracts = extract.choose(question, by_letters([question])[0], [found], by_letters)
    for chosen in extracts:
        assert text[slice(*chosen.span)] == chosen.text
    return readout.render(extracts[:1]).removesuffix(" [1]")


TABLE = """\
| Part | Bolt | Torque (Nm) |
|---|---|---|
| Housing cover | M8 | 24 |
| Impeller nut | M12 | 46 |"""


def test_a_row_is_read_out_with_the_names_of_its_columns():
    """Of a table with bars the row and the column that were asked for, by name."""
    shown = answered("What is the torque of the impeller nut?", TABLE, torqu=2, impel=2, nut=2)
    assert shown == "Part: Impeller nut; Torque (Nm): 46"


def test_a_labelled_row_is_read_out_by_its_columns():
    """A line that carries its columns' names is a row as well."""
    text = "Team: Blues; City: STL; Cups: 1\n\nTeam: Flyers; City: PHI; Cups: 2"
    shown = answered("How many cups did the Flyers win?", text, cup=2, flyer=3)
    assert shown == "Team: Flyers; Cups: 2"


MODELS = """\
Water tank; Barista 100: 1.2 l; Barista 200: 1.8 l

Power; Barista 100: 1,350 W; Barista 200: 1,450 W"""


def test_a_row_without_a_name_for_its_first_cell_is_a_row():
    """Of a table whose first column has no name, the column that was asked for is read out."""
    shown = answered(
        "How big is the water tank of the Barista 200?", MODELS, water=2, tank=2, **{"200": 2}
    )
    assert shown == "Water tank; Barista 200: 1.8 l"


@pytest.mark.parametrize(
    ("question", "text", "shown"),
    [
        ("Compare the Barista 100 with the Barista 200", MODELS,
         "- Water tank; Barista 100: 1.2 l; Barista 200: 1.8 l\n- Power; Barista 100: 1,350 W; Barista 200: 1,450 W"),
        ("Which has more torque, the impeller nut or the housing cover?", TABLE,
         "- Part: Impeller nut; Torque (Nm): 46\n- Part: Housing cover; Torque (Nm): 24"),
    ],
)  # fmt: skip
def test_two_things_are_shown_side_by_side(question, text, shown):
    """Of a table both rows or both columns, where a question names two things to compare."""
    said = answered(question, text, torqu=2, impel=2, nut=2, hous=2, cover=2)
    assert said == shown


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("What does a rowing boat cost?", "| Boat | Price |\n|---|---|\n| Motor boat | 45 |"),
        ("What is the email address of Priya Nair?", "Priya Nair: yoga and pilates"),
        ("What colour is the pump?", "Pump: 12 bar"),
    ],
)
def test_another_thing_or_another_kind_of_value_is_no_answer(question, text):
    """A row of another thing, and a line without the address or colour that is asked for."""
    assert not answered(question, text, boat=2, price=1, priya=2, nair=2, pump=2)


def test_all_lines_under_a_heading_answer_a_question_for_several():
    """Lines without marks and fields too, as on a slide."""
    text = "Risks\n\nLate steel: likely\n\nNewts on the site: fence is up\n\nFew electricians"
    found = replace(hit(1, text), heading="Risks", weights={"risk": 2.0})
    question = "What are the risks?"
    (best, *_) = extract.choose(question, by_letters([question])[0], [found], by_letters)
    assert "Late steel" in best.shown
    assert "electricians" in best.shown


def test_the_heading_is_told_where_its_number_is_asked_for():
    """The version that a change belongs to."""
    text = "2.1.0 (March)\n\nSupport for Python 3.8 has ended.\n\n2.0.0 (June)\n\nRedis is new."
    found = replace(hit(1, text), heading="2.1.0 (March)", weights={"python": 2.0, "end": 2.0})
    question = "Which version ended support for Python 3.8?"
    (best, *_) = extract.choose(question, by_letters([question])[0], [found], by_letters)
    assert best.shown.startswith("2.1.0 (March): Support for Python 3.8")


@pytest.mark.parametrize(("year", "value"), [("2020", "(6,768)"), ("2021", "(496)")])
def test_figures_of_the_year_that_was_asked_for(year, value):
    """A row of figures is read by the years above it, with the scale that it is in."""
    text = "(In millions)\nYear Ended December 31,\n2020 2021\nRevenue $ 11,139 $ 17,455\nNet loss $ (6,768) $ (496)"
    shown = answered(f"What was the net loss in {year}?", text, net=2, loss=3, **{year: 2})
    assert shown == f"Net loss; {year}: $ {value} (In millions)"


def test_another_year_is_no_answer():
    """What is said of one year is not shown for another."""
    text = "Net loss was 496 million in 2021. Sales grew in the north."
    assert "496" not in answered("What was the net loss in 2019?", text, net=2, loss=3)


def test_steps_under_a_heading_are_shown_whole():
    """How-to questions get every step, numbered as in the document."""
    text = "## Reset the device\n\n1. Switch it off.\n2. Hold the button.\n3. Let go.\n\n## Clean it\n\nUse a cloth."
    shown = answered("How do I reset the device?", text, reset=3, devic=2)
    assert shown == "1. Switch it off.\n2. Hold the button.\n3. Let go."


def test_a_line_that_begins_with_step_and_a_number_is_a_step():
    """Whatever follows the number. A sentence that only names a step is none."""
    text = (
        "Bleed a radiator\n\nStep 1. Turn the heating off. Wait ten minutes.\nStep 2: Fit the key."
        "\nStep 3) Turn it.\n\nThen begin at step 1. Turn the heating on."
    )
    found = units(text, frozenset({"bleed a radiator"}))
    (steps,) = (unit for unit in found if unit.kind == "steps")
    assert steps.text.splitlines() == [
        "- Step 1. Turn the heating off. Wait ten minutes.",
        "- Step 2: Fit the key.",
        "- Step 3) Turn it.",
    ]
    assert [unit.text for unit in found if unit.kind == "sentence"] == [
        "Then begin at step 1.",
        "Turn the heating on.",
    ]


def test_steps_are_shown_whole_if_what_opens_them_is_only_near_the_question():
    """They end where the next heading stands."""
    text = (
        "Heating\n\nTo start the heating:\n\n1. Open the gas valve.\n\n2. Press the red button."
        "\n\nPrices\n\nA night costs 85 EUR."
    )
    passage = replace(hit(1, text), heading="Guide > Heating", weights={"heat": 3.0, "turn": 3.0})
    passage = replace(
        passage,
        places=(Place(0, None, "Guide > Heating"), Place(len(text) - 30, None, "Guide > Prices")),
    )
    question = "How do I turn the heating on?"
    (shown,) = extract.choose(question, by_letters([question])[0], [passage], by_letters)
    assert shown.shown.endswith("1. Open the gas valve.\n2. Press the red button.")


def test_what_follows_the_steps_of_a_section_is_no_part_of_the_last_one():
    """It stands in a paragraph of its own."""
    text = "## Change the filter\n\n1. Close the valve.\n2. Pull it out.\n\nWash it before that."
    section = next(u for u in units(text, frozenset({"change the filter"})) if u.kind == "section")
    assert section.text == "1. Close the valve.\n2. Pull it out.\n\nWash it before that."


def test_a_list_comes_with_the_sentence_that_opens_it():
    """Also where the format has lost the marks of the list."""
    text = "Do not forget on the beach:\n\nYour sunglasses\n\nSome water"
    shown = answered("What should I not forget on the beach?", text, forget=3, beach=3)
    assert shown == "Do not forget on the beach:\n- Your sunglasses\n- Some water"


@pytest.mark.parametrize(
    ("question", "field"),
    [
        ("How old was the pilot?", "Pilot, age: 34"),
        ("Where did it happen?", "Location: Norden valley"),
        ("What is the VAT rate?", "VAT rate: 19 %"),
    ],
)
def test_a_field_answers_by_its_label(question, field):
    """A short line answers, also where the question has another word for its label."""
    text = "Location: Norden valley\nPilot, age: 34\nVAT rate: 19 %\nThe pilot was alone in the aircraft on that day."
    assert answered(question, text, pilot=2, vat=3, rate=2, happen=1) == field


def test_an_echo_of_the_question_is_no_answer():
    """A line that says nothing new is passed over."""
    text = "Code of hall 3\n\nThe code is 7741."
    assert answered("What is the code of hall 3?", text, code=2, hall=3) == "The code is 7741."


def test_cards_are_marked_where_they_stand():
    """Where nothing is sure, the part of each passage that was found is shown."""
    text = "One is here. Two is there. Three is far."
    (card,) = readout.cards([hit(1, text)], [(13, 26)])
    assert text[slice(*card.span)] == card.text == "Two is there."


def test_cards_say_where_each_passage_stands():
    """Each card has the title and the part that was found, and cites its passage."""
    hits = [
        replace(hit(1, "Ships pass all day. It rains."), title="a *b*.md"),
        replace(hit(2, "The bridge is red [3]."), title="c.pdf"),
    ]
    text = readout.render_cards(readout.cards(hits, [(0, 29), (0, 22)]))
    assert text.split("\n\n") == [
        "> **a  b .md**  \n> Ships pass all day. It rains. [1]",
        "> **c.pdf**  \n> The bridge is red (3). [2]",
    ]


@pytest.mark.parametrize(
    ("question", "text", "shown"),
    [
        ("Which parts are there?", TABLE, "Part (2): Housing cover, Impeller nut"),
        ("How many parts are there?", TABLE, "Part (2): Housing cover, Impeller nut"),
        ("How many error codes are there?", "## Error codes\n\n- E1: no water\n- E2: too hot", "Error codes (2): E1, E2"),
    ],
)  # fmt: skip
def test_all_things_of_a_kind_are_listed_and_counted(question, text, shown):
    """The first column of a table, or the items of a list."""
    assert answered(question, text, part=2, error=2, code=2) == shown


def test_things_with_a_property_are_not_listed():
    """Nobody can tell them from the others by the column's name."""
    shown = answered("Which parts have the bolt M8?", TABLE, part=2, bolt=2, m8=3)
    assert "(2)" not in shown


def test_a_row_of_two_cells_answers_by_its_first():
    """The values of a chart are told by the name of what they belong to."""
    text = "Tickets by region\n\nNorth; Tickets: 412\n\nSouth; Tickets: 97"
    shown = answered(
        "How many tickets did the North region have?", text, ticket=1, north=2, region=1
    )
    assert shown == "North; Tickets: 412"


def test_a_label_that_the_question_names_whole_comes_first():
    """A field whose label shares one rare word with it does not."""
    text = "Address of the flat: 18 Canal Row\nDeposit: 1,710"
    shown = answered("How high is the deposit for the flat?", text, deposit=2, flat=2)
    assert shown == "Deposit: 1,710"
