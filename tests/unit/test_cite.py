"""Citations: parsed, cleaned, and aligned to the sentence that supports them."""

import pytest

from pipelines.answering import cite

REVENUE = (
    "Our business grew. Total revenue was $17,455 million in 2021, up 57% year over year. "
    "Total revenue was $11,139 million in 2020. Weather played no role at all."
)


def highlight(answer: str, *passages: str) -> dict[int, str]:
    spans = cite.Aligner([(text, "en") for text in passages]).spans(answer)
    return {number: passages[number - 1][start:end] for number, (start, end) in spans.items()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a [1, 3].", "a [1][3]."),
        ("a [2-4]", "a [2][3][4]"),
        ("a 【5】", "a [5]"),
        ("a [passages 1 and 2]", "a [1][2]"),
        ("in [2021] and (2020)", "in [2021] and (2020)"),
        ("a\x00b\ud800", "ab"),
    ],
)
def test_normalise_gives_one_spelling(text, expected):
    """
    Lists, ranges and other brackets become [1][2]. Years stay, and unstorable characters are
    removed.
    """
    assert cite.normalise(text) == expected


def test_dangling_citations_are_dropped_and_counted():
    """A citation that points at no passage leaves the text, with the space before it."""
    assert cite.drop_dangling("So it is [9]. And so [1] [0].", 2) == ("So it is. And so [1].", 2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It is so [1] and also [9].", "It is so [1]."),
        ("It is so [1], and [9].", "It is so [1]."),
        ("It is so [9] and [1].", "It is so [1]."),
        ("It is so [9], [1].", "It is so [1]."),
        ("It is so (see [9]).", "It is so."),
        ("It is so ([9]).", "It is so."),
        ("It is so [9][42].", "It is so."),
        ("[9] It is so.", "It is so."),
        ("It is so\n\n- one [9]\n- two [0]", "It is so\n\n- one\n- two"),
        ("a = b , c and d [1].", "a = b , c and d [1]."),
    ],
)
def test_a_dropped_citation_leaves_no_words_that_led_to_it(text, expected):
    """
    Neither connectives nor empty brackets remain. Without a dangling citation nothing changes.
    """
    assert cite.drop_dangling(text, 2)[0] == expected


def test_renumbering_follows_the_given_order():
    """Both marks change at once. A number that is not in the order stays."""
    assert cite.renumber("a [3] b [1] c [3] d [7]", [3, 1]) == "a [1] b [2] c [1] d [7]"


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
def test_citations_are_numbered_while_a_text_comes(size):
    """In order of appearance, however the text is cut. A number that was shown stays."""
    text = "One [3]. Two [1, 3] and【2】. Nothing [9], nor [x]."
    numbering = cite.CitationNumbers(4)
    pieces = [numbering.feed(text[at : at + size]) for at in range(0, len(text), size)]
    assert "".join(pieces) == "One [1]. Two [2][1] and[3]. Nothing , nor [x]."
    assert numbering.order == [3, 1, 2]


def test_a_long_bracket_is_not_waited_for():
    """What is too long for a citation is shown."""
    numbering = cite.CitationNumbers(1)
    assert numbering.feed("a [") == "a "
    assert numbering.feed("b" * 60) == "[" + "b" * 60


def test_figures_decide_between_alike_sentences():
    """Of two sentences that differ in figures alone, the one with the claim's figures is marked."""
    assert highlight("In 2020 total revenue was $11,139 million [1].", REVENUE) == {
        1: "Total revenue was $11,139 million in 2020."
    }


def test_nothing_is_marked_when_unsure():
    """A claim that no sentence supports, or whose figures are missing, marks nothing."""
    assert highlight("The chief executive lives in Paris [1].", REVENUE) == {}
    assert highlight("Total revenue was $99 million [1].", REVENUE) == {}


def test_claim_of_two_sentences_marks_both():
    """A claim drawn from neighbours is marked over both."""
    passage = (
        "The fleet has forty blue buses. All were bought in Norway by the council. Rain is common."
    )
    assert highlight("Forty blue buses of the fleet were bought in Norway by the council [1].", passage) == {
        1: "The fleet has forty blue buses. All were bought in Norway by the council."
    }  # fmt: skip


def test_each_passage_gets_its_own_mark():
    """One sentence with two citations is aligned in both passages. Others stay unmarked."""
    other = "Something else. Revenue in 2021 came to $17,455 million."
    marks = highlight("Total revenue in 2021 was $17,455 million [1][2].", REVENUE, other, REVENUE)
    assert marks == {
        1: "Total revenue was $17,455 million in 2021, up 57% year over year.",
        2: "Revenue in 2021 came to $17,455 million.",
    }


def test_languages_without_spaces_align():
    """Chinese sentences are compared by pairs of characters."""
    passage = "公司成立于1998年。总部位于北京市海淀区。员工超过五千人。"
    spans = cite.Aligner([(passage, "zh")]).spans("总部位于北京市海淀区 [1]。")
    start, end = spans[1]
    assert passage[start:end] == "总部位于北京市海淀区。"


def test_citations_out_of_range_do_not_fail():
    """Alignment skips numbers that name no passage."""
    assert highlight("Total revenue was $17,455 million in 2021 [7][0].", REVENUE) == {}
