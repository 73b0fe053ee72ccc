"""Replies that no language model writes: greetings, other spellings, outlines, follow-ups."""

from __future__ import annotations

import pytest

from pipelines.answering.answer import Answerer
from pipelines.answering.compose import HERE
from pipelines.answering.events import Turn
from pipelines.search import spelling
from pipelines.search.spelling import distance
from pipelines.store import calibration, question_words
from pipelines.text.scoring import words
from tests.corpus import add_document
from tests.versions import first_handle

BUSINESS = "The Business plan costs 599 pounds per month. It has twenty seats."
SECRET = "The zeppelin hangar is closed. Nobody may enter the zeppelin hangar."
PUMPS = "The torque of the K-53 is 11 Nm. The torque of the K-54 is 13 Nm. The pump is blue."


@pytest.fixture
def handle(pool, tiny_model, tmp_path):
    with pool.connection() as conn:
        handle = first_handle(conn, tiny_model, tmp_path)
        add_document(conn, handle, "plans.pdf", [BUSINESS, "Seats can be added at any time."])
        add_document(conn, handle, "pumps.pdf", [PUMPS])
        add_document(conn, handle, "secret.pdf", [SECRET], collection="closed")
    return handle


@pytest.fixture
def answerer(pool):
    made = Answerer(pool, top_k=3)
    yield made
    made.close()


@pytest.fixture
def strict(pool, handle):
    """Nothing is sure enough to answer."""
    with pool.connection() as conn:
        calibration.store(conn, handle.index_id, 5.0, calibration.corpus(conn))


def test_a_typo_is_searched_as_it_was_meant(pool, answerer, handle):
    """Also a typo in a word that no document has, because the document says "weight"."""
    with pool.connection() as conn:
        add_document(conn, handle, "crane.pdf", ["Weight of the crane: 12 tonnes. It is green."])
    answer = answerer.ask("How hevy is the crane?", handle=handle)
    assert answer.remarks.searched == "How heavy is the crane?"
    assert "12 tonnes" in answer.text


def test_a_typo_in_a_follow_up_is_searched_as_it_was_meant(pool, answerer, handle):
    with pool.connection() as conn:
        add_document(conn, handle, "crane.pdf", ["The crane weighs 12 tonnes. It is green."])
    before = answerer.ask("What colour is the crane?", handle=handle)
    shown = tuple(hit.chunk_id for hit in before.passages)
    said = Turn("assistant", before.text, passages=shown)
    turns = [Turn("user", "What colour is the crane?"), said]
    answer = answerer.ask("how hevy is it?", turns, handle=handle)
    assert answer.remarks.searched == "how heavy is the crane?"
    assert "12 tonnes" in answer.text


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("what does the busness plan cost", "what does the business plan cost"),
        ("What does the Busness plan cost?", None),  # perhaps a name
        ("What is the torqe of the K-53?", "What is the torque of the K-53?"),
        ("Is the pump bule?", None),  # too short to be sure
        ("What does the plan cost?", None),
        ("What does the plain cost?", None),  # a word of the language
    ],
)
def test_only_what_is_surely_misspelt_is_replaced_without_asking(pool, handle, typed, meant):
    """Names and short words are left to "Did you mean"."""
    with pool.connection() as conn:
        assert spelling.corrected(conn, typed, ["default"]) == meant


def test_words_that_no_document_has_are_searched_by_other_names(pool, handle):
    """ "Guarantee" finds "warranty". A word that some document has is searched as it is."""
    with pool.connection() as conn:
        add_document(conn, handle, "terms.pdf", ["The warranty lasts for two years."])
        asked = question_words.question(conn, "How long is the guarantee?")
        assert "warranti" in asked.word or "warranty" in asked.word
        add_document(conn, handle, "other.pdf", ["We guarantee that nothing leaks."])
        again = question_words.question(conn, "How long is the guarantee?")
        assert not {"warranti", "warranty"} & set(again.word)


def test_small_words_of_a_rare_language_weigh_little(pool, handle):
    """In a library of English documents every German word is rare."""
    with pool.connection() as conn:
        asked = question_words.question(conn, "Wie viel kostet der Tarif?")
    small = sorted(asked.weights)[:3]
    assert max(small) <= words.SMALL_WORD < asked.weights.max()


def test_greeting_is_answered_without_a_search(answerer, handle):
    """In its language, and with questions to begin with."""
    answer = answerer.ask("Guten Tag!", handle=handle)
    assert (answer.kind, answer.passages, answer.citations) == ("greeting", [], [])
    assert answer.text.startswith("Hallo!")
    assert "search" not in answer.timings_ms


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("What does the Busness plan cost?", "What does the Business plan cost?"),
        ("what teh busness plan cost", "what the business plan cost"),
        ("How many saets has it?", "How many seats has it?"),
        ("BUISNESS", "BUSINESS"),
    ],
)
def test_misspelt_words_are_replaced_by_words_of_the_documents(answerer, handle, typed, meant):
    """A refused question comes back as it may have been meant, in the capitals of what was typed."""
    answer = answerer.ask(typed, handle=handle)
    assert answer.kind == "not_found"
    assert meant in answer.remarks.suggestions


@pytest.mark.usefixtures("strict")
def test_no_word_of_a_closed_document_is_suggested(answerer, handle, pool):
    """What stands only where one may not read stays unknown."""
    typed = "Where is the zepelin?"
    opened = answerer.ask(typed, handle=handle, collections=["default"])
    assert opened.remarks.suggestions == ()
    with pool.connection() as conn:
        assert spelling.suggestions(conn, typed, ["closed"]) == ["Where is the zeppelin?"]


def test_words_that_are_like_nothing_are_left(pool, handle):
    """A word far from all words of the documents, and a question without a fault, stay."""
    with pool.connection() as conn:
        assert spelling.suggestions(conn, "What about photosynthesis?", ["default"]) == []
        assert spelling.suggestions(conn, "What does the plan cost?", ["default"]) == []


def test_a_word_that_asks_is_not_taken_for_a_misspelt_one(pool, handle):
    """The documents hold words like it, but whoever asks to compare means to compare."""
    with pool.connection() as conn:
        add_document(conn, handle, "firm.txt", ["The company is small. The computer is old."])
        assert spelling.suggestions(conn, "Compare the K-53 with the K-54", ["default"]) == []


@pytest.mark.parametrize(
    ("left", "right", "far"),
    [("teh", "the", 1), ("busness", "business", 1), ("abc", "abc", 0), ("abc", "acbd", 2), ("", "ab", 2)],
)  # fmt: skip
def test_distance_counts_faults(left, right, far):
    """Swapped neighbours are one fault."""
    assert distance(left, right) == far


def test_broad_question_gets_the_outline(answerer, handle):
    """Titles and headings, each with its document to open. A closed document is not named."""
    answer = answerer.ask("What is this about?", handle=handle, collections=["default"])
    assert answer.kind == "outline"
    assert {citation.title for citation in answer.citations} == {"plans.pdf", "pumps.pdf"}
    assert "pumps.pdf" in answer.text
    assert "secret" not in answer.text


def test_outline_of_one_document_by_its_title(answerer, handle):
    """A title in the question is enough. What is no title is searched."""
    answer = answerer.ask("Summarise the pumps", handle=handle)
    assert answer.kind == "outline"
    assert [citation.title for citation in answer.citations] == ["pumps.pdf"]
    assert answerer.ask("Summarise the torque", handle=handle).kind != "outline"


def test_this_document_is_the_one_of_the_answer_before(answerer, handle):
    """Not all documents, once one has been talked about."""
    before = answerer.ask("What is the torque of the K-53?", handle=handle)
    documents = tuple(citation.document_id for citation in before.citations)
    turns = [Turn("user", before.question), Turn("assistant", before.text, documents=documents)]
    answer = answerer.ask("What is this document about?", turns, handle=handle)
    assert {citation.title for citation in answer.citations} == {"pumps.pdf"}


def test_follow_up_takes_its_subject_from_the_question_before(answerer, handle):
    """And the answer says what was searched for."""
    turns = [Turn("user", "What is the torque of the K-53?"), Turn("assistant", "11 Nm [1].")]
    answer = answerer.ask("and the K-54?", turns, handle=handle)
    assert answer.remarks.searched == answer.question == "What is the torque of the K-54?"
    assert "13 Nm" in answer.text


def test_question_that_stands_alone_says_nothing_of_it(answerer, handle):
    """What was typed is what was searched."""
    turns = [Turn("user", "What is the torque of the K-53?"), Turn("assistant", "11 Nm [1].")]
    answer = answerer.ask("What does the Business plan cost?", turns, handle=handle)
    assert answer.remarks.searched is None


def test_pronoun_is_tried_as_the_thing_and_as_the_document(answerer, handle):
    """It may stand for what the question before asked for, or for what the document is about."""
    turns = [
        Turn("user", "What is the torque of the K-53?"),
        Turn("assistant", "11 Nm [1].", documents=(1,)),
    ]
    readings = answerer._replies.readings("and what colour is it?", turns)
    assert readings == ["what colour is the K-53?", "what colour is it (plans)?"]
    assert answerer.ask("and what colour is it?", turns, handle=handle).remarks.searched in readings


def test_year_of_which_no_passage_tells_is_refused(answerer, handle, pool):
    """However well the passages fit otherwise."""
    with pool.connection() as conn:
        add_document(conn, handle, "income.pdf", ["The income of the trust was 5 pounds in 2021."])
    assert (
        "5 pounds" in answerer.ask("What was the income of the trust in 2021?", handle=handle).text
    )
    assert (
        answerer.ask("What was the income of the trust in 2017?", handle=handle).kind == "not_found"
    )


def test_every_place_is_listed_by_document(answerer, handle):
    """Counted, and nothing of a closed document."""
    answer = answerer.ask(
        "Which documents mention the torque?", handle=handle, collections=["default"]
    )
    assert answer.kind == "outline"
    assert [citation.title for citation in answer.citations] == ["pumps.pdf"]
    assert "1 passage in 1 document" in answer.text


def test_all_of_something_is_listed_by_document_where_no_list_has_it(pool, answerer, handle):
    """A list in one place is better, and one place alone is no list."""
    with pool.connection() as conn:
        add_document(
            conn, handle, "may.md", ["The invoice of Meyer is paid.", "Invoice 18 is open."]
        )
        add_document(conn, handle, "june.md", ["The invoice of Schmidt is late.", "It rained."])
        add_document(conn, handle, "stock.md", ["Hoses:\n\n- H1 for water\n- H2 for oil\n"])
    invoices = answerer.ask("List all invoices", handle=handle)
    assert "3 passages in 2 documents" in invoices.text
    assert {citation.title for citation in invoices.citations} == {"may.md", "june.md"}
    assert "(2): H1 for water, H2 for oil" in answerer.ask("List all hoses", handle=handle).text
    alone = answerer.ask("List all invoices of Schmidt", handle=handle)
    assert (alone.kind, len(alone.citations)) == ("extracts", 1)


INVOICES = [
    "Invoice of the painter for the west wall. The work was done in spring.",
    "Invoice of the plumber for the kitchen. He came on a Monday.",
]


@pytest.mark.parametrize(
    "question", ["How many invoices are there?", "Which invoices are there in the documents?"]
)
def test_what_no_table_counts_is_counted_by_its_mentions(pool, answerer, handle, question):
    """It says that passages are counted. Each is cited, and closed ones are not."""
    with pool.connection() as conn:
        add_document(conn, handle, "invoices.pdf", INVOICES)
        add_document(conn, handle, "more.pdf", ["Invoice of the roofer, with thanks."])
        add_document(conn, handle, "hidden.pdf", ["Invoice of the spy."], collection="closed")
    answer = answerer.ask(question, handle=handle, collections=["default"])
    assert answer.kind == "outline"
    assert answer.text.startswith(
        "“invoices”: 3 passages in 2 documents. This counts the passages that mention it."
    )
    assert len(answer.citations) == 3
    assert "spy" not in answer.text


def test_mentions_are_not_counted_where_the_documents_say_a_number(pool, answerer, handle):
    """Nor what is not mentioned."""
    with pool.connection() as conn:
        add_document(conn, handle, "boats.pdf", ["There are fourteen 14 boats. The boats are old."])
        add_document(conn, handle, "old.pdf", ["The boats are painted in spring."])
    answer = answerer.ask("How many boats are there?", handle=handle)

    assert "This counts" not in answer.text
    assert answerer.ask("How many unicorns are there?", handle=handle).kind == "not_found"


def test_what_may_answer_in_other_words_is_shown_where_it_stands(pool, answerer, handle):
    """A refusal follows where the passages fit less."""
    question = "May I buy one more later on?"
    asked = answerer.search(question, handle)
    best = max(hit.confidence for hit in asked.hits)
    with pool.connection() as conn:
        calibration.store(conn, handle.index_id, best / 0.61, calibration.corpus(conn))
    answer = answerer.ask(question, handle=handle)
    assert answer.text.startswith(HERE)
    assert answer.citations[0].highlight in answer.text
    with pool.connection() as conn:
        calibration.store(conn, handle.index_id, best / 0.3, calibration.corpus(conn))
    refused = answerer.ask(question, handle=handle)
    assert refused.kind == "not_found"
    assert list(refused.nearest) == [one.span for one in answer.citations]


def test_in_a_library_of_a_few_pages_what_a_question_meets_is_shown(pool, answerer, handle):
    """There is too little text to tell how well passages must fit. What none names is refused."""
    with pool.connection() as conn:
        calibration.store(conn, handle.index_id, None, calibration.corpus(conn))
    answer = answerer.ask("How do I buy one more later on?", handle=handle)
    assert (answer.kind, answer.text[: len(HERE)]) == ("extracts", HERE)
    assert answerer.ask("How do I bake bread?", handle=handle).kind == "not_found"
