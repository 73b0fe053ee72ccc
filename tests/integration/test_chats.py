"""Conversations in the database: whose they are, and what outlives what."""

from __future__ import annotations

import pytest

from pipelines.store import chats, votes
from pipelines.store.chats import Remarks, Shown

SHOWN = Shown(
    number=1, document_id=1, chunk_id=1, title="a.pdf", page=3, heading=None,
    text="A passage.", span=(2, 9), score=0.5, cited=True,
)  # fmt: skip


@pytest.fixture
def conn(pool):
    with pool.connection() as opened:
        yield opened


@pytest.fixture
def talk(conn):
    """Ann's conversation: one question and its answer."""
    conversation = chats.start(conn, "ann", "Title")
    chats.add(conn, conversation, role="user", text="What?")
    answer = chats.add(
        conn, conversation, role="assistant", text="This [1].", kind="llm", epoch=3, index_id=2,
        model_name="base", shown=[SHOWN], timings_ms={"total": 12.5},
    )  # fmt: skip
    return conversation, answer


def test_messages_come_back_as_they_were_shown(conn, talk):
    """Passages are snapshots: no document is needed to read them."""
    question, answer = chats.messages(conn, "ann", talk[0])
    assert (question.role, question.text, question.shown) == ("user", "What?", [])
    assert (answer.kind, answer.epoch, answer.shown) == ("llm", 3, [SHOWN])


def test_nothing_of_it_is_there_for_another_visitor(conn, talk):
    """Every function, reading and writing."""
    conversation, answer = talk
    assert chats.list_mine(conn, "bob") == []
    assert chats.get(conn, "bob", conversation) is None
    assert chats.messages(conn, "bob", conversation) == []
    assert chats.message(conn, "bob", answer) is None
    assert not chats.rename(conn, "bob", conversation, "Mine")
    assert not chats.set_deleted(conn, "bob", conversation, deleted=True)
    assert not votes.store(conn, "bob", answer, "like")
    chats.set_aside(conn, "bob", answer)
    votes.remove(conn, "bob", answer)
    assert chats.list_mine(conn, "ann")[0].title == "Title"
    assert len(chats.messages(conn, "ann", conversation)) == 2


def test_delete_hides_and_can_be_taken_back(conn, talk):
    """The messages are still there after the undo."""
    conversation, answer = talk
    assert chats.set_deleted(conn, "ann", conversation, deleted=True)
    assert chats.list_mine(conn, "ann") == []
    assert chats.messages(conn, "ann", conversation) == []
    assert chats.message(conn, "ann", answer) is None
    chats.set_deleted(conn, "ann", conversation, deleted=False)
    assert len(chats.messages(conn, "ann", conversation)) == 2


def test_deleted_conversations_are_gone_for_good_after_a_day(conn, talk):
    """The next conversation sweeps them out."""
    chats.set_deleted(conn, "ann", talk[0], deleted=True)
    chats.start(conn, "ann", "Next")
    assert chats.set_deleted(conn, "ann", talk[0], deleted=True)
    conn.execute(
        "update conversation set deleted_at = now() - interval '25 hours' where id = %s", (talk[0],)
    )
    chats.start(conn, "ann", "Another")
    assert not chats.set_deleted(conn, "ann", talk[0], deleted=False)


def test_last_vote_counts_and_its_reason_stays(conn, talk):
    """A vote given with a reason keeps it when only the verdict is sent again."""
    votes.store(conn, "ann", talk[1], "like")
    votes.store(conn, "ann", talk[1], "dislike", "Too short")
    votes.store(conn, "ann", talk[1], "dislike")
    assert conn.execute("select verdict, reason from feedback").fetchall() == [
        ("dislike", "Too short")
    ]
    assert chats.messages(conn, "ann", talk[0])[1].verdict == "dislike"
    votes.remove(conn, "ann", talk[1])
    assert chats.messages(conn, "ann", talk[0])[1].verdict is None


def test_asking_again_sets_the_turn_aside_with_what_followed(conn, talk):
    """What came before stays, what was set aside can be read, and a vote on it is kept."""
    again = chats.add(conn, talk[0], role="user", text="Again?")
    no = chats.add(conn, talk[0], role="assistant", text="No.", kind="llm")
    assert votes.store(conn, "ann", no, "dislike")
    chats.set_aside(conn, "ann", again)
    chats.add(conn, talk[0], role="user", text="Once more?")
    aside = chats.messages(conn, "ann", talk[0], aside=True)
    assert [(m.text, m.verdict) for m in aside] == [("Again?", None), ("No.", "dislike")]
    assert chats.messages(conn, "bob", talk[0], aside=True) == []
    kept = chats.messages(conn, "ann", talk[0])
    assert [m.text for m in kept] == ["What?", "This [1].", "Once more?"]


@pytest.mark.parametrize(
    ("remarks", "deeper"),
    [(Remarks(), False), (Remarks(steps=("Searched",)), True), (Remarks(deeper=True), True)],
)
def test_an_answer_knows_whether_to_look_deeper_when_asked_again(conn, remarks, deeper):
    """Also one that was stopped or failed before its first step. Nobody else is told."""
    talk = chats.start(conn, "ann", "Title")
    question = chats.add(conn, talk, role="user", text="What?")
    chats.add(conn, talk, role="assistant", text="This.", kind="llm", remarks=remarks)
    other = chats.add(conn, talk, role="user", text="And?")
    chats.add(conn, talk, role="assistant", text="That.", kind="llm")
    assert chats.was_deeper(conn, "ann", question) is deeper
    assert not chats.was_deeper(conn, "ann", other)
    assert not chats.was_deeper(conn, "bob", question)
