"""The supporting words of a passage on their page: which characters, and the boxes around them."""

from __future__ import annotations

import pytest

from pipelines.indexing.pages import boxes, scanned, words
from pipelines.indexing.pages.pdf import MOST_PIXELS, MOST_SIDE, scale_of
from pipelines.indexing.pages.sheet import Sheet


def flat(place):
    """All characters stand at one height."""
    return 0.0


def marked(page, passage, span=None, height=flat):
    return [page[start:end] for start, end in words.find(page, passage, span, height)]


@pytest.mark.parametrize(
    ("page", "quote"),
    [
        ("It is more difﬁcult to com-\r\npile than typed ones.", "more difficult to compile than"),
        ("The  relief\u00a0valve opens at 12 bar .", "The relief valve opens at 12 bar."),
        ("Die Größe der Straße beträgt 3\u00ad00 m.", "Die Grösse der Strasse beträgt 300 m."),
        ("CAFE\u0301 DE FLORE", "café de Flore"),
        ("the co\ufffeoperation of all parts", "the cooperation of all parts"),
    ],
)  # fmt: skip
def test_words_are_found_whatever_became_of_hyphens_ligatures_and_spaces(page, quote):
    (found,) = marked(page, quote)
    assert words.letters_of(found).text == words.letters_of(quote).text


def test_a_span_of_the_passage_is_found_by_what_stands_around_it():
    """A figure that stands three times on the page is marked where its passage has it."""
    page = "Pump: 11 bar at rest. Valve: 11 bar when open. Tank: 11 bar at most."
    passage = "Valve: 11 bar when open."
    start = passage.index("11 bar")
    ((first, end),) = words.find(page, passage, (start, start + 6), flat)
    assert (first, end) == (page.index("11 bar when"), page.index(" when"))


def test_a_short_figure_is_not_found_inside_a_longer_one():
    assert marked("In 2011 there were 110 of them, or A11.", "11") == []
    assert marked("In 2011 there were 11 of them.", "11") == ["11"]


def test_a_row_of_a_table_is_found_cell_by_cell_in_its_own_row():
    """The page was drawn column by column. Values that occur in several rows are the near ones."""
    columns = ["Part", "K-53", "K-54", "Torque", "11", "11", "Depth", "7", "9"]
    rows = [0, 1, 2, 0, 1, 2, 0, 1, 2]
    page = "\n".join(columns)
    starts = [sum(len(cell) + 1 for cell in columns[:n]) for n in range(len(columns))]

    def height(place):
        return float(rows[max(n for n, start in enumerate(starts) if start <= place)])

    found = words.find(page, "Part: K-54; Torque: 11; Depth: 9", None, height)
    assert [page[a:b] for a, b in found] == ["Part", "K-54", "Torque", "11", "Depth", "9"]
    assert found[3][0] == starts[5]


def test_the_half_of_a_sentence_that_this_page_has_is_found():
    sentence = (
        "The committee decided in its autumn session that the harbour must be dredged twice a year"
    )
    assert marked(f"x y z. {sentence[:60]}", sentence) == [sentence[:60].strip()]
    assert marked(f"{sentence[50:]}. Next.", sentence) == [sentence[50:].strip()]


def test_a_page_with_other_words_has_no_marks():
    assert marked("Nothing of the kind stands here.", "The relief valve opens at 12 bar.") == []
    assert marked("", "words") == []
    assert marked("some words", "...") == []


def test_characters_of_a_line_get_one_box_and_each_line_its_own():
    """Two lines of three characters, worked out by hand. A far column is a box of its own."""
    line = [(0.1 + n * 0.02, 0.10, 0.12 + n * 0.02, 0.12) for n in range(3)]
    below = [(0.1 + n * 0.02, 0.13, 0.12 + n * 0.02, 0.15) for n in range(3)]
    far = [(0.6, 0.13, 0.62, 0.15)]
    made = boxes.lines([*line, *below, *far])
    assert [tuple(round(value, 6) for value in box) for box in made] == [
        (0.1, 0.1, 0.16, 0.12), (0.1, 0.13, 0.16, 0.15), (0.6, 0.13, 0.62, 0.15)
    ]  # fmt: skip


def test_a_page_that_was_turned_has_a_box_for_each_line_too():
    down = [(0.5, 0.1 + n * 0.02, 0.52, 0.12 + n * 0.02) for n in range(4)]
    (box,) = boxes.lines(down)
    assert box == pytest.approx((0.5, 0.1, 0.52, 0.18))


def test_boxes_stay_on_the_page_and_are_bounded():
    assert boxes.lines([(-3, 0.2, 7, 0.3)]) == [(0, 0.2, 1, 0.3)]
    assert boxes.lines([(0.5, 0.5, 0.5, 0.5)]) == []
    dots = [(0.01 * (n % 50), 0.0004 * n, 0.01 * (n % 50) + 1e-3, 0.0004 * n + 2e-4) for n in range(2000)]  # fmt: skip
    assert len(boxes.lines(dots)) == boxes.MOST_BOXES


@pytest.mark.parametrize(
    ("width", "height"), [(612, 792), (20_000, 20_000), (14_400, 3), (1, 20_000), (1, 1)]
)
@pytest.mark.parametrize("width_px", [480, 2880])
def test_a_picture_has_no_more_pixels_than_allowed(width, height, width_px):
    scale = scale_of(width, height, width_px)
    assert 0 < scale <= width_px / width
    assert width * height * scale**2 <= MOST_PIXELS * 1.001
    assert max(width, height) * scale <= MOST_SIDE * 1.001


def test_an_ordinary_page_is_drawn_as_wide_as_asked():
    assert scale_of(612, 792, 960) == pytest.approx(960 / 612)


@pytest.mark.parametrize(
    "wrong",
    [{}, {"width": "nan"}, {"number": None}, {"boxes": [[1, 2]]}, {"boxes": 7}, {"height": "tall"}],
)
def test_an_answer_of_another_form_is_refused(wrong):
    """It comes from a process that a file may have taken over."""
    good = {
        "number": 1,
        "pages": 2,
        "width": 9,
        "height": 9,
        "text": "a",
        "boxes": [[0, 0, 5, 1]],
        "is_picture": False,
        "label": None,
    }
    assert Sheet.from_json(good).boxes == [(0, 0, 1, 1)]
    with pytest.raises(ValueError):
        Sheet.from_json({**good, **wrong} if wrong else {})


def test_words_of_a_scan_have_the_boxes_that_recognition_found():
    """Words that it is not sure of are left out. Places are worked out by hand."""
    table = "\n".join([
        "level\tleft\ttop\twidth\theight\tconf\ttext",
        "4\t0\t0\t200\t10\t-1\t",
        "5\t0\t10\t40\t10\t96.5\tRelief",
        "5\t50\t10\t40\t10\t91\tvalve",
        "5\t95\t10\t5\t10\t3\t~",
    ])  # fmt: skip
    text, placed = scanned.of_table(table, 200, 100)
    assert text == "Relief valve"
    assert len(placed) == len(text)
    ((start, end),) = words.find(text, "The relief valve", (4, 16), flat)
    found = [placed[place] for place in range(start, end) if placed[place] != scanned.NOWHERE]
    assert boxes.lines(found, aspect=2) == [(0, 0.1, 0.45, 0.2)]
