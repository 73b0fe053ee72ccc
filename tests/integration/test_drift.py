"""Weekly figures, from conversations in the database to their row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.actions.drift import measure
from app.services import open_services
from app.settings import Settings
from app.worker import upkeep
from pipelines.store import chats, question_weeks, votes


@pytest.fixture
def services(dsn, tiny_model, tmp_path):
    settings = Settings(home=tmp_path, base_model=str(tiny_model))
    settings = settings.model_copy(update={"database_url": type(settings.database_url)(dsn)})
    with open_services(settings, pool_size=2) as opened:
        yield opened


def monday(weeks_ago):
    today = datetime.now(UTC).date()
    return today - timedelta(days=today.weekday(), weeks=weeks_ago)


def ask(services, question, at, *, kind="extracts", verdict=None, help=False, overlap=None):
    with services.pool.connection() as conn:
        conversation = chats.start(conn, "v", "t", help=help)
        insert = (
            "insert into message (conversation_id, role, text, kind, created_at)"
            " values (%s, %s, %s, %s, %s) returning id"
        )
        conn.execute(insert, (conversation, "user", question, None, at))
        (answer,) = conn.execute(insert, (conversation, "assistant", "a", kind, at)).fetchone()
        if verdict:
            assert votes.store(conn, "v", answer, verdict, "")
        if overlap is not None:
            conn.execute(
                "insert into shadow_result (index_id, epoch, message_id, shown, candidate, overlap,"
                " took_ms) values (1, 1, %s, '{}', '{}', %s, 1)", (answer, overlap),
            )  # fmt: skip


def at(day, hours=12):
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hours)


def rows(services):
    with services.pool.connection() as conn:
        return question_weeks.latest(conn)


def test_whole_weeks_are_counted_once_with_what_belongs_to_them(services):
    """From Monday, midnight, by UTC. Greetings and questions about Attune do not count."""
    last, before = monday(1), monday(2)
    ask(services, "first moment", at(last, 0))
    ask(
        services,
        "last moment",
        at(monday(0), 0) - timedelta(seconds=1),
        kind="not_found",
        verdict="dislike",
        overlap=0.5,
    )
    ask(services, "of now", datetime.now(UTC))
    ask(services, "hello", at(last), kind="greeting")
    ask(services, "about Attune", at(last), help=True)
    ask(services, "voted", at(before), kind="llm", verdict="like", overlap=1.0)
    ask(services, "long ago", at(monday(20)))
    assert measure.is_due(services)
    assert upkeep.run(services)["weeks_measured"] == 2
    found = {row.week: row for row in rows(services)}
    assert set(found) == {last, before}
    assert (found[last].questions, found[last].not_found, found[last].disliked) == (2, 1, 1)
    assert (found[before].questions, found[before].liked) == (1, 1)
    assert (found[last].agreed, found[before].agreed) == (0.5, 1.0)
    assert found[last].distance is None
    assert not measure.is_due(services)
    assert measure.run(services) == 0


def test_figures_stay_when_their_conversations_are_erased(services):
    ask(services, "q", at(monday(1)))
    measure.run(services)
    with services.pool.connection() as conn:
        conn.execute("delete from conversation")
    assert [row.questions for row in rows(services)] == [1]


def add_pairs(services, split, questions):
    with services.pool.connection() as conn:
        for number, question in enumerate(questions):
            conn.execute(
                "insert into pair (question, question_sha256, passage, passage_sha256, origin,"
                " generator, document, split, status) values (%s, %s, 'p', 'p', 'o', 'g', 'd', %s,"
                " 'accepted')", (question, f"{split} {number}", split),
            )  # fmt: skip


def test_questions_about_other_things_are_further_from_what_was_learned(services):
    """Beside held-out questions, which are about the same things as the training questions."""
    learned = [f"how does part {number} of the pump work" for number in range(25)]
    add_pairs(services, "train", learned)
    add_pairs(
        services,
        "heldout",
        [f"how does part {number} of the pump work" for number in range(25, 50)],
    )
    for number in range(25):
        ask(services, f"how does part {number} of the pump work", at(monday(2)))
        ask(services, f"vacation bonus {number} of staff zebra quota", at(monday(1)))
    assert measure.run(services) == 2
    new, known = rows(services)
    assert known.distance < 1e-5
    assert known.expected == pytest.approx(new.expected)
    assert new.distance > 5 * new.expected
