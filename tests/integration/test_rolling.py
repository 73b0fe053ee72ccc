"""A rolling upgrade: this code goes on while the schema of a later release comes in."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta

import pytest

from app.actions import people
from app.actions.ingest import open_ingester
from app.services import open_services
from app.settings import Settings
from app.worker import upkeep
from pipelines.indexing.incoming import Incoming
from pipelines.store import (
    active,
    api_keys,
    audits,
    backups,
    chats,
    document_list,
    documents,
    evaluations,
    feedback,
    improvements,
    indexes,
    jobs,
    models,
    overview,
    pairs,
    queue_workers,
    runs,
    sessions,
    source_runs,
    sources,
    visitors,
    votes,
)  # fmt: skip


@pytest.fixture
def services(dsn, tiny_model, tmp_path):
    settings = Settings(home=tmp_path, base_model=str(tiny_model))
    settings = settings.model_copy(update={"database_url": type(settings.database_url)(dsn)})
    with open_services(settings, pool_size=3) as opened:
        yield opened


def widen(services):
    """What a later release may do: every table has one more column, which may be left out."""
    with services.pool.connection() as conn:
        tables = conn.execute(
            "select tablename from pg_tables where schemaname = 'public'"
            " and tablename <> 'alembic_version'"
        ).fetchall()
        for (table,) in tables:
            conn.execute(f"alter table \"{table}\" add column added_later text default 'x'")
    assert len(tables) > 30


def ask(services, path):
    """A file comes in, a question is answered, stored and voted on."""
    path.write_text(f"A night at the {path.stem} costs nine pounds. " * 5)
    with open_ingester(services) as ingester:
        incoming = [Incoming.from_path(path, "default")]
        with closing(ingester.ingest_many(incoming)) as outcomes:
            assert [outcome.status for outcome in outcomes] == ["indexed"]
    handle = services.replica.refresh()
    answer = services.answerer.ask(f"What does a night at the {path.stem} cost?", handle=handle)
    assert "nine pounds" in answer.text
    with services.pool.connection() as conn:
        conversation = chats.start(conn, "v", "title")
        chats.add(conn, conversation, role="user", text=answer.question)
        told = {"kind": answer.kind, "epoch": answer.epoch, "index_id": answer.index_id}
        chats.add(conn, conversation, role="assistant", text=answer.text, **told)
        found = chats.messages(conn, "v", conversation)
        assert votes.store(conn, "v", found[-1].id, "like", "")


def read_all(services):
    """What pages, commands and jobs read, of every table that rows are made of."""
    with services.pool.connection() as conn:
        (listed, *_) = document_list.list_all(conn)
        assert documents.get(conn, listed.document.id) == listed.document
        assert models.list_all(conn)
        assert indexes.maintained(conn)
        assert overview.serving(conn).name == "base"
        assert audits.read(conn)
        for read in (
            active.get, active.serving, api_keys.list_all, backups.get, improvements.unfinished,
            improvements.latest, jobs.recent, queue_workers.states, runs.list_all, sources.list_all,
            source_runs.latest, visitors.signed_in, visitors.list_visitors, pairs.liked,
            evaluations.list_all,
        ):  # fmt: skip
            read(conn)
        assert feedback.count(conn, "all") >= 0
        sessions.start(conn, "token", sessions.Session("ada", "oauth"), timedelta(hours=1))
        assert sessions.get(conn, "token").who == "ada"
        sessions.end(conn, "token")


def test_this_code_works_on_with_columns_that_it_does_not_know(services, tmp_path):
    """A server and a worker that run go on, and so do those that start meanwhile."""
    ask(services, tmp_path / "pier.txt")
    read_all(services)
    widen(services)
    ask(services, tmp_path / "mooring.txt")
    read_all(services)
    upkeep.run(services)
    with open_services(services.settings, pool_size=2) as later:
        ask(later, tmp_path / "slipway.txt")
    assert people.erase(services, visitor_of_test(services), who="x").conversations == 3


def visitor_of_test(services):
    with services.pool.connection() as conn:
        conn.execute("update conversation set visitor = repeat('a', 32)")
        conn.execute("update feedback set visitor = repeat('a', 32)")
    return "a" * 32
