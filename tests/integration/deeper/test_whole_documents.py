"""A document is read whole, or part by part."""

from __future__ import annotations

from pipelines.answering.compose import NOT_FOUND
from pipelines.answering.deeper import reading
from pipelines.answering.events import Depth
from tests.corpus import add_document
from tests.looking import PUMP, VALVE, events, steps

CHAPTERS = [f"Chapter {n} is about topic{n} and nothing else. ".ljust(500, "x") for n in range(6)]


def add_book(pool, handle) -> None:
    """A document of six passages with 500 characters each."""
    with pool.connection() as conn:
        add_document(conn, handle, "book.md", CHAPTERS)


def test_a_document_that_fits_is_read_whole(make, handle, llm, pool):
    """One call of the model, with every passage of the document and of no other one."""
    llm.script = [lambda call: call.say("A pump with 40 Nm [1].")]
    seen, answer = events(make(), handle, "Summarise pump.md", Depth())
    assert steps(seen) == ["Read pump.md"]
    assert len(llm.requests) == 1
    assert PUMP in llm.prompt()
    assert VALVE not in llm.prompt()
    assert (answer.kind, answer.remarks.looked_in) == ("llm", 1)


def test_a_long_document_is_read_part_by_part(make, handle, llm, pool):
    """Notes of each part, then the answer from the notes, which cites passages of all parts."""
    add_book(pool, handle)

    def note(call):
        """Cites the last passage of its part."""
        count = call.body["messages"][-1]["content"].count("</passage-")
        call.say(f"Topics: topic{len(llm.requests) * 2 - 1} [{count}].")

    llm.script = [note] * 3 + [lambda call: call.say("topic1 [1], topic3 [2] and topic5 [3].")]
    seen, answer = events(make(chars=1000), handle, "Summarise book.md", Depth())
    assert steps(seen) == [
        *(f"Reading book.md: part {n} of 3" for n in (1, 2, 3)),
        "Read book.md in 3 parts",
    ]
    assert answer.remarks.steps == ("Read book.md in 3 parts",)
    assert len(llm.requests) == 4
    assert "Topics: topic5 [3]." in llm.prompt()
    assert [c.text for c in answer.citations] == [CHAPTERS[1], CHAPTERS[3], CHAPTERS[5]]


def test_parts_that_the_budget_leaves_out_are_told(make, handle, llm, pool, monkeypatch):
    add_book(pool, handle)
    monkeypatch.setattr(reading, "MOST_PARTS", 2)
    llm.script = [lambda call: call.say("topic [1].")]
    _, answer = events(make(chars=1000), handle, "Summarise book.md", Depth())
    assert len(llm.requests) == 3
    assert "2 of 3 parts were read" in answer.note


def test_a_document_that_says_nothing_about_it_is_told(make, handle, llm):
    llm.script = [lambda call: call.say("NOT IN THE DOCUMENTS")]
    _, answer = events(make(chars=10), handle, "Summarise pump.md", Depth())
    assert (answer.kind, answer.text) == ("not_found", NOT_FOUND)
