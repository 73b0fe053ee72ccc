"""What is stored of people can be listed, deleted and given a time limit. The audit can be exported."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from app.access.reader import account_visitor
from app.actions import people
from app.services import open_services
from app.settings import Settings
from app.worker import upkeep
from pipelines.errors import InputError
from pipelines.store import active, audits, chats, scope, visitors, votes
from pipelines.store import sessions as session_rows
from pipelines.store.chunks import digest
from pipelines.store.sessions import Session
from tests.corpus import add_document

ADA, BOB = account_visitor("ada"), "0123456789abcdef" * 2
TEXT = "some text of theirs"
TABLES = ("conversation", "message", "feedback", "pair", "wrong_passage", "usage_count")


@pytest.fixture
def services(dsn, tiny_model, tmp_path):
    settings = Settings(home=tmp_path, base_model=str(tiny_model))
    settings = settings.model_copy(
        update={"database_url": type(settings.database_url)(dsn), "conversation_days": 0}
    )
    with open_services(settings, pool_size=2) as opened:
        yield opened


def fill(services, visitor):
    """A conversation with a vote, a pair made of it, a wrong passage, a count and a private file."""
    with services.pool.connection() as conn:
        conversation = chats.start(conn, visitor, "about")
        conn.execute(
            "insert into message (conversation_id, role, text) values (%s, 'user', 'q')",
            (conversation,),
        )
        (answer,) = conn.execute(
            "insert into message (conversation_id, role, text) values (%s, 'assistant', 'a')"
            " returning id",
            (conversation,),
        ).fetchone()
        assert votes.store(conn, visitor, answer, "like", "")
        conn.execute(
            "insert into pair (question, question_sha256, passage, passage_sha256, origin, generator,"
            " document, split, status, visitor, message_id) values ('q', %s, 'p', %s, 'feedback',"
            " 'feedback', 'd', 'train', 'accepted', %s, %s)",
            (visitor, visitor, visitor, answer),
        )
        conn.execute(
            "insert into wrong_passage (question_sha256, passage_sha256, question, passage, document,"
            " visitor, created_by) values (%s, %s, 'q', %s, 'd', %s, 'x')",
            (visitor, digest(TEXT), TEXT, visitor),
        )
        conn.execute(
            "insert into usage_count (key, slot, used) values (%s, now(), 1)", (f"day {visitor}",)
        )
        handle = services.replica.current()
        add_document(
            conn,
            handle,
            f"of {visitor}",
            [TEXT],
            collection=scope.private(visitor),
        )


def counts(services):
    with services.pool.connection() as conn:
        found = {
            table: conn.execute(f"select count(*) from {table}").fetchone()[0] for table in TABLES
        }
        files = "select count(*) from document where starts_with(collection, 'visitor:')"
        return found | {"files": conn.execute(files).fetchone()[0]}


def test_the_data_of_one_visitor_is_deleted_and_nobody_elses(services):
    """Every kind of it. The session of an account ends, and the audit does not keep the name."""
    fill(services, BOB)
    before = counts(services)
    fill(services, ADA)
    with services.pool.connection() as conn:
        session_rows.start(conn, "t", Session("ada", "oauth", ["ops"]), timedelta(hours=1))
        listed = {one.visitor: one for one in visitors.list_visitors(conn)}
        assert [(one.who, one.groups) for one in visitors.signed_in(conn)] == [("ada", ["ops"])]
    assert (listed[ADA].conversations, listed[ADA].questions, listed[ADA].files) == (1, 1, 1)
    done = people.erase(services, "ada", who="root")
    assert (done.conversations, done.votes, done.pairs, done.marks) == (1, 1, 1, 1)
    assert (done.files, done.sessions) == (1, 1)
    assert counts(services) == before
    with services.pool.connection() as conn:
        assert {one.visitor for one in visitors.list_visitors(conn)} == {BOB}
        assert visitors.signed_in(conn) == []
        last = list(audits.read(conn))[-1]
    assert last.action == "delete a visitor's data"
    assert "ada" not in json.dumps(last.detail)
    with pytest.raises(InputError, match="Nothing is stored"):
        people.erase(services, "ada", who="root")


def test_a_visitor_is_named_by_signs_that_fit_one(services):
    fill(services, BOB)
    fill(services, BOB[:-1] + "0")
    with services.pool.connection() as conn:
        assert people.find(conn, BOB) == BOB
        with pytest.raises(InputError, match="fits 2 visitors"):
            people.find(conn, BOB[:8])
        for wrong in ("0123", "ffffffff", "%", ""):
            with pytest.raises(InputError, match="Nothing is stored"):
                people.find(conn, wrong)


def age(services, days, *, column="updated_at"):
    with services.pool.connection() as conn:
        conn.execute(f"update conversation set {column} = now() - %s", (timedelta(days=days),))


def test_conversations_are_erased_when_their_time_is_over(services):
    """By the worker's maintenance, and only if a time is set."""
    fill(services, BOB)
    age(services, 40)
    assert upkeep.run(services)["conversations_erased"] == 0
    services = replace(
        services, settings=services.settings.model_copy(update={"conversation_days": 50})
    )
    assert upkeep.run(services)["conversations_erased"] == 0
    services = replace(
        services, settings=services.settings.model_copy(update={"conversation_days": 30})
    )
    assert upkeep.wanted(services)
    assert upkeep.run(services)["conversations_erased"] == 1
    assert counts(services)["message"] == counts(services)["feedback"] == 0


def test_a_deleted_conversation_is_erased_a_day_later_also_of_a_visitor_who_never_returns(services):
    fill(services, BOB)
    age(services, 0.9, column="deleted_at")
    assert upkeep.run(services)["conversations_erased"] == 0
    age(services, 1.1, column="deleted_at")
    assert upkeep.run(services)["conversations_erased"] == 1


def test_the_audit_is_exported_a_line_an_entry(attune, dsn, pool, monkeypatch):
    """In order, whole also when it is longer than what is read at once, and from a day on."""
    monkeypatch.setattr(audits, "ROWS_AT_ONCE", 2)
    with pool.connection() as conn:
        for number in range(5):
            active.add_audit(conn, "ada", f"deed {number}", {"größe": number})
        conn.execute("update audit set at = '2020-01-01' where action in ('deed 0', 'deed 1')")
    code, out, _ = attune("audit", "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    deeds = [row for row in rows if row["action"].startswith("deed")]
    assert (code, [row["action"] for row in deeds]) == (0, [f"deed {n}" for n in range(5)])
    assert deeds[4]["detail"] == {"größe": 4}
    _, out, _ = attune("audit", "--json", "--since", "2020-01-02")
    assert [json.loads(line)["action"] for line in out.splitlines() if "deed" in line] == [
        "deed 2", "deed 3", "deed 4",
    ]  # fmt: skip
    _, out, _ = attune("audit")
    assert "2020-01-01 00:00:00  ada  deed 0" in out


def test_people_by_commands(attune, pool):
    with pool.connection() as conn:
        session_rows.start(conn, "t", Session("ada", "oauth", ["ops"]), timedelta(hours=1))
        chats.start(conn, BOB, "x")
    code, out, _ = attune("people", "list")
    assert code == 0
    assert "ada: 1 open by oauth, groups: ops" in out
    assert f"{BOB[:8]}  1 conversations" in out
    assert attune("people", "sign-out", "ada", "--json")[1] == '{"sessions": 1}\n'
    assert attune("people", "sign-out", "ada")[0] == 2
    code, out, _ = attune("people", "delete-data", BOB[:8], "--yes")
    assert (code, out.split(",")[0]) == (0, "Deleted: 1 conversations")
