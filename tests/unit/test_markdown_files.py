"""Markdown files are read as they are rendered, and nothing that a dialect adds is lost."""

from __future__ import annotations

import pytest

from pipelines.indexing.converted import ReadLimits
from pipelines.indexing.readers import read as readers


def read(text: str) -> str:
    return readers.read(text.encode(), "text/markdown", ReadLimits()).text


def test_notes_are_read_where_they_are_pointed_to():
    """Notes of one word, of several paragraphs, in notes, in quotes and in cells, each once."""
    text = read(
        "It weighs 41 kg.[^1] It is loud[^noise], and cheap.^[Bought in 2019.] Again.[^1]\n\n"
        "[^1]: Without oil,\nwhich adds 3 kg.[^deep]\n[^noise]: 84\n"
        "[^deep]: At 15 degrees.\n\n    And more at 20.\n\n"
        "> [^quoted]: 2018\n\n| Part[^quoted] | Torque |\n|---|---|\n| K-7 | 31[^late] |\n\n"
        "[^late]: When dry.\n\nThe end.\n\n[^nobody]: Nobody points to valve 77."
    )
    assert text.split("\n\n") == [
        "It weighs 41 kg. (footnote: Without oil, which adds 3 kg. (footnote: At 15 degrees. And"
        " more at 20.)) It is loud (footnote: 84), and cheap. (footnote: Bought in 2019.) Again.",
        "Part (footnote: 2018): K-7; Torque: 31 (footnote: When dry.)",
        "The end.",
        "(footnote: Nobody points to valve 77.)",
    ]


def test_a_long_file_has_its_notes_beside_their_marks():
    filler = "A line of a paragraph.\n" * 40 + "\n"
    text = read(f"The pump has 4 valves.[^v]\n\n{filler * 60}[^v]: Since 2019.")
    assert text.startswith("The pump has 4 valves. (footnote: Since 2019.)")


def test_what_only_looks_like_a_note_stays():
    """What no note is defined for, and code."""
    code = "```\n[^1]: in code\n!!! note\n::: box\n```"
    text = read(f"Not [^a-z] but `[^1]` and x^2 and {{a}}.\n\n{code}\n\n[^1]: A note.")
    assert "Not [^a-z] but [^1] and x^2 and {a}." in text
    assert "[^1]: in code\n!!! note\n::: box" in text


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("Boiler\n: Heats 11\n: Rests\n\nPump\n\n: Lifts 13", ["Boiler: Heats 11", "Boiler: Rests", "Pump: Lifts 13"]),
        ("- [x] Order 9912\n- [ ] Replace\n- [a] Other", ["- (done) Order 9912\n- (to do) Replace\n- [a] Other"]),
        ("| a\\|b | `c\\|d` |\n|---|---|\n| e\\|f | 3 |", ["a|b: e|f; c|d: 3"]),
        ("It is $x*y*z + \\{a\\}$ for $5 and $6.\n\n$$\nE = m*c\n$$", ["It is $x*y*z + \\{a\\}$ for $5 and $6.", "$$E = m*c$$"]),
        ("# Pump {#pump .big}\n\nTwo {#two}\n---\n\nx", ["Pump", "Two", "x"]),
        ("Open\n\n::: warning Hot\nNot at 90 bar.\n:::\nAfter.", ["Open", "Warning: Hot", "Not at 90 bar.", "After."]),
        ('!!! note "Oil"\n    Every 63 hours.\n\n    More.\nAfter.', ["Note: Oil", "Every 63 hours.", "More.", "After."]),
        ('=== "Linux"\n\n    Type 8.\n\nSetext\n===   \nx', ["Linux", "Type 8.", "Setext", "x"]),
        ("*[PSV]: Safety valve\n\nA PSV.", ["PSV: Safety valve", "A PSV."]),
        ('![Sales](a.png "Of 2020")', ["(picture: Sales Of 2020)"]),
        ("+++\ntitle = \"Pump\"\n+++\nText.", ['title = "Pump"', "Text."]),
    ],
)  # fmt: skip
def test_what_dialects_add(text, lines):
    assert read(text).split("\n\n") == lines


def test_stars_between_figures_are_no_emphasis():
    assert read("*A* crate of 10*20*30 cm, *b* and 2*3*") == "A crate of 10*20*30 cm, b and 2*3*"
    assert read("un*frigging*believable `2*3*4`") == "unfriggingbelievable 2*3*4"


def test_a_bar_in_code_parts_no_cells():
    """What stands right of it was in no column, and lost. Cells that only look like code stay."""
    head = "| Command | What | Note |\n|---|:-:|--:|\n"
    text = read(f"{head}| `ls | wc` | counts `a|b` | 5 |\n| `x | y` | z |\n| a \\| b | c | d |")
    assert text.split("\n\n") == [
        "Command: ls | wc; What: counts a|b; Note: 5",
        "Command: `x; What: y`; Note: z",
        "Command: a | b; What: c; Note: d",
    ]


def test_lines_that_are_steps_or_fields_stay_lines():
    """Others are joined, as they are when the file is rendered."""
    assert read(
        "Step 1. Book it.\nStep 2: Check the\nplug. See step 1.\n\nDate: 3 May\nPlace: Leeds"
    ) == ("Step 1. Book it.\nStep 2: Check the plug. See step 1.\n\nDate: 3 May\nPlace: Leeds")
